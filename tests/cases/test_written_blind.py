"""Programs as people write them, each with a hazard (bad.py) and without (good.py): what is said of them.

They were written from what users report, before anybody looked at how the hazards are found. All of them are read by
the linter; a sample is run, and all with PARAMEDIC_ALL_CASES=1. `python tests/field.py --folder tests/cases` shows the
whole as a table.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from case_servers import Servers

from paramedic.check.lint import LintOptions, lint
from paramedic.hazards.catalogue import by_name

HERE = Path(__file__).parent
CASES = {p.parent.name: json.loads(p.read_text()) for p in sorted(HERE.glob("*/case.json"))}

SAMPLE = (
    "crawler-pool failed-logins jump-host map-not-read many-tails ok-actor ok-homemade-lock ok-swap-reconnect "
    "ok-turns-by-condition pipeline-stages pool-not-returned rare-inversion sftp-kept staged-deploy stream-lines "
    "survey tunnel-objects two-feeders two-tunnels wait-tasks apply-async fleet-enroll raw-transport picture-uploads "
    "grace-period log-beside-deploy borrowed-for-good stopped-by-flag"
).split()
"""Those that take a second or two, of each family some."""
ALL = bool(os.environ.get("PARAMEDIC_ALL_CASES"))

ADVISED = ("disk-plugin", "event-stream", "failed-logins", "keepalive-trusted", "load-probe", "silent-sftp")
"""What source alone shows as practice: whether a peer falls silent, or a login fails, is not in it."""


def strong(findings: list[dict[str, Any]]) -> set[str]:
    """The hazards that are said to be more than practice."""
    return {f["hazard"] for f in findings if f["confidence"] != "advice"}


def scripts(names: list[str]) -> list[tuple[str, str]]:
    """Case and script."""
    return [(n, s) for n in names for s in ("bad", "good") if (HERE / n / f"{s}.py").is_file()]


@pytest.mark.parametrize(("name", "script"), scripts(list(CASES) if ALL else SAMPLE))
def test_a_case_that_runs(name: str, script: str, servers: Servers, tmp_path: Path, own_state: Path) -> None:
    case = CASES[name]
    needs = case.get("needs")
    if needs and importlib.util.find_spec(needs) is None:
        pytest.skip(f"the case needs {needs}")
    server = servers[case["server"]]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SSH_")}
    env = kept | {
        "CASE_HOST": server.host,
        "CASE_PORT": str(server.port),
        "CASE_USER": server.user,
        "CASE_KEY": server.key_file,
    }
    if script == "good":
        done, findings = played(name, script, env, tmp_path)
        assert done.returncode == 0, f"good.py itself failed: {done.stdout}{done.stderr}"
        assert strong(findings) == set()
        return
    hazards = {by_name(h).name for h in case["hazards"]}
    seen = ""
    for attempt in range(2):  # a program may fail of something else before it comes to what it shows
        (tmp_path / str(attempt)).mkdir()
        done, findings = played(name, script, env, tmp_path / str(attempt))
        mine = [f for f in findings if f["hazard"] in hazards and (case.get("advice") or f["confidence"] != "advice")]
        if mine:
            break
        seen += f"exit status {done.returncode}: {findings}\n{done.stdout}{done.stderr}"
    assert mine, seen
    files = {Path(s["site"]["file"]).parent.name for f in mine for s in f["steps"] if s["site"]}
    assert name in files, "no step is in the program itself"
    assert strong(findings) <= hazards | set(case["also"])


def played(
    name: str, script: str, env: dict[str, str], folder: Path
) -> tuple[subprocess.CompletedProcess[str], list[dict[str, Any]]]:
    """A case run under the recorder: how it ended, and what is found."""
    output = folder / "found.json"
    command = ["run", "--recording", str(folder / "recording"), "--format", "json", "--output", str(output)]
    done = subprocess.run(
        [sys.executable, "-m", "paramedic", *command, f"{script}.py"],
        cwd=HERE / name,
        env=env | {"PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=100,
    )
    assert output.is_file(), done.stderr
    return done, json.loads(output.read_text())["findings"]


@pytest.fixture(scope="module")
def linted(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """What the linter says of each script, with the modules beside it that it imports."""
    told: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for name, script in scripts(list(CASES)):
        text = (HERE / name / f"{script}.py").read_text()
        beside = [p for p in (HERE / name).glob("*.py") if p.stem not in ("bad", "good")]
        used = [p for p in beside if re.search(rf"^\s*(from|import) {p.stem}\b", text, re.M)]
        options = LintOptions(jobs=1, pedantic=bool(CASES[name].get("advice")) or name in ADVISED)
        found = lint([HERE / name / f"{script}.py", *used], options)
        told[name, script] = [{"hazard": f.hazard, "confidence": str(f.confidence)} for f in found.findings]
    return told


@pytest.mark.parametrize(("name", "script"), scripts(list(CASES)))
def test_a_case_that_is_read(name: str, script: str, linted: dict[tuple[str, str], list[dict[str, Any]]]) -> None:
    case = CASES[name]
    findings = linted[name, script]
    also = {by_name(h).name for h in case["also"]}
    if script == "good":
        assert strong(findings) <= (also if case.get("class") == "safe" else set())
        return
    if "static" not in case["lenses"]:
        pytest.skip("source does not show it")
    if "static" in case.get("unseen", ()):
        pytest.skip("the linter does not see it yet")
    hazards = {by_name(h).name for h in case["hazards"]}
    advised = case.get("advice") or name in ADVISED
    assert hazards & ({f["hazard"] for f in findings} if advised else strong(findings))
    assert strong(findings) <= hazards | also
