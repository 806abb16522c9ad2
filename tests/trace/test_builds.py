"""Which built part in C is used."""

from __future__ import annotations

import ast
import hashlib
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
made.STATE = int(sys.argv[1])
for name in sys.argv[2:]:
    setattr(made, name, type(name, (), {}))
import paramedic.trace
paramedic.trace._rows = made
from paramedic.trace import native
print(native.rows is made)
"""


def test_what_has_to_be_there_is_what_is_described() -> None:
    described = ast.parse((Path(paramedic.__file__).parent / "trace" / "_rows.pyi").read_text())
    assert native.PARTS == [node.name for node in described.body if isinstance(node, ast.ClassDef)]


STATES = {5: "e97ac49fc75ee3db"}
"""What `_rows.pyi` said, by `native.STATE`: only the current one is kept."""


def test_what_is_described_belongs_to_one_state() -> None:
    described = (Path(paramedic.__file__).parent / "trace" / "_rows.pyi").read_bytes()
    now = {native.STATE: hashlib.sha256(described).hexdigest()[:16]}
    assert now == STATES, "raise STATE in native.py and _rows.c: a build of the former one must not be used with this"


BUILDS: dict[str, tuple[int, list[str], str]] = {
    "this one": (native.STATE, native.PARTS, "True"),
    "of an earlier state": (native.STATE - 1, native.PARTS, "False"),
    "with less in it": (native.STATE, native.PARTS[:-1], "False"),
    "with nothing in it": (native.STATE, [], "False"),
}


@pytest.mark.parametrize("state, parts, used", BUILDS.values(), ids=BUILDS)
def test_a_build_from_another_source_is_left_out(state: int, parts: list[str], used: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PARAMEDIC_CORE"}
    command = [sys.executable, "-c", STAND_IN, str(state), *parts]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert (done.stdout.strip(), done.stderr) == (used, "")
