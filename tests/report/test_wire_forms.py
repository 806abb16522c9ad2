"""JSON and SARIF: valid, whole, and read back."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paramedic.model.finding import Confidence, Edit, Finding, Site, Step
from paramedic.model.hazard import Family, Hazard
from paramedic.model.report import Elsewhere, Gap, Report, finding_from_json
from paramedic.report.json_form import json_schema, report_as_json
from paramedic.report.sarif import report_as_sarif
from paramedic.report.terminal import report_text

TEXT = st.text(max_size=20)
SITES = st.builds(Site, file=TEXT, line=st.integers(0, 10**6), function=TEXT)
STEPS = st.builds(
    Step,
    thread=TEXT,
    what=TEXT,
    site=st.none() | SITES,
    stack=st.lists(SITES, max_size=2).map(tuple),
    locks=st.lists(TEXT, max_size=2).map(tuple),
    at_s=st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
EDITS = st.builds(
    Edit, file=TEXT, first_line=st.integers(1, 99), last_line=st.integers(99, 200), text=TEXT, safe=st.booleans()
)
FINDINGS = st.builds(
    Finding,
    hazard=st.sampled_from(["shared-channel", "a-b-c2"]),
    code=st.sampled_from(["PMC102", "PMC999"]),
    confidence=st.sampled_from(Confidence),
    message=TEXT,
    steps=st.lists(STEPS, max_size=3).map(tuple),
    objects=st.lists(TEXT, max_size=2).map(tuple),
    why=TEXT,
    symptom=TEXT,
    fix=TEXT,
    edits=st.lists(EDITS, max_size=2).map(tuple),
    upstream=st.lists(TEXT, max_size=2).map(tuple),
    count=st.integers(1, 10**9),
    process=st.none() | st.integers(1, 10**6),
)
REPORTS = st.builds(
    Report,
    source=st.just({"kind": "run", "more": ["anything"]}),
    findings=st.lists(FINDINGS, max_size=3).map(tuple),
    suppressed=st.lists(st.tuples(FINDINGS, TEXT), max_size=2).map(tuple),
    gaps=st.lists(st.builds(Gap, reason=TEXT, detail=TEXT, count=st.integers(0, 99)), max_size=2).map(tuple),
)
HAZARD = Hazard(
    code="PMC102",
    name="shared-channel",
    family=Family.SHARING,
    summary="two readers",
    symptom="lost lines",
    why="BufferedPipe.read",
    fix="one reader",
    upstream=("https://github.com/paramiko/paramiko/issues/709",),
)


# Reports are large values: how fast they are drawn says nothing but how busy the machine is.
UNHURRIED = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])


@UNHURRIED
@given(REPORTS, st.lists(TEXT, max_size=2))
def test_every_report_is_valid_json_of_the_schema(report: Report, warnings: list[str]) -> None:
    text = report_as_json(report, warnings=warnings)
    assert text.isascii() and text.endswith("}\n")
    data = json.loads(text)
    jsonschema.validate(data, json_schema(), cls=jsonschema.Draft202012Validator)
    assert tuple(finding_from_json(f) for f in data["findings"]) == report.findings
    assert data["suppressed"] == len(report.suppressed) and data["warnings"] == warnings


def test_the_schema_is_itself_valid_and_bites() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    good = json.loads(report_as_json(Report(source={"kind": "run"}, findings=(FOUND,))))
    jsonschema.validate(good, schema)
    for spoil in (
        lambda d: d.pop("findings"),
        lambda d: d["findings"][0].update(confidence="sure"),
        lambda d: d["findings"][0].update(code="X1"),
        lambda d: d["findings"][0].pop("steps"),
        lambda d: d.update(schema=2),
        lambda d: d["source"].pop("kind"),
    ):
        bad = json.loads(json.dumps(good))
        spoil(bad)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)


FOUND = Finding(
    hazard="shared-channel",
    code="PMC102",
    confidence=Confidence.POSSIBLE,
    message="two readers of channel 0",
    steps=(
        Step(
            thread="a",
            what="called recv()",
            site=Site(file="src/my app.py", line=3, function="f"),
            stack=(Site(file="src/my app.py", line=9, function="main"),),
            locks=("lock L",),
        ),
        Step(thread="b", what="called recv()", site=Site(file="/usr/lib/x.py", line=0)),
        Step(thread="a", what="got b''"),
    ),
    fix="one reader",
    edits=(Edit(file="src/my app.py", first_line=3, last_line=4, text="pass\n", safe=True),),
    count=2,
)


def test_sarif_tells_the_story_thread_by_thread(tmp_path: Path) -> None:
    report = Report(
        source={"kind": "run"},
        findings=(FOUND,),
        suppressed=((FOUND, "known"), (FOUND, Elsewhere("old"))),
        gaps=(Gap(reason="x", detail="some rows"),),
    )
    log = json.loads(
        report_as_sarif(report, {HAZARD.name: HAZARD}, pages={HAZARD.name: "# page"}, warnings=["w"], here=tmp_path)
    )
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    (rule,) = run["tool"]["driver"]["rules"]
    assert (rule["id"], rule["name"], rule["help"]["markdown"]) == ("PMC102", "shared-channel", "# page")
    assert run["originalUriBaseIds"]["SRCROOT"]["uri"] == tmp_path.as_uri() + "/"
    notes = [n["message"]["text"] for n in run["invocations"][0]["toolExecutionNotifications"]]
    assert notes == ["some rows", "w"]

    first, suppressed, old = run["results"]
    assert (first["ruleId"], first["ruleIndex"], first["level"], first["occurrenceCount"]) == (
        "PMC102",
        0,
        "warning",
        2,
    )
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "src/my%20app.py", "uriBaseId": "SRCROOT"}
    assert place["region"] == {"startLine": 3}
    (flow,) = first["codeFlows"]
    order = {f["id"]: [x["executionOrder"] for x in f["locations"]] for f in flow["threadFlows"]}
    assert order == {"a": [1, 3], "b": [2]}
    outside = flow["threadFlows"][1]["locations"][0]["location"]["physicalLocation"]
    assert outside == {"artifactLocation": {"uri": "file:///usr/lib/x.py"}}  # no line is known: no region
    (change,) = first["fixes"][0]["artifactChanges"]
    assert change["replacements"][0]["deletedRegion"] == {
        "startLine": 3,
        "startColumn": 1,
        "endLine": 5,
        "endColumn": 1,
    }
    assert suppressed["suppressions"] == [{"kind": "inSource", "justification": "known"}]
    assert old["suppressions"] == [{"kind": "external", "justification": "old"}]


@UNHURRIED
@given(REPORTS)
def test_every_report_is_sarif_with_rising_order(report: Report) -> None:
    text = report_as_sarif(report, {HAZARD.name: HAZARD}, here=Path("/x"))
    assert text.isascii()
    for result in json.loads(text)["runs"][0]["results"]:
        for flow in result.get("codeFlows", []):
            for thread in flow["threadFlows"]:
                order = [entry["executionOrder"] for entry in thread["locations"]]
                assert order == sorted(order) and thread["locations"]


@UNHURRIED
@given(REPORTS, st.integers(40, 120))
def test_every_report_can_be_told_and_obeys_no_character(report: Report, width: int) -> None:
    text = report_text(report, {HAZARD.name: HAZARD}, width=width, warnings=["w"], again="x")
    assert not any(c != "\n" and (ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000) for c in text)
    assert text.splitlines()[-1].endswith("suppressed.")
    assert not any(row != row.rstrip() for row in text.split("\n"))
