"""docs/reference/cli.md, made from the parsers: `make docs` writes it, a test compares it."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

from paramedic.cli.command import Parser
from paramedic.cli.main import Entry, commands_here

FILE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "cli.md"

HEAD = """\
# The command line

<!-- Made by `make docs` from the parsers; a test compares the two. Edit the commands' own words instead. -->

`paramedic COMMAND --help` says the same. Exit statuses: [exit-status.md](exit-status.md). Settings of a project:
[configuration.md](configuration.md).
"""


def reference() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(section(entry) for entry in commands_here())])


def parser_of(entry: Entry) -> Parser:
    """The parser of one command, as `paramedic.cli.main` makes it."""
    parser = Parser(prog=f"paramedic {entry.name}", description=entry.help[0].upper() + entry.help[1:] + ".")
    importlib.import_module(entry.module).COMMAND.prepare_parser(parser)
    return parser


def section(entry: Entry) -> str:
    """One command."""
    parser = parser_of(entry)
    lines = [f"## paramedic {entry.name}", "", parser.description or "", ""]
    lines += ["```", _usage(parser), "```", ""]
    rows = [*_rows(parser)]
    if rows:
        lines += ["| | |", "|---|---|", *rows, ""]
    if parser.epilog:
        lines += ["```text", parser.epilog.strip(), "```", ""]
    return "\n".join(lines)


def shown_actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Every argument that a user may see, those of sub-parsers too."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in dict.fromkeys(action.choices.values()):
                yield from shown_actions(sub)
        elif not isinstance(action, argparse._HelpAction):
            yield action


def _usage(parser: Parser) -> str:
    if parser.usage:
        return parser.usage % {"prog": parser.prog}
    words = [parser.prog, "[options]"]
    for action in parser._actions:
        if not action.option_strings:
            name = _metavar(action)
            words.append(
                {"*": f"[{name} ...]", "+": f"{name} [{name} ...]", "?": f"[{name}]"}.get(str(action.nargs), name)
            )
    return " ".join(words)


def _rows(parser: Parser) -> Iterator[str]:
    for action in shown_actions(parser):
        if action.help == argparse.SUPPRESS:
            continue
        name = ", ".join(action.option_strings) or _metavar(action)
        if action.option_strings and action.nargs != 0:
            name += f" {_metavar(action)}"
        words = (action.help or "") % {**vars(action), "prog": parser.prog}
        yield f"| `{_cell(name)}` | {_cell(words)} |"


def _metavar(action: argparse.Action) -> str:
    if action.metavar is not None:
        return action.metavar if isinstance(action.metavar, str) else " ".join(action.metavar)
    if action.choices:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper() if action.option_strings else action.dest


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    FILE.write_text(reference(), "utf-8")
    print(f"wrote {FILE}", file=sys.stderr)
