"""``paramedic hazards``: the table of everything that Paramedic knows."""

from __future__ import annotations

import argparse
import json
import sys

from paramedic.cli.command import Parser
from paramedic.hazards.catalogue import CATALOGUE, lenses_of
from paramedic.model.hazard import Family, Hazard
from paramedic.report.layout import EMPTY, Line, Span, line, wrapped

SCHEMA = 1
WIDTH = 80


class HazardsCommand:
    """Lists the catalogue.

    Threads: main thread.
    """

    def prepare_parser(self, parser: Parser) -> None:
        """Adds ``--format`` and ``--family``."""
        parser.add_argument("--format", choices=("terminal", "json"), default="terminal", help="how to write the list")
        parser.add_argument("--family", choices=[str(f) for f in Family], help="only this shelf")

    def run(self, args: argparse.Namespace) -> int:
        """Prints the list to standard output."""
        chosen = [h for h in CATALOGUE if args.family in (None, h.family)]
        if args.format == "json":
            print(json.dumps({"schema": SCHEMA, "hazards": [_as_json(h) for h in chosen]}, indent=2))
            return 0
        from paramedic.report.terminal import write_lines

        write_lines(_table(chosen), sys.stdout)
        return 0


COMMAND = HazardsCommand()


def _table(hazards: list[Hazard]) -> list[Line]:
    told: list[Line] = []
    for family in dict.fromkeys(h.family for h in hazards):
        told.append(line(Span(str(family), "label")))
        for hazard in hazards:
            if hazard.family is family:
                seen = ", ".join(lenses_of(hazard)) or "no lens yet"
                told.append(line(f"  {hazard.code} ", Span(hazard.name, "name"), Span(f"  ({seen})", "dim")))
                told += [line(x) for x in wrapped(hazard.summary, WIDTH, first=" " * 9)]
        told.append(EMPTY)
    told.append(line("'paramedic explain NAME' (or code) tells a hazard's cause, symptom and cure."))
    return told


def _as_json(hazard: Hazard) -> dict[str, object]:
    return {
        "code": hazard.code,
        "name": hazard.name,
        "family": str(hazard.family),
        "summary": hazard.summary,
        "symptom": hazard.symptom,
        "why": hazard.why,
        "fix": hazard.fix,
        "change": hazard.change,
        "safe": hazard.safe,
        "upstream": list(hazard.upstream),
        "paramiko_bug": hazard.paramiko_bug,
        "aliases": list(hazard.aliases),
        "lenses": [str(x) for x in lenses_of(hazard)],
    }
