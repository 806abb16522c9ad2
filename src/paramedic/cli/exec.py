"""``paramedic exec``: one command on many hosts."""

from __future__ import annotations

import argparse
import base64
import json
import re
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, BinaryIO

from paramedic.cli import hosts
from paramedic.cli.command import CommandError, Parser
from paramedic.report.escaping import printable
from paramedic.safe import CommandResult, Group, HostLine, HostOutcome, NotRun
from paramedic.safe.outcome import folded

_STEERS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]|\xc2[\x80-\x9f]")
"""Control characters, those that UTF-8 writes in two bytes too; a tab is none."""
_EPILOG = """\
exit status: 0 if the command exited with 0 everywhere; 1 if it ended otherwise on some host; 2 for wrong options;
3 if some host could not be reached or a limit passed; 130 after Ctrl-C, which ends the remote processes too, as
SIGTERM (143) and SIGHUP (129) do.

examples:
  paramedic exec -H 'web[1-200]' -- uptime
  paramedic exec -H @webservers -b -- uname -r          identical outputs once
  paramedic exec -H 'web[1-3]' --live -- tail -F /var/log/syslog
  paramedic exec -f hosts.txt --json --timeout 30 -- 'df -P / | tail -1'
"""


class Exec:
    """Runs a command on many hosts."""

    def prepare_parser(self, parser: Parser) -> None:
        """Adds the command's arguments.

        Threads: main thread; does not block.
        """
        parser.usage = "%(prog)s -H HOSTS [options] -- COMMAND ..."
        parser.epilog = _EPILOG
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        hosts.add_options(parser)
        run = parser.add_argument_group("command")
        run.add_argument(
            "--timeout", type=hosts.seconds, metavar="S", help="seconds that the command may run on a host"
        )
        run.add_argument("--deadline", type=hosts.seconds, metavar="S", help="seconds for everything")
        run.add_argument("--stdin", action="store_true", help="pass our standard input to the command on every host")
        run.add_argument("--retry-safe", action="store_true", help="run it again if a connection is lost meanwhile")
        run.add_argument("--leash", action="store_true", help="run it so that it ends when its connection does")
        run.add_argument(
            "--dask", metavar="ADDRESS", help="let the workers of this Dask cluster do it: tcp://host:8786"
        )
        out = parser.add_argument_group("output")
        out.add_argument(
            "--live",
            action="store_true",
            help="print each line as it comes, not when a host is done",
        )
        out.add_argument("-b", "--fold", action="store_true", help="print identical outputs once, when all is done")
        out.add_argument(
            "--json",
            action="store_true",
            help="print one JSON object per host, as they end (--live: per line, too)",
        )
        out.add_argument("--no-label", action="store_true", help="print lines without the host's name")
        out.add_argument(
            "--progress", action=argparse.BooleanOptionalAction, help="a progress bar (default: terminals)"
        )
        parser.take_program()

    def run(self, args: argparse.Namespace) -> int:
        """Runs the command and prints what comes back.

        Raises:
            CommandError: the options make no sense.

        Threads: main thread; blocks until all hosts are done.
        """
        if not "".join(args.program).strip():
            raise CommandError("no command: write it after --, as in paramedic exec -H web1 -- uptime")
        if args.fold and args.json:
            raise CommandError("--fold and --json do not go together")
        if args.live and (args.fold or args.dask or args.retry_safe):
            raise CommandError("--live does not go together with --fold, --dask or --retry-safe")
        if args.stdin and args.leash:
            raise CommandError("--stdin and --leash do not go together: a command on a leash has no input")
        if args.stdin and "-" in args.hosts_file:
            raise CommandError("standard input cannot be both the hosts and the command's input")
        command = args.program[0] if len(args.program) == 1 else " ".join(args.program)
        names = hosts.chosen_hosts(args)
        given = sys.stdin.buffer.read() if args.stdin else None
        outcomes: list[HostOutcome] = []
        group = hosts.group(args, names, dask=args.dask, leash=args.leash)
        # a bar that makes way for each line would flicker
        shown = sys.stderr.isatty() and not args.live if args.progress is None else args.progress
        with hosts.signals_end_it(), group, _Bar(len(names), shown) as bar:
            for told in _told(group, command, args, given):
                if isinstance(told, HostOutcome):
                    outcomes.append(told)
                    bar.advance(not told.ok)
                if not args.fold:
                    with bar.out_of_the_way():
                        _print(told, args)
        if args.fold:
            _print_folded(outcomes, names)
        return exit_status(outcomes, fail_fast=args.fail_fast)


COMMAND = Exec()


def _told(
    group: Group, command: str, args: argparse.Namespace, given: bytes | None
) -> Iterator[HostLine | HostOutcome]:
    limits = {"timeout": args.timeout, "deadline": args.deadline, "fail_fast": args.fail_fast, "input": given}
    if args.live:
        return group.lines(command, **limits)
    return group.as_completed(command, retry_safe=args.retry_safe, **limits)


def _print(told: HostLine | HostOutcome, args: argparse.Namespace) -> None:
    if args.json:
        form = line_to_json(told) if isinstance(told, HostLine) else outcome_to_json(told, live=args.live)
        print(json.dumps(form), flush=True)
    elif isinstance(told, HostLine):
        _print_line(told, label=not args.no_label)
    else:
        _print_lines(told, label=not args.no_label)


