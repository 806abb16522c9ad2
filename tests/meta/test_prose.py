"""What the documentation says is so: commands, options, statuses, settings, links, snippets."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import cli_reference
import pytest
from source_tree import ROOT

from paramedic.check.configuration import KEYS, parse_configuration
from paramedic.cli.command import INTERNAL_STATUS, USAGE_STATUS
from paramedic.cli.main import COMMANDS, commands_here
from paramedic.report.json_form import json_schema

DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])


def test_the_command_line_is_documented() -> None:
    shown = cli_reference.FILE.read_text("utf-8")
    assert shown == cli_reference.reference(), "docs/reference/cli.md is out of date: run 'make docs'"


def test_every_option_says_what_it_does() -> None:
    silent = [
        f"{entry.name} {action.option_strings or action.dest}"
        for entry in commands_here()
        for action in cli_reference.shown_actions(cli_reference.parser_of(entry))
        if not action.help
    ]
    assert silent == []


def test_commands_that_find_share_their_options() -> None:
    for entry in commands_here():
        options = {o for a in cli_reference.parser_of(entry)._actions for o in a.option_strings}
        if "--fail-on" in options:
            assert {"--format", "--output", "--quiet"} <= options, entry.name


def test_commands_that_prose_mentions_exist() -> None:
    known = {entry.name for entry in COMMANDS}
    wrong = [
        f"{page.relative_to(ROOT)}: paramedic {word}"
        for page in PAGES
        for word in re.findall(r"(?:`|^|\$ )paramedic ([a-z][a-z-]*)", page.read_text("utf-8"), re.MULTILINE)
        if word not in known
    ]
    assert wrong == []


def test_options_that_prose_mentions_exist() -> None:
    wrong = []
    for entry in commands_here():
        known = {o for a in cli_reference.parser_of(entry)._actions for o in a.option_strings}
        for page in PAGES:
            for call in re.findall(rf"paramedic {entry.name} ([^`\n]*)", page.read_text("utf-8")):
                ours = re.split(r"\s-- |\s[\w./-]+\.py\b|\s-[mc]\s", " " + call)[0]
                wrong += [
                    f"{page.relative_to(ROOT)}: paramedic {entry.name} {option}"
                    for option in re.findall(r"(?<!\S)(--[a-z][a-z-]+)", ours)
                    if option not in known
                ]
    assert wrong == []


def test_every_setting_is_documented_and_every_documented_setting_exists() -> None:
    page = (DOCS / "reference" / "configuration.md").read_text("utf-8")
    assert set(re.findall(r"^\| `([a-z-]+)`", page, re.MULTILINE)) == set(KEYS)


def test_the_example_of_the_settings_is_valid() -> None:
    page = (DOCS / "reference" / "configuration.md").read_text("utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    table = tomllib.loads(example)["tool"]["paramedic"]
    assert parse_configuration(table, Path("pyproject.toml")).ignore


def test_the_exit_statuses_are_those_of_the_code() -> None:
    page = (DOCS / "reference" / "exit-status.md").read_text("utf-8")
    documented = set(re.findall(r"^\| (\d+) \|", page, re.MULTILINE))
    assert documented >= {"0", "1", str(USAGE_STATUS), str(INTERNAL_STATUS), "126", "130", "141"}


def test_every_json_field_is_documented() -> None:
    page = (DOCS / "reference" / "json.md").read_text("utf-8")
    schema = json_schema()
    fields = set(schema["properties"])
    for part in ("finding", "place"):
        fields |= set(schema["$defs"][part]["properties"])
    fields |= set(schema["$defs"]["finding"]["properties"]["steps"]["items"]["properties"])
    fields |= set(schema["$defs"]["finding"]["properties"]["edits"]["items"]["properties"])
    assert sorted(f for f in fields if f"`{f}`" not in page) == []


def test_the_example_of_the_json_is_valid() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    page = (DOCS / "reference" / "json.md").read_text("utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    jsonschema.validate(json.loads(example), json_schema())


def test_links_lead_somewhere() -> None:
    broken = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            if not re.match(r"[a-z]+:", target) and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    todo = [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen:
            continue
        seen.add(page)
        for target in re.findall(r"\]\(([^)#\s]+\.md)(?:#[^)]*)?\)", page.read_text("utf-8")):
            linked = (page.parent / target).resolve()
            if linked.is_file() and not target.startswith("http"):
                todo.append(linked)
    assert sorted(str(p.relative_to(ROOT)) for p in DOCS.rglob("*.md") if p not in seen) == []


def test_make_targets_that_prose_mentions_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    wrong = [
        f"{page.relative_to(ROOT)}: make {word}"
        for page in PAGES
        for word in re.findall(r"`make ([a-z]+)", page.read_text("utf-8"))
        if word not in targets
    ]
    assert wrong == []
