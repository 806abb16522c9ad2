"""Lints real packages that use Paramiko, at pinned versions, and compares with what was looked at by hand.

python benchmarks/lint_wild.py fetch FOLDER      downloads and unpacks (pip download; needs the network)
python benchmarks/lint_wild.py compare FOLDER    prints what is new and what is gone; exit status 1 if anything is
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from paramedic.check.lint import LintOptions, lint

PINNED = Path(__file__).with_name("lint_wild.json")


def fetch(folder: Path) -> None:
    """Downloads and unpacks every package that is not there yet; nothing of them is run or installed."""
    for package in json.loads(PINNED.read_text()):
        target = folder / f"{package['name']}-{package['version']}"
        if target.is_dir():
            continue
        with tempfile.TemporaryDirectory() as scratch:
            wanted = f"{package['name']}=={package['version']}"
            form = ["--no-binary", ":all:"] if package.get("sdist") else ["--only-binary", ":all:"]
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", *form, "-d", scratch, wanted]
            if subprocess.run(command, check=False).returncode:
                print(f"could not download {wanted}")
                continue
            for archive in Path(scratch).iterdir():
                _unpack(archive, target)


def _unpack(archive: Path, target: Path) -> None:
    target.mkdir(parents=True)
    if archive.suffix in {".whl", ".zip"}:
        with zipfile.ZipFile(archive) as file:
            file.extractall(target)
    else:
        with tarfile.open(archive) as file:
            for member in file.getmembers():
                member.name = member.name.partition("/")[2]  # a source archive has one folder of its own
                if member.name:
                    file.extract(member, target, filter="data")


def found_in(folder: Path, package: dict[str, object]) -> list[str]:
    """The findings of one package, as ``hazard path:line``; paths start below the unpacked folder."""
    target = folder / f"{package['name']}-{package['version']}"
    report = lint([target], LintOptions(jobs=1))
    lines = []
    for finding in report.findings:
        site = finding.site
        assert site is not None
        lines.append(f"{finding.hazard} {Path(site.file).relative_to(target).as_posix()}:{site.line}")
    return sorted(lines)


def compare(folder: Path) -> int:
    """Prints the differences from the pinned findings."""
    status = 0
    for package in json.loads(PINNED.read_text()):
        if not (folder / f"{package['name']}-{package['version']}").is_dir():
            print(f"not there: {package['name']} {package['version']}")
            continue
        found, pinned = found_in(folder, package), sorted(package["findings"])
        for line in sorted(set(found) ^ set(pinned)):
            print(f"{package['name']}: {'new' if line in found else 'gone'}: {line}")
            status = 1
    return status


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in {"fetch", "compare"}:
        sys.exit(__doc__)
    where = Path(sys.argv[2])
    if sys.argv[1] == "fetch":
        fetch(where)
    else:
        sys.exit(compare(where))