def exit_status(outcomes: list[HostOutcome], *, fail_fast: bool = False) -> int:
    """The exit status that says how it went everywhere; see ``--help``.

    Args:
        outcomes: of all hosts.
        fail_fast: whether the first failure stopped the others, which then say nothing of their own.

    Threads: any thread; does not block.
    """
    told = [outcome for outcome in outcomes if not isinstance(outcome.error, NotRun)]
    if fail_fast and not all(outcome.ok for outcome in told):
        outcomes = told
    if any(outcome.error is not None for outcome in outcomes):
        return hosts.UNREACHED_STATUS
    return 0 if all(outcome.ok for outcome in outcomes) else 1


def line_to_json(line: HostLine) -> dict[str, Any]:
    """A line of a host's in ``--json --live``. What is no UTF-8 comes in base64 too.

    Threads: any thread; does not block.
    """
    return {"schema": 1, "host": line.host, "command": line.command, "stream": line.stream, **_text("line", line.data)}


def _text(name: str, data: bytes) -> dict[str, str]:
    text = data.decode("utf-8", "replace")
    exact = {} if text.encode() == data else {f"{name}_base64": base64.b64encode(data).decode()}
    return {name: text, **exact}


def outcome_to_json(outcome: HostOutcome, *, live: bool = False) -> dict[str, Any]:
    """What became of a host in ``--json``. Output that is no UTF-8 comes in base64 too.

    Args:
        outcome: what is told.
        live: whether its output was told before, line by line.

    Threads: any thread; does not block.
    """
    found: dict[str, Any] = {"schema": 1, "host": outcome.host, "command": outcome.command, "ok": outcome.ok}
    result = outcome.result
    if result is not None:
        found |= {
            "exit_status": result.exit_status,
            "signal": result.signal,
            "ending": result.ending.value,
            "duration_s": round(result.duration_s, 6),
            "queue_s": round(result.queue_s, 6),
            "attempts": result.attempts,
        }
        if not live:
            found |= {**_text("stdout", result.stdout), **_text("stderr", result.stderr)}
    error = outcome.error
    if error is not None:
        found["error"] = {
            "type": type(error).__name__,
            "phase": error.phase,
            "message": error.message,
            "hint": error.hint,
        }
    return found


def _print_line(line: HostLine, *, label: bool) -> None:
    stream = sys.stderr if line.stream == "stderr" else sys.stdout
    prefix = line.host.encode() + b": " if label else b""
    data = _harmless(line.data) if stream.isatty() else line.data
    stream.buffer.write(prefix + data + b"\n")
    stream.buffer.flush()


def _print_lines(outcome: HostOutcome, *, label: bool) -> None:
    prefix = f"{outcome.host}: ".encode() if label else b""
    if outcome.result is not None:
        _write(sys.stdout.buffer, outcome.result.stdout, prefix, sys.stdout.isatty())
        sys.stdout.flush()
        _write(sys.stderr.buffer, outcome.result.stderr, prefix, sys.stderr.isatty())
    said = _verdict(outcome)
    if said:
        print(f"paramedic: {outcome.host}: {said}", file=sys.stderr)
    sys.stderr.flush()


def _write(stream: BinaryIO, data: bytes, prefix: bytes, terminal: bool) -> None:
    if not data:
        return
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    for line in lines:
        stream.write(prefix + (_harmless(line) if terminal else line) + b"\n")
    stream.flush()


def _harmless(line: bytes) -> bytes:
    # What a host prints must not steer our terminal: its title, its clipboard, the lines of other hosts.
    return _STEERS.sub(lambda found: b"".join(b"\\x%02x" % byte for byte in found[0]), line)


def _verdict(outcome: HostOutcome) -> str:
    error = outcome.error
    if error is not None:
        return printable(error.message + (f" ({error.hint})" if error.hint else ""))  # it may quote the server
    result = outcome.result
    return "" if result is None or result.ok else _ended(result)


def _ended(result: CommandResult) -> str:
    return f"ended by signal {printable(result.signal)}" if result.signal else f"exit status {result.exit_status}"


def _print_folded(outcomes: list[HostOutcome], names: list[str]) -> None:
    order = {name: index for index, name in enumerate(names)}
    for same, outcome in folded(sorted(outcomes, key=lambda o: order.get(o.host, 0))):
        bar = "-" * 15
        print(f"{bar}\n{hosts.folded_names(same)} ({len(same)})\n{bar}", flush=True)
        result = outcome.result
        if result is not None:
            for data in (result.stdout, result.stderr):
                _write(sys.stdout.buffer, data, b"", sys.stdout.isatty())
        said = _verdict(outcome)
        if said:
            print(f"[{said}]", flush=True)


class _Bar:
    """The progress bar on stderr, or none."""

    def __init__(self, total: int, shown: bool) -> None:
        self._failures = 0
        self._progress: Any = None
        if not shown:
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("hosts"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
        )
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task("", total=total)

    def __enter__(self) -> _Bar:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def advance(self, failed: bool) -> None:
        """One more host is done."""
        if self._progress is not None:
            self._failures += failed
            said = f"[red]{self._failures} failed" if self._failures else ""
            self._progress.update(self._task, advance=1, description=said)

    def out_of_the_way(self) -> AbstractContextManager[None]:
        """Lines are written meanwhile: the terminal's cursor stands behind the bar, whatever they are written to."""
        return nullcontext() if self._progress is None else self._stopped()

    @contextmanager
    def _stopped(self) -> Iterator[None]:
        self._progress.stop()  # transient: it is gone from the screen
        try:
            yield
        finally:
            self._progress.start()
