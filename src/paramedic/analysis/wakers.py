"""Events and queues: who is known to wake those who wait for them.

Whoever has set an event or put something into a queue may do so again. One that is new is known to its maker and to
those to whom the maker has handed something over since: an item of a queue, as a request that carries its own event,
a task, or what a thread is started with.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

AWAITED = frozenset(("Event", "Queue", "SimpleQueue"))
"""Classes of objects that threads wait for until somebody wakes them."""
_MOST, _MOST_OUT, _MOST_MET = 5000, 1000, 50


@dataclass(slots=True)
class _HandedOn:
    """What one thread has handed on to others lately.

    Attributes:
        out: by queue and token, when it was put in; nobody has taken it yet.
        met: when something was put in that was taken later, and who took it; or when a thread was started, and which.
    """

    out: dict[tuple[int, int], int] = field(default_factory=dict)
    met: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=_MOST_MET))


class Wakers:
    """All events and queues of a recording."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[int, int]] = {}
        self._posters: dict[int, set[int]] = {}
        self._handed: dict[int, _HandedOn] = {}
        self._putter: dict[tuple[int, int], int] = {}

    def made(self, obj: int, thread: int, t_ns: int) -> None:
        """An object that is `AWAITED` comes to be."""
        self._made[obj] = thread, t_ns
        if len(self._made) > _MOST:
            del self._made[next(iter(self._made))]

    def post(self, thread: int, obj: int, token: int, t_ns: int) -> None:
        """An event is set, or something is put into a queue."""
        posters = self._posters.get(obj)
        if posters is None:
            posters = self._posters[obj] = set()
            if len(self._posters) > _MOST:
                del self._posters[next(iter(self._posters))]
        posters.add(thread)
        if token > 2:
            self.hands_on(thread, obj, token, t_ns)

    def hands_on(self, thread: int, obj: int, token: int, t_ns: int) -> None:
        """Something is put into a queue, or is a task's."""
        handed = self._handed_by(thread)
        if len(handed.out) >= _MOST_OUT:
            self._putter.pop(oldest := next(iter(handed.out)), None)
            del handed.out[oldest]
        handed.out[obj, token] = t_ns
        self._putter[obj, token] = thread

    def take(self, thread: int, obj: int, token: int) -> None:
        """Something is taken from a queue, or a task is begun."""
        putter = self._putter.pop((obj, token), 0)
        if putter:
            handed = self._handed[putter]
            handed.met.append((handed.out.pop((obj, token)), thread))

    def started(self, thread: int, child: int, t_ns: int) -> None:
        """A thread starts another."""
        self._handed_by(thread).met.append((t_ns, child))

    def thread_ended(self, thread: int) -> None:
        """It waits for nothing any more."""
        handed = self._handed.pop(thread, None)
        for key in handed.out if handed is not None else ():
            if self._putter.get(key) == thread:
                del self._putter[key]

    def _handed_by(self, thread: int) -> _HandedOn:
        handed = self._handed.get(thread)
        if handed is None:
            handed = self._handed[thread] = _HandedOn()
        return handed

    def of(self, thread: int, obj: int) -> set[int]:
        """Who has woken those who wait for an object, apart from this thread."""
        return self._posters.get(obj, set()) - {thread}

    def given(self, thread: int, obj: int) -> set[int]:
        """To whom its maker, this thread, may have given an object that it waits for; empty if that cannot be said."""
        maker, made_ns = self._made.get(obj, (0, 0))
        handed = self._handed.get(thread)
        if maker != thread or handed is None:
            return set()
        if any(t_ns > made_ns and queue != obj for (queue, _), t_ns in handed.out.items()):
            return set()
        return {taker for t_ns, taker in handed.met if t_ns > made_ns}

    def behind(self, thread: int, obj: int) -> int:
        """The one queue into which a thread has put requests, not taken yet, since it made what it waits for; or 0.

        Only where it has handed nothing on by another way, and nobody has woken it so before.
        """
        maker, made_ns = self._made.get(obj, (0, 0))
        handed = self._handed.get(thread)
        if maker != thread or handed is None or obj in self._posters or any(t_ns > made_ns for t_ns, _ in handed.met):
            return 0
        queues = {queue for (queue, _), t_ns in handed.out.items() if t_ns > made_ns}
        return queues.pop() if len(queues) == 1 else 0
