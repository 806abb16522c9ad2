"""Each proof proves: bad() shows its symptom and ends, good() does the job and leaves nothing behind."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import paramedic.hazards

HAZARDS = Path(paramedic.hazards.__file__).parent
DEMOS = sorted(path.parent.name for path in HAZARDS.glob("*/demo.py"))
LIMIT_S = 15.0
"""bad() has to end after about 5 s; a loaded machine gets more."""

# What good() prints when the job is done. Every demo has to stand here.
DONE = {
    "closed_in_use": "12 jobs collected",
    "eof_after_close": "10 jobs fed and closed",
    "exit_status_before_output": "exported 8000000 bytes",
    "lock_held_across_io": "took under 1 s",
    "lock_order_inversion": "both copied",
    "session_limit": "16 of 16 commands ran",
    "shared_channel": "(disk|load): 0 of 20 answers wrong",
    "shared_client_connect": r"127\.0\.0\.4: ok",
    "shared_sftp_client": "not come: none",
    "undrained_stderr": "5 bytes of output, 4000000 of warnings",
}

# What bad() prints when the symptom strikes, where it strikes every time.
SYMPTOMS = {
    "closed_in_use": "AttributeError: 'NoneType' object has no attribute 'open_session'",
    "exit_status_before_output": "still waiting for the exit status",
    "lock_held_across_io": "took over 1 s",
    "lock_order_inversion": "stuck for ever",
    "session_limit": r"ChannelException\(2, 'Connect failed'\)",
    "undrained_stderr": "still reading stdout",
}

# What bad() prints when the symptom strikes, where it is a race: one of the tries has to show it.
RACES = {
    "eof_after_close": "lost the connection for all",
    "shared_channel": r"[1-9]\d* of 20 answers wrong",
    "shared_client_connect": r"127\.0\.0\.\d: (?!ok)",
    "shared_sftp_client": "not come: sync|Garbage|dropped",
}
TRIES = 4


def prove(folder: str, which: str) -> tuple[str, dict[str, Any]]:
    """What a proof prints, and what it leaves."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("prove.py")), folder, which],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    assert done.returncode == 0, done.stderr
    *said, last = done.stdout.splitlines()
    return "\n".join(said), json.loads(last)


@pytest.mark.parametrize("folder", DEMOS)
def test_good_does_the_job_and_leaves_nothing(folder: str) -> None:
    """No error, no thread, no transport."""
    said, told = prove(folder, "good")
    assert told["error"] == ""
    assert (told["threads"], told["transports"]) == ([], [])
    assert re.search(DONE[folder], said, re.MULTILINE), said
    assert not re.search(SYMPTOMS.get(folder) or RACES[folder], said, re.MULTILINE)


@pytest.mark.parametrize("folder", DEMOS)
def test_bad_shows_the_symptom_and_ends(folder: str) -> None:
    """It ends by itself and raises nothing; a race may need several tries."""
    expected = SYMPTOMS.get(folder) or RACES[folder]
    for _ in range(TRIES if folder in RACES else 1):
        said, told = prove(folder, "bad")
        assert told["error"] == ""
        assert told["took_s"] < LIMIT_S
        if re.search(expected, said, re.MULTILINE):
            return
    pytest.fail(f"no try showed {expected!r}; the last one said:\n{said}")


@cache
def tree_of(folder: str) -> ast.Module:
    """The demo, parsed."""
    return ast.parse((HAZARDS / folder / "demo.py").read_text())


@pytest.mark.parametrize("folder", DEMOS)
def test_a_demo_needs_nothing_of_ours(folder: str) -> None:
    """Anyone can copy it out: the standard library and Paramiko are all that it imports at run time."""
    body = [
        node
        for node in tree_of(folder).body
        if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
    ]
    names = set()
    for top in body:
        for node in ast.walk(top):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add((node.module or "").partition(".")[0])
    allowed = set(sys.stdlib_module_names) | {"paramiko", "gevent"}
    assert names <= allowed


@pytest.mark.parametrize("folder", DEMOS)
def test_a_demo_says_what_it_is(folder: str) -> None:
    """The first line names the hazard, both halves have words, and it fits on a few screens."""
    tree = tree_of(folder)
    assert (ast.get_docstring(tree) or "").startswith(f"Proof of ``{folder.replace('_', '-')}``: ")
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for name in ("bad", "good"):
        assert ast.get_docstring(functions[name])
        assert [argument.arg for argument in functions[name].args.args] == ["server"]
    assert len((HAZARDS / folder / "demo.py").read_text().splitlines()) <= 150
