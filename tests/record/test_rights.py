"""Processes that give up root's rights, or see another file system from then on, are recorded further."""

from __future__ import annotations

import os

import pytest
from twice import Run

from paramedic.model.event import Kind

pytestmark = pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root has rights to give up")

NOBODY = 65534
GIVES_UP = {
    "setuid": f"os.setgid({NOBODY}); os.setuid({NOBODY})",
    "setreuid": f"os.setreuid({NOBODY}, {NOBODY})",
    "setresuid": f"os.setresuid({NOBODY}, {NOBODY}, {NOBODY})",
    "seteuid": f"os.seteuid({NOBODY})",
    "chroot": "empty = tempfile.mkdtemp(); os.chroot(empty); os.chdir('/')",
    "chroot and setuid": f"empty = tempfile.mkdtemp(); os.chroot(empty); os.chdir('/'); os.setuid({NOBODY})",
}
PROGRAM = """
import os, sys, tempfile, threading
lock = threading.Lock()
def work(times):
    for _ in range(times):
        with lock: pass
%s
if pid == 0:
    before = sorted(os.listdir("/proc/self/fd"))
    %s
    thread = threading.Thread(target=work, args=(%d,)); thread.start(); thread.join()
    print(os.getresuid(), os.path.exists("/proc"), before, flush=True)
    os._exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.mark.parametrize("how", GIVES_UP)
def test_a_forked_child_that_gives_up_rights(how: str, plain: Run, recorded: Run) -> None:
    program = PROGRAM % ("pid = os.fork()", GIVES_UP[how], 20)
    done = recorded("-c", program)
    assert not done.unlike(plain("-c", program))
    assert not done.gaps()
    child = next(trace for trace in done.traces() if trace.header["forked"])
    assert [event.kind for event in child.events()].count(Kind.GOT) >= 20, "what it does then is recorded"


@pytest.mark.parametrize("how", GIVES_UP)
def test_a_program_that_gives_up_rights_and_then_does_a_lot(how: str, plain: Run, recorded: Run) -> None:
    """More than there is room for: the oldest goes, as at the greatest size, and the recording says so."""
    program = PROGRAM % ("pid = 0", GIVES_UP[how], 80_000)
    done = recorded("-c", program)
    assert not done.unlike(plain("-c", program))
    assert {gap.reason for gap in done.gaps()} <= {"chunk-dropped"}
    assert done.kinds()["GOT"] > 40_000
    assert done.kinds()["END"] == 1, "the last is there"


LOOKS = """
import copy, inspect, os, pickle, types
for name in ("setuid", "seteuid", "setreuid", "setresuid", "chroot"):
    function = getattr(os, name)
    print(function, inspect.signature(function), function.__doc__, function.__name__, function.__module__)
    print(isinstance(function, types.BuiltinFunctionType), inspect.isbuiltin(function), callable(function))
    print(pickle.loads(pickle.dumps(function)) is function, copy.deepcopy(function) is function)
    class Holder: act = function
    try: Holder().act("x", 5, 6, 7)
    except TypeError as e: print(e)
    try: function()
    except TypeError as e: print(e)
print(os.seteuid(0), os.setreuid(-1, -1))
import traceback
try: os.chroot("/does/not/exist")
except OSError: traceback.print_exc()
"""


def test_the_functions_look_as_they_did(plain: Run, recorded: Run) -> None:
    done = recorded("-c", LOOKS)
    assert not done.unlike(plain("-c", LOOKS))
