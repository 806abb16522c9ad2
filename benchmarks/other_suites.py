"""The test suites of Paramiko and of what is built on it, with `paramedic run` and without: the same results?

    python benchmarks/other_suites.py [--folder DIR] [--suites paramiko …] [--json FILE]

Takes each project's source archive from the package index, makes a virtual environment for it, runs its tests by
`python -m pytest` and by `paramedic run -m pytest`, and compares test by test. Prints a table, the differences, and
every finding, so that somebody can look at each. Not in CI: it needs the index, and some minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
LIMIT_S = 900
AGAIN = 5
"""Further plain runs, to find the tests that end now in one way and now in another without us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One project's tests."""

    name: str
    archive: str
    needs: tuple[str, ...]
    tests: tuple[str, ...]


SUITES = (
    Suite(
        name="paramiko",
        archive="paramiko==4.0.0",
        needs=("paramiko==4.0.0", "pytest<8", "pytest-relaxed>=2.0.1", "icecream>=2.1", "setuptools<81"),
        tests=(),
    ),
    Suite(
        name="paramiko-3.5",
        archive="paramiko==3.5.1",
        needs=("paramiko==3.5.1", "invoke>=2", "pytest<8", "pytest-relaxed>=2.0.1", "icecream>=2.1", "setuptools<81"),
        tests=(),
    ),
    Suite(
        name="fabric",
        archive="fabric==3.2.3",
        needs=(
            "fabric==3.2.3",
            "paramiko==4.0.0",
            "pytest<8",
            "pytest-relaxed>=2.0.1",
            "icecream>=2.1",
            "setuptools<81",
        ),
        tests=("tests",),
    ),
    Suite(
        name="sshtunnel",
        archive="sshtunnel==0.5.1",
        needs=("paramiko==4.0.0", "pytest<9", "mock"),
        tests=("tests",),
    ),
    Suite(
        name="netmiko",
        archive="netmiko==4.8.0",
        needs=("netmiko[bulk-encrypt]==4.8.0", "pytest<9", "pyyaml"),
        tests=("tests/unit",),
    ),
)


def prepare(suite: Suite, folder: Path) -> tuple[Path, Path]:
    """The unpacked archive and the Python of its environment; both are made where they are not there yet."""
    home = folder / suite.name
    python = home / "venv" / "bin" / "python"
    if not python.exists():
        venv.create(home / "venv", with_pip=True)
        pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, *suite.needs, "-e", str(ROOT)], check=True)
        package = suite.archive.partition("==")[0]
        fetch = ["download", "-q", "--no-deps", "--no-binary", package, "-d", str(home), suite.archive]
        subprocess.run([str(python), "-m", "pip", *fetch], check=True)
        (archive,) = home.glob("*.tar.gz")
        with tarfile.open(archive) as packed:
            packed.extractall(home, filter="data")
    (source,) = [p for p in home.iterdir() if p.is_dir() and p.name != "venv"]
    return source, python


def run(suite: Suite, source: Path, python: Path, before: Sequence[str], junit: Path) -> tuple[int, float]:
    """One run of the tests; exit status and seconds."""
    tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={junit}", *suite.tests]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SSH_", "PARAMEDIC_", "PYTEST_"))}
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as home, junit.with_suffix(".txt").open("w") as said:
        done = subprocess.run(
            [str(python), *before, *tests],
            cwd=source,
            env=kept | {"HOME": home, "XDG_STATE_HOME": home, "PATH": f"{python.parent}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            timeout=LIMIT_S,
        )
    return done.returncode, time.monotonic() - began


def outcomes(junit: Path) -> dict[str, str]:
    """Test -> what became of it."""
    told: dict[str, str] = {}
    for case in ElementTree.parse(junit).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        result = next((c.tag for c in case if c.tag in ("failure", "error", "skipped")), "passed")
        told[name] = result if name not in told else f"{told[name]}, {result}"
    return told


def compare(suite: Suite, folder: Path) -> dict[str, Any]:
    """Both runs of one suite."""
    source, python = prepare(suite, folder)
    home = source.parent
    found = home / "found.json"
    status, plain_s = run(suite, source, python, (), home / "plain.xml")
    watching = ("-m", "paramedic", "run", "--format", "json", "--output", str(found))
    watched, watched_s = run(suite, source, python, watching, home / "watched.xml")
    before, after = outcomes(home / "plain.xml"), outcomes(home / "watched.xml")
    differ = {n: (before.get(n), after.get(n)) for n in before.keys() | after.keys() if before.get(n) != after.get(n)}
    unsteady = []
    for _ in range(AGAIN if differ else 0):  # does a test that differs do so by itself?
        run(suite, source, python, (), home / "again.xml")
        again = outcomes(home / "again.xml")
        unsteady += [n for n, (_, watched_so) in differ.items() if again.get(n) == watched_so]
        differ = {n: both for n, both in differ.items() if n not in unsteady}
        if not differ:
            break
    return {
        "suite": suite.archive,
        "tests": len(before),
        "failed": sum(v.startswith(("failure", "error")) for v in before.values()),
        "status": (status, watched),
        "seconds": (plain_s, watched_s),
        "differ": differ,
        "unsteady": unsteady,
        "findings": json.loads(found.read_text())["findings"],
    }


def show(result: dict[str, Any]) -> None:
    """Prints one suite's differences and findings."""
    print(f"\n{result['suite']}")
    for name, (before, after) in sorted(result["differ"].items()):
        print(f"  differs: {name}: {before} without, {after} with")
    for name in result["unsteady"]:
        print(f"  unsteady without us, too: {name}")
    for finding in result["findings"]:
        print(f"  {finding['confidence']:8} {finding['hazard']}: {finding['message']}")
        for step in finding["steps"]:
            site = step.get("site")
            where = f"{Path(site['file']).name}:{site['line']}" if site else "-"
            print(f"             {step['thread']}  {where}  {step['what']}")


def main() -> int:
    """Runs the suites; 0 if every test ended in the same way twice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where archives and environments are kept (default: a new one)")
    parser.add_argument("--suites", nargs="+", choices=[s.name for s in SUITES], help="only these")
    parser.add_argument("--json", metavar="FILE", help="write everything there")
    args = parser.parse_args()
    folder = (args.folder or Path(tempfile.mkdtemp(prefix="suites-"))).resolve()
    results = [compare(s, folder) for s in SUITES if not args.suites or s.name in args.suites]
    for result in results:
        show(result)
    print(f"\n{'suite':20} {'tests':>6} {'failed':>6} {'differ':>6} {'status':>8} {'seconds':>14} {'findings':>8}")
    for r in results:
        strong = sum(f["confidence"] != "advice" for f in r["findings"])
        status, seconds = "{} {}".format(*r["status"]), "{:.1f} {:.1f}".format(*r["seconds"])
        line = (
            f"{r['suite']:20} {r['tests']:6} {r['failed']:6} {len(r['differ']):6} {status:>8} {seconds:>14} {strong:8}"
        )
        print(line)
    if args.json:
        Path(args.json).write_text(json.dumps(results, indent=1) + "\n")
    return 1 if any(r["differ"] for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())
