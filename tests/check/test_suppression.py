"""Which findings a user's comment or rule hides, and which it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramedic.check.allowance import read_allowances
from paramedic.check.configuration import Configuration, Ignore
from paramedic.check.suppression import NO_REASON, suppress
from paramedic.model.finding import Confidence, Finding, Site, Step
from paramedic.model.report import Report


def finding(*sites: tuple[str, int], hazard: str = "shared-channel", code: str = "PMC102") -> Finding:
    """A finding with one step at each of these places."""
    return Finding(
        hazard=hazard,
        code=code,
        confidence=Confidence.POSSIBLE,
        message="m",
        steps=tuple(Step(thread="t", what="w", site=Site(file=f, line=n)) for f, n in sites),
    )


# Source -> the lines at which shared-channel is allowed, and the reason.
COVERED = {
    "on the line": (
        "a = 1\nb = 2  # paramedic: allow[shared-channel] one reader at a time\n",
        {2: "one reader at a time"},
    ),
    "on the line above": ("# paramedic: allow[shared-channel] why\nb = 2\nc = 3\n", {1: "", 2: "why"}),
    "above, with another comment between": (
        "# paramedic: allow[shared-channel] why\n# more\nb = 2\n",
        {3: "why"},
    ),
    "above, but a blank line between": ("# paramedic: allow[shared-channel] why\n\nb = 2\n", {}),
    "at the end of the line above": ("a = 1  # paramedic: allow[shared-channel] why\nb = 2\n", {1: "why"}),
    "anywhere in a statement of several lines": (
        "x = 1\nf(\n    1,  # paramedic: allow[shared-channel] why\n    2,\n)\ny = 2\n",
        {2: "why", 3: "why", 4: "why", 5: "why"},
    ),
    "above a statement of several lines": (
        "# paramedic: allow[shared-channel] why\nf(\n    1,\n)\ny = 2\n",
        {2: "why", 3: "why", 4: "why"},
    ),
    "in a body that is indented": (
        "def f():\n    # paramedic: allow[shared-channel] why\n    g()\n\nh()\n",
        {3: "why"},
    ),
    "by code": ("b = 2  # paramedic: allow[PMC102] why\n", {1: "why"}),
    "by code in small letters": ("b = 2  # paramedic: allow[pmc102] why\n", {1: "why"}),
    "with underscores": ("b = 2  # paramedic: allow[shared_channel] why\n", {1: "why"}),
    "among others": ("b = 2  # paramedic: allow[session-limit, shared-channel] why\n", {1: "why"}),
    "with other blanks": ("b = 2  #paramedic :allow [ shared-channel ]: why\n", {1: "why"}),
    "after another comment": ("b = 2  # noqa: E501  # paramedic: allow[shared-channel] why\n", {1: "why"}),
    "of another hazard": ("b = 2  # paramedic: allow[session-limit] why\n", {}),
    "of nothing": ("b = 2  # paramedic: allow[] why\n", {}),
    "in a string": ("b = '# paramedic: allow[shared-channel] why'\n", {}),
    "in a string of several lines": ("b = '''\n# paramedic: allow[shared-channel] why\n'''\n", {}),
    "without a reason": ("b = 2  # paramedic: allow[shared-channel]\n", {1: NO_REASON}),
    "in a file that Python cannot read": (
        "b = (\n# paramedic: allow[shared-channel] why\nc = 2\n",
        {2: "why", 3: "why"},
    ),
    "in Latin-1": ("# coding: latin-1\nb = '\xe9'  # paramedic: allow[shared-channel] why\n", {2: "why"}),
}


@pytest.mark.parametrize("name", COVERED)
def test_a_comment_covers(name: str) -> None:
    source, expected = COVERED[name]
    data = source.encode("latin-1")
    for number in range(1, source.count("\n") + 1):
        if not expected.get(number, "x"):
            continue  # the comment's own line: whatever
        report = Report(source={}, findings=(finding(("a.py", number)),))
        result = suppress(report, Configuration(), lambda _: data)
        reasons = [reason for _, reason in result.report.suppressed]
        assert reasons == ([expected[number]] if number in expected else []), f"line {number}"
        assert len(result.report.findings) == 1 - len(reasons)


def test_a_comment_at_any_step_counts() -> None:
    sources = {"a.py": b"x\n", "b.py": b"y  # paramedic: allow[shared-channel] fine\n"}
    report = Report(source={}, findings=(finding(("a.py", 1), ("b.py", 1)),))
    assert suppress(report, Configuration(), sources.__getitem__).report.findings == ()


def test_a_missing_reason_and_an_unknown_name_are_told() -> None:
    source = b"x  # paramedic: allow[shared-chanel]\ny  # paramedic: allow[shared-channel]\n"
    report = Report(source={}, findings=(finding(("a.py", 1)), finding(("a.py", 2))))
    result = suppress(report, Configuration(), lambda _: source)
    assert result.warnings == (
        "a.py:1: there is no hazard 'shared-chanel'; did you mean shared-channel?",
        "a.py:2: allow[shared-channel] gives no reason",
    )
    assert len(result.report.findings) == 1


def test_a_comment_that_allows_something_else_is_told() -> None:
    source = b"x  # paramedic: allow[session-limit] one session each\ny\n"
    report = Report(source={}, findings=(finding(("a.py", 1), ("a.py", 2)), finding(("a.py", 2), ("a.py", 1))))
    result = suppress(report, Configuration(), lambda _: source)
    assert result.warnings == ("a.py:1: allow[session-limit] does not allow shared-channel, which is told there",)
    assert len(result.report.findings) == 2


@pytest.mark.parametrize("words", ["allow it", "allow[] it", "allow[shared-channel it", "allow"])
def test_a_comment_that_allows_nothing_is_told_where_it_stands_beside_a_finding(words: str) -> None:
    source = f"x  # paramedic: {words}\ny  # paramedic: allowed here\n".encode()
    report = Report(source={}, findings=(finding(("a.py", 1)), finding(("a.py", 2))))
    result = suppress(report, Configuration(), lambda _: source)
    assert result.warnings == ("a.py:1: the comment names no hazard: allow[shared-channel] and the reason",)
    assert len(result.report.findings) == 2


def test_each_file_is_read_once() -> None:
    read: list[str] = []

    def source(file: str) -> bytes:
        read.append(file)
        return b""

    report = Report(source={}, findings=tuple(finding(("a.py", n), ("b.py", n)) for n in range(1, 50)))
    suppress(report, Configuration(), source)
    assert sorted(read) == ["a.py", "b.py"]


RULES = {
    "the hazard anywhere": (Ignore(hazard="shared-channel", reason="r"), True),
    "its code": (Ignore(hazard="PMC102", reason="r"), True),
    "another hazard": (Ignore(hazard="session-limit", reason="r"), False),
    "a pattern that matches": (Ignore(path="app/*.py", reason="r"), True),
    "a pattern across folders": (Ignore(path="*.py", reason="r"), True),
    "a folder": (Ignore(path="app", reason="r"), True),
    "a folder with a slash": (Ignore(path="app/", reason="r"), True),
    "another folder": (Ignore(path="ap", reason="r"), False),
    "a pattern elsewhere": (Ignore(path="tests/*", reason="r"), False),
    "hazard and path": (Ignore(hazard="shared-channel", path="app/*", reason="r"), True),
    "hazard, but another path": (Ignore(hazard="shared-channel", path="tests/*", reason="r"), False),
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_of_the_project(name: str, tmp_path: Path) -> None:
    rule, hidden = RULES[name]
    report = Report(source={}, findings=(finding((str(tmp_path / "app" / "deploy.py"), 3)),))
    configuration = Configuration(file=tmp_path / "pyproject.toml", folder=tmp_path, ignore=(rule,))
    result = suppress(report, configuration, lambda _: b"")
    assert [reason for _, reason in result.report.suppressed] == (["r"] if hidden else [])
    assert result.warnings == ()


def test_a_rule_without_a_reason_is_told(tmp_path: Path) -> None:
    configuration = Configuration(file=Path("/p/pyproject.toml"), ignore=(Ignore(hazard="shared-chanel"),))
    result = suppress(Report(source={}, findings=()), configuration)
    assert result.warnings == (
        "/p/pyproject.toml: there is no hazard 'shared-chanel'; did you mean shared-channel?",
        "/p/pyproject.toml: the rule that ignores shared-chanel gives no reason",
    )


def test_a_reason_of_blanks_is_none(tmp_path: Path) -> None:
    rule = Ignore(hazard="shared-channel", reason=" ")
    report = Report(source={}, findings=(finding(("a.py", 1)),))
    result = suppress(report, Configuration(file=Path("/p/pyproject.toml"), ignore=(rule,)), lambda _: b"")
    assert result.warnings == ("/p/pyproject.toml: the rule that ignores shared-channel gives no reason",)
    assert [reason for _, reason in result.report.suppressed] == [NO_REASON]


def test_what_was_suppressed_before_stays_counted() -> None:
    one = finding(("a.py", 1))
    result = suppress(Report(source={}, findings=(), suppressed=((one, "earlier"),)), Configuration())
    assert result.report.suppressed == ((one, "earlier"),)


@pytest.mark.parametrize("file", ["", "\0", "/", "gone.py"])
def test_a_file_that_cannot_be_read_hides_nothing(file: str) -> None:
    report = Report(source={}, findings=(finding((file, 1)),))
    assert suppress(report, Configuration()).report == report


def test_a_file_without_the_word_is_not_tokenized() -> None:
    assert read_allowances("a.py", b"(" * 10**6) == {}
