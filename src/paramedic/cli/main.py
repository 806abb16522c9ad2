"""The command ``paramedic``: chooses the sub-command and turns errors into sentences."""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from paramedic import __version__
from paramedic.cli.command import INTERNAL_STATUS, USAGE_STATUS, Command, CommandError, Parser, complain, silence


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row of the table of sub-commands.

    Attributes:
        name: what the user types.
        module: where ``COMMAND`` lives; imported only when it is chosen.
        help: one line, no full stop.
    """

    name: str
    module: str
    help: str


# A new sub-command is one file and one line here. The order is the one in which a person meets them.
COMMANDS: tuple[Entry, ...] = (
    Entry(name="run", module="paramedic.cli.run", help="run a program and report what its threads do wrong"),
    Entry(name="check", module="paramedic.cli.check", help="report again from saved recordings"),
    Entry(name="explain", module="paramedic.cli.explain", help="explain a hazard: cause, symptom, fix"),
    Entry(name="hazards", module="paramedic.cli.hazards", help="list the hazards that Paramedic knows"),
    Entry(name="demo", module="paramedic.cli.demo", help="show hazards on a built-in SSH server, and their cure"),
    Entry(name="lab", module="paramedic.cli.lab", help="serve SSH on loopback, misbehaving on request"),
    Entry(name="dump", module="paramedic.cli.dump", help="say why a process hangs, from a thread dump"),
    Entry(name="log", module="paramedic.cli.log", help="read a Paramiko debug log as an expert would"),
    Entry(name="lint", module="paramedic.cli.lint", help="find hazards in source code, without running it"),
    Entry(name="checkup", module="paramedic.cli.checkup", help="go through the threading checklist with evidence"),
    Entry(name="exec", module="paramedic.cli.exec", help="run a command on many hosts"),
    Entry(name="copy", module="paramedic.cli.copy", help="copy files to and from many hosts"),
)


COLLECTOR = (50_000, 20, 100)
"""When Python looks for cycles of garbage: reading a recording makes millions of objects, and hardly ever a cycle."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs ``paramedic`` with these arguments (default: the process's) and returns the exit status.

    Raises:
        SystemExit: ``--help``, ``--version`` or a usage error, as argparse does.

    Threads: main thread; blocks for as long as the sub-command runs.
    """
    if argv is None:  # the process is ours
        gc.set_threshold(*COLLECTOR)
    words = list(sys.argv[1:] if argv is None else argv)
    # Whoever starts us may have closed them; print() and argparse cannot live with None.
    sys.stdout = sys.stdout or open(os.devnull, "w")
    sys.stderr = sys.stderr or open(os.devnull, "w")
    # The rest of the words belongs to the sub-command, whose module is not imported yet.
    parser = _top_parser()
    parser.take_program()
    chosen = cast("list[str]", parser.parse_words(words).program)
    if not chosen:
        parser.print_help()
        return USAGE_STATUS
    entry = next((e for e in COMMANDS if e.name == chosen[0]), None)
    if entry is None:
        parser.error(_unknown(chosen[0]))
    try:
        command = _load(entry)
        sub = Parser(prog=f"paramedic {entry.name}", description=entry.help[0].upper() + entry.help[1:] + ".")
        command.prepare_parser(sub)
        return command.run(sub.parse_words(chosen[1:]))
    except CommandError as error:
        complain(str(error))
        return error.status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        silence(sys.stdout)  # the reader of our output has gone (`paramedic hazards | head`)
        return 141
    except OSError as error:
        silence(sys.stdout)
        complain(f"{error.filename or 'cannot write the output'}: {error.strerror or error}")
        return USAGE_STATUS
    except Exception as error:  # an error of ours must not look like one of the user's program
        if os.environ.get("PARAMEDIC_DEBUG"):
            raise
        complain(
            f"internal error ({type(error).__name__}: {error}); please report it with the traceback that "
            "PARAMEDIC_DEBUG=1 shows"
        )
        return INTERNAL_STATUS


def _top_parser() -> Parser:
    rows = commands_here()
    width = max((len(e.name) for e in rows), default=0)
    parser = Parser(
        prog="paramedic",
        usage="%(prog)s [-h] [--version] COMMAND ...",
        description="First aid for threads in programs that use Paramiko: finds, explains and fixes.",
        epilog="commands:\n"
        + "\n".join(f"  {e.name:<{width}}  {e.help}" for e in rows)
        + "\n\n'paramedic COMMAND --help' says more. Start with 'paramedic demo' or 'paramedic run app.py'.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


def commands_here() -> tuple[Entry, ...]:
    """The rows whose module is part of this version, without importing any of them.

    Threads: pure but for a look at the file system.
    """
    return tuple(e for e in COMMANDS if importlib.util.find_spec(e.module) is not None)


def _load(entry: Entry) -> Command:
    """The command's object.

    Raises:
        CommandError: this version of Paramedic does not have the command yet.
    """
    try:
        module = importlib.import_module(entry.module)
    except ModuleNotFoundError as error:
        if error.name != entry.module:
            raise
        raise CommandError(f"'{entry.name}' is not part of this version ({__version__})") from None
    return cast("Command", module.COMMAND)


def _unknown(word: str) -> str:
    import difflib

    near = difflib.get_close_matches(word, [e.name for e in commands_here()], n=1)
    if near:
        return f"there is no command {word!r}; did you mean {near[0]!r}?"
    if word.endswith(".py"):
        return f"there is no command {word!r}; to run a program: paramedic run {word}"
    return f"there is no command {word!r}; 'paramedic --help' lists them"


if __name__ == "__main__":
    sys.exit(main())
