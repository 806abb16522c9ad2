"""``paramedic run``: a program under the recorder, and what its threads did wrong."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from paramedic.check import DEFAULT_STALL_S
from paramedic.check.sampling import CpuSampling
from paramedic.cli import output
from paramedic.cli.command import CommandError, Parser, complain, silence
from paramedic.record import launch
from paramedic.record.log_file import LOG_VARIABLE
from paramedic.record.session import CHECK, LEVELS, Options
from paramedic.trace.ending import write_ending, write_seen

if TYPE_CHECKING:
    from paramedic.check.configuration import Configuration
    from paramedic.check.process import Ended
    from paramedic.check.stall import StallWatch
    from paramedic.model.report import Report

EXAMPLES = """examples:
  paramedic run deploy.py web1 web2
  paramedic run -m pytest tests/
  paramedic run --format json --output found.json --fail-on possible deploy.py

The exit status is the program's own; docs/reference/exit-status.md has the table.
"""

DEFAULT_SIZE_BYTES = 256 << 20
STALLED = 124
"""Exit status of a program that ``--kill-on-stall`` has ended, as of ``timeout(1)``."""
_INTERPRETER_FLAGS = ("-O", "-OO", "-u", "-B", "-b", "-bb", "-P", "-s", "-x")
_KEEP_US_OUT = ("-I", "-E", "-S")
"""Options of Python's with which nothing of ours would be started in the program."""
_STARTS = {"-m": "a module's name", "-c": "some code"}


class RunCommand:
    """Runs a program as ``python`` would, records it, and reports when it has ended.

    Threads: main thread of a process without other threads.
    """

    def prepare_parser(self, parser: Parser) -> None:
        """Adds the options; everything from the program on is left alone."""
        parser.usage = "%(prog)s [options] (SCRIPT | -m MODULE | -c CODE) [ARG ...]"
        parser.epilog = EXAMPLES
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.take_program(*_STARTS)
        group = parser.add_argument_group("recording")
        group.add_argument(
            "--level",
            choices=LEVELS,
            help="watch: calls, overlaps, waits, for long runs; check (default): locks and hand-overs too",
        )
        group.add_argument("--recording", metavar="FOLDER", help="keep the recording there")
        group.add_argument(
            "--max-size", metavar="SIZE", help="limit for the recording of each process (default 256MiB)"
        )
        group.add_argument(
            "--record-commands",
            action="store_true",
            help="record command lines and file names too; they may be secret",
        )
        group.add_argument("--log", metavar="FILE", help="write Paramiko's debug log there too, for 'paramedic log'")
        group = parser.add_argument_group("hangs")
        group.add_argument(
            "--stall",
            metavar="SECONDS",
            type=_seconds,
            help=f"tell a hang while it hangs, after so long (default {DEFAULT_STALL_S:g}; 0: never)",
        )
        group.add_argument(
            "--kill-on-stall", action="store_true", help=f"end a program that hangs, with exit status {STALLED}"
        )
        group = parser.add_argument_group("proof")
        group.add_argument(
            "--confirm",
            metavar="N",
            nargs="?",
            type=_runs,
            const=5,
            help="run again, up to N times (5), with delays that make the possible happen",
        )
        group.add_argument(
            "--fuzz", metavar="N", nargs="?", type=_runs, const=5, help="run again N times (5) with delays anywhere"
        )
        group.add_argument(
            "--seed",
            metavar="SEED",
            type=int,
            help="of the first of these runs (default 1); alone: run again once, as --confirm did with that seed",
        )
        output.add_options(parser, "perfetto")
        group = parser.add_argument_group("interpreter", "passed on to Python")
        for flag in _INTERPRETER_FLAGS:
            group.add_argument(flag, dest="flags", action="append_const", const=flag, help=argparse.SUPPRESS)
        for flag in _KEEP_US_OUT:
            group.add_argument(flag, dest="left_out", action="append_const", const=flag, help=argparse.SUPPRESS)
        group.add_argument("-X", dest="x_options", metavar="OPT", action="append", default=[], help="as python -X")
        group.add_argument("-W", dest="warnings", metavar="ARG", action="append", default=[], help="as python -W")

    def run(self, args: argparse.Namespace) -> int:
        """Runs the program and returns its status, or 1 where ``--fail-on`` says so.

        Raises:
            CommandError: nothing was run.
        """
        if args.seed is None:
            args.seed = 1
        elif not args.confirm and not args.fuzz:
            args.confirm = 1  # a finding names the seed that showed it
        if (args.confirm or args.fuzz) and args.program and args.program[0].isdigit():
            raise CommandError(f"the number of runs comes after '=': --confirm={args.program[0]}")
        if args.left_out:
            raise CommandError(
                f"{args.left_out[0]}: with this option of Python's nothing can be recorded from outside; leave it out, "
                "or begin in the program itself: import paramedic; paramedic.start()"
            )
        program = _checked(args.program)
        if program[0] == "-" and (args.confirm or args.fuzz):
            raise CommandError("a program from standard input can be run only once; save it in a file")
        if args.format != "terminal" and args.output is None:
            raise CommandError(
                f"--format {args.format} needs --output FILE, because standard output and error are the program's own "
                "('--output -' mixes the report into its output)"
            )
        configuration = output.settings()
        folder = _folder(args.recording, program)
        size = _size(args.max_size) or configuration.max_size_bytes or DEFAULT_SIZE_BYTES
        options = Options(
            directory=str(folder),
            level=args.level or configuration.level or CHECK,
            max_size_bytes=size,
            record_commands=args.record_commands,
        )
        if args.log is not None:
            if not Path(args.log).absolute().parent.is_dir():
                raise CommandError(f"--log {args.log}: there is no such folder")
            os.environ[LOG_VARIABLE] = str(Path(args.log).absolute())
        stall = args.stall if args.stall is not None else DEFAULT_STALL_S
        watch = _Stall(folder, stall, args.kill_on_stall, configuration)
        words = [*_interpreter_flags(args), *program]
        ended = _observe(words, options, watch)
        failed = _report(folder, args, configuration, lambda report: _prove(report, words, options, args, stall))
        if watch.ended_it:
            return STALLED
        if ended.signal is None and ended.status == 0 and failed:
            return failed
        return ended.repeat()


