"""``paramedic log``: reads Paramiko's debug logs."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from paramedic.check import log as use_case
from paramedic.cli import output
from paramedic.cli.command import CommandError, Parser
from paramedic.logs.forms import Form
from paramedic.logs.reading import form_named
from paramedic.logs.rows import Narrowing, moment, rows
from paramedic.logs.sources import UnreadableLog, sources_of
from paramedic.model.finding import Finding
from paramedic.model.report import Gap

if TYPE_CHECKING:
    from paramedic.report.layout import Line

ROWS = 400
"""Rows of a timeline, unless the user wants more."""
AROUND = 25
"""Lines shown before and after a finding's, where the timeline was not narrowed."""


class LogCommand:
    """Says what a Paramiko debug log proves and suggests about threads.

    Threads: main thread.
    """

    def prepare_parser(self, parser: Parser) -> None:
        """Adds the logs, the narrowing and the output's options."""
        parser.description = (
            "Read Paramiko debug logs (of paramiko.util.log_to_file, paramedic.log_to_file or logging in nearly any "
            "format) and say which thread did what, and what went wrong."
        )
        parser.add_argument("logs", metavar="LOG", nargs="+", help="a log, plain or compressed; '-': standard input")
        parser.add_argument(
            "--log-format",
            metavar="FORMAT",
            help="form of the lines, if it is not found out: paramiko, paramedic, basic, json, or a format of logging",
        )
        parser.add_argument("--rotated", action="store_true", help="also read LOG.1, LOG.2.gz … beside each LOG")
        parser.add_argument("--follow", action="store_true", help="go on as the log grows, and tell what is new")
        group = parser.add_argument_group("timeline")
        group.add_argument("--timeline", action="store_true", help="draw the log, one lane for each thread")
        group.add_argument("--channel", metavar="N", action="append", default=[], help="only this channel's lines")
        group.add_argument("--thread", metavar="NAME", action="append", default=[], help="only this thread's lines")
        group.add_argument("--from", dest="from_", metavar="TIME", help="from this time on, as in the log or 15:20:01")
        group.add_argument("--to", metavar="TIME", help="up to this time")
        group.add_argument("--lines", metavar="A-B", help="only lines A to B")
        group.add_argument("--all", action="store_true", help="also key exchange, dumps and tracebacks")
        group.add_argument("--rows", metavar="N", type=int, default=ROWS, help=f"at most N rows (default {ROWS})")
        output.add_options(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Reads the logs and writes the report, the timeline, or what is new.

        Raises:
            CommandError: a log cannot be read, has nothing of Paramiko in it, or an option is wrong.
        """
        form = _form(args.log_format)
        narrowing = _narrowing(args)
        if args.channel or args.thread or args.from_ or args.to or args.lines or args.all:
            args.timeline = True
        try:
            if args.follow:
                return self._follow(args, form)
            if args.timeline:
                return self._timeline(args, form, narrowing)
            result = use_case.report_of_logs(args.logs, form=form, rotated=args.rotated, workers=_workers())
        except UnreadableLog as error:
            raise CommandError(str(error)) from None
        except use_case.NothingOfParamiko as error:
            raise CommandError(str(error)) from None
        if args.format == "terminal" and not args.quiet and args.output is None:
            from paramedic.report.timeline import overview_lines

            _print(overview_lines(result.runs, dict(result.report.source)))
        again = "paramedic log " + " ".join(map(shlex.quote, args.logs)) + " --timeline"
        return output.deliver(
            result.report, args, output.settings(), again="" if "-" in args.logs else again, stream=sys.stdout
        )

    def _timeline(self, args: argparse.Namespace, form: Form | None, narrowing: Narrowing) -> int:
        from paramedic.report.timeline import timeline_lines

        note = ""
        if narrowing.is_open and all(Path(log).is_file() for log in args.logs):  # a pipe can be read only once
            narrowing, note = _around_a_finding(args, form, narrowing)
        for source in sources_of(args.logs, rotated=args.rotated):
            found = rows(source, narrowing, form)
            shown = list(islice(found, args.rows))
            _print(timeline_lines(shown, width=_width(), cut=sum(1 for _ in found)))
        if note:
            print(note)
        return 0

    def _follow(self, args: argparse.Namespace, form: Form | None) -> int:
        if len(args.logs) != 1 or args.logs[0] == "-":
            raise CommandError("--follow wants one file; a pipe is read as it comes without it")
        for found in use_case.follow(args.logs[0], form=form):
            if isinstance(found, Gap):
                print(f"paramedic: {found.reason}: {found.detail}", file=sys.stderr, flush=True)
            else:
                _tell(found)
        return 0


COMMAND = LogCommand()


def _around_a_finding(args: argparse.Namespace, form: Form | None, narrowing: Narrowing) -> tuple[Narrowing, str]:
    """In a long log the lines that matter are those of the strongest finding."""
    result = use_case.report_of_logs(args.logs, form=form, rotated=args.rotated, workers=_workers())
    lines: int = result.report.source["lines"]
    strong = sorted(result.report.findings, key=lambda f: f.confidence.rank)
    sites = [s.line for s in strong[0].sites] if strong else []
    if lines <= args.rows or not sites:
        return narrowing, ""
    first, last = max(min(sites) - AROUND, 1), max(sites) + AROUND
    note = (
        f"Lines {first} to {last} of {lines}, around {strong[0].hazard} ({strong[0].code}); "
        "--lines, --channel, --thread, --from and --to choose others."
    )
    return replace(narrowing, first=first, last=last), note


def _form(name: str | None) -> Form | None:
    if name is None:
        return None
    try:
        return form_named(name)
    except ValueError as error:
        raise CommandError(
            f"--log-format {name!r}: {error}; give paramiko, paramedic, basic, json or a format with %(message)s"
        ) from None


def _narrowing(args: argparse.Namespace) -> Narrowing:
    try:
        first, last = _lines(args.lines)
        return Narrowing(
            channels=frozenset(args.channel),
            threads=frozenset(args.thread),
            from_s=moment(args.from_) if args.from_ else None,
            to_s=moment(args.to) if args.to else None,
            first=first,
            last=last,
            dull=args.all,
        )
    except ValueError as error:
        raise CommandError(str(error)) from None


def _lines(text: str | None) -> tuple[int, int | None]:
    if not text:
        return 0, None
    first, dash, last = text.partition("-")
    if not (first.isdigit() and (last.isdigit() or not last)):
        raise ValueError(f"--lines {text!r}: write it as 120-180 or 120-")
    return int(first), int(last) if last else (None if dash else int(first))


def _workers() -> int:
    return 2 if (os.cpu_count() or 1) > 1 else 1


def _width() -> int:
    return max(shutil.get_terminal_size((100, 24)).columns, 60)


def _print(lines: Sequence[Line]) -> None:
    from paramedic.report.layout import plain

    text = plain(lines)
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding, "replace") + "\n")


def _tell(finding: Finding) -> None:
    from paramedic.report.escaping import printable

    where = f"{finding.site}: " if finding.site is not None else ""
    print(printable(f"{where}{finding.hazard} ({finding.code}, {finding.confidence}): {finding.message}"), flush=True)
