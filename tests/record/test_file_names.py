"""Which known_hosts file a call is about: looked at once for the call and the one that Paramiko makes inside it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from paramedic.record import paramiko_calls

NAME = "/home/kim/.ssh/known_hosts"


class Looks:
    """Words of a recorder whose clock and disk are ours."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now_ns, self.node, self.count = 5, "8:1", 0
        patch.setattr(paramiko_calls, "monotonic_ns", lambda: self.now_ns)
        patch.setattr(paramiko_calls, "_node", self._look)
        probes: Any = SimpleNamespace(writer=SimpleNamespace(text=lambda words: len(words) and int(words[2:])))
        self.file_name = paramiko_calls._Words(probes, False).file_name

    def _look(self, filename: object) -> str:
        self.count += 1
        return self.node


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    return Looks(monkeypatch)


def test_the_call_inside_another_one_looks_no_second_time(looks: Looks) -> None:
    first = looks.file_name(None, NAME)
    looks.now_ns += 20_000
    assert looks.file_name(None, NAME) == first == (hash(NAME) & 0x7FFFFFFF, 1)
    assert looks.count == 1


def test_a_file_that_was_replaced_is_another_one(looks: Looks) -> None:
    looks.file_name(None, NAME)
    looks.now_ns, looks.node = looks.now_ns + 2_000_000, "8:2"
    assert looks.file_name(None, NAME)[1] == 2


@pytest.mark.parametrize("other", ["/etc/ssh/known_hosts", None, NAME.encode()], ids=["path", "none", "bytes"])
def test_another_name_is_looked_at(looks: Looks, other: Any) -> None:
    looks.file_name(None, NAME)
    looks.file_name(None, other)
    assert looks.count == 2


def test_what_is_no_string_is_not_kept_alive(looks: Looks) -> None:
    class Path(str):
        pass

    mine = Path(NAME)
    looks.file_name(None, mine)
    looks.file_name(None, mine)
    assert looks.count == 2
