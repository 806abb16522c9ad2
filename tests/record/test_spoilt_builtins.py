"""A program may do with the builtins what it likes: what the recorder needs of them it holds itself."""

from __future__ import annotations

import pytest
from twice import Run

PROGRAM = """
import builtins, queue, sys, threading
import paramiko
name = sys.argv[1]
real = getattr(builtins, name)
waiting, lock, items = threading.Lock(), threading.RLock(), queue.SimpleQueue()
setattr(builtins, name, None)
try:
    with waiting: pass
    with lock, lock: pass
    waiting.acquire(); waiting.release()
    items.put(1); items.get()
    client = paramiko.SSHClient()
    client.close()
finally:
    setattr(builtins, name, real)
print("fine")
"""


@pytest.mark.parametrize("name", ["any", "getattr", "id", "isinstance", "iter", "KeyError", "len", "str", "type"])
def test_a_builtin_is_none(name: str, plain: Run, recorded: Run) -> None:
    expected, found = plain("-c", PROGRAM, name), recorded("-c", PROGRAM, name)
    assert not found.unlike(expected), found.unlike(expected)
    assert not found.gaps()
