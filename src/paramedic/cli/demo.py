"""``paramedic demo``: hazards shown on the built-in server, and their cure."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from paramedic.cli import stage
from paramedic.cli.command import CommandError, Parser
from paramedic.hazards.catalogue import CATALOGUE, UnknownHazard, by_name, folder_of
from paramedic.lab import LabError, Manners, Server, lab
from paramedic.model.hazard import Hazard
from paramedic.report.layout import EMPTY, Line, Span, line, wrapped

TOUR = ("shared-channel", "undrained-stderr")
"""What is shown where nobody asked for anything: data that goes wrong in silence, and a hang."""

WIDTH = 80


class DemoCommand:
    """Starts the lab, runs a hazard's bad program under ``paramedic run``, then the good one.

    Threads: main thread.
    """

    def prepare_parser(self, parser: Parser) -> None:
        """Adds the hazards and what to show of them."""
        parser.description = "Show hazards on a built-in SSH server, and their cure; without a name, a short tour."
        parser.add_argument("hazards", metavar="HAZARD", nargs="*", help="names or codes; 'all' shows every proof")
        parser.add_argument("--only", choices=("bad", "good"), help="show only one side")
        parser.add_argument("--list", action="store_true", help="list the hazards that can be shown, and end")

    def run(self, args: argparse.Namespace) -> int:
        """Shows them one after the other; 0 if every program was run.

        Raises:
            CommandError: there is no such hazard, it has no proof, or the server did not start.
        """
        if args.list:
            for hazard in shown_hazards():
                print(f"{hazard.code} {hazard.name}: {hazard.summary}")
            return 0
        for hazard in _chosen(args.hazards or TOUR):
            for side in (args.only,) if args.only else ("bad", "good"):
                _show(hazard, side)
        if not args.hazards:
            print(f"{len(shown_hazards())} hazards can be shown: 'paramedic demo --list', 'paramedic demo NAME'.")
        return 0


COMMAND = DemoCommand()


def shown_hazards() -> list[Hazard]:
    """The hazards that have a proof.

    Threads: any; looks at the file system.
    """
    return [h for h in CATALOGUE if find_spec(f"paramedic.hazards.{folder_of(h)}.demo") is not None]


def _chosen(names: Sequence[str]) -> list[Hazard]:
    possible = shown_hazards()
    if list(names) == ["all"]:
        return possible
    chosen = []
    for name in names:
        try:
            hazard = by_name(name)
        except UnknownHazard as error:
            raise CommandError(str(error)) from None
        if hazard not in possible:
            raise CommandError(f"{hazard.name} cannot be shown here; 'paramedic demo --list' says which can")
        chosen.append(hazard)
    return chosen


def _show(hazard: Hazard, side: str) -> None:
    from paramedic.report.terminal import write_lines

    demo = import_module(f"paramedic.hazards.{folder_of(hazard)}.demo")
    words = " ".join((getattr(demo, side).__doc__ or hazard.summary).split())
    title = f"{hazard.name}, {'the wrong way' if side == 'bad' else 'the right way'}"
    told: list[Line] = [line(Span("═" * WIDTH, "rule")), line(Span(title, "name"))]
    told += [line(x) for x in wrapped(words, WIDTH)]
    told += [line(Span(f"$ paramedic run … {Path(demo.__file__ or '')} {side}", "dim")), EMPTY]
    write_lines(told, sys.stdout)
    try:
        with lab(Manners(**demo.MANNERS)) as server:
            _play(hazard, side, server)
    except LabError as error:
        raise CommandError(str(error)) from None
    print(flush=True)


def _play(hazard: Hazard, side: str, server: Server) -> None:
    command = [sys.executable, "-m", "paramedic", "run", "-m", stage.__name__, hazard.name, side]
    environment = {**os.environ, stage.VARIABLE: stage.server_to_text(server)}
    status = subprocess.run(command, env=environment).returncode
    # A proof may well end badly; only a tool that could not start is an error here.
    if status in (2, 70):
        raise CommandError(f"the demo of {hazard.name} could not be run", status=status)
