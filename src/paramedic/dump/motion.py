"""Whether a thread moved between two dumps of the same process."""

from __future__ import annotations

from functools import cached_property

from paramedic.dump.calls import Layer, calls_of
from paramedic.model.snapshot import Snapshot, ThreadStack

_VOLATILE = frozenset(
    {"then", "now", "start", "elapsed", "remaining", "timeout", "deadline", "endtime", "began", "tid"}
)
_IDENTITY = frozenset({"chanid", "waitfor"})
"""Numbers in Paramiko's frames that say which channel or request a call is about: another one is another call."""
_BY_TOOLS = 4
"""So often, at most, a look at the process wakes a thread that sleeps: once for each stop."""


class Motion:
    """Compares the threads of a dump with those of an earlier one.

    Threads: for one thread at a time (it caches what it worked out).
    """

    def __init__(self, now: Snapshot, before: Snapshot | None) -> None:
        self._before = {t.ident: t for t in before.threads if t.ident} if before is not None else None
        self._now = now

    @property
    def known(self) -> bool:
        """Whether there is an earlier dump at all."""
        return self._before is not None

    def stood_still(self, thread: ThreadStack, *, sleeps: bool = False) -> bool | None:
        """True: the same stack and the same values in both dumps, and nothing says that it ran in between.

        False: it moved, or it was not there. None: there is no earlier dump.

        Args:
            thread: of the later dump.
            sleeps: its wait does not poll: a thread that woke came back to the same line by another call, or got some
                of what it waits for. A loop of quick calls looks the same in every dump otherwise.
        """
        if self._before is None:
            return None
        earlier = self._before.get(thread.ident)
        if earlier is None:
            return False
        if sleeps and self.wakes(thread) == 0 and _signature(earlier, values=False) == _signature(thread, values=False):
            return True  # a list that others fill is printed otherwise, and the thread slept all the same
        if _signature(earlier) != _signature(thread):
            return False
        return not (_ran(earlier, thread) or (sleeps and self.never_woke(thread) is False))

    def same_call(self, thread: ThreadStack) -> bool | None:
        """As `stood_still`, but only the user's frames count: the library may have worked on the same call."""
        if self._before is None:
            return None
        earlier = self._before.get(thread.ident)
        return earlier is not None and _signature(earlier, whose=Layer.USER) == _signature(thread, whose=Layer.USER)

    def never_woke(self, thread: ThreadStack) -> bool | None:
        """Whether the kernel says that the thread slept all the time between the dumps; None where unknown."""
        wakes = self.wakes(thread)
        return None if wakes is None else wakes <= 1

    def wakes(self, thread: ThreadStack) -> int | None:
        """How often the thread fell asleep between the dumps, but for the tools' stops; None where unknown."""
        switched = self._switched(thread)
        return None if switched is None else switched - self._by_tools

    @cached_property
    def _by_tools(self) -> int:
        """How often the tools themselves made each thread stop: as often as the one did that slept most."""
        switched = (self._switched(t) for t in self._now.threads)
        return min((s for s in switched if s is not None and s <= _BY_TOOLS), default=0)

    def _switched(self, thread: ThreadStack) -> int | None:
        earlier = self._earlier(thread)
        if earlier is None or earlier.switches is None or thread.switches is None:
            return None
        return thread.switches - earlier.switches

    def computed(self, thread: ThreadStack) -> int | None:
        """Clock ticks of processor time that the thread used between the dumps; None where unknown."""
        earlier = self._earlier(thread)
        if earlier is None or earlier.cpu_ticks is None or thread.cpu_ticks is None:
            return None
        return thread.cpu_ticks - earlier.cpu_ticks

    def same_functions(self, thread: ThreadStack) -> bool:
        """Whether the thread was in the same functions of the user's before, wherever in them."""
        earlier = self._earlier(thread)
        return earlier is not None and _functions(earlier) == _functions(thread)

    def held_gil_before(self, thread: ThreadStack) -> bool:
        """Whether the thread held the GIL in the earlier dump too."""
        earlier = self._earlier(thread)
        return earlier is not None and bool(earlier.holds_gil)

    def _earlier(self, thread: ThreadStack) -> ThreadStack | None:
        return self._before.get(thread.ident) if self._before is not None else None


def _functions(thread: ThreadStack) -> list[tuple[str, str]]:
    return [(c.site.file, c.function) for c in calls_of(thread.frames) if c.layer is Layer.USER]


def _signature(thread: ThreadStack, whose: Layer | None = None, *, values: bool = True) -> tuple[object, ...]:
    """The stack with the values that would differ in another call; polling makes new locks in the library's frames."""
    found: list[object] = []
    for call in calls_of(thread.frames):
        if whose is not None and call.layer is not whose:
            continue
        if call.layer is Layer.STDLIB:
            found.append((call.module, call.function))
            continue
        # Polling loops of Paramiko's (open_channel, _send_user_message) may be caught on another line of the loop, with
        # other numbers.
        inside = call.layer is Layer.PARAMIKO
        line = 0 if inside else call.site.line
        printed = tuple(
            (n, v)
            for n, v in call.frame.variables
            if (values or n in _IDENTITY)
            and n not in _VOLATILE
            and not (inside and v[:1].isdigit() and n not in _IDENTITY)
        )
        found.append((call.site.file, call.function, line, printed))
    while found and isinstance(found[0], tuple) and found[0][0] == "threading":
        found.pop(0)
    return tuple(found)


def _ran(earlier: ThreadStack, now: ThreadStack) -> bool:
    """Whether the kernel says that a thread which waits without polling was awake in between."""
    if earlier.cpu_ticks is None or now.cpu_ticks is None:
        return False
    return now.cpu_ticks - earlier.cpu_ticks > 20
