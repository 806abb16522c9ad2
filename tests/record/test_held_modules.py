"""The recorder's own modules come from one file, where that is as the sources are."""

from __future__ import annotations

from pathlib import Path

import pytest
from twice import Done, Run

from paramedic import __version__
from paramedic.record import cache_file, held_modules
from paramedic.record.cache_file import read, save

PROGRAM = """
import sys
ours = [name for name in sys.modules if name.startswith("paramedic.record.")]
import builtins
held = [n for n in ours if vars(sys.modules[n])["__builtins__"] is vars(builtins)]
from paramedic import record
print(len(ours) > 25, record.session is sys.modules["paramedic.record.session"], held)
print(record.session.__spec__.origin == record.session.__file__, record.session.__package__)
import inspect
print("class Session" in inspect.getsource(record.session), record.session.Session.start.__code__.co_filename)
"""
SESSION = str(Path(held_modules.__file__).with_name("session.py"))
SAID = f"True True ['paramedic.record.held_modules']\nTrue paramedic.record\nTrue {SESSION}\n"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the modules are kept; `twice.environment` says so to the programs."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = Path(cache_file._path(held_modules._KIND, held_modules._ABOVE))
    file.parent.mkdir(parents=True)
    return file


def looked_for(done: Done) -> bool:
    """Whether the import system has looked for a module of ours, as ``python -v`` says."""
    return "import 'paramedic.record.session'" in done.err


def test_the_second_start_takes_them_from_there(kept: Path, recorded: Run) -> None:
    first = recorded("-v", "-c", PROGRAM)
    assert (first.status, first.out, looked_for(first)) == (0, SAID, True)
    written = kept.stat().st_mtime_ns
    second = recorded("-v", "-c", PROGRAM)
    assert (second.status, second.out, looked_for(second)) == (0, SAID, False)
    assert kept.stat().st_mtime_ns == written and kept.stat().st_mode & 0o777 == 0o600


def test_it_is_damaged(kept: Path, recorded: Run) -> None:
    assert recorded("-c", PROGRAM).out == SAID
    whole = kept.read_bytes()
    for damaged in (b"", whole[:1000], whole[:5000] + b"\0" + whole[5001:], whole + b"\0"):
        kept.write_bytes(damaged)
        done = recorded("-v", "-c", PROGRAM)
        assert (done.status, done.out, looked_for(done)) == (0, SAID, True)
        assert kept.read_bytes() == whole


@pytest.mark.parametrize("place", [0, 20, -1])
def test_a_source_has_changed(place: int, kept: Path, recorded: Run) -> None:
    assert recorded("-c", PROGRAM).out == SAID
    kind, above = held_modules._KIND, held_modules._ABOVE
    modules = read(kind, above, __version__)[kind]
    name, path, (when, size), _ = modules[place]
    modules[place] = (name, path, (when - 1, size), compile("raise SystemExit('old code')", path, "exec"))
    save(kind, above, __version__, {kind: modules})
    done = recorded("-v", "-c", PROGRAM)
    assert (done.status, done.out, looked_for(done)) == (0, SAID, True)
    done = recorded("-v", "-c", PROGRAM)
    assert (done.status, done.out, looked_for(done)) == (0, SAID, False)


def test_what_is_kept_does_not_run(kept: Path, recorded: Run) -> None:
    """The order has become another one: it is imported as without it."""
    assert recorded("-c", PROGRAM).out == SAID
    kind, above = held_modules._KIND, held_modules._ABOVE
    modules = read(kind, above, __version__)[kind]
    save(kind, above, __version__, {kind: modules[::-1]})
    done = recorded("-c", PROGRAM)
    assert (done.status, done.out, done.err) == (0, SAID, "")


def test_nothing_is_left_in_an_empty_home(recorded: Run, tmp_path: Path) -> None:
    assert recorded("-c", PROGRAM).out == SAID
    assert not (tmp_path / "cache").exists()


def test_what_was_begun_is_forgotten_whole(kept: Path, recorded: Run) -> None:
    """Half of what is kept ran: nobody meets two modules of one name."""
    assert recorded("-c", PROGRAM).out == SAID
    kind, above = held_modules._KIND, held_modules._ABOVE
    modules = read(kind, above, __version__)[kind]
    name, path, stamp, _ = modules[-1]
    modules[-1] = (name, path, stamp, compile("raise MemoryError", path, "exec"))
    save(kind, above, __version__, {kind: modules})
    twice = (
        "import sys, gc, types; m = [t.__name__ for t in gc.get_objects() if isinstance(t, types.ModuleType)]\n"
        "ours = [n for n in m if n.startswith('paramedic.record.')]\n"
        "from paramedic.record import codes, session\n"
        "print(codes is sys.modules['paramedic.record.codes'], session.codes is codes, len(ours) > 25)\n"
    )
    done = recorded("-c", twice)
    assert (done.status, done.out, done.err) == (0, "True True True\n", "")
