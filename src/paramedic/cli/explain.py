"""``paramedic explain``: the page of one hazard."""

from __future__ import annotations

import argparse
import sys

from paramedic.cli.command import CommandError, Parser
from paramedic.hazards.catalogue import UnknownHazard, by_name, page_of
from paramedic.model.hazard import Hazard

WIDEST = 100


class ExplainCommand:
    """Prints a hazard's page: formatted at a terminal, as Markdown into a pipe.

    Threads: main thread.
    """

    def prepare_parser(self, parser: Parser) -> None:
        """Adds the name."""
        parser.add_argument("hazard", metavar="NAME|CODE", help="such as shared-channel or PMC102")

    def run(self, args: argparse.Namespace) -> int:
        """Prints the page to standard output.

        Raises:
            CommandError: there is no such hazard.
        """
        try:
            hazard = by_name(args.hazard)
        except UnknownHazard as error:
            raise CommandError(str(error)) from None
        page = _page(hazard)
        if not sys.stdout.isatty():
            encoding = sys.stdout.encoding or "utf-8"
            sys.stdout.write(page.encode(encoding, "backslashreplace").decode(encoding))
            return 0
        from rich.console import Console
        from rich.markdown import Markdown

        console = Console()
        console.print(Markdown(page), width=min(console.width, WIDEST))
        return 0


COMMAND = ExplainCommand()


def _page(hazard: Hazard) -> str:
    """The page, or what the catalogue says where this version has no page of it."""
    try:
        return page_of(hazard)
    except FileNotFoundError:
        parts = [f"# {hazard.name} ({hazard.code})", hazard.summary[0].upper() + hazard.summary[1:] + "."]
        for heading, text in (("What you see", hazard.symptom), ("Why Paramiko does this", hazard.why)):
            parts += [f"## {heading}", text + "."]
        parts += ["## Fix", hazard.fix, "## Reports", "\n".join(f"- {link}" for link in hazard.upstream)]
        return "\n\n".join(parts) + "\n"
