"""Futures that a program makes itself: their results are handed over as those of an executor's are."""

from __future__ import annotations

from twice import Run

from paramedic.model.event import Kind

PROGRAM = """
import sys, threading
from concurrent.futures import Future

def work(future):
    future.set_result(5)

future = Future()
thread = threading.Thread(target=work, args=(future,))
thread.start()
print(future.result(30), future.done())
thread.join()
print('concurrent.futures.thread' in sys.modules)
"""


def test_a_result_that_is_set_by_hand_is_a_hand_over(recorded: Run) -> None:
    done = recorded("-c", PROGRAM)
    assert (done.out, done.err) == ("5 True\nFalse\n", "")
    events = done.events()
    (post,) = (e for e in events if e.kind == Kind.POST)
    took = [e for e in events if e.kind == Kind.TAKE and e.obj == post.obj]
    assert took
    assert {e.thread for e in took} != {post.thread}
