"""The HTML report: whole, harmless, readable without scripts, and not larger than a browser likes."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browser import Browser, chromium

from paramedic.check.drawing import drawn
from paramedic.cli.main import main
from paramedic.hazards.catalogue import CATALOGUE
from paramedic.model.event import Kind
from paramedic.model.finding import Confidence, Edit, Finding, Site, Step
from paramedic.model.lanes import Bar, Lane, Lanes
from paramedic.model.operations import NUMBER, OPERATIONS
from paramedic.model.report import Gap, Report
from paramedic.report.html import report_as_html
from paramedic.report.perfetto import report_as_perfetto
from paramedic.report.swimlanes import NamedLanes
from paramedic.trace.writer import TraceWriter

HAZARDS = {hazard.name: hazard for hazard in CATALOGUE}
EVIL = "</script><script>document.title='pwned'</script><img src=x onerror=alert(1)> \" ' & \x1b[31m \u202e]]>--><!--"
SECOND_NS = 1_000_000_000


def finding(words: str, number: int = 1, hazard: str = "shared-channel") -> Finding:
    site = Site(file=f"/tmp/{words}.py", line=number, function=words)
    steps = tuple(
        Step(thread=f"{words} {n}", what=f"called {words}", site=site, stack=(site,), locks=(words,), at_s=n / 4)
        for n in (1, 2)
    )
    return Finding(
        hazard=hazard, code="PMC102", confidence=Confidence.OBSERVED, message=words, steps=steps, objects=(words,),
        why=words, symptom=words, fix=f"{words}\n    indented", upstream=(words, "https://example.org/" + words),
        edits=(Edit(file=words, first_line=1, last_line=1, text=words, safe=True),), count=2, process=1,
    )  # fmt: skip


def lanes(words: str) -> Lanes:
    bars = (
        Bar(SECOND_NS // 5, SECOND_NS // 2, "call", words, site=f"{words}:1", error=words),
        Bar(SECOND_NS // 2, SECOND_NS, "lock", words, still_open=True),
    )
    each = tuple(
        Lane(process=1, thread=n, name=f"{words} {n}", bars=bars, begun_ns=0, ended_ns=SECOND_NS) for n in (1, 2)
    )
    return Lanes(lanes=each, first_ns=0, last_ns=SECOND_NS, calls=4, merged_below_ns=0, left_out=0, events=9)


def page_of(words: str) -> str:
    report = Report(
        source={"kind": "recording", "processes": [{"program": words}]},
        findings=(finding(words), finding(words, 2, hazard=words)),
        gaps=(Gap(reason="x", detail=words),),
    )
    return report_as_html(report, HAZARDS, lanes=lanes(words), warnings=[words])


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data!r}")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert not reader.open
    return reader


def test_what_the_program_says_is_never_more_than_text() -> None:
    evil, tame = read(page_of(EVIL)), read(page_of("tame"))
    assert [tag for tag, _ in evil.tags] == [tag for tag, _ in tame.tags]
    assert [sorted(a) for _, a in evil.tags] == [sorted(a) for _, a in tame.tags]
    assert "document.title='pwned'" in "".join(evil.text)
    assert not {"\x1b", "\u202e"} & set("".join(evil.text))


def test_nothing_is_loaded_and_no_other_script_may_run() -> None:
    page = page_of("tame")
    reader = read(page)
    for tag, attributes in reader.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "form", "base")
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "style", "srcdoc")]
        assert re.match(r"#|https://", attributes.get("href") or "#")
    (policy,) = [a["content"] or "" for t, a in reader.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        (inside,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_the_change_of_typical_code_is_shown_where_no_lens_made_edits() -> None:
    told = replace(finding("words"), fix="", edits=())
    page = report_as_html(Report(source={}, findings=(told,)), HAZARDS)
    assert "<ins>+ with dialogue:" in page and "<del>- channel.send(question)</del>" in page
    assert "with dialogue" not in page_of("words"), "the finding's own edits take its place"


def test_a_report_without_a_recording_or_findings_is_a_page_too() -> None:
    for report in (Report(source={"kind": "log"}, findings=(finding("x"),)), Report(source={}, findings=())):
        reader = read(report_as_html(report, HAZARDS))
        assert "svg" not in [tag for tag, _ in reader.tags]
        words = "".join(reader.text)
        assert ("1 finding: 1 observed." in words) == bool(report.findings)
        assert ("Nothing was found." in words) != bool(report.findings)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of 100,000 events in 20 threads."""
    folder = tmp_path_factory.mktemp("large")
    header = {
        "operations": list(OPERATIONS), "process": 1, "started_ns": time.monotonic_ns(), "program": "large.py",
    }  # fmt: skip
    writer = TraceWriter(str(folder / "1-0.pmrec"), header, 256 << 20)
    call, op = int(Kind.CALL), NUMBER["Channel.recv"]

    def work(number: int) -> None:
        writer.adopt_thread()
        writer.row(int(Kind.BEGIN), 0, 0, 0, number, writer.text(f"worker {number}"))
        writer.row(int(Kind.NEW), NUMBER["Channel.__init__"], number + 1, 0, 0, number)
        for _ in range(2_500):
            writer.row(call, op, number + 1, 0, -1, 0)
            writer.row(int(Kind.RETURN), op, number + 1, 0, 1, 0)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return folder