COMMAND = RunCommand()


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:  # nor NaN
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 0 on")
    return value


def _runs(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 1_000_000):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of runs from 1 on")
    return int(text)


def _checked(program: Sequence[str]) -> list[str]:
    """The program part, if Python could start it; in the words and with the status of Python otherwise.

    Raises:
        CommandError: there is no program, or no such file.
    """
    if not program:
        raise CommandError("say which program to run: paramedic run app.py, -m module or -c code")
    first = program[0]
    start = first[:2]
    if start in _STARTS and first.startswith(tuple(_STARTS)):
        if first == start and len(program) == 1:
            raise CommandError(f"{start} needs {_STARTS[start]}")
        # python takes -mname as well as -m name
        return list(program) if first == start else [start, first[2:], *program[1:]]
    if first == "-":
        return list(program)
    path = Path(first)
    try:
        if path.is_dir():
            if not (path / "__main__.py").is_file():
                raise CommandError(f"can't find '__main__' module in {first!r}; name the script in it", status=1)
        else:
            with open(path, "rb"):
                pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CommandError(f"can't open file {os.path.abspath(first)!r}: {reason}{_hint(first)}") from None
    return list(program)


def _hint(name: str) -> str:
    """`paramedic run pytest` means a module, or a command that is a Python script; other names may be misspelt."""
    import shutil
    from difflib import get_close_matches
    from importlib.util import find_spec

    if name.isidentifier() and find_spec(name) is not None:
        return f"; to run the module: paramedic run -m {name}"
    command = shutil.which(name) if "/" not in name and "\0" not in name else None
    if command:
        return f"; to run the command, if it is a Python script: paramedic run {command}"
    folder, file = os.path.split(name)
    try:
        names = [found for found in os.listdir(folder or ".") if found.endswith(".py")]
    except (OSError, ValueError):
        names = []
    # the end, which all have, makes none like another; what is there may not be read
    near = [] if file in names else get_close_matches(file.removesuffix(".py"), [n[:-3] for n in names], 1, 0.7)
    return f"; did you mean {os.path.join(folder, near[0] + '.py')!r}?" if near else "; check its path and rights"


def _folder(chosen: str | None, program: Sequence[str]) -> Path:
    from paramedic.check import shelf

    try:
        if chosen is not None:
            return shelf.chosen_recording(Path(chosen))
        name = program[1] if program[0] == "-m" else program[0]
        return shelf.new_recording(name)
    except OSError as error:
        raise CommandError(
            f"cannot keep the recording in {chosen or 'a temporary folder'}: {error.strerror or error}; "
            "choose another folder with --recording"
        ) from None


def _size(text: str | None) -> int | None:
    from paramedic.check.configuration import parse_size

    if text is None:
        return None
    try:
        return parse_size(text)
    except ValueError as error:
        raise CommandError(f"--max-size: {error}") from None


def _interpreter_flags(args: argparse.Namespace) -> list[str]:
    # Those that this interpreter was started with (`python -X dev -m paramedic run …`): multiprocessing passes them on
    # in the same way.
    inherited: list[str] = getattr(subprocess, "_args_from_interpreter_flags", list)()
    given = [*(args.flags or ())]
    for letter, values in (("-X", args.x_options), ("-W", args.warnings)):
        for value in values:
            given += [letter, value]
    return [*inherited, *given]


