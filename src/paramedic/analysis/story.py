"""From calls, holds and waits to the steps and names that a finding tells."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import TYPE_CHECKING

from paramedic.analysis.calls import Call
from paramedic.analysis.conflicts import Conflict
from paramedic.analysis.locks import Hold, Wait
from paramedic.model.event import TaskWait
from paramedic.model.finding import Confidence, Finding, Site, Step
from paramedic.model.hazard import Hazard

if TYPE_CHECKING:
    from paramedic.analysis.loop_rests import Stranded, TaskWaits
    from paramedic.analysis.run import RunFacts

_LATEST = 1 << 62
_METHODS = {
    TaskWait.GET: "get", TaskWait.PUT: "put", TaskWait.JOIN: "join", TaskWait.EVENT: "wait", TaskWait.BARRIER: "wait",
    TaskWait.CONDITION: "wait",
}  # fmt: skip
IN_ONE_TASK = (
    "Hold one asyncio.Lock over all the steps (async with lock: …), or make them one function that the executor runs "
    "as a whole: each await between two of them lets other tasks in, although one thread runs them all."
)
"""Fix of steps that several tasks of an event loop make in an executor."""
_MOST_DOUBTED = 50
"""Of so many conflicts on one object it is asked whether something unrecorded excuses them all."""


class Story:
    """Writes for one recording.

    Threads: pure, over facts that do not change any more.
    """

    def __init__(self, facts: RunFacts) -> None:
        self.facts = facts
        self.world = facts.world

    def place(self, stack: int, thread: int, t_ns: int) -> tuple[Site | None, tuple[Site, ...], str]:
        """Site, stack and a remark.

        What ran none of the user's own code is placed where its task was submitted, or its thread was started.
        """
        world = self.world
        own = world.stack(stack)
        if stack and world.owns(stack):
            return world.site(stack), own, ""
        origins = self.facts.origins.get((thread, stack))
        task = origins[max(bisect_right(origins, (t_ns, _LATEST)) - 1, 0)][1] if origins else 0
        origin = task or world.thread(thread).started_at
        if not origin or stack and not world.owns(origin):
            return world.site(stack), own, ""
        remark = " (in a task that was submitted here)" if task else " (on a thread that was started here)"
        return world.site(origin), (*own, *world.stack(origin)), remark

    def step(self, thread: int, stack: int, t_ns: int, what: str, locks: Iterable[int] = ()) -> Step:
        """One thing that one thread did."""
        site, frames, remark = self.place(stack, thread, t_ns)
        return Step(
            thread=self.world.thread_name(thread), what=what + remark, site=site, stack=frames,
            locks=tuple(self.world.name(lock) for lock in locks), at_s=round(self.facts.at_s(t_ns), 6),
        )  # fmt: skip

    def call(self, call: Call, what: str = "") -> Step:
        """A call: "called recv() on channel 0 …, which raised …"."""
        # what waits for an exit status in another way says so itself (`paramedic.record.status_event`)
        method = call.name == "Channel.recv_exit_status" and self.world.text(call.words) or call.method
        words = what or f"called {method}() on {self.world.name(call.obj)}"
        if call.name == "SSHClient.connect" and call.words and not what:  # its client may be another host's by now
            words = f"called connect() to {self.world.text(call.words)} on {self.world.name(call.obj, labelled=False)}"
        if call.error:
            words += f", which raised {call.error}"
        elif not call.ended_ns:
            words += f", which had not returned after {self.duration(self.facts.end_ns - call.began_ns)}"
        return self.step(call.thread, call.stack, call.began_ns, words, self._kept(call))

    def two(self, first: Call, second: Call) -> tuple[str, str, str]:
        """Who made two calls, the first at the start of a sentence, and what both are: "thread", or "task"."""
        if first.actor == first.thread or second.actor == second.thread:
            return self.world.thread_name(first.thread), self.world.thread_name(second.thread), "thread"
        return "A task of the event loop", "another one", "task"

    def intrusion(self, call: Call) -> Step:
        """What another task did with steps of a task's in between; or another thread."""
        other = f"called {call.method}() on {self.world.name(call.obj)} in another task"
        return self.call(call, other if call.actor != call.thread else "")

    def _kept(self, call: Call) -> Iterable[int]:
        """The locks that a thread holds during a call: who waits in a condition has let go of that one's own."""
        if not call.name.startswith("Condition.wait"):
            return call.locks
        return [hold.lock for hold in call.holds if hold is not call.let_go]

    def hold(self, hold: Hold) -> Step:
        """A lock is taken."""
        return self.step(hold.thread, hold.stack, hold.began_ns, f"took {self.world.name(hold.lock)}")

    def wait(self, wait: Wait, lasted_ns: int) -> Step:
        """A lock is waited for."""
        words = f"waited {self.duration(lasted_ns)} for {self.world.name(wait.lock)}"
        return self.step(wait.thread, wait.stack, wait.began_ns, words)

    def locked_out(self, found: Stranded) -> str:
        """ "2 tasks of the event loop wait for lock #1 and lock #2, and nobody is left to let go of them: …"."""
        names = list(dict.fromkeys(self.world.name(task.obj) for task in found.tasks))
        them = "it" if len(names) == 1 else "them"
        waits = f"{self.tasks(found)} for {' and '.join(names)}"
        return f"{waits}, and nobody is left to let go of {them}: {self.still(found)}"

    def still(self, found: Stranded) -> str:
        """Why nothing comes any more."""
        end = ", and work had ended with an exception" if found.failed else ""
        if any(rest.ticks for rest in self.facts.loop_rests.now.values()):
            return f"what sleeps, as a heartbeat does, wakes no other task, and no thread has anything to do{end}"
        return f"no other task and no thread has anything to do, and no timer is set{end}"

    @staticmethod
    def tasks(found: Stranded) -> str:
        """ "2 tasks of the event loop wait"."""
        one = "One task of the event loop waits"
        return one if len(found.tasks) == 1 else f"{len(found.tasks)} tasks of the event loop wait"

    def stranded(self, found: Stranded) -> list[Step]:
        """What ended with an exception, and the tasks of an event loop that wait since, for what, and for whom."""
        steps = [self.step(f.thread, f.site, f.t_ns, f"ended with {f.error}: it began here") for f in found.failed[:2]]
        for task in [*found.tasks[:3], *found.behind[:1]]:
            for_what = self.awaited(task) if task in found.tasks else "for such tasks"
            what = f"has a task that waits {for_what}"
            steps.append(self.step(task.thread, task.stack, task.t_ns, what))
        return steps

    def awaited(self, task: TaskWaits) -> str:
        """What a task of an event loop waits for: "in get() of queue #1 (made at …)"."""
        name = self.world.name(task.obj) if task.obj else "a future"
        method = _METHODS.get(task.what, "")
        return f"in {method}() of {name}" if method else f"for {name}"

    @staticmethod
    def duration(ns: int) -> str:
        """ "4.6 s", "120 ms"."""
        return f"{ns / 1e9:.1f} s" if ns >= 1_000_000_000 else f"{ns / 1e6:.0f} ms"

    def threads(self, numbers: Iterable[int], most: int = 3) -> str:
        """ "worker-1 and worker-2", "worker-1, worker-2 and 6 more"."""
        names = [self.world.thread_name(n) for n in sorted(numbers)]
        if len(names) > most:
            names = [*names[: most - 1], f"{len(names) - most + 1} more threads"]
        first = ", ".join(names[:-1])
        return f"{first} and {names[-1]}" if first else "".join(names)

    def finding(
        self, hazard: Hazard, confidence: Confidence, message: str, steps: Iterable[Step], objects: Iterable[int],
        count: int = 1, why: str = "", fix: str = "", symptom: str = "",
    ) -> Finding:  # fmt: skip
        """A finding of this process."""
        return Finding(
            hazard=hazard.name, code=hazard.code, confidence=confidence, message=message, steps=tuple(steps),
            objects=tuple(dict.fromkeys(self.world.name(o) for o in objects)), why=why, fix=fix, symptom=symptom,
            upstream=hazard.upstream, count=count, process=self.facts.process or None,
        )  # fmt: skip

    def conflicts(self, hazard: Hazard) -> list[list[Conflict]]:
        """The conflicts of a hazard, those on objects made at one place together, the most telling first."""
        groups: dict[tuple[str, int], list[Conflict]] = {}
        for conflict in self.facts.conflicts.found():
            if conflict.rule.hazard == hazard.name and (conflict.overlapped or not self.facts.unseen_locks):
                thing = self.world.thing(conflict.resource)
                made = thing.born if not thing.before else -thing.ident
                made = made if conflict.rule.resource != "host-keys" else 0
                groups.setdefault((conflict.rule.resource, made), []).append(conflict)
        for group in groups.values():
            group.sort(key=lambda c: (not c.overlapped, -c.count))
        return list(groups.values())

    def sharing(self, hazard: Hazard, group: list[Conflict], message: str) -> Finding:
        """One finding for conflicts of one kind on objects made at one place."""
        group, doubt = self._surest_first(group)
        best = group[0]
        confidence = Confidence.OBSERVED if best.overlapped else Confidence.ADVICE if doubt else Confidence.POSSIBLE
        steps: list[Step] = []
        seen: set[tuple[object, ...]] = set()
        for conflict in group[:3]:
            first, second = pair = self._pair(conflict)
            for call in pair:
                again = call is second and call.thread == first.thread
                if (call.thread, call.stack, call.name, again) not in seen:
                    seen.add((call.thread, call.stack, call.name, again))
                    words = f"called {call.method}() on {self.world.name(call.obj)} in another task" if again else ""
                    steps.append(self.call(call, words))
        tail = "at the same time" if best.overlapped else "with nothing that keeps them apart" + doubt
        steps.sort(key=lambda s: s.at_s or 0.0)
        return self.finding(
            hazard, confidence, f"{message} {tail}", steps, [best.resource], sum(c.count for c in group), best.rule.cite
        )

    def doubt(self, earlier: Call, later: Call) -> str:
        """What may keep two calls apart on a way that nobody records, for the end of a sentence; "" if nothing does."""
        doubt = self.facts.unseen(earlier, later).doubt
        return f", except perhaps {doubt}" if doubt else ""

    def _surest_first(self, group: list[Conflict]) -> tuple[list[Conflict], str]:
        """The conflicts with one in front that nothing excuses; else what may excuse those that were looked at."""
        if group[0].overlapped:
            return group, ""
        doubts = []
        for conflict in group[:_MOST_DOUBTED]:
            doubt = self.doubt(*self._pair(conflict)) or self._by_others(conflict, group)
            if not doubt:
                return [conflict, *(c for c in group if c is not conflict)], ""
            doubts.append(doubt)
        return group, doubts[0]

    def _by_others(self, conflict: Conflict, group: list[Conflict]) -> str:
        """What may keep two calls apart by way of third threads, each of which waits for the one before it."""
        reached, pending = {conflict.first.thread}, [conflict.first]
        while pending and conflict.back is None:
            call = pending.pop()
            for other in group[:_MOST_DOUBTED]:
                if other.first.thread != call.thread or other.first.began_ns < call.began_ns or other.back is not None:
                    continue
                unseen = self.facts.unseen(other.first, other.second)
                if unseen.orders and other.second.thread == conflict.second.thread:
                    if other.second.began_ns <= conflict.second.began_ns:
                        return f", except perhaps {unseen.doubt}"
                elif unseen.orders and other.second.thread not in reached:
                    reached.add(other.second.thread)
                    pending.append(other.second)
        return ""

    def _pair(self, conflict: Conflict) -> tuple[Call, Call]:
        """The two calls of a conflict; those that came in the other order where nothing excuses them alone."""
        pair = conflict.first, conflict.second
        if conflict.back is None or conflict.overlapped or not self.doubt(*pair) or self.doubt(*conflict.back):
            return pair
        return conflict.back

    def everyone(self, group: list[Conflict]) -> str:
        """The threads that took part in these conflicts."""
        threads = set().union(*(c.threads or set() for c in group))
        tasks = "two tasks, which one thread has run this time, of " if len(threads) == 1 else ""
        return f"{tasks}{self.threads(threads)}"
