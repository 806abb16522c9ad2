"""The contract table cites code that is there, and the page about it says the same."""

from __future__ import annotations

import importlib
from functools import reduce
from pathlib import Path

import pytest

from paramedic.analysis.contract import READ_IN, RULES, Rule, breaches, uses
from paramedic.hazards.catalogue import by_name
from paramedic.model.operations import OPERATIONS

PAGE = (Path(__file__).parents[2] / "docs" / "explanation" / "contract.md").read_text("utf-8")


def _named(rule: Rule) -> str:
    return f"{rule.resource} {'/'.join(rule.first)}-{'/'.join(rule.second)}"


@pytest.mark.parametrize("rule", RULES, ids=_named)
def test_the_cited_function_is_in_this_paramiko(rule: Rule) -> None:
    module = importlib.import_module(f"paramiko.{rule.file.removesuffix('.py')}")
    function = reduce(getattr, rule.function.split("."), module)
    assert callable(function)
    assert function.__module__ == module.__name__, "it is only imported there"


@pytest.mark.parametrize("rule", RULES, ids=_named)
def test_the_page_has_the_row(rule: Rule) -> None:
    folder = rule.hazard.replace("-", "_")
    rows = [line for line in PAGE.splitlines() if line.startswith("|") and f"`{rule.resource}`" in line]
    assert any(rule.hazard in row or folder in row for row in rows), f"no row of {rule.resource} leads to {rule.hazard}"
    assert f"`{rule.file}`" in PAGE


@pytest.mark.parametrize("rule", RULES, ids=_named)
def test_a_breach_is_a_hazard_of_the_catalogue_and_found_both_ways(rule: Rule) -> None:
    assert by_name(rule.hazard).name == rule.hazard
    for one in rule.first:
        for other in rule.second:
            assert breaches(rule.resource, one)[other] is rule
            assert breaches(rule.resource, other)[one] is rule


def test_the_page_names_the_versions_that_were_read() -> None:
    for version in READ_IN.split(", "):
        assert version in PAGE


def test_every_group_of_a_rule_has_an_operation() -> None:
    kinds = (("SSHClient", 0), ("ChannelFile", 0), ("ChannelFile", 1), ("ChannelFile", 2), ("SFTPFile", 0))
    used = {use for name in OPERATIONS for kind, stream in kinds for use in uses(name, kind, stream)}
    assert {(rule.resource, group) for rule in RULES for group in rule.first | rule.second} <= used
