"""`make corpus`: Paramedic over the corpus of real bugs, as one table.

    python tests/corpus.py [--cases two-readers …] [--scripts bad] [--runs 5] [--shard 1/4] [--only-first]
                           [--jobs 2] [--json FILE]

Every `bad.py` has to show its hazard at a line of its own (as `observed` or `possible`), every `good.py` nothing above
`advice`, unless its own exit status says that the symptom struck all the same (told apart as "struck"). The corpus
stands beside the checkout (../shared/cases) or where CASES_DIR says; `--folder` takes cases from elsewhere, as
tests/cases. Each row is written when it is there, so that a long look (`--runs 20`) can be stopped and shared out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from paramedic.hazards.catalogue import UnknownHazard, by_name

FIRST = frozenset(
    {
        "shared-client-connect",
        "shared-channel",
        "shared-sftp-client",
        "eof-after-close",
        "exit-status-before-output",
        "undrained-stderr",
        "lock-held-across-io",
        "lock-order-inversion",
        "closed-in-use",
        "session-limit",
    }
)
"""The hazards that the spine was built with."""

KILLED = 97
ADVICE = "advice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One run of one script.

    Attributes:
        status: exit status of the script; None where no report came.
        found: hazard -> strongest confidence.
        lines: hazards with a step in the script itself, or in a module of the case.
        trouble: why there is no report.
        skipped: what the case needs and this machine lacks.
    """

    status: int | None = None
    found: dict[str, str]
    lines: frozenset[str] = frozenset()
    trouble: str = ""
    skipped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One script over all of its runs."""

    case: str
    script: str
    expected: str
    found: str
    line: str
    also: str
    status: str
    verdict: str


def corpus_folder() -> Path:
    """Where the cases are.

    Raises:
        SystemExit: there is no corpus.
    """
    folder = Path(os.environ.get("CASES_DIR", Path(__file__).resolve().parents[2] / "shared" / "cases"))
    if not (folder / "servers.py").is_file():
        sys.exit(f"corpus: there are no cases in {folder}; name their folder in CASES_DIR")
    return folder


@contextmanager
def servers(folder: Path) -> Iterator[str]:
    """The servers that the cases talk to, as the JSON that run.py wants."""
    process = subprocess.Popen(
        [sys.executable, str(folder / "servers.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdin is not None and process.stdout is not None
        told = process.stdout.readline()
        if not told:
            sys.exit("corpus: the servers did not start (they need OpenSSH's server: make sshd)")
        yield told
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)


def play(base: Path, folder: Path, told: str, case: str, script: str, advice: bool) -> Outcome:
    """Runs one script of one case under Paramedic; `base` has the corpus and its tools, `folder` the case.

    Its lines are those of findings above advice, unless `advice` says that there are none above.
    """
    with tempfile.TemporaryDirectory(prefix="corpus-") as scratch:
        output = Path(scratch, "found.json")
        done = subprocess.run(
            [sys.executable, str(base / "run.py"), case, script, "--", sys.executable, "-m", "paramedic", "run"]
            + ["--recording", str(Path(scratch, "recording")), "--format", "json", "--output", str(output), "{}"],
            env={**os.environ, "CASES_SERVERS": told, "CASES_DIR": str(folder)},
            capture_output=True,
            text=True,
            errors="replace",
        )
        if "ModuleNotFoundError" in done.stderr and "paramedic" not in done.stderr.splitlines()[-1]:
            return Outcome(found={}, skipped=done.stderr.strip().splitlines()[-1].rpartition(": ")[2])
        try:
            report: dict[str, Any] = json.loads(output.read_text())
        except (OSError, ValueError):
            words = done.stderr.strip().splitlines()
            return Outcome(found={}, trouble=words[-1] if words else "no report", status=done.returncode)
    ranks = ["observed", "possible", ADVICE]
    found: dict[str, str] = {}
    lines = set()
    beside = {p.name for p in (folder / case).glob("*.py")} - {"bad.py", "good.py"} | {f"{script}.py"}
    for finding in report["findings"]:
        name = finding["hazard"]
        found[name] = min(found.get(name, ADVICE), finding["confidence"], key=ranks.index)
        sites = [s["site"]["file"] for s in finding["steps"] if s["site"]]
        if (advice or finding["confidence"] != ADVICE) and any(Path(f).name in beside for f in sites):
            lines.add(name)
    return Outcome(status=done.returncode, found=found, lines=frozenset(lines))


def judge(case: str, script: str, hazards: Sequence[str], advice: bool, outcomes: Sequence[Outcome]) -> Row:
    """One row of the table; `advice` says that the hazards are never more than that."""
    runs = len(outcomes)
    skipped = next((o.skipped for o in outcomes if o.skipped), "")
    trouble = next((o.trouble for o in outcomes if o.trouble), "")
    strong = [{h for h, c in o.found.items() if c != ADVICE} for o in outcomes]
    hits = sum(any(h in (o.found if advice else s) for h in hazards) for s, o in zip(strong, outcomes, strict=True))
    placed = sum(any(h in o.lines for h in hazards) for o in outcomes)
    also = Counter(h for s in strong for h in s if script == "good" or h not in hazards)
    how = Counter(o.found[h] for o in outcomes for h in hazards if h in o.found and (advice or o.found[h] != ADVICE))
    bad = script == "bad"
    if skipped:
        verdict = f"skipped: needs {skipped}"
    elif trouble:
        verdict = f"TROUBLE: {trouble}"
    elif bad:
        verdict = "ok" if hits == runs and placed == runs else "MISSED" if hits < runs else "WRONG LINE"
    elif any(s and not o.status for s, o in zip(strong, outcomes, strict=True)):
        verdict = "FALSE ALARM"
    elif also:
        # The script itself says by its status that the symptom struck: the case is not as good as it should be.
        verdict = "struck: good.py itself failed in these runs"
    else:
        verdict = "ok"
    return Row(
        case=case,
        script=script,
        expected=", ".join(hazards) if bad else "",
        found=f"{hits}/{runs} {'+'.join(how)}" if bad else "",
        line=f"{placed}/{runs}" if bad else "",
        also=", ".join(f"{h} {n}/{runs}" for h, n in also.items()),
        status=" ".join("killed" if s == KILLED else str(s) for s in sorted({o.status or 0 for o in outcomes})),
        verdict=verdict,
    )


def canonical(name: str) -> str:
    """The hazard's own name; a name that the catalogue does not know stays as it is, and is never found."""
    try:
        return by_name(name).name
    except UnknownHazard:
        return name


