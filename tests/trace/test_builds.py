"""Which built part in C is used."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import paramedic
from paramedic.trace import native

STAND_IN = """
import sys, types
made = sys.modules["paramedic.trace._rows"] = types.ModuleType("paramedic.trace._rows")
for name in sys.argv[1:]:
    setattr(made, name, type(name, (), {}))
import paramedic.trace
paramedic.trace._rows = made
from paramedic.trace import native
print(native.rows is made)
"""


def test_what_has_to_be_there_is_what_is_described() -> None:
    described = ast.parse((Path(paramedic.__file__).parent / "trace" / "_rows.pyi").read_text())
    assert native.PARTS == [node.name for node in described.body if isinstance(node, ast.ClassDef)]


@pytest.mark.parametrize("parts, used", [(native.PARTS, "True"), (native.PARTS[:-1], "False"), ([], "False")])
def test_a_build_from_an_earlier_source_is_left_out(parts: list[str], used: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PARAMEDIC_CORE"}
    command = [sys.executable, "-c", STAND_IN, *parts]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert (done.stdout.strip(), done.stderr) == (used, "")
