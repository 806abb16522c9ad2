"""The options that every command that finds has, and what becomes of its report.

def prepare_parser(self, parser):
    output.add_options(parser)

def run(self, args):
    return output.deliver(report, args, output.settings(), again="paramedic dump x.txt")
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from paramedic.check.configuration import Configuration, ConfigurationError, read_configuration
from paramedic.cli.command import CommandError
from paramedic.model.finding import Confidence
from paramedic.model.hazard import Hazard
from paramedic.model.report import Report

if TYPE_CHECKING:
    from paramedic.check.verdict import Verdict

# Whatever judges and writes is imported when there is something to judge: `paramedic run` passes here before it starts
# the program.

FORMATS = ("terminal", "json", "sarif", "html")


def add_options(parser: argparse.ArgumentParser, *more: str) -> None:
    """Adds ``--format``, ``--output``, ``--fail-on`` and ``--quiet``.

    Args:
        parser: of the command.
        more: formats that this command has besides `FORMATS`.

    Threads: main thread; does not block.
    """
    group = parser.add_argument_group("output")
    group.add_argument("--format", choices=(*FORMATS, *more), default="terminal", help="how to write the report")
    group.add_argument("--output", metavar="FILE", help="write the report to FILE ('-': standard output)")
    group.add_argument(
        "--fail-on",
        choices=[str(c) for c in Confidence],
        metavar="CONFIDENCE",
        help="exit with 1 if anything of this confidence or stronger is found: observed, possible, advice",
    )
    group.add_argument("--quiet", action="store_true", help="print no report if there is nothing to tell")


def settings(start: Path | None = None) -> Configuration:
    """``[tool.paramedic]`` of the nearest pyproject.toml.

    Args:
        start: folder to look from; default: the current one.

    Raises:
        CommandError: the table is wrong.

    Threads: main thread; reads files.
    """
    try:
        return read_configuration(start or Path.cwd())
    except ConfigurationError as error:
        raise CommandError(str(error)) from None
    except FileNotFoundError:
        raise CommandError("the current folder does not exist any more; go to one that does") from None


def deliver(
    report: Report,
    args: argparse.Namespace,
    configuration: Configuration,
    *,
    again: str = "",
    stream: TextIO | None = None,
) -> int:
    """Judges a report, writes it as the options say and returns the exit status.

    Args:
        report: as the analysis left it.
        args: parsed options of `add_options`.
        configuration: the user's rules.
        again: a command that shows the report again; "" where there is none.
        stream: where it goes without ``--output``; default: standard output.

    Raises:
        CommandError: the output file cannot be written.

    Threads: main thread; reads the source files that findings name, writes the report.
    """
    verdict = verdict_on(report, args, configuration)
    write(verdict, args, again=again, stream=stream or sys.stdout)
    return verdict.status


def verdict_on(report: Report, args: argparse.Namespace, configuration: Configuration) -> Verdict:
    """The verdict on a report, as the options and the project's settings want it.

    Threads: main thread; reads the source files that findings name.
    """
    from paramedic.check.verdict import judge

    return judge(report, configuration, fail_on=Confidence(args.fail_on) if args.fail_on else None)


def write(verdict: Verdict, args: argparse.Namespace, *, again: str, stream: TextIO) -> None:
    """Writes a verdict's report as the options say.

    Raises:
        CommandError: the output file cannot be written.
        OSError: the stream cannot be written to.

    Threads: main thread.
    """
    from paramedic.check.remedies import with_edits

    verdict = replace(verdict, report=with_edits(verdict.report))
    if args.output is None or args.output == "-":
        target = sys.stdout if args.output == "-" else stream
        nothing = not (verdict.report.findings or verdict.warnings or verdict.report.gaps)
        if args.format != "terminal" or not (args.quiet and nothing):
            _write_to(target, verdict, args.format, again)
        return
    try:
        with open(args.output, "w", encoding="utf-8") as file:
            _write_to(file, verdict, args.format, again)
    except OSError as error:
        raise CommandError(f"cannot write the report to {args.output}: {error.strerror or error}") from None


def hazards_by_name() -> Mapping[str, Hazard]:
    """The catalogue, by name.

    Threads: any thread.
    """
    from paramedic.hazards.catalogue import CATALOGUE

    return {hazard.name: hazard for hazard in CATALOGUE}


def _write_to(stream: TextIO, verdict: Verdict, form: str, again: str) -> None:
    if form == "json":
        from paramedic.report.json_form import report_as_json

        stream.write(report_as_json(verdict.report, warnings=verdict.warnings))
    elif form == "sarif":
        from paramedic.report.sarif import report_as_sarif

        stream.write(
            report_as_sarif(verdict.report, hazards_by_name(), pages=_pages(verdict.report), warnings=verdict.warnings)
        )
    elif form == "html":
        from paramedic.check.drawing import lanes_of
        from paramedic.report.html import report_as_html

        lanes = lanes_of(dict(verdict.report.source))
        stream.write(report_as_html(verdict.report, hazards_by_name(), lanes=lanes, warnings=verdict.warnings))
    elif form == "perfetto":
        from paramedic.check.drawing import lanes_of
        from paramedic.report.perfetto import MOST_BARS, report_as_perfetto

        stream.write(report_as_perfetto(verdict.report, lanes_of(dict(verdict.report.source), MOST_BARS)))
    else:
        from paramedic.report.terminal import write_report

        write_report(verdict.report, hazards_by_name(), stream, warnings=verdict.warnings, again=again)
    stream.flush()


def _pages(report: Report) -> dict[str, str]:
    from paramedic.hazards.catalogue import page_of

    pages = {}
    for name, hazard in hazards_by_name().items():
        if any(f.hazard == name for f in report.findings):
            try:
                pages[name] = page_of(hazard)
            except FileNotFoundError:  # an installation without pages still reports
                continue
    return pages
