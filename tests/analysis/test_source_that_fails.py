"""The source is read only to excuse something: what goes wrong there loses no finding."""

from __future__ import annotations

import pytest
from notation import facts_of_story, said

from paramedic.check.recording import judged
from paramedic.lint.unrecorded import Unrecorded
from paramedic.model.report import Gap

STORY = """
    A: stat sftp
    B: stat sftp
    A: listdir sftp"""


def test_a_source_that_is_not_understood_is_a_gap_and_no_excuse(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr(Unrecorded, "between", fails)
    gaps: list[Gap] = []
    assert "shared-sftp-client possible" in said(judged(facts_of_story(STORY), gaps))
    assert [gap.reason for gap in gaps] == ["source-not-understood"]