def test_a_hundred_thousand_events_are_drawn_together_and_it_is_said(large: Path) -> None:
    picture = drawn([large])
    assert picture is not None
    assert picture.events > 100_000
    assert picture.calls == 50_000 == sum(bar.count for lane in picture.lanes for bar in lane.bars)
    page = report_as_html(Report(source={}, findings=()), HAZARDS, lanes=picture)
    assert page.count("<rect") < 7_000
    assert len(page) < 1_500_000
    assert "50,000 calls and waits in 20 threads; neighbours shorter than" in page


def test_check_writes_both(large: Path, tmp_path: Path) -> None:
    for form, begin in ("html", "<!DOCTYPE html>"), ("perfetto", '{"traceEvents":'):
        out = tmp_path / form
        assert main(["check", str(large), "--format", form, "--output", str(out)]) == 0
        assert out.read_text("utf-8").startswith(begin)


def test_many_threads_are_left_out_with_a_word() -> None:
    some = lanes("t")
    picture = Lanes(lanes=some.lanes, first_ns=0, last_ns=SECOND_NS, calls=9, merged_below_ns=0, left_out=37, events=9)
    assert "the 37 threads with the fewest calls are not drawn" in report_as_html(
        Report(source={}, findings=()), HAZARDS, lanes=picture
    )


def test_perfetto_has_the_bars_the_names_and_the_findings() -> None:
    report = Report(source={}, findings=(finding("w"),))
    trace = json.loads(report_as_perfetto(report, lanes("w")))
    by_phase: dict[str, list[dict[str, object]]] = {}
    for event in trace["traceEvents"]:
        by_phase.setdefault(event["ph"], []).append(event)
    assert [e["args"] for e in by_phase["M"]] == [{"name": "w 1"}, {"name": "w 2"}]
    assert len(by_phase["X"]) == 4
    assert all(e["dur"] == pytest.approx(300_000) or e["dur"] == pytest.approx(500_000) for e in by_phase["X"])
    assert [(e["tid"], e["ts"]) for e in by_phase["i"]] == [(1, 250_000.0), (2, 500_000.0)]
    assert [e["tid"] for e in by_phase["s"] + by_phase["f"]] == [1, 2]


@pytest.fixture(params=["with scripts", "without scripts"])
def browser(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Browser, bool]]:
    """Chromium, where it is installed."""
    program = chromium()
    if program is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    scripts = request.param == "with scripts"
    found = Browser(program, tmp_path / "profile", *(() if scripts else ("--blink-settings=scriptEnabled=false",)))
    try:
        yield found, scripts
    finally:
        found.close()


def test_a_browser_shows_it(browser: tuple[Browser, bool], tmp_path: Path) -> None:
    page, scripts = browser
    file = tmp_path / "report.html"
    file.write_text(page_of(EVIL), encoding="utf-8")
    page.open(file)
    requests = [e["params"]["request"]["url"] for e in page.events if e.get("method") == "Network.requestWillBeSent"]
    assert requests == [file.as_uri()]
    complaints = [e["params"]["entry"]["text"] for e in page.events if e.get("method") == "Log.entryAdded"]
    assert complaints == []
    if not scripts:
        # scripts are off for the debugger, too: what is laid out is asked of the browser itself
        root = page.call("DOM.getDocument")["root"]["nodeId"]
        for selector, shown in (("article", True), ("rect.call", True), (".controls", False)):
            node = page.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
            try:
                box = page.call("DOM.getBoxModel", nodeId=node)["model"]
            except AssertionError:
                assert not shown, selector
            else:
                assert shown and box["width"] > 0, selector
        return
    assert page.ask("document.title").startswith("Paramedic: </script>")
    assert page.ask("document.querySelector('.controls').hidden") is False
    width = "document.querySelector('.lane svg').getBoundingClientRect().width"
    before = page.ask(width)
    page.ask("document.querySelector('[data-zoom=\"2\"]').click()")
    assert page.ask(width) == pytest.approx(2 * before, rel=0.01)
    page.ask("document.querySelector('a[data-from]').click()")
    assert page.ask(width) > 2 * before
    assert page.ask("document.querySelectorAll('.axis text').length") >= 2
    type_in = "var s = document.querySelector('[type=search]'); s.value = {!r}; s.dispatchEvent(new Event('input'))"
    seen = "Array.from(document.querySelectorAll({!r})).filter(e => !e.hidden).length"
    page.ask(type_in.format("nowhere"))
    assert page.ask(seen.format("article")) == 0
    page.ask(type_in.format(""))
    assert page.ask(seen.format("article")) == 2
    page.ask("document.querySelector('[value=observed]').click()")
    assert page.ask(seen.format("article")) == 0


def test_steps_of_several_processes_are_marked_in_the_lanes_of_their_own() -> None:
    lanes = [Lane(process=n, thread=1, name="MainThread", bars=(), begun_ns=0, ended_ns=SECOND_NS) for n in (7, 8)]
    named = NamedLanes(lanes)
    step = Step(thread="MainThread", what="called connect()")
    assert named.of(step.of_process(8).thread, None) is lanes[1]
    assert named.of(step.of_process(7, "the parent").thread, 8) is lanes[0]
    assert named.of("MainThread", 8) is lanes[1]
