"""``paramedic lab``: an SSH server on loopback that misbehaves on request."""

from __future__ import annotations

import argparse

from paramedic.cli.command import CommandError, Parser
from paramedic.lab import console
from paramedic.lab.trouble import LabError


class LabCommand:
    """Serves until Ctrl-C.

    Threads: main thread.
    """

    def prepare_parser(self, parser: Parser) -> None:
        """Adds the ways in which the server can misbehave."""
        parser.description = "An SSH server on loopback, with real commands and SFTP, that misbehaves as you ask."
        console.add_arguments(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Serves until Ctrl-C.

        Raises:
            CommandError: an option is out of its range, or the server did not start.
        """
        try:
            return console.serve(console.manners_from(args))
        except LabError as error:
            raise CommandError(str(error)) from None


COMMAND = LabCommand()
