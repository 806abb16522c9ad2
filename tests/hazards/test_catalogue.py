"""The catalogue is one list that agrees with the folders, the families and the table that it was made from."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import paramedic.hazards
from paramedic.hazards import catalogue
from paramedic.hazards.catalogue import CATALOGUE, MissingLens, UnknownHazard, by_name, folder_of, lenses_of
from paramedic.model.hazard import Family, Hazard, Lens

FOLDERS = Path(paramedic.hazards.__file__).parent
HUNDREDS = {
    Family.SHARING: "1",
    Family.WAITING: "2",
    Family.LIFETIME: "3",
    Family.LIMITS: "4",
    Family.ERRORS: "5",
    Family.TRUST: "6",
    Family.SPEED: "7",
}

each_hazard = pytest.mark.parametrize("hazard", CATALOGUE, ids=lambda hazard: hazard.name)


def test_codes_rise_from_first_to_last() -> None:
    codes = [hazard.code for hazard in CATALOGUE]
    assert codes == sorted(set(codes))


def test_no_name_code_or_alias_means_two_hazards() -> None:
    names = [name.lower() for hazard in CATALOGUE for name in (hazard.name, hazard.code, *hazard.aliases)]
    assert len(names) == len(set(names))


def test_every_folder_is_listed_and_every_hazard_has_a_folder() -> None:
    on_disk = {path.parent.name for path in FOLDERS.glob("*/__init__.py")}
    assert on_disk == {folder_of(hazard) for hazard in CATALOGUE}


@each_hazard
def test_code_and_name_have_the_form_that_options_and_suppressions_expect(hazard: Hazard) -> None:
    assert re.fullmatch(r"PMC\d{3}", hazard.code)
    assert hazard.code[3] == HUNDREDS[hazard.family]
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", hazard.name)


@each_hazard
def test_short_words_are_there_and_stand_in_a_sentence_of_somebody_else(hazard: Hazard) -> None:
    assert all((hazard.summary, hazard.symptom, hazard.why, hazard.fix))
    assert "\n" not in hazard.summary
    assert not hazard.summary.endswith(".")
    assert len(hazard.summary) <= 120, "one line of a terminal"
    assert hazard.fix.endswith(".")


@each_hazard
def test_reports_are_addresses_and_named_once(hazard: Hazard) -> None:
    assert len(set(hazard.upstream)) == len(hazard.upstream)
    assert all(re.fullmatch(r"https://[\w.-]+/\S+", link) for link in hazard.upstream)
    if hazard.paramiko_bug:
        assert any("github.com/paramiko/paramiko/" in link for link in hazard.upstream), "a bug has a report upstream"


@each_hazard
def test_a_folder_imports_the_model_and_nothing_else(hazard: Hazard) -> None:
    text = (FOLDERS / folder_of(hazard) / "__init__.py").read_text(encoding="utf-8")
    assert re.findall(r"^(?:from|import) (\S+)", text, re.M) == ["paramedic.model.hazard"]


def test_importing_the_catalogue_imports_no_lens_and_no_library() -> None:
    script = "import sys, paramedic.hazards.catalogue; print(*sorted(sys.modules), sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    ours = [name for name in loaded if name.startswith("paramedic.") and name.count(".") > 2]
    assert ours == []
    assert not {"paramiko", "rich", "asyncssh", "difflib"} & set(loaded)


@pytest.mark.parametrize("name", ["shared-channel", "PMC102", "pmc102", "shared_channel", " Shared-Channel "])
def test_a_hazard_is_found_by_any_of_its_names(name: str) -> None:
    assert by_name(name).code == "PMC102"


@each_hazard
def test_each_hazard_is_found_by_name_and_code_and_alias(hazard: Hazard) -> None:
    assert {by_name(name).name for name in (hazard.name, hazard.code, *hazard.aliases)} == {hazard.name}


@pytest.mark.parametrize(
    ("typed", "meant"),
    {
        "sharedchannel": "shared-channel",
        "undrained-sterr": "undrained-stderr",
        "stderr": "undrained-stderr",
        "lock-order": "lock-order-inversion",
        "forked-conection": "forked-connection",
    }.items(),
)
def test_a_misspelled_name_is_answered_with_names_that_look_like_it(typed: str, meant: str) -> None:
    with pytest.raises(UnknownHazard) as caught:
        by_name(typed)
    assert meant in caught.value.near
    assert f"no hazard {typed!r}" in str(caught.value)
    assert meant in str(caught.value)


@pytest.mark.parametrize("typed", ["PMC999", "", "zzz", "x" * 10_000, "🧵"])
def test_what_looks_like_nothing_is_answered_with_the_command_that_lists_them(typed: str) -> None:
    with pytest.raises(KeyError) as caught:
        by_name(typed)
    assert "paramedic hazards" in str(caught.value)


@each_hazard
def test_lenses_are_the_modules_of_the_folder(hazard: Hazard) -> None:
    there = {lens for lens in Lens if (FOLDERS / folder_of(hazard) / f"{lens}.py").is_file()}
    assert set(lenses_of(hazard)) == there


@pytest.mark.parametrize("kind", list(Lens))
def test_a_lens_is_imported_when_it_is_asked_for(kind: Lens) -> None:
    having = next((hazard for hazard in CATALOGUE if kind in lenses_of(hazard)), None)
    if having is None:
        pytest.skip(f"no hazard has a {kind} lens yet")
    assert catalogue.lens(having, kind).__name__ == f"paramedic.hazards.{folder_of(having)}.{kind}"


def test_a_lens_that_is_missing_is_said_to_be() -> None:
    missing = next(((h, kind) for h in CATALOGUE for kind in Lens if kind not in lenses_of(h)), None)
    if missing is None:
        pytest.skip("every hazard has every lens")
    hazard, kind = missing
    with pytest.raises(MissingLens, match=f"{hazard.name} has no {kind} lens"):
        catalogue.lens(hazard, kind)


def test_the_catalogue_agrees_with_the_table_that_it_was_made_from(root: Path) -> None:
    table = root.parent / "shared" / "hazards.md"
    if not table.is_file():
        pytest.skip("the table of hazards is not beside this checkout (../shared/hazards.md)")
    rows = re.findall(r"^\| (PMC\d{3}) \| `([a-z-]+)` \| (\w+) \|", table.read_text(encoding="utf-8"), re.M)
    known = {name: hazard for hazard in CATALOGUE for name in (hazard.name, *hazard.aliases)}
    assert rows
    assert {name for _, name, _ in rows} <= known.keys()
    assert [row for row in rows if (known[row[1]].code, known[row[1]].family) != (row[0], row[2])] == []


def test_names_that_cases_refer_to_are_known(cases: Path) -> None:
    import json

    named = {name for case in cases.glob("*/case.json") for name in json.loads(case.read_text())["hazards"]}
    assert named
    for name in named:
        by_name(name)


@each_hazard
def test_the_change_is_a_small_diff_whose_both_sides_are_python(hazard: Hazard) -> None:
    rows = hazard.change.splitlines()
    assert 2 <= len(rows) <= 7
    assert all(row[:2] in ("- ", "+ ", "  ") and len(row) <= 62 for row in rows)
    before, after = ("\n".join(row[2:] for row in rows if row[0] != left_out) for left_out in "+-")
    assert before != after
    for side in (before, after):
        ast.parse(side + "\n    pass" if side.endswith(":") else side)
