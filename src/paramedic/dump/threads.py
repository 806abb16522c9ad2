"""The threads of one dump, what each does, and whether it moved since an earlier one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

from paramedic.dump.activity import Activity, activity_of
from paramedic.dump.assembly import bare
from paramedic.dump.calls import Layer, place_of, script_of
from paramedic.dump.motion import Motion
from paramedic.dump.source import Sources
from paramedic.dump.waits import Wait
from paramedic.model.finding import Confidence
from paramedic.model.snapshot import Snapshot, ThreadStack

Judgement = tuple[Confidence, str]
"""How sure a lens is of a thread's story, and why."""

_LONG_S = 2.0
"""A call that has lasted for as long as a live process is looked at is no quick one."""


class Threads:
    """The threads of a dump.

    Threads: for one thread at a time (it caches what it worked out).
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        before: Snapshot | None = None,
        sources: Sources | None = None,
        whole: bool = False,
    ) -> None:
        """Prepares the facts; they are worked out when asked for.

        Args:
            snapshot: the dump.
            before: an earlier dump of the same process.
            sources: where to look for the user's source.
            whole: the dump is known to have all threads of the process.
        """
        self.snapshot = snapshot
        self.before = before
        self.sources = sources if sources is not None else Sources()
        left_out = {"cut-off", "threads-left-out", "unreadable"} & {g.reason for g in snapshot.gaps}
        self._is_cut = bool(left_out)
        self.whole = whole and not left_out
        self._motion = Motion(snapshot, before)

    @cached_property
    def activities(self) -> tuple[Activity, ...]:
        """Every thread and what it does, in the order of the dump."""
        threads = self.snapshot.threads
        script = next((s for t in threads if (s := script_of(t.frames))), "")
        return tuple(activity_of(t, self._libraries, script=script) for t in threads if not _is_ours(t))

    @cached_property
    def _libraries(self) -> frozenset[str]:
        """Files of packages that are not below the folders in which other files of the dump are found.

        py-spy shortens the names of installed packages' files, so that they look like the user's.
        """
        files = {f.site.file for t in self.snapshot.threads for f in t.frames if place_of(f.site.file)[0] is Layer.USER}
        packed = {f for f in files if "/" in f and not f.startswith(("/", ".", "<")) and self.sources.module(f) is None}
        return frozenset(packed) if any(self.sources.module(f) for f in files - packed) else frozenset()

    @cached_property
    def shows_all(self) -> bool:
        """Whether no thread seems to be missing: what follows from there being none of a kind may be concluded.

        A text may end anywhere. Most tools write the main thread last, so one without it has lost its end.
        """
        # One thread alone is what people paste; a tool that names the process shows all that there are.
        told = len(self.activities) > 1 or self.snapshot.process is not None
        return self.whole or (told and not self._is_cut and any(a.is_main for a in self.activities))

    @cached_property
    def transports(self) -> tuple[Activity, ...]:
        """The transport threads."""
        return tuple(a for a in self.activities if a.transport is not None)

    @cached_property
    def others(self) -> tuple[Activity, ...]:
        """The threads that are no transport threads."""
        return tuple(a for a in self.activities if a.transport is None)

    @property
    def repeated(self) -> bool:
        """Whether there is an earlier dump to compare with."""
        return self._motion.known

    def stood_still(self, activity: Activity) -> bool | None:
        """Whether the thread did the very same in the earlier dump; None without one."""
        return self._motion.stood_still(activity.thread, sleeps=activity.sleeps)

    def same_call(self, activity: Activity) -> bool | None:
        """Whether the thread is in the same call of the user's as in the earlier dump; None without one."""
        return self._motion.same_call(activity.thread)

    def moved(self, activity: Activity) -> bool:
        """Whether it is known that the thread went on between the dumps."""
        return self.stood_still(activity) is False

    def never_woke(self, activity: Activity) -> bool | None:
        """Whether the kernel says that the thread slept all the time between the dumps; None where unknown."""
        return self._motion.never_woke(activity.thread)

    def in_one_call(self, activity: Activity) -> bool:
        """Whether it is known that a thread which stands where it stood is in one long call, not in the next short one.

        Two dumps in a file may be milliseconds apart, or show two turns of a loop: the kernel's counters tell, or the
        call's age, or the number of the request.
        """
        if (activity.thread.in_call_s or 0) >= _LONG_S:
            return True
        asking = activity.asking
        numbered = asking is not None and (asking.variable("waitfor") or "").isdigit()
        return self.repeated and (self.never_woke(activity) is not None or numbered)

    def slept_through(self, activity: Activity) -> bool:
        """Whether the kernel says that nothing at all woke the thread between the dumps: no lock was let go to it."""
        wakes = self._motion.wakes(activity.thread)
        return wakes is not None and wakes <= 0

    def computed(self, activity: Activity) -> int | None:
        """Clock ticks of processor time that the thread used between the dumps; None where unknown."""
        return self._motion.computed(activity.thread)

    def same_functions(self, activity: Activity) -> bool:
        """Whether the thread was in the same functions of the user's in the earlier dump, wherever in them."""
        return self._motion.same_functions(activity.thread)

    def held_gil_before(self, activity: Activity) -> bool:
        """Whether the thread held the GIL in the earlier dump too."""
        return self._motion.held_gil_before(activity.thread)

    def joiners(self, activity: Activity) -> tuple[Activity, ...]:
        """The threads that wait for this one to end, where the dump has the addresses of thread objects."""
        start = activity.find("threading", "_bootstrap", layer=Layer.STDLIB)
        mine = start.address() if start is not None else None
        joins = ((a, a.find("threading", "join", layer=Layer.STDLIB)) for a in self.others if a.wait is Wait.JOIN)
        return tuple(a for a, join in joins if mine is not None and join is not None and join.address() == mine)

    # -- groups -------------------------------------------------------------------------------------------------

    def groups(self, activities: Iterable[Activity]) -> tuple[tuple[Activity, ...], ...]:
        """Threads with the same story together: the same wait, from the same lines of the user's."""
        found: dict[object, list[Activity]] = defaultdict(list)
        for activity in activities:
            key = (activity.wait, activity.lock, tuple(c.site for c in activity.users), activity.callback)
            found[key].append(activity)
        return tuple(tuple(group) for group in found.values())

    def judged(
        self, activities: Iterable[Activity], judge: Callable[[Activity], Judgement | None]
    ) -> Iterator[tuple[tuple[Activity, ...], Judgement]]:
        """Threads with the same story of which a lens is equally sure, with what it says of the first of them.

        Args:
            activities: those that may have the lens's story.
            judge: says how sure it is of one thread's; None where the thread has none.
        """
        sure: dict[Confidence, list[tuple[Activity, Judgement]]] = defaultdict(list)
        for activity in activities:
            judgement = judge(activity)
            if judgement is not None:
                sure[judgement[0]].append((activity, judgement))
        for found in sure.values():
            said = {id(activity): judgement for activity, judgement in found}
            for group in self.groups(activity for activity, _ in found):
                yield group, said[id(group[0])]


def _is_ours(thread: ThreadStack) -> bool:
    """The thread of ``paramedic.watch()``, which is no part of the program."""
    return thread.name == "paramedic-watch" or any(
        f.site.file.replace("\\", "/").endswith("paramedic/record/watch.py") and bare(f.site.function) == "_run"
        for f in thread.frames
    )
