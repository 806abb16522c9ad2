"""Which calls were open when, in which thread, with which locks.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from paramedic.analysis.clocks import Epoch, Known

if TYPE_CHECKING:
    from paramedic.analysis.locks import Hold


class Call:
    """One call of the user's on a watched object.

    Attributes:
        thread: number of the caller.
        name: the operation, "Channel.recv".
        obj: id of the object.
        stack: text id of the user's stack.
        began_ns: when it began.
        ended_ns: when it returned or raised; 0 while it is open.
        argument: ``a`` of the event: a timeout in ms, -1 for none.
        words: ``b`` of the event: text id.
        result: ``a`` of the RETURN event.
        error: "Type: message" if it raised, else "".
        holds: the locks that the thread held when it began, outermost first.
        epoch: the moment of its begin.
        actor: who makes it one of several steps: the thread's number, or below 0 that of the event loop's task for
            which an executor's thread makes it.
    """

    __slots__ = (
        "actor", "argument", "began_ns", "ended_ns", "epoch", "error", "holds", "name", "obj", "result", "stack",
        "thread", "words",
    )  # fmt: skip

    def __init__(
        self, thread: int, name: str, obj: int, stack: int, began_ns: int, argument: int, words: int,
        holds: tuple[Hold, ...], epoch: Epoch,
    ) -> None:  # fmt: skip
        self.thread = thread
        self.name = name
        self.obj = obj
        self.stack = stack
        self.began_ns = began_ns
        self.ended_ns = 0
        self.argument = argument
        self.words = words
        self.result = 0
        self.error = ""
        self.holds = holds
        self.epoch = epoch
        self.actor = thread

    @property
    def locks(self) -> tuple[int, ...]:
        """Ids of the locks that the thread held when it began, outermost first."""
        return tuple(hold.lock for hold in self.holds)

    @property
    def let_go(self) -> Hold | None:
        """Of a wait in a condition: the hold of the condition's own lock, which the wait itself has ended.

        Mostly that of the lock that was taken last; None where no lock was held.
        """
        ended = [hold for hold in self.holds if hold.ended_ns >= self.began_ns]
        return min(ended, key=lambda hold: hold.ended_ns, default=self.holds[-1] if self.holds else None)

    def in_one_hold_with(self, other: Call) -> bool:
        """Whether a lock was held from the one call to the other and not let go between them."""
        return any(mine is theirs for mine in self.holds for theirs in other.holds)

    def shares_a_lock_with(self, other: Call) -> bool:
        """Whether both were made with one lock held, which keeps them apart."""
        return any(mine.lock == theirs.lock for mine in self.holds for theirs in other.holds)

    @property
    def method(self) -> str:
        """The bare name of the method."""
        return self.name.rpartition(".")[2]

    def __repr__(self) -> str:
        return f"<{self.name} on {self.obj} by thread {self.thread}>"


Informed = tuple[Call, Known]
"""A call, and what its thread knew of others when it began, by deliberate hand-overs."""


def apart(one: Informed, other: Informed) -> bool:
    """Whether neither thread had deliberately handed over to the other between the two calls.

    Threads: pure.
    """
    (first, known), (second, known_then) = one, other
    return first.thread != second.thread and not known.has(second.epoch) and not known_then.has(first.epoch)


class OpenCalls:
    """The calls that have begun and not ended, per thread, innermost last.

    Args:
        abandoned: is told of calls that never said that they ended: their thread has, or a call around them.
    """

    def __init__(self, abandoned: Callable[[Call], None] = lambda call: None) -> None:
        self.stacks: dict[int, list[Call]] = {}
        self._abandoned = abandoned

    def stack(self, thread: int) -> list[Call]:
        """The open calls of a thread, innermost last, for whoever adds one."""
        calls = self.stacks.get(thread)
        if calls is None:
            calls = self.stacks[thread] = []
        return calls

    def end(self, thread: int, name: str, obj: int) -> Call | None:
        """The innermost open call of that name ends; None if its begin was not seen. Calls inside it go with it."""
        stack = self.stacks.get(thread)
        if not stack:
            return None
        for depth in range(len(stack) - 1, -1, -1):
            call = stack[depth]
            if call.obj == obj and call.name == name:
                inside = stack[depth + 1 :]
                del stack[depth:]
                for lost in reversed(inside):
                    self._abandoned(lost)
                return call
        return None

    def end_elsewhere(self, name: str, obj: int) -> Call | None:
        """A call that began in another thread ends: greenlets share the threads of the system."""
        for thread, stack in self.stacks.items():
            if any(call.obj == obj and call.name == name for call in stack):
                return self.end(thread, name, obj)
        return None

    def thread_ended(self, thread: int) -> None:
        """No call of that thread is open any more."""
        for lost in reversed(self.stacks.pop(thread, ())):
            self._abandoned(lost)

    def of(self, thread: int) -> list[Call]:
        """The open calls of a thread, innermost last."""
        return self.stacks.get(thread, [])

    def all(self) -> list[Call]:
        """Every open call, threads in the order of their numbers."""
        return [call for _, stack in sorted(self.stacks.items()) for call in stack]
