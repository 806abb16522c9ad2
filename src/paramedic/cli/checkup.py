"""``paramedic checkup``: the threading checklist, item by item, with evidence."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from paramedic.check.checklist import Answer, State
from paramedic.check.checkup import Checkup, check_up
from paramedic.check.configuration import ConfigurationError
from paramedic.check.lint import LintOptions
from paramedic.check.lint_cache import default_folder
from paramedic.check.lint_settings import check_settings, with_file_ignores
from paramedic.cli import output
from paramedic.cli.command import CommandError, Parser
from paramedic.logs.sources import UnreadableLog
from paramedic.report.answers import Checked, ShownAnswer
from paramedic.report.checklist import checkup_html, checkup_json, checkup_markdown, checkup_text
from paramedic.trace.reader import RecordingError

FORMATS = ("terminal", "markdown", "json", "html")


class CheckupCommand:
    """Says for each item of the checklist whether it passes, and what to do next.

    Threads: main thread.
    """

    def prepare_parser(self, parser: Parser) -> None:
        """Adds what to look at and the output.

        Threads: any; does not block.
        """
        parser.description = (
            "Go through the threading checklist: pass, fail or not seen, with evidence, and what to do next."
        )
        parser.add_argument("paths", metavar="PATH", nargs="*", default=["."], help="files and folders (default: .)")
        parser.add_argument("--recording", metavar="R", action="append", default=[], help="a recording of a run")
        parser.add_argument("--log", metavar="L", action="append", default=[], help="a debug log of Paramiko's")
        parser.add_argument("--exclude", metavar="PATTERN", action="append", default=[], help="files to pass over")
        parser.add_argument("--format", choices=FORMATS, default="terminal", help="how to write the answers")
        parser.add_argument("--output", metavar="FILE", help="write to FILE ('-': standard output)")
        parser.add_argument("--no-cache", action="store_true", help="read everything again")

    def run(self, args: argparse.Namespace) -> int:
        """Writes the answers; 1 if an item fails.

        Raises:
            CommandError: a path, recording, log or setting is wrong, or the output cannot be written.

        Threads: any; does not block.
        """
        start = Path(args.paths[0]).absolute()
        configuration = output.settings(start if start.is_dir() else start.parent)
        try:
            exclude = [*args.exclude, *check_settings(configuration).get("exclude", ())]
            configuration = with_file_ignores(configuration)
        except ConfigurationError as error:
            raise CommandError(str(error)) from None
        options = LintOptions(pedantic=True, exclude=tuple(exclude), cache=None if args.no_cache else default_folder())
        try:
            result = check_up(
                [Path(p) for p in args.paths],
                options,
                configuration,
                recordings=[Path(r) for r in args.recording],
                logs=args.log,
            )
        except FileNotFoundError as error:
            raise CommandError(f"there is no {error}") from None
        except (RecordingError, UnreadableLog) as error:
            raise CommandError(str(error)) from None
        text = _written(result, args.format)
        if args.output is None or args.output == "-":
            sys.stdout.write(text)
        else:
            try:
                Path(args.output).write_text(text, encoding="utf-8")
            except OSError as error:
                raise CommandError(f"cannot write to {args.output}: {error.strerror or error}") from None
        return int(any(a.state is State.FAIL for a in result.answers))


COMMAND = CheckupCommand()


def _written(result: Checkup, form: str) -> str:
    shown = Checked(
        sources=result.sources,
        answers=tuple(_shown(a) for a in result.answers),
        next=_shown(result.next) if result.next is not None else None,
        nothing=result.nothing,
    )
    if form == "json":
        return checkup_json(shown, result.report, warnings=result.warnings)
    writer = {"terminal": checkup_text, "markdown": checkup_markdown, "html": checkup_html}[form]
    return writer(shown)


def _shown(answer: Answer) -> ShownAnswer:
    return ShownAnswer(
        name=answer.item.name,
        question=answer.item.question,
        state=str(answer.state),
        evidence=answer.evidence,
        action=answer.action,
    )