class _Stall:
    """Looks at the program while it runs: how busy it is, and whether it hangs, which it tells.

    With ``--kill-on-stall`` it asks for its end then. Without a configuration it tells what the user allows, too.
    """

    def __init__(self, folder: Path, stall_s: float, kill: bool, configuration: Configuration | None = None) -> None:
        self._folder, self._stall_s, self._kill = folder, max(stall_s, 0.0), kill
        self._configuration = configuration
        self._sampling = CpuSampling(folder)
        self._watch: StallWatch | None = None
        self._began = time.monotonic()
        self._hang: set[int] = set()
        self.ended_it = False

    @property
    def gone(self) -> dict[int, int]:
        """When its processes were seen to be gone."""
        return self._sampling.gone

    def tick(self) -> bool:
        """Called twice a second."""
        self._sampling.look()
        write_seen(self._folder, self.gone)
        if not self._stall_s or time.monotonic() - self._began < self._stall_s:
            return False
        try:
            if self._watch is None:  # most programs end before anything of this is imported
                from paramedic.check.second_look import SecondLook
                from paramedic.check.stall import StallWatch

                self._watch = StallWatch(self._folder, self._stall_s, self._tell, SecondLook().of)
                self._watch.now()
            if self._watch.tick() and self._kill:
                self.ended_it = True
                for process in self._hang:
                    _end_child(process)
                return True
        except Exception as error:
            if os.environ.get("PARAMEDIC_DEBUG"):
                raise
            print(f"paramedic: cannot look for hangs: {type(error).__name__}: {error}", file=sys.stderr)
            self._stall_s = float("inf")
        return False

    def _tell(self, report: Report) -> bool:
        from paramedic.report.terminal import write_report

        if self._configuration is not None:
            from paramedic.check.verdict import judge

            report = judge(report, self._configuration).report
        if not report.findings:
            return False  # the user allows it
        self._hang = {f.process for f in report.findings if f.process}
        print("paramedic: the program hangs:", file=sys.stderr)
        write_report(report, output.hazards_by_name(), sys.stderr)
        if not self._kill:
            print("paramedic: it runs on until it ends or you end it", file=sys.stderr)
        return True


def _end_child(process: int) -> None:
    """Ends a process that hangs, where it is a child of the program's: nobody else would, once the program is gone.

    (As far as Linux tells whose child it is.)
    """
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            parent = int(file.read().rpartition(b")")[2].split()[1])
        if parent != os.getpid():
            os.kill(process, signal.SIGTERM)
    except (OSError, ValueError, IndexError):
        pass


def _observe(program: Sequence[str], options: Options, watch: _Stall) -> Ended:
    from paramedic.check.process import run_program

    try:
        command = launch.command(program, options, os.environ)
        ended = run_program(*command, meanwhile=_get_ready, tick=watch.tick)
    except OSError as error:
        raise CommandError(f"cannot start {sys.executable}: {error.strerror or error}", status=126) from None
    write_ending(Path(options.directory), ended.status, watch.gone)
    return ended


def _get_ready() -> None:
    """Imports what judges and writes while the program runs, so that its user does not wait for that at the end."""
    try:
        import paramedic.check.recording
        import paramedic.check.verdict
        import paramedic.report.terminal  # noqa: F401
        from paramedic.hazards.catalogue import CATALOGUE, lens, lenses_of
        from paramedic.model.hazard import Lens

        for hazard in CATALOGUE:
            if Lens.RUNTIME in lenses_of(hazard):
                lens(hazard, Lens.RUNTIME)
    except Exception:  # it will be met again, where it can be told
        pass


def _prove(report: Report, words: list[str], options: Options, args: argparse.Namespace, stall: float) -> Report:
    """Runs the program again, with delays, where ``--confirm`` or ``--fuzz`` asks for it."""
    if not args.confirm and not args.fuzz:
        return report
    from paramedic.check.recording import only_locked
    from paramedic.cli import rounds

    def observe(again: Options, folder: Path) -> None:
        # a run that shows a deadlock does not end by itself
        _observe(words, again, _Stall(folder, stall or DEFAULT_STALL_S, kill=True))

    if args.fuzz:
        report = rounds.fuzzed(report, options, args.fuzz, args.seed, observe)
    if args.confirm:
        locked = only_locked(Path(options.directory), report.findings)
        report = rounds.confirmed(report, options, args.confirm, args.seed, observe, locked)
    return report


def _report(
    folder: Path, args: argparse.Namespace, configuration: Configuration, more: Callable[[Report], Report]
) -> int:
    """Reports on stderr, so that the program's standard output stays its own; returns 0 or the status of a finding.

    The program has ended with a status that somebody waits for: no trouble of ours may take its place.
    """
    failed = 0
    try:
        from paramedic.check import recording

        verdict = output.verdict_on(more(recording.report_of(folder)), args, configuration)
        failed = verdict.status
        if args.format == "terminal" and args.output is None and sys.stderr.isatty():
            print(file=sys.stderr)  # the program may have left the cursor in the middle of a line
        output.write(verdict, args, again=f"paramedic check {shlex.quote(str(folder))}", stream=sys.stderr)
    except CommandError as error:
        complain(f"{error}; the recording is in {folder}")
    except OSError as error:
        if error.filename is None:  # standard error is full, or its reader has gone
            silence(sys.stderr)
        else:
            complain(f"{error.filename}: {error.strerror}; the recording is in {folder}")
    except Exception as error:
        if os.environ.get("PARAMEDIC_DEBUG"):
            raise
        complain(
            f"the recording could not be read ({type(error).__name__}: {error}); it is in {folder}. "
            "Please report it with the traceback that PARAMEDIC_DEBUG=1 shows"
        )
    return failed
