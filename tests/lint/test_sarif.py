"""SARIF of real findings against the schema that OASIS publishes.

The schema is not ours to copy. Put the file that the report's ``$schema`` names anywhere, and its path into
``PARAMEDIC_SARIF_SCHEMA``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import pytest
from test_programs import PROGRAMS

from paramedic.cli.main import main

SCHEMA = os.environ.get("PARAMEDIC_SARIF_SCHEMA")


@pytest.fixture
def sarif(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    for files in PROGRAMS.values():
        for file, text in files.items():
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text(text)
    (tmp_path / "ä b%.py").write_text("import paramiko\nprint 'Python 2'\n")
    capsys.readouterr()
    main(["lint", "--no-cache", "--pedantic", "--jobs", "1", "--format", "sarif", str(tmp_path)])
    return dict(json.loads(capsys.readouterr().out))


@pytest.mark.skipif(not SCHEMA, reason="PARAMEDIC_SARIF_SCHEMA names no file with OASIS' SARIF 2.1.0 schema")
def test_every_finding_of_the_programs_is_valid(sarif: dict[str, object]) -> None:
    schema = json.loads(Path(str(SCHEMA)).read_text())
    kind = jsonschema.validators.validator_for(schema)
    errors = [e.message for e in kind(schema, format_checker=kind.FORMAT_CHECKER).iter_errors(sarif)]
    assert errors == []


def test_every_result_has_its_rule_a_place_and_a_story(sarif: dict[str, object]) -> None:
    (run,) = sarif["runs"]  # type: ignore[misc]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(run["results"]) > 100
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["locations"][0]["physicalLocation"]["region"]["startLine"] >= 1
        assert result["codeFlows"][0]["threadFlows"]
