"""What a sub-command is, and how it says that something is wrong.

A sub-command is one module of this package that exposes ``COMMAND``. The table in `paramedic.cli.main` names the
module; it is imported only when the user chose it, so that ``paramedic --help`` stays fast however many there are.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Protocol, TextIO

USAGE_STATUS = 2
"""Exit status of everything that the user can put right: wrong options, unreadable input, a broken pyproject.toml."""

INTERNAL_STATUS = 70
"""Exit status of an error of ours (``EX_SOFTWARE`` of ``sysexits.h``)."""


class CommandError(Exception):
    """Something is wrong that the user can put right; the message is one sentence that says what and how.

    Attributes:
        status: exit status of the command.
    """

    def __init__(self, message: str, *, status: int = USAGE_STATUS) -> None:
        super().__init__(message)
        self.status = status


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that can leave a whole command line of somebody else's alone.

    argparse's own ``REMAINDER`` reads the options of the program that follows as if they were ours (it rejects
    "ambiguous" ones before Python 3.12), so the split is made before it sees them.
    """

    _program_starts: tuple[str, ...] | None = None

    def take_program(self, *starts: str) -> None:
        """Makes everything from the first positional word on the list ``args.program``, untouched.

        Args:
            starts: options such as ``-m`` that start the program too.

        Threads: for the thread that parses; does not block.
        """
        self._program_starts = starts

    def parse_words(self, words: Sequence[str]) -> argparse.Namespace:
        """As ``parse_args``, but stops where the program starts.

        Raises:
            SystemExit: ``--help`` or a usage error, as argparse does.

        Threads: for the thread that parses; does not block.
        """
        if self._program_starts is None:
            return self.parse_args(words)
        cut = self._where_program_starts(words)
        args = self.parse_args(words[:cut])
        program = list(words[cut:])
        args.program = program[1:] if program[:1] == ["--"] else program
        return args

    def _where_program_starts(self, args: Sequence[str]) -> int:
        assert self._program_starts is not None
        index = 0
        while index < len(args):
            word = args[index]
            if not word.startswith("-") or word in ("-", "--") or word.startswith(self._program_starts):
                return index
            action = self._option_string_actions.get(word)
            index += 1 if action is None or action.nargs in (0, "?") else 2  # an optional value comes after '='
        return len(args)


class Command(Protocol):
    """One sub-command.

    A module ``paramedic/cli/<name>.py`` exposes an object of this shape as ``COMMAND``.
    """

    def prepare_parser(self, parser: Parser) -> None:
        """Adds the command's arguments; parser.description may be set, prog and help are there already.

        Threads: main thread; does not block.
        """

    def run(self, args: argparse.Namespace) -> int:
        """Does the work and returns the exit status.

        Raises:
            CommandError: the user can put it right; `paramedic.cli.main` prints the sentence, no traceback.

        Threads: main thread; blocks for as long as the work takes.
        """


def complain(sentence: str) -> None:
    """Says something on standard error, if anybody can hear it.

    Threads: main thread; blocks until the stream took it.
    """
    try:
        print(f"paramedic: {sentence}", file=sys.stderr)
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Lets go of a stream that cannot be written to; Python would fail over what is left in it once more at exit.

    Threads: any.
    """
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):  # no descriptor behind it, or none to be had
        pass
