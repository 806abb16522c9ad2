"""Every hazard has a page, all pages have the same shape, and what they say about others is true."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import warnings
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest

import paramedic.hazards
from paramedic.hazards.catalogue import CATALOGUE, by_name, folder_of, lenses_of, page_of
from paramedic.model.hazard import Hazard, Lens

FOLDERS = Path(paramedic.hazards.__file__).parent
HEADINGS = [
    "What happens",
    "Why Paramiko does this",
    "What you see",
    "Before",
    "After",
    "How Paramedic sees it",
    "When it is fine",
    "See also",
]

each_hazard = pytest.mark.parametrize("hazard", CATALOGUE, ids=lambda hazard: hazard.name)


def sections(hazard: Hazard) -> dict[str, str]:
    """The page by heading; the text before the first heading is under ""."""
    parts = re.split(r"^## (.+)\n", "\n" + page_of(hazard), flags=re.M)
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


def prose(hazard: Hazard) -> str:
    """The page without its snippets."""
    return re.sub(r"^```.*?^```$", "", page_of(hazard), flags=re.M | re.S)


def snippet(hazard: Hazard, heading: str) -> str:
    """The one Python snippet under a heading."""
    found = re.findall(r"^```python\n(.*?)^```$", sections(hazard)[heading], re.M | re.S)
    assert len(found) == 1, f"{heading} of {hazard.name} has {len(found)} snippets"
    return str(found[0])


@each_hazard
def test_headings_are_those_of_every_page_in_the_same_order(hazard: Hazard) -> None:
    lines = prose(hazard).splitlines()
    assert [line for line in lines if line.startswith("#")] == [
        f"# {hazard.name} ({hazard.code})",
        *(f"## {heading}" for heading in HEADINGS),
    ]
    assert all(text.strip() for text in sections(hazard).values())


@each_hazard
def test_the_lead_is_one_paragraph(hazard: Hazard) -> None:
    lead = sections(hazard)[""].strip().removeprefix(f"# {hazard.name} ({hazard.code})").strip()
    assert lead
    assert "\n\n" not in lead


@each_hazard
@pytest.mark.parametrize("heading", ["Before", "After"])
def test_snippets_compile_and_can_be_read_at_a_glance(hazard: Hazard, heading: str) -> None:
    code = snippet(hazard, heading)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ast.parse(code)
    assert 5 <= len(code.splitlines()) <= 25
    assert max(map(len, code.splitlines())) <= 120


@each_hazard
def test_before_and_after_differ(hazard: Hazard) -> None:
    assert ast.dump(ast.parse(snippet(hazard, "Before"))) != ast.dump(ast.parse(snippet(hazard, "After")))


@each_hazard
@pytest.mark.parametrize("heading", ["Before", "After"])
def test_a_snippet_makes_no_mistake_of_another_page(hazard: Hazard, heading: str) -> None:
    """The cheap ones: host keys, a connect without a limit, a blanket except, a future that nobody keeps."""
    code = snippet(hazard, heading)
    if (hazard.name, heading) != ("host-key-not-verified", "Before"):
        assert "AutoAddPolicy" not in code
        assert "WarningPolicy" not in code
    for call in (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)):
        keywords = {keyword.arg for keyword in call.keywords}
        if ast.unparse(call.func) == "client.connect" and (hazard.name, heading) != ("wait-without-timeout", "Before"):
            assert "timeout" in keywords
        if ast.unparse(call.func) == "client.exec_command" and heading == "After":
            assert "timeout" in keywords
    assert not re.search(r"except( \w*Exception)?:", code)


@each_hazard
def test_why_says_which_versions_it_is_true_of(hazard: Hazard) -> None:
    why = " ".join(sections(hazard)["Why Paramiko does this"].split())
    assert "5.1.0" in why or "does not depend on the version" in why


@each_hazard
def test_files_and_names_of_paramiko_that_a_page_cites_exist(hazard: Hazard) -> None:
    """Checked against the installed release: a name that goes away must be looked at again."""
    import paramiko

    files = {path.name for path in Path(paramiko.__file__).parent.glob("*.py")}
    text = sections(hazard)["Why Paramiko does this"] + hazard.why
    for file in set(re.findall(r"\b([a-z_]+\.py)\b", text)):
        assert file in files, f"{file} is not a file of Paramiko {paramiko.__version__}"
    for owner, name in set(re.findall(r"\b([A-Z][A-Za-z]+)\.(\w+)", text)):
        found = next((vars(m)[owner] for m in paramiko_modules() if owner in vars(m)), None)
        if found is not None:
            assert hasattr(found, name) or f"self.{name} =" in inspect.getsource(found), f"{owner}.{name}"


@each_hazard
def test_lenses_on_the_page_are_those_that_exist(hazard: Hazard) -> None:
    told = re.findall(r"^- \*\*(\w+)\*\* ", sections(hazard)["How Paramedic sees it"], re.M)
    assert told
    assert told == [str(lens) for lens in Lens if str(lens) in told], "in the order of the lenses, each once"
    assert {str(lens) for lens in lenses_of(hazard)} == set(told)


@cache
def stories_of(lens: Lens) -> str:
    """The texts of all tests that show what a lens says."""
    tests = Path(__file__).parents[1]
    folders = {Lens.RUNTIME: "analysis", Lens.LOG: "logs", Lens.DUMP: "dump", Lens.STATIC: "lint"}
    files = [f for f in (tests / folders[lens]).iterdir() if f.is_file()]
    if lens is Lens.RUNTIME:  # of what takes more than one process, or the time that is really spent
        files += [tests / "hazards" / "test_gil_starved.py", *(tests / "processes").glob("*.py")]
    return "".join(f.read_text(encoding="utf-8") for f in files)


@each_hazard
def test_what_a_page_promises_of_each_lens_has_a_story(hazard: Hazard) -> None:
    assert [lens for lens in lenses_of(hazard) if hazard.name not in stories_of(lens)] == []


@each_hazard
def test_the_cure_and_the_way_to_silence_it_are_named(hazard: Hazard) -> None:
    if hazard.safe:
        assert re.search(rf"`paramedic\.safe\.{hazard.safe}\b", sections(hazard)["After"])
    else:
        after = " ".join(sections(hazard)["After"].split())
        assert re.search(r"no piece of (it|`paramedic\.safe`)|`paramedic\.safe` has no piece", after, re.I)
    assert f"# paramedic: allow[{hazard.name}] " in sections(hazard)["When it is fine"]


@each_hazard
def test_what_a_page_names_of_the_cure_exists(hazard: Hazard) -> None:
    safe = pytest.importorskip("paramedic.safe")
    named = re.findall(r"`paramedic\.safe\.(\w+)(?:\.(\w+))?[(`]", page_of(hazard))
    for owner, method in named:
        assert hasattr(safe, owner), owner
        assert not method or hasattr(getattr(safe, owner), method), f"{owner}.{method}"
    assert named or not hazard.safe


@each_hazard
def test_links_lead_somewhere(hazard: Hazard) -> None:
    for text, target in re.findall(r"\[([^\]]+)\]\(([^)\s]*)\)", prose(hazard)):
        if target.startswith("https://"):
            assert re.fullmatch(r"https://[\w.-]+/\S*", target)
        else:
            assert target == f"../{folder_of(by_name(text))}/page.md", "a page is linked by its hazard's name"
            assert (FOLDERS / folder_of(hazard) / target).is_file()
            assert by_name(text) != hazard


@each_hazard
def test_see_also_has_the_reports_of_the_hazard_and_a_related_one(hazard: Hazard) -> None:
    text = sections(hazard)["See also"]
    assert [link for link in hazard.upstream if link not in text] == []
    assert "/page.md" in text
    told = re.findall(r"^- \[([a-z-]+)\]\([^)]*/page\.md\): (.+)$", text, re.M)
    assert told == [(name, by_name(name).summary) for name, _ in told], "a related hazard is told in its own words"


@each_hazard
def test_pages_are_plain(hazard: Hazard) -> None:
    text = page_of(hazard)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert not re.search(r"[ \t]$", text, re.M)
    assert "!" not in re.sub(r"`[^`]*`|^```.*?^```$|!=", "", text, flags=re.M | re.S), "no exclamations"
    assert not re.search(r"/(root|home|work|tmp)/", text), "no paths of somebody's machine"


def paramiko_modules() -> list[ModuleType]:
    """The modules in which a class that a page names may be."""
    names = ["client", "transport", "channel", "file", "sftp", "sftp_client", "sftp_file", "hostkeys", "agent", "proxy"]
    names += ["packet", "pipe", "buffered_pipe", "auth_handler"]
    return [importlib.import_module(f"paramiko.{name}") for name in names]


DOCUMENTS = ["contract.md", "paramiko-internals.md"]


@pytest.mark.skipif(int(version("paramiko").partition(".")[0]) < 5, reason="the pages cite the newest Paramiko")
@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_explanations_cite_code_that_exists(root: Path, name: str) -> None:
    """Whatever stands as `file.py` `Class.method` is looked up in the installed Paramiko."""
    text = (root / "docs" / "explanation" / name).read_text(encoding="utf-8")
    cited = set(re.findall(r"`(\w+)\.py` `(\w+)\.(\w+)`", text))
    assert cited
    for module, owner, attribute in cited:
        found = getattr(importlib.import_module(f"paramiko.{module}"), owner)
        made = f"self.{attribute} =" in inspect.getsource(found)
        assert hasattr(found, attribute) or made, f"{module}.py {owner}.{attribute}"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_explanations_link_to_pages_that_exist(root: Path, name: str) -> None:
    document = root / "docs" / "explanation" / name
    targets = re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8"))
    assert targets
    assert [t for t in targets if not t.startswith("https://") and not (document.parent / t).is_file()] == []


def test_the_contract_tells_of_every_rule_that_the_analysis_applies(root: Path) -> None:
    from paramedic.analysis.contract import RULES

    text = (root / "docs" / "explanation" / "contract.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    for rule in RULES:
        assert any(f"`{rule.resource}`" in row and rule.hazard in row for row in rows), (
            f"{rule.resource}: {rule.hazard}"
        )
