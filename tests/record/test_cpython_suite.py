"""CPython's own tests of its locks, queues and pools pass on what stands in their place while a program is recorded."""

from __future__ import annotations

import importlib.util
import re

import pytest
from twice import Run

if importlib.util.find_spec("test") is None or importlib.util.find_spec("test.lock_tests") is None:
    pytest.skip("this Python comes without its tests (Debian: libpython3-testsuite)", allow_module_level=True)

NAMES = "Lock PyRLock CRLock Event ConditionAsRLock Condition Semaphore BoundedSemaphore Barrier"
POOLS = "test.test_concurrent_futures"
SUITES: dict[str, tuple[str, ...]] = {
    **{name: (f"test.test_threading.{name}Tests",) for name in NAMES.split()},
    "threads": ("test.test_threading.ThreadTests", "test.test_threading.ThreadingExceptionTests"),
    "thread-locals": ("test.test_threading_local",),
    "queues": ("test.test_queue",),
    "pools and futures": (f"{POOLS}.test_thread_pool", f"{POOLS}.test_future"),
}
SEEN = {
    **{"Lock": "GOT", "CRLock": "GOT", "ConditionAsRLock": "GOT", "Condition": "CALL", "Event": "POST"},
    **dict.fromkeys(("threads", "thread-locals", "queues", "pools and futures"), "START"),
}
"""A kind of event that shows that the suite did run on what is watched. (PyRLock is never.)"""


@pytest.mark.parametrize("name", SUITES)
def test_the_same_tests_pass(name: str, plain: Run, recorded: Run) -> None:
    if POOLS in SUITES[name][0] and importlib.util.find_spec(POOLS) is None:
        pytest.skip(f"this Python comes without {POOLS}")
    words = ("-m", "unittest", *SUITES[name])
    expected = plain(*words)
    done = recorded(*words)
    assert (done.status, _verdict(done.err)) == (expected.status, _verdict(expected.err)), done.err[-3000:]
    if name in SEEN:
        assert done.kinds()[SEEN[name]] > 3, "the suite's locks or threads were watched"
    assert not done.gaps()


def _verdict(text: str) -> list[str]:
    """How many tests ran and how they ended; not how long they took."""
    return re.findall(r"^(?:Ran \d+ tests?|OK.*|FAILED.*)", text, re.M)
