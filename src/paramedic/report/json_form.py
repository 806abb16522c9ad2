"""The report as JSON: the wire form of `paramedic.model.report`, and the schema that describes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources
from typing import Any, cast

from paramedic.model.report import Report, report_to_json


def report_as_json(report: Report, *, warnings: Sequence[str] = ()) -> str:
    """One JSON object, ASCII only (so that no encoding can spoil it), with a line end.

    Threads: pure.
    """
    data = report_to_json(report) | {"warnings": list(warnings)}
    return json.dumps(data, indent=2) + "\n"


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what `report_as_json` writes.

    Threads: reads a file of the package; safe everywhere.
    """
    text = resources.files("paramedic.report").joinpath("schema-1.json").read_text("utf-8")
    return cast("dict[str, Any]", json.loads(text))
