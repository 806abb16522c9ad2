"""Sizes, names and docstrings of modules."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess

from source_tree import ROOT, SRC, dotted, modules, paths

LONGEST = 500
MEDIAN = 150
NOT_NOUNS_OF_A_DOMAIN = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc", "stuff"}


def lines(path: object) -> int:
    return len(open(str(path), "rb").read().splitlines())


def test_no_module_is_longer_than_500_lines() -> None:
    long = {str(p.relative_to(ROOT)): lines(p) for p in paths() if lines(p) > LONGEST}
    assert long == {}


def test_no_test_module_is_longer_than_500_lines() -> None:
    tests = ROOT / "tests"
    # programs of users, run and read by tests, are as long as they are
    own = [p for p in tests.rglob("*.py") if "programs" not in p.parts and p.parent.parent != tests / "cases"]
    long = {str(p.relative_to(ROOT)): lines(p) for p in own if lines(p) > LONGEST}
    assert long == {}


def test_the_median_module_has_at_most_150_lines() -> None:
    # Package markers would make any median.
    sizes = [lines(p) for p in paths() if p.name != "__init__.py"]
    assert statistics.median(sizes) <= MEDIAN


def test_modules_are_nouns_of_their_domain() -> None:
    assert [p for p in paths() if p.stem.strip("_") in NOT_NOUNS_OF_A_DOMAIN] == []
    assert [p for p in SRC.rglob("*") if p.is_dir() and p.name in NOT_NOUNS_OF_A_DOMAIN] == []


def test_every_module_says_what_it_is() -> None:
    silent = [name for name, tree in modules().items() if not ast.get_docstring(tree)]
    assert silent == []


def test_no_package_that_has_modules_is_still_under_construction() -> None:
    begun = {p.parent for p in paths() if p.name != "__init__.py"}
    assert [dotted(p) for p in paths() if "Under construction" in p.read_text("utf-8") and p.parent in begun] == []


def test_test_files_have_names_of_their_own() -> None:
    """pytest imports them by their bare names: two tests/*/test_cases.py could not both be collected."""
    programs = ROOT / "tests" / "cases"  # a folder each, run and never imported
    names = [p.name for p in (ROOT / "tests").rglob("*.py") if p.name != "conftest.py" and p.parent.parent != programs]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_nothing_of_one_machine_is_committed() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, timeout=60)
    if listed.returncode:  # a source archive, not a checkout
        files = [p for p in ROOT.rglob("*.py") if ".venv" not in p.parts]
    else:
        files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    # Written in pieces, or this file would be the first to be found.
    pattern = re.compile(rb"/(?:work)/(?:main|shared)|/(?:tmp)/(?:venv|brief)|/(?:root)/[a-z.]")
    found = [
        f"{path.relative_to(ROOT)}: {match[0].decode()}"
        for path in files
        if path.is_file() and (match := pattern.search(path.read_bytes()))
    ]
    assert found == []
