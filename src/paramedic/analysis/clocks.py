"""What happened before what: vector clocks, and epochs instead of them where one number will do.

An access is an *epoch*: thread ``u`` at its own clock ``c``. It happened before now of thread ``t`` if ``t`` knows
``u`` at ``c`` or later (FastTrack, Flanagan and Freund, PLDI 2009). A thread's knowledge of others is a dictionary
that is replaced, never changed, so that handing it over costs nothing; its own clock goes up after each hand-over.

There are two orders. The *full* one has edges for locks too: accesses that it leaves unordered can be swapped. The
*weak* one has only deliberate hand-overs (start, join, queue, future, event …): lock-order cycles are judged by it,
because two critical sections of one lock are always in the full order.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from typing import NamedTuple

Known = dict[int, int]


class Epoch(NamedTuple):
    """A moment of one thread, in both orders."""

    thread: int
    full: int
    weak: int


class Stamp(NamedTuple):
    """What is handed over: a moment, and all that its thread knew."""

    thread: int
    full: int
    weak: int
    full_known: Known
    weak_known: Known


class ThreadClock:
    """One thread's clocks."""

    __slots__ = ("full", "full_known", "thread", "weak", "weak_known")

    def __init__(self, thread: int) -> None:
        self.thread = thread
        self.full = self.weak = 1
        self.full_known: Known = {}
        self.weak_known: Known = {}

    def epoch(self) -> Epoch:
        """Now."""
        return Epoch(self.thread, self.full, self.weak)

    def stamp(self) -> Stamp:
        """Hand over all that is known now; what comes later is not part of it."""
        stamp = Stamp(self.thread, self.full, self.weak, self.full_known, self.weak_known)
        self.full += 1
        self.weak += 1
        return stamp

    def lock_stamp(self) -> Stamp:
        """As `stamp`, for a lock: it does not count in the weak order."""
        stamp = Stamp(self.thread, self.full, 0, self.full_known, {})
        self.full += 1
        return stamp

    def learn(self, stamp: Stamp) -> None:
        """Receive what another thread handed over."""
        other = stamp.thread
        if other == self.thread:
            return
        if self.full_known.get(other, 0) < stamp.full:
            self.full_known = _joined(self.full_known, stamp.full_known, other, stamp.full, self.thread)
        if stamp.weak and self.weak_known.get(other, 0) < stamp.weak:
            self.weak_known = _joined(self.weak_known, stamp.weak_known, other, stamp.weak, self.thread)

    def knows(self, epoch: Epoch) -> bool:
        """Whether that moment happened before now, in the full order."""
        return epoch.thread == self.thread or self.full_known.get(epoch.thread, 0) >= epoch.full

    def knows_weakly(self, epoch: Epoch) -> bool:
        """Whether that moment happened before now by deliberate hand-overs alone."""
        return epoch.thread == self.thread or self.weak_known.get(epoch.thread, 0) >= epoch.weak


def _joined(mine: Known, theirs: Known, other: int, clock: int, me: int) -> Known:
    joined = dict(mine)
    for thread, known in theirs.items():
        if thread != me and joined.get(thread, 0) < known:
            joined[thread] = known
    joined[other] = clock
    return joined


class HandOver:
    """What was posted to one object and not yet forgotten: per token the latest stamp of each thread.

    A token that names one item (a queue's) is gone once it is taken; token 0, -1 and a future's result stay.
    """

    __slots__ = ("_posted",)

    def __init__(self) -> None:
        self._posted: dict[int, dict[int, Stamp]] = {}

    def post(self, token: int, stamp: Stamp) -> None:
        """Something is handed over under this token."""
        self._posted.setdefault(token, {})[stamp.thread] = stamp

    def take(self, token: int, clock: ThreadClock) -> None:
        """It is received: the receiver learns what every poster knew."""
        stays = -1 <= token <= 2
        stamps = self._posted.get(token) if stays else self._posted.pop(token, None)
        if stamps:
            for stamp in stamps.values():
                clock.learn(stamp)


class Clocks:
    """The clocks of all threads and what lies between them."""

    def __init__(self) -> None:
        self._threads: dict[int, ThreadClock] = {}
        self._hand_overs: dict[int, HandOver] = {}
        self._locks: dict[int, Stamp] = {}
        self._starts: dict[int, Stamp] = {}
        self._ends: dict[int, Stamp] = {}

    def of(self, thread: int) -> ThreadClock:
        """That thread's clocks."""
        clock = self._threads.get(thread)
        if clock is None:
            clock = self._threads[thread] = ThreadClock(thread)
        return clock

    def start(self, parent: int, child: int) -> None:
        """``parent`` starts ``child``."""
        self._starts[child] = self.of(parent).stamp()

    def begin(self, thread: int) -> None:
        """The thread runs: it knows what its starter knew."""
        stamp = self._starts.pop(thread, None)
        if stamp is not None:
            self.of(thread).learn(stamp)

    def end(self, thread: int) -> None:
        """The thread's last moment."""
        self._ends[thread] = self.of(thread).stamp()

    def joined(self, thread: int, ended: int) -> None:
        """``thread`` learned that ``ended`` has ended."""
        stamp = self._ends.get(ended)
        if stamp is None:
            # its END row comes a moment after others see it dead, or it was cut off: its present is its end
            stamp = self.of(ended).stamp()
        self.of(thread).learn(stamp)

    def post(self, thread: int, obj: int, token: int) -> None:
        """Hand something over through an object."""
        hand_over = self._hand_overs.get(obj)
        if hand_over is None:
            hand_over = self._hand_overs[obj] = HandOver()
        hand_over.post(token, self.of(thread).stamp())

    def take(self, thread: int, obj: int, token: int) -> None:
        """Receive it."""
        hand_over = self._hand_overs.get(obj)
        if hand_over is not None:
            hand_over.take(token, self.of(thread))

    def forget(self, obj: int) -> None:
        """The object is gone."""
        self._hand_overs.pop(obj, None)

    def locked(self, thread: int, lock: int) -> None:
        """The thread took the lock: it learns what the last holder knew."""
        stamp = self._locks.get(lock)
        if stamp is not None:
            self.of(thread).learn(stamp)

    def unlocked(self, thread: int, lock: int) -> None:
        """The thread lets go of it."""
        self._locks[lock] = self.of(thread).lock_stamp()
