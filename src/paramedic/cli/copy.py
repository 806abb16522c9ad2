"""``paramedic copy``: files to and from many hosts."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from paramedic.cli import hosts
from paramedic.cli.command import CommandError, Parser
from paramedic.report.escaping import printable
from paramedic.safe import CopyOutcome, SafeError

_EPILOG = """\
A file appears under its name only when it is complete. 'get' makes one directory per host in TARGET.

exit status: 0 if everything was copied; 1 if something was not; 2 for wrong options; 130 after Ctrl-C,
143 after SIGTERM, 129 after SIGHUP.

examples:
  paramedic copy -H 'web[1-200]' put site/ /srv/www/
  paramedic copy -H 'web[1-200]' get /var/log/nginx/error.log logs/
"""


class Copy:
    """Copies files to and from many hosts."""

    def prepare_parser(self, parser: Parser) -> None:
        """Adds the command's arguments.

        Threads: main thread; does not block.
        """
        parser.usage = "%(prog)s -H HOSTS [options] {put,get} SOURCE TARGET"
        parser.epilog = _EPILOG
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        hosts.add_options(parser)
        parser.add_argument("direction", choices=("put", "get"), help="to the hosts, or from them")
        parser.add_argument("source", help="a file or a directory")
        parser.add_argument("target", help="put: its name there. get: a directory here")
        how = parser.add_argument_group("copying")
        how.add_argument("--resume", action="store_true", help="go on with what an interrupted --resume left")
        how.add_argument(
            "--verify", choices=("size", "sha256"), default="size", help="how to compare the copies (size)"
        )
        how.add_argument("--follow", action="store_true", help="copy what symbolic links in a tree point to")
        how.add_argument("--no-preserve", action="store_true", help="do not keep permissions and times")
        how.add_argument("--json", action="store_true", help="print one JSON object per host")

    def run(self, args: argparse.Namespace) -> int:
        """Copies, and says for each host what came of it.

        Raises:
            CommandError: the options make no sense.

        Threads: main thread; blocks until all hosts are done.
        """
        names = hosts.chosen_hosts(args)
        options = {
            "resume": args.resume,
            "preserve": not args.no_preserve,
            "follow_symlinks": args.follow,
            "verify": args.verify,
            "fail_fast": args.fail_fast,
        }
        with hosts.signals_end_it(), hosts.group(args, names) as group:
            try:
                if args.direction == "put":
                    result = group.upload(args.source, args.target, **options)
                else:
                    result = group.download(args.source, args.target, **options)
            except SafeError as error:
                raise CommandError(str(error)) from error
        for outcome in result.outcomes:
            if args.json:
                print(json.dumps(outcome_to_json(outcome)))
            elif outcome.error is not None:
                print(f"paramedic: {outcome.error}", file=sys.stderr)
            elif outcome.result is not None:
                done = f"{outcome.result.files} files, {outcome.result.bytes} bytes"
                print(f"{outcome.host}: {done}{_skipped(outcome.result.skipped)}")
        return 0 if result.ok else 1


COMMAND = Copy()


def _skipped(paths: Sequence[str]) -> str:
    """Links, pipes and devices of a tree are no failure, but whoever expects them there must learn of it."""
    if not paths:
        return ""
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"; skipped, as a link or no file: {printable(paths[0])}{more}"  # any bytes


def outcome_to_json(outcome: CopyOutcome) -> dict[str, Any]:
    """One line of ``--json``.

    Threads: any thread; does not block.
    """
    found: dict[str, Any] = {"schema": 1, "host": outcome.host, "ok": outcome.ok}
    result = outcome.result
    if result is not None:
        found |= {
            "files": result.files,
            "bytes": result.bytes,
            "resumed_bytes": result.resumed_bytes,
            "skipped": list(result.skipped),
            "failures": [{"path": failure.path, "error": failure.error} for failure in result.failures],
            "duration_s": round(result.duration_s, 6),
        }
    error = outcome.error
    if error is not None:
        found["error"] = {
            "type": type(error).__name__,
            "phase": error.phase,
            "message": error.message,
            "hint": error.hint,
        }
    return found