def show(rows: Sequence[Row]) -> None:
    """Prints the table."""
    titles = ("case", "script", "expected", "found", "line", "also", "status", "verdict")
    table = [titles, *(tuple(str(v) for v in asdict(row).values()) for row in rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(titles))]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def main() -> int:
    """Runs what was asked for; 0 if every verdict is good."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", metavar="CASE", help="only these")
    parser.add_argument("--scripts", nargs="+", choices=("bad", "good"), default=("bad", "good"), help="only these")
    parser.add_argument("--runs", type=int, default=1, metavar="N", help="runs of each script")
    parser.add_argument("--shard", default="1/1", metavar="K/N", help="only the K-th of N parts of the cases")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="the cases (default: those of the corpus)")
    parser.add_argument("--only-first", action="store_true", help="bad.py of the first ten hazards, good.py of all")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="scripts side by side")
    parser.add_argument("--json", metavar="FILE", help="write the rows there too")
    args = parser.parse_args()
    base = corpus_folder()
    folder = (args.folder or base).resolve()
    there = sorted(p.parent.name for p in folder.glob("*/case.json"))
    unknown = set(args.cases or ()) - set(there)
    if unknown:
        parser.error(f"there is no case {', '.join(sorted(unknown))}")
    work: list[tuple[str, str, list[str], bool]] = []
    part, parts = map(int, args.shard.split("/"))
    for case in (args.cases or there)[part - 1 :: parts]:
        words = json.loads((folder / case / "case.json").read_text())
        hazards, advice = [canonical(h) for h in words.get("hazards", [])], bool(words.get("advice"))
        wanted = [s for s in args.scripts if (folder / case / f"{s}.py").is_file()]
        if args.only_first and not FIRST & set(hazards):
            wanted = [s for s in wanted if s == "good"]
        work += [(case, script, hazards, advice) for script in wanted]
    rows: list[Row] = []
    free: SimpleQueue[str] = SimpleQueue()

    def alone(case: str, script: str, advice: bool) -> Outcome:
        # with servers of its own: two scripts that keep below a server's limits would together be beyond them
        told = free.get()
        try:
            return play(base, folder, told, case, script, advice)
        finally:
            free.put(told)

    with ExitStack() as started, ThreadPoolExecutor(args.jobs) as pool:
        for _ in range(args.jobs):
            free.put(started.enter_context(servers(base)))
        futures = [
            [pool.submit(alone, case, script, advice) for _ in range(args.runs)] for case, script, _, advice in work
        ]
        for (case, script, hazards, advice), each in zip(work, futures, strict=True):
            rows.append(judge(case, script, hazards, advice, [f.result() for f in each]))
            print("  ".join(asdict(rows[-1]).values()), file=sys.stderr, flush=True)
    show(rows)
    if args.json:
        Path(args.json).write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    fine = sum(row.verdict == "ok" for row in rows)
    struck, skipped = (sum(row.verdict.startswith(word) for row in rows) for word in ("struck", "skipped"))
    wrong = len(rows) - fine - struck - skipped
    print(f"\n{len(rows)} scripts, {fine} ok, {wrong} wrong, {struck} struck, {skipped} skipped")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
