"""A client that one thread connected and another used by luck after it; what the source says is in `tests/lint`."""

from __future__ import annotations

import pytest
from notation import findings_of, said

from paramedic.lint.redialling import Redialling

FOUND: dict[str, str] = {
    "by luck": """
        A: connect client
        B: exec_command client""",
    "one has waited for the other, and a third has not": """
        A: connect client
        A: put q x
        B: get q x
        B: exec_command client
        C: open_sftp client""",
}
QUIET: dict[str, str] = {
    "the other one has waited for it": """
        A: connect client
        A: put q x
        B: get q x
        B: exec_command client""",
    "both under one lock": """
        A: take L
        A: connect client
        A: free L
        B: take L
        B: exec_command client
        B: free L""",
    "one thread": """
        A: connect client
        A: exec_command client""",
    "the connect failed": """
        A: connect client ! TimeoutError
        B: exec_command client""",
}


@pytest.fixture(autouse=True)
def _both_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Redialling, "may_be_either", lambda *_: True)


@pytest.mark.parametrize("sentence", FOUND)
def test_who_might_have_connected_is_told(sentence: str) -> None:
    assert "shared-client-connect possible" in said(findings_of(FOUND[sentence]))


@pytest.mark.parametrize("sentence", QUIET)
def test_who_would_not_have_is_not(sentence: str) -> None:
    assert not [words for words in said(findings_of(QUIET[sentence])) if words.startswith("shared-client-connect")]


def test_who_asks_elsewhere_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Redialling, "may_be_either", lambda *_: False)
    assert not list(said(findings_of(FOUND["by luck"])))
