"""``paramedic lint``: hazards in source code, without running it."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from paramedic.check.configuration import Configuration, ConfigurationError
from paramedic.check.lint import LintOptions, lint
from paramedic.check.lint_settings import check_settings, names_of, with_file_ignores
from paramedic.check.verdict import Verdict, judge
from paramedic.cli import output
from paramedic.cli.command import CommandError, Parser, complain
from paramedic.model.finding import Confidence

FORMATS = ("concise", "full", "json", "sarif", "github", "gitlab", "junit")


class LintCommand:
    """Reads programs and says which hazards their source shows.

    Threads: main thread.
    """

    def prepare_parser(self, parser: Parser) -> None:
        """Adds paths, choice of hazards, fixes and output.

        Threads: any; does not block.
        """
        parser.description = "Find threading hazards in source code that uses Paramiko, without running it."
        parser.add_argument("paths", metavar="PATH", nargs="*", default=["."], help="files and folders (default: .)")
        choice = parser.add_argument_group("what to look for")
        choice.add_argument("--pedantic", action="store_true", help="also advice: timeouts, host keys, speed")
        choice.add_argument("--select", metavar="NAMES", action="append", help="only these hazards (names or codes)")
        choice.add_argument("--ignore", metavar="NAMES", action="append", help="all but these hazards")
        choice.add_argument("--exclude", metavar="PATTERN", action="append", help="files and folders to pass over")
        choice.add_argument("--baseline", metavar="FILE", help="tell only what is not in this file")
        choice.add_argument("--write-baseline", metavar="FILE", help="write what is found to FILE, and end with 0")
        fixes = parser.add_argument_group("fixes")
        fixes.add_argument("--fix", action="store_true", help="make the edits that are safe")
        fixes.add_argument("--unsafe-fixes", action="store_true", help="also edits that you must look at")
        fixes.add_argument("--diff", action="store_true", help="show the edits, change nothing")
        form = parser.add_argument_group("output")
        form.add_argument(
            "--format", choices=FORMATS, default=None, help="how to write the findings (default: concise)"
        )
        form.add_argument("--output", metavar="FILE", help="write to FILE ('-': standard output)")
        form.add_argument("--statistics", action="store_true", help="only count the findings of each hazard")
        form.add_argument("--quiet", action="store_true", help="print nothing if nothing is found")
        form.add_argument(
            "--fail-on",
            choices=[*(str(c) for c in Confidence), "never"],
            help="exit with 1 from this confidence on (default: possible)",
        )
        speed = parser.add_argument_group("speed")
        speed.add_argument("--jobs", metavar="N", type=int, default=None, help="processes (default: all processors)")
        speed.add_argument("--no-cache", action="store_true", help="read everything again")
        speed.add_argument("--cache-dir", metavar="FOLDER", help="where unchanged files are remembered")

    def run(self, args: argparse.Namespace) -> int:
        """Lints, fixes where asked, writes the findings.

        Raises:
            CommandError: a path, name, setting or baseline is wrong, or the output cannot be written.

        Threads: any; does not block.
        """
        collecting = gc.isenabled()
        gc.disable()  # a process of a second: what it leaves behind goes with it
        try:
            return _lint_and_write(args)
        finally:
            gc.freeze()
            if collecting:
                gc.enable()


COMMAND = LintCommand()


def _lint_and_write(args: argparse.Namespace) -> int:
    configuration = output.settings(_start(args.paths))
    try:
        chosen = check_settings(configuration)
        configuration = with_file_ignores(configuration)
    except ConfigurationError as error:
        raise CommandError(str(error)) from None
    options = _options(args, chosen)
    ignored = _names(_listed(args.ignore) or list(chosen.get("ignore", ())))
    fail_on = None if args.fail_on == "never" else Confidence(args.fail_on or configuration.fail_on or "possible")
    verdict = _judged(args, configuration, options, ignored, fail_on)
    if args.write_baseline:
        from paramedic.check import baseline

        try:
            baseline.write_baseline(verdict.report, Path(args.write_baseline))
        except baseline.BaselineError as error:
            raise CommandError(str(error)) from None
        print(f"{len(verdict.report.findings)} findings are now known: {args.write_baseline}")
        return 0
    if args.diff:
        _show_fixes(verdict, args)
    elif args.fix or args.unsafe_fixes:
        # One fix may make room for the next, or bring something else to light.
        for _ in range(MOST_ROUNDS_OF_FIXES):
            if not _make_fixes(verdict, args):
                break
            verdict = _judged(args, configuration, options, ignored, fail_on)
    if not verdict.report.source["files"] and not verdict.report.gaps:
        print(f"paramedic: no Python file under {', '.join(args.paths)}: nothing was linted", file=sys.stderr)
    _write(verdict, args)
    if fail_on is None:
        return 0
    return int(any(f.confidence.rank <= fail_on.rank for f in verdict.report.findings))


MOST_ROUNDS_OF_FIXES = 8


def _judged(
    args: argparse.Namespace,
    configuration: Configuration,
    options: LintOptions,
    ignored: list[str],
    fail_on: Confidence | None,
) -> Verdict:
    """What is found now, without what is ignored, allowed or known."""
    progress = _Progress(sys.stderr)
    try:
        report = lint([Path(p) for p in args.paths], options, progress)
    except FileNotFoundError as error:
        raise CommandError(f"there is no {error}") from None
    finally:
        progress.end()
    report = replace(report, findings=tuple(f for f in report.findings if f.hazard not in ignored))
    verdict = judge(report, configuration, fail_on=fail_on)
    known = args.baseline or configuration.lint.get("baseline")
    if not known or args.write_baseline:
        return verdict
    from paramedic.check import baseline

    folder = configuration.folder if not args.baseline else Path()
    try:
        return replace(verdict, report=baseline.without_known(verdict.report, folder / known))
    except baseline.BaselineError as error:
        raise CommandError(str(error)) from None


def _start(paths: list[str]) -> Path:
    """Where the search for pyproject.toml begins."""
    first = Path(os.path.abspath(paths[0]))
    return first if first.is_dir() else first.parent


def _options(args: argparse.Namespace, chosen: Mapping[str, Any]) -> LintOptions:
    cache = None if args.no_cache else _cache_folder(args)
    jobs = args.jobs if args.jobs is not None else int(chosen.get("jobs", 0))
    if jobs < 0:
        raise CommandError(f"--jobs must be 0 or more, not {jobs}")
    return LintOptions(
        pedantic=args.pedantic or bool(chosen.get("pedantic", False)),
        select=tuple(_names(_listed(args.select) or list(chosen.get("select", ())))),
        exclude=(*(args.exclude or ()), *chosen.get("exclude", ())),
        jobs=jobs,
        cache=cache,
    )


def _cache_folder(args: argparse.Namespace) -> Path:
    from paramedic.check.lint_cache import default_folder

    return Path(args.cache_dir) if args.cache_dir else default_folder()


def _listed(given: list[str] | None) -> list[str]:
    return [name.strip() for each in given or () for name in each.split(",") if name.strip()]


def _names(given: list[str]) -> list[str]:
    if not given:
        return []
    from paramedic.hazards.catalogue import UnknownHazard

    try:
        return names_of(given)
    except UnknownHazard as error:
        raise CommandError(str(error)) from None


def _show_fixes(verdict: Verdict, args: argparse.Namespace) -> None:
    from paramedic.check import fixing

    for change in fixing.plan(verdict.report.findings, unsafe=args.unsafe_fixes):
        sys.stdout.write(change.diff())


def _make_fixes(verdict: Verdict, args: argparse.Namespace) -> bool:
    """Makes the edits of what was found; False where there are none."""
    from paramedic.check import fixing

    changes = fixing.plan(verdict.report.findings, unsafe=args.unsafe_fixes)
    for change in changes:
        try:
            fixing.write(change)
        except OSError as error:
            raise CommandError(f"cannot write {change.path}: {error.strerror or error}") from None
        print(f"fixed {change.path} ({change.count} edit{'s' if change.count != 1 else ''})", file=sys.stderr)
    return bool(changes)


def _write(verdict: Verdict, args: argparse.Namespace) -> None:
    if args.output is None or args.output == "-":
        _write_to(sys.stdout, verdict, args)
        return
    try:
        with open(args.output, "w", encoding="utf-8") as file:
            _write_to(file, verdict, args)
    except OSError as error:
        raise CommandError(f"cannot write the report to {args.output}: {error.strerror or error}") from None


def _write_to(stream: TextIO, verdict: Verdict, args: argparse.Namespace) -> None:
    form = args.format or "concise"
    report = verdict.report
    if form not in {"full", "json", "sarif"}:  # these have them in the report
        for warning in verdict.warnings:
            complain(warning)
    if args.statistics and form in {"concise", "full"}:
        from paramedic.report.concise import statistics_lines

        stream.write("".join(line + "\n" for line in statistics_lines(report)))
    elif form == "concise":
        from paramedic.report.concise import concise_lines

        if report.findings or report.gaps or not args.quiet:
            stream.write("".join(line + "\n" for line in concise_lines(report)))
    elif form == "github":
        from paramedic.report.github import report_as_github

        stream.write(report_as_github(report))
    elif form == "gitlab":
        from paramedic.report.gitlab import report_as_gitlab

        stream.write(report_as_gitlab(report))
    elif form == "junit":
        from paramedic.report.junit import report_as_junit

        stream.write(report_as_junit(report))
    else:
        args.format = "terminal" if form == "full" else form
        args.output = None
        output.write(verdict, args, again="", stream=stream)


class _Progress:
    """A line on a terminal that says how far a long run is; nothing elsewhere, and nothing on short runs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown = False
        self._last = 0

    def __call__(self, done: int, total: int) -> None:
        if total < 50 or not self._stream.isatty() or done - self._last < total // 100:
            return
        self._last = done
        self._shown = True
        self._stream.write(f"\rreading {done} of {total}")
        self._stream.flush()

    def end(self) -> None:
        """Takes the line away."""
        if self._shown:
            self._stream.write("\r" + " " * 40 + "\r")
            self._stream.flush()
