"""Paramiko is seen whoever finds it: finders that the program puts before ours, as pytest does, do not hide it."""

from __future__ import annotations

from pathlib import Path

import paramiko
import pytest
from twice import Done, Run

from paramedic.model.event import Kind


def closes(done: Done) -> int:
    """How many times it saw a client being closed."""
    found = 0
    for trace in done.traces():
        close = trace.header["operations"].index("SSHClient.close")
        found += sum(e.kind == Kind.CALL and e.op == close for e in trace.events())
    return found


FIRST = """
import importlib.machinery, sys
class First:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "paramiko":
            return importlib.machinery.PathFinder.find_spec(name, path)
"""

SEEN = {
    "a finder of the program's own is first, and another import comes between": FIRST
    + "sys.meta_path.insert(0, First())\nimport wave\nimport paramiko\nparamiko.SSHClient().close()\n",
    "the same, and the module was looked for before": FIRST
    + "sys.meta_path.insert(0, First())\nimport wave, importlib.util\nimportlib.util.find_spec('paramiko')\n"
    + "import paramiko\nparamiko.SSHClient().close()\n",
    "the order of the finders is the program's": FIRST
    + "first = First()\nsys.meta_path.insert(0, first)\nbefore = list(sys.meta_path)\nimport wave\n"
    + "before = [f for f in before if f in sys.meta_path and type(f).__name__ != 'ImportWatch']\n"
    + "print([f for f in sys.meta_path if type(f).__name__ != 'ImportWatch'] == before)\n"
    + "import paramiko\nparamiko.SSHClient().close()\n",
}


@pytest.mark.parametrize("story", SEEN)
def test_paramiko_is_seen(story: str, plain: Run, recorded: Run) -> None:
    done = recorded("-c", SEEN[story])
    assert not done.unlike(plain("-c", SEEN[story]))
    assert done.status == 0, done.err
    assert done.gaps() == []
    assert closes(done) == 1


def test_pytest_finds_paramiko_itself(tmp_path: Path, recorded: Run) -> None:
    # with python_files = *, as in Paramiko's own suite, pytest's finder takes every module below the folder
    (tmp_path / "pytest.ini").write_text("[pytest]\npython_files = *\n")
    (tmp_path / "paramiko").symlink_to(Path(paramiko.__file__).parent)
    (tmp_path / "test_it.py").write_text("import paramiko\ndef test_it(): paramiko.SSHClient().close()\n")
    done = recorded("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py", cwd=tmp_path)
    assert done.status == 0, done.out + done.err
    assert closes(done) == 1
