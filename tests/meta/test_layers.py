"""What may import what: the import-linter contracts of pyproject.toml hold, and they bite."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from source_tree import ROOT, SRC


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    # Not the console script: it need not be on the PATH of whoever runs the tests.
    program = "import sys; sys.path.insert(0, 'src'); from importlinter.cli import lint_imports_command as c; c()"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=100
    )


def test_the_layers_hold() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_package_has_a_place() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    placed = {name.strip() for layer in contract["layers"] for name in layer.split("|")}
    there = {p.parent.name for p in SRC.glob("*/__init__.py")}
    assert placed == there
    assert contract["exhaustive"] is True


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("model/finding.py", "import paramedic.report"),
        ("record/bad.py", "import paramedic.analysis"),
        ("record/bad.py", "import rich"),
        ("safe/bad.py", "import paramedic.model"),
        ("analysis/bad.py", "import paramedic.safe"),
        ("report/bad.py", "import paramedic.hazards"),
        ("brand_new_package/__init__.py", ""),
    ],
)
def test_a_breach_is_found(tmp_path: Path, module: str, line: str) -> None:
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    for package in [SRC, *SRC.glob("*/__init__.py")]:
        folder = package if package.is_dir() else package.parent
        copy = tmp_path / "src" / folder.relative_to(SRC.parent)
        copy.mkdir(parents=True, exist_ok=True)
        (copy / "__init__.py").touch()
    target = tmp_path / "src" / "paramedic" / module
    target.parent.mkdir(exist_ok=True)
    # The external packages must be met somewhere, or import-linter does not know them.
    (tmp_path / "src" / "paramedic" / "cli" / "any.py").write_text("import rich\nimport asyncssh\n")
    target.write_text(line + "\n")
    done = lint_imports(tmp_path)
    assert done.returncode != 0, done.stdout
