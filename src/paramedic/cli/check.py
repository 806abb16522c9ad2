"""``paramedic check``: the report of saved recordings."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from paramedic.check.shelf import shelf
from paramedic.cli import output
from paramedic.cli.command import CommandError, Parser
from paramedic.model.report import Report
from paramedic.trace.layout import SUFFIX
from paramedic.trace.part import read_part


class CheckCommand:
    """Reports on recordings that ``paramedic run`` made, finished, cut off or still running.

    Threads: main thread.
    """

    def prepare_parser(self, parser: Parser) -> None:
        """Adds the recordings and the output's options."""
        parser.description = "Report again from saved recordings; without one, from the newest."
        parser.add_argument(
            "recordings",
            metavar="RECORDING",
            nargs="*",
            help=f"a folder that 'paramedic run' made, or a {SUFFIX} file in it; default: the newest of this account",
        )
        output.add_options(parser, "perfetto")

    def run(self, args: argparse.Namespace) -> int:
        """Writes the report to standard output.

        Raises:
            CommandError: a recording is not there, or cannot be read at all.
        """
        paths = [Path(name) for name in args.recordings] or [_newest()]
        for path in paths:
            _look_at(path)
        report = _report_of(paths)
        again = "paramedic check " + " ".join(shlex.quote(str(path)) for path in paths)
        return output.deliver(report, args, output.settings(), again=again, stream=sys.stdout)


COMMAND = CheckCommand()


def _newest() -> Path:
    base = shelf()
    try:
        runs = [entry for entry in base.iterdir() if any(entry.glob(f"*{SUFFIX}"))]
    except OSError:
        runs = []
    if not runs:
        raise CommandError(f"there is no recording in {base}; make one: paramedic run app.py")
    return max(runs, key=lambda entry: entry.stat().st_mtime)


def _look_at(path: Path) -> None:
    try:
        if path.is_dir():
            if not any(read_part(path).folder.glob(f"*{SUFFIX}")):
                raise CommandError(f"{path} holds no recording (no {SUFFIX} file); make one: paramedic run app.py")
        elif path.is_file():  # opening a pipe would wait for its writer; what it is, is said when it is read
            with open(path, "rb"):
                pass
        else:
            path.stat()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = "; a run names its recording in the line `Again:`" if isinstance(error, FileNotFoundError) else ""
        raise CommandError(f"cannot read {path}: {reason}{hint}") from None


def _report_of(paths: list[Path]) -> Report:
    from paramedic.check import recording
    from paramedic.trace.reader import RecordingError

    try:
        return recording.findings_of(paths)
    except RecordingError as error:
        raise CommandError(str(error)) from None
