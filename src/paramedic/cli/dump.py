"""``paramedic dump``: why a process hangs, from its threads."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO

from paramedic.cli import output
from paramedic.cli.command import CommandError, Parser
from paramedic.model.finding import Confidence
from paramedic.model.report import Gap, Report
from paramedic.model.snapshot import Snapshot
from paramedic.report.escaping import printable


class DumpCommand:
    """Reads thread dumps, or takes them of a running process, and says who waits for whom.

    Threads: main thread.
    """

    def prepare_parser(self, parser: Parser) -> None:
        """Adds what to look at and the output's options."""
        parser.description = (
            "Say why a process hangs. Give the id of a running process, or files with thread dumps "
            "(faulthandler, py-spy, pystack, gdb's py-bt, printed tracebacks; logs that contain them), or - for "
            "standard input."
        )
        parser.add_argument(
            "what", metavar="PID|FILE|-", nargs="+", help="a process id, files, or - for standard input"
        )
        parser.add_argument(
            "--interval",
            type=_seconds,
            default=2.0,
            metavar="S",
            help="seconds between the two dumps of a process, to tell waiting from moving (0: one dump; default: 2)",
        )
        parser.add_argument("--watch", action="store_true", help="look again until interrupted, or the process ends")
        parser.add_argument(
            "--source",
            action="append",
            default=[],
            metavar="DIR",
            help="look here for the source that a dump names (default: the current folder and the dump's)",
        )
        parser.add_argument(
            "--signal",
            type=_signal,
            metavar="USR1",
            help="ask the process by this signal, which it has registered with faulthandler or paramedic.watch()",
        )
        parser.add_argument("--no-children", action="store_true", help="leave out the process's Python children")
        output.add_options(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Writes the diagnosis to standard output.

        Raises:
            CommandError: there is no such process or file, it may not be looked into, or it holds no thread dump.
        """
        process = _process(args.what)
        again = "paramedic dump " + " ".join(shlex.quote(w) for w in args.what)
        settings = output.settings()
        status: int | None = None
        while True:
            try:
                report = _of_files(args.what, args.source) if process is None else _of_process(process, args)
            except CommandError as error:
                if status is None:
                    raise
                print(f"paramedic: {error}", file=sys.stderr)  # it was looked at before: it has ended
                return status
            status = output.deliver(report, args, settings, again=again, stream=sys.stdout)
            if args.format == "terminal" and not args.output and not args.quiet:
                _tell_what_they_do(report)
            if process is None or not args.watch:
                return status
            time.sleep(max(args.interval, 1.0))


COMMAND = DumpCommand()


def _tell_what_they_do(report: Report) -> None:
    """What each thread does, where no finding explains the hang: the reader wants to go on from there."""
    if any(f.confidence is not Confidence.ADVICE for f in report.findings):
        return
    entries = report.source.get("overview", ())
    if entries:
        print("What the threads do:")
    several = len({e["process"] for e in entries}) > 1
    for entry in entries:
        where = f", at {Path(entry['file']).name}:{entry['line']} in {entry['function']}" if "file" in entry else ""
        process = f"process {entry['process']}: " if several else ""
        print(f"  {process}{printable(entry['threads'])} {entry['what']}{printable(where)}")


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def _signal(text: str) -> signal.Signals:
    name = text.upper().removeprefix("SIG")
    try:
        return signal.Signals(int(name)) if name.isdigit() else signal.Signals[f"SIG{name}"]
    except (KeyError, ValueError):
        raise argparse.ArgumentTypeError(f"there is no signal {text!r}") from None


def _process(words: Sequence[str]) -> int | None:
    """The process id, if that is what was given; a file that has digits for its name is written ./123."""
    if len(words) != 1 or not (words[0].isascii() and words[0].isdigit()):
        return None
    if len(words[0]) > 10 or int(words[0]) == 0:
        raise CommandError(f"{words[0]} is no process id")
    return int(words[0])


def _of_files(words: Sequence[str], folders: Sequence[str]) -> Report:
    from paramedic.check.dump import check_dumps

    roots = [*(Path(f) for f in folders), Path.cwd()]
    for word in words:
        if word != "-":
            roots += list(Path(word).resolve().parents)[:3]
    for folder in folders:
        if not Path(folder).is_dir():
            raise CommandError(f"there is no folder {folder}")
    report = check_dumps(chain.from_iterable(map(_snapshots_in, words)), roots=roots)
    if not report.source["dumps"]:
        raise CommandError(
            f"there is no thread dump in {' or '.join('standard input' if w == '-' else w for w in words)}; "
            "make one: py-spy dump --pid PID, or kill -USR1 PID where faulthandler is registered"
        )
    return _with_remarks(report)


def _snapshots_in(word: str) -> Iterator[Snapshot]:
    from paramedic.dump.embedded import read_lines
    from paramedic.dump.lines import first_chunk, lines_of
    from paramedic.dump.pyspy_json import MAX_TEXT, looks_like_json, read_json

    if word == "-" and sys.stdin is None:
        raise CommandError("cannot read standard input: it is closed")
    try:
        stream: IO[bytes] = sys.stdin.buffer if word == "-" else open(word, "rb")
        with stream:
            first = first_chunk(stream)
            if looks_like_json(first.decode("utf-8", "replace")):
                yield from read_json((first + stream.read(MAX_TEXT)).decode("utf-8", "replace"))
            else:
                yield from read_lines(lines_of(first, stream))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        if word.isdigit() and isinstance(error, FileNotFoundError):
            reason += "; if it is a process, give one process id at a time"
        raise CommandError(f"cannot read {'standard input' if word == '-' else word}: {reason}") from None


def _of_process(process: int, args: argparse.Namespace) -> Report:
    from paramedic.check.hung_process import Look, check_process
    from paramedic.dump.live import DumpError, tools

    look = Look(
        interval_s=args.interval,
        send=args.signal,
        children=not args.no_children,
        folders=tuple(Path(f) for f in args.source),
    )
    try:
        return _with_remarks(check_process(process, look, tools()))
    except DumpError as error:
        raise CommandError(str(error)) from None


def _with_remarks(report: Report) -> Report:
    """Says what a dump without Paramiko in it cannot be judged for."""
    if report.source.get("paramiko"):
        return report
    gap = Gap(reason="no-paramiko", detail="no thread of the dump is in Paramiko's code")
    return Report(source=report.source, findings=report.findings, gaps=(*report.gaps, gap))
