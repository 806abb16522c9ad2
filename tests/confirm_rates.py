"""How many races `paramedic run --confirm` turns from possible into observed, as a table.

    python tests/confirm_rates.py [--folder DIR …] [--cases NAME …] [--tries 5] [--jobs 1]

A racy case is one whose case.json says `"deterministic": false`: its symptom shows now and then. Each is run once with
`--confirm`, which runs it again up to so many times. `at once` counts those whose harm showed in the first run.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from corpus import corpus_folder, servers
from field import Bench, Case

LIMIT_S = 300
PROVED = re.compile(r"observed in run (\d+) with --seed (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of one case."""

    case: str
    hazard: str
    verdict: str


def racy(folder: Path) -> list[Case]:
    """The cases of a folder whose symptom shows now and then."""
    found = []
    for path in sorted(folder.glob("*/case.json")):
        told = json.loads(path.read_text())
        if not told.get("deterministic", True) and (path.parent / "bad.py").is_file():
            found.append(Case.read(path.parent.resolve()))
    return [case for case in found if not case.advice]


def confirm(bench: Bench, case: Case, tries: int) -> Row:
    """One case, run and run again."""
    with tempfile.TemporaryDirectory(prefix="confirm-") as scratch:
        output = Path(scratch, "found.json")
        options = ["--format", "json", "--output", str(output), "--recording", str(Path(scratch, "recording"))]
        command = [sys.executable, "-m", "paramedic", "run", *options, f"--confirm={tries}", "bad.py"]
        status, out, err = bench.finish(bench.start(case, command), LIMIT_S)
        hazard = ", ".join(sorted(case.hazards))
        if "ModuleNotFoundError" in out + err:
            return Row(case=case.name, hazard=hazard, verdict="skipped: a module is missing")
        try:
            findings = json.loads(output.read_text())["findings"]
        except (OSError, ValueError):
            return Row(case=case.name, hazard=hazard, verdict=f"TROUBLE: status {status}")
    mine = [f for f in findings if f["hazard"] in case.hazards]
    observed = [f for f in mine if f["confidence"] == "observed"]
    proofs = [match for f in observed if (match := PROVED.search(f["message"]))]
    if proofs:
        verdict = f"confirmed in run {proofs[0][1]} (seed {proofs[0][2]})"
    elif observed:
        verdict = "at once"
    elif any(f["confidence"] == "possible" for f in mine):
        verdict = "POSSIBLE still"
    else:
        verdict = "MISSED"
    return Row(case=case.name, hazard=hazard, verdict=verdict)


def main() -> int:
    """Prints the table; 0 if at least nine of ten were confirmed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, nargs="+", help="of cases (default: the corpus)")
    parser.add_argument("--cases", nargs="+", metavar="NAME", help="only these, whether racy or not")
    parser.add_argument("--tries", type=int, default=5, metavar="N", help="runs with delays (default 5)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="cases side by side")
    args = parser.parse_args()
    base = corpus_folder()
    cases = [c for folder in args.folder or [base] for c in racy(folder) if not args.cases or c.name in args.cases]
    with servers(base) as told, ThreadPoolExecutor(args.jobs) as pool:
        bench = Bench(told)
        rows = []
        for row in pool.map(lambda case: confirm(bench, case, args.tries), cases):
            print(f"{row.case:24} {row.hazard:32} {row.verdict}", flush=True)
            rows.append(row)
    asked = [r for r in rows if r.verdict != "at once" and not r.verdict.startswith("skipped")]
    proved = sum(r.verdict.startswith("confirmed") for r in asked)
    once = sum(r.verdict == "at once" for r in rows)
    print(f"\n{len(rows)} cases: {once} at once; of {len(asked)} others {proved} confirmed within {args.tries} runs")
    print(f"{proved + once} of {len(rows)} observed in the end")
    return 0 if proved + once >= 0.9 * len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
