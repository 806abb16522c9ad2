"""`python tests/field.py --folder CASES`: every lens over a folder of cases, as one table with rates.

    python tests/field.py [--folder DIR] [--lens plain run lint log dump] [--cases lazy-property …] [--json FILE]

Where `corpus.py` asks one lens many times, this asks each lens once: the case as it is (*plain*: does `bad.py` do the
harm at all, is `good.py` clean), under `paramedic run`, its source in `paramedic lint`, a DEBUG log of it in
`paramedic log`, and `paramedic dump PID` while it hangs. A case is a folder in the form of ../shared/cases, with more
in its case.json where it is known: `lenses` (which can see the hazard), `unseen` (which do not yet), `also`
(what else bad.py truly has), `dump_after` (seconds until it hangs), `advice` (the hazard is never more than advice).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from corpus import ADVICE, canonical, corpus_folder, servers

LENSES = ("plain", "run", "lint", "log", "dump")
LENS_OF = {"run": "runtime", "lint": "static", "log": "log", "dump": "dump"}
LIMIT_S = 60
DUMP_AFTER_S = 4.0
DUMPS_AT_WORK = 8
SHORT_HANGS = {"lock-around-read": 1.5}
"""Hangs of the corpus that are over after some seconds: when to look."""
WITH_LOG = (
    "import sys, runpy, paramiko; paramiko.util.log_to_file({log!r}, level=10); "
    "sys.argv = [{script!r}]; sys.path.insert(0, ''); runpy.run_path({script!r}, run_name='__main__')"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What its case.json says."""

    name: str
    folder: Path
    hazards: frozenset[str]
    also: frozenset[str]
    lenses: frozenset[str]
    server: str
    advice: bool
    safe: bool
    dump_after_s: float

    @classmethod
    def read(cls, folder: Path) -> Case:
        """The case in a folder."""
        told: dict[str, Any] = json.loads((folder / "case.json").read_text())
        return cls(
            name=folder.name,
            folder=folder,
            hazards=frozenset(canonical(h) for h in told.get("hazards", ())),
            also=frozenset(canonical(h) for h in told.get("also", ())),
            lenses=frozenset(told.get("lenses", LENS_OF.values())),
            server=told.get("server", "stock"),
            advice=bool(told.get("advice")),
            safe=told.get("class") == "safe",
            dump_after_s=float(told.get("dump_after") or SHORT_HANGS.get(folder.name, DUMP_AFTER_S)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one lens said about one script."""

    status: int | None = None
    findings: list[dict[str, Any]] = field(default_factory=list)
    trouble: str = ""
    skipped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One script under one lens."""

    case: str
    script: str
    lens: str
    expected: str
    found: str
    verdict: str
    status: str


class Bench:
    """Runs scripts of cases against running servers.

    Threads: any; each call starts processes of its own.
    """

    def __init__(self, told: str, level: str = "check") -> None:
        self.servers: dict[str, Any] = json.loads(told)
        self.level = level

    def environment(self, case: Case) -> dict[str, str]:
        """What a case needs to know."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("SSH_")}
        return kept | {
            "CASE_HOST": self.servers["host"],
            "CASE_PORT": str(self.servers["ports"][case.server]),
            "CASE_USER": self.servers["user"],
            "CASE_KEY": self.servers["key"],
            "HOME": self.servers["home"],
            "PYTHONUNBUFFERED": "1",
        }

    def start(self, case: Case, command: Sequence[str]) -> subprocess.Popen[str]:
        """A process in the case's folder, leader of a group of its own."""
        return subprocess.Popen(
            list(command),
            cwd=case.folder,
            env=self.environment(case),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def finish(self, process: subprocess.Popen[str], limit_s: float = LIMIT_S) -> tuple[int, str, str]:
        """Its exit status and what it wrote; it is killed with its children when it takes too long."""
        try:
            out, err = process.communicate(timeout=limit_s)
            return process.returncode, out, err
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        try:
            out, err = process.communicate(timeout=5)
        except subprocess.TimeoutExpired:  # a daemon of its, in a session of its own, keeps the pipes
            out = err = ""
        return 97, out, err

    def report(self, case: Case, command: Sequence[str], output: Path) -> Told:
        """What a command of ours wrote to its JSON file."""
        status, out, err = self.finish(self.start(case, [sys.executable, "-m", "paramedic", *command]))
        if "ModuleNotFoundError" in out + err:
            return Told(skipped=next(ln for ln in (out + err).splitlines() if "ModuleNotFoundError" in ln))
        try:
            findings = json.loads(output.read_text())["findings"]
        except (OSError, ValueError, KeyError):
            words = (err or out).strip().splitlines()
            return Told(status=status, trouble=words[-1] if words else "no report")
        return Told(status=status, findings=findings)

    def plain(self, case: Case, script: str, scratch: Path) -> Told:
        """The case as it is."""
        status, out, err = self.finish(self.start(case, [sys.executable, f"{script}.py"]))
        if "ModuleNotFoundError" in out + err:
            return Told(skipped="a module is missing")
        return Told(status=status)

    def run(self, case: Case, script: str, scratch: Path) -> Told:
        """Under `paramedic run`."""
        output = scratch / "run.json"
        recording = ["--level", self.level, "--recording", str(scratch / "recording")]
        return self.report(
            case, ["run", *recording, "--format", "json", "--output", str(output), f"{script}.py"], output
        )

    def lint(self, case: Case, script: str, scratch: Path) -> Told:
        """Its source, with the modules beside it that it imports."""
        output = scratch / "lint.json"
        files = [f"{script}.py", *imported(case, script)]
        options = ["--no-cache", "--jobs", "1", "--format", "json", "--output", str(output)]
        return self.report(case, ["lint", "--pedantic", *options, *files], output)

    def log(self, case: Case, script: str, scratch: Path) -> Told:
        """A DEBUG log of a run of it."""
        log, output = scratch / "paramiko.log", scratch / "log.json"
        program = WITH_LOG.format(log=str(log), script=f"{script}.py")
        _, out, err = self.finish(self.start(case, [sys.executable, "-c", program]))
        if "ModuleNotFoundError" in out + err:
            return Told(skipped="a module is missing")
        if not log.is_file() or not log.stat().st_size:
            return Told(skipped="only its children use Paramiko")
        return self.report(case, ["log", "--format", "json", "--output", str(output), str(log)], output)

    def dump(self, case: Case, script: str, scratch: Path) -> Told:
        """`paramedic dump` while it hangs; of a script that does not, again and again while it works."""
        if script == "good":
            return self.dump_at_work(case, script, scratch)
        told = Told()
        for after_s in (case.dump_after_s, 1.8):
            process = self.start(case, [sys.executable, f"{script}.py"])
            try:
                time.sleep(after_s)
                told = self.dump_once(case, process, scratch / "dump.json")
                ended = process.poll() is not None  # under the look: that was too late
            finally:
                self.finish(process)
            if not (told.skipped or ended):
                break
        return told

    def dump_at_work(self, case: Case, script: str, scratch: Path) -> Told:
        """Everything that dumps of one run say, taken one after the other until it ends."""
        found: list[dict[str, Any]] = []
        dumps = 0
        process = self.start(case, [sys.executable, f"{script}.py"])
        try:
            for number in range(DUMPS_AT_WORK):
                time.sleep(0.6)
                told = self.dump_once(case, process, scratch / f"dump{number}.json", "--interval", "0.5")
                if told.skipped:
                    break
                if told.trouble:
                    return told
                found += told.findings
                dumps += 1
        finally:
            self.finish(process)
        return Told(status=process.returncode, findings=found) if dumps else Told(skipped="it had ended")

    def dump_once(self, case: Case, process: subprocess.Popen[str], output: Path, *options: str) -> Told:
        """What `paramedic dump PID` says now."""
        if process.poll() is not None:
            return Told(skipped="it had ended")
        command = ["dump", *options, "--format", "json", "--output", str(output), str(process.pid)]
        told = self.report(case, command, output)
        return Told(skipped="it had ended") if "ended" in told.trouble or "no process" in told.trouble else told


def imported(case: Case, script: str) -> list[str]:
    """The other files of the case that the script names."""
    text = (case.folder / f"{script}.py").read_text()
    others = [p for p in case.folder.glob("*.py") if p.stem not in ("bad", "good")]
    return [p.name for p in others if re.search(rf"^\s*(from|import) {p.stem}\b", text, re.M)]


def judge(case: Case, script: str, lens: str, told: Told) -> Row:
    """One row of the table."""
    bad = script == "bad"
    strong = {f["hazard"]: f for f in told.findings if f["confidence"] != ADVICE}
    sure = {f["hazard"]: f for f in told.findings} if case.advice else strong
    wrong = sorted(set(strong) - (case.hazards | case.also if bad else case.also if case.safe else frozenset()))
    hits = sorted(case.hazards & set(sure))
    hinted = not hits and any(f["hazard"] in case.hazards for f in told.findings)
    if told.skipped:
        verdict = f"skipped: {told.skipped}"
    elif told.trouble:
        verdict = f"TROUBLE: {told.trouble}"
    elif lens == "plain":
        verdict = "ok" if bad == bool(told.status) else "did not strike" if bad else "GOOD FAILS"
    elif bad and not hits and case.hazards:
        verdict = "hint" if hinted and not wrong else "MISSED"
    elif bad and lens in ("run", "lint") and not any(placed(case, sure[h]) for h in hits):
        verdict = "WRONG LINE"
    elif wrong:
        verdict = "FALSE ALARM" if not bad else "ALSO WRONG"
    else:
        verdict = "ok"
    said = ", ".join(f"{h} ({f['confidence'][:3]})" for h, f in {**strong, **{h: sure[h] for h in hits}}.items())
    return Row(
        case=case.name,
        script=script,
        lens=lens,
        expected=", ".join(sorted(case.hazards)) if bad else "",
        found=said,
        verdict=verdict,
        status="" if told.status is None else str(told.status),
    )


def placed(case: Case, finding: dict[str, Any]) -> bool:
    """Whether a step of a finding names a file of the case."""
    sites = [Path(s["site"]["file"]).name for s in finding["steps"] if s.get("site")]
    return any((case.folder / name).is_file() for name in sites)


def work(cases: Sequence[Case], lenses: Sequence[str]) -> list[tuple[Case, str, str]]:
    """Which script to look at through which lens: a bad one through those that can see it, a good one through all."""
    todo = []
    for case in cases:
        for script in ("bad", "good"):
            if not (case.folder / f"{script}.py").is_file():
                continue
            for lens in lenses:
                if lens == "plain" or script == "good" or LENS_OF[lens] in case.lenses:
                    todo.append((case, script, lens))
    return todo


def show(rows: Sequence[Row]) -> None:
    """Prints the table and the rates of each lens."""
    titles = tuple(asdict(rows[0])) if rows else ()
    table = [titles, *(tuple(asdict(row).values()) for row in rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(titles))]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    print()
    for lens in LENSES:
        for script in ("bad", "good"):
            mine = [r for r in rows if r.lens == lens and r.script == script and not r.verdict.startswith("skipped")]
            if mine:
                fine, hints = (sum(r.verdict == word for r in mine) for word in ("ok", "hint"))
                also = f", {hints} more as advice" if hints else ""
                print(f"{lens:6} {script:5} {fine:3} of {len(mine):3} right ({100 * fine / len(mine):.0f} %){also}")


def main() -> int:
    """Runs what was asked for; 0 if every verdict is good."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, metavar="DIR", help="the cases (default: those of the corpus)")
    parser.add_argument("--lens", nargs="+", choices=LENSES, default=list(LENSES), help="only these")
    parser.add_argument("--cases", nargs="+", metavar="CASE", help="only these")
    parser.add_argument("--scripts", nargs="+", choices=("bad", "good"), default=["bad", "good"], help="only these")
    parser.add_argument("--level", default="check", help="of the recordings that `run` makes")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="scripts side by side")
    parser.add_argument("--json", metavar="FILE", help="write the rows and what was found there")
    args = parser.parse_args()
    base = corpus_folder()
    folder = args.folder or base
    there = [Case.read(p.parent.resolve()) for p in sorted(folder.glob("*/case.json"))]
    chosen = [c for c in there if not args.cases or c.name in args.cases]
    with servers(base) as told, tempfile.TemporaryDirectory(prefix="field-") as scratch:
        bench = Bench(told, args.level)
        plays: dict[str, Callable[[Case, str, Path], Told]] = {name: getattr(bench, name) for name in LENSES}

        def play(case: Case, script: str, lens: str) -> tuple[Row, Told]:
            own = Path(scratch, f"{case.name}-{script}-{lens}")
            own.mkdir()
            heard = plays[lens](case, script, own)
            row = judge(case, script, lens, heard)
            print(f"{row.verdict:12.12} {row.case} {row.script} {row.lens}", file=sys.stderr, flush=True)
            return row, heard

        with ThreadPoolExecutor(args.jobs) as pool:
            futures = [pool.submit(play, *each) for each in work(chosen, args.lens) if each[1] in args.scripts]
            results = [f.result() for f in futures]
    rows = [row for row, _ in results]
    show(rows)
    if args.json:
        whole = [asdict(row) | {"findings": heard.findings} for row, heard in results]
        Path(args.json).write_text(json.dumps(whole, indent=1) + "\n")
    return 1 if any(r.verdict.isupper() or r.verdict.startswith("TROUBLE") for r in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
