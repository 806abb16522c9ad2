"""Ends remote processes, step by step, on short-lived threads: sending may block, and the clock must not."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from paramedic.safe import hunting
from paramedic.safe.aside import run_aside
from paramedic.safe.clock import Clock
from paramedic.safe.crew import Crew
from paramedic.safe.ending import Action, Step, hunt_s, steps
from paramedic.safe.link import Guest, Link
from paramedic.safe.session import Phase, Session
from paramedic.safe.task import Stage, Task

_HUNTS = 6
_HUNT_PAUSE_S = 0.02
_PAUSE_S = 30.0


class Sessions(Protocol):
    """Who knows which commands run on a connection."""

    def sessions_of(self, key: int) -> tuple[Link | None, list[Task], list[Guest] | None]:
        """The connection, its running tasks, oldest first, and who else has a session on it; None if not known.

        Threads: any thread; it does not block.
        """

    def hold(self, key: int) -> None:
        """Begins no sessions on the connection until :meth:`release`.

        Threads: any thread; it does not block.
        """

    def release(self, key: int) -> None:
        """Begins sessions on the connection again.

        Threads: any thread. It may block for a moment while the peer does not read.
        """


@dataclass(frozen=True, slots=True)
class Ender:
    """Takes the steps of :mod:`paramedic.safe.ending` until the server reports the end of the process.

    Threads: every method may be called by any thread.
    """

    _sessions: Sessions
    _clock: Clock
    _crew: Crew
    _grace_s: float
    """How long a process may take to end."""

    def end(self, task: Task, *, deaf: bool) -> None:
        """Begins to end the remote process of a task whose command was sent; the session tells when that is done.

        Args:
            task: in the stage ENDING.
            deaf: its server is known to deliver no signals.

        Threads: any thread; it does not block.
        """
        runner = task.session is not None and task.session.by_runner
        self._take(task, iter(steps(leash=task.leash, grace_s=self._grace_s, deaf=deaf, runner=runner)))

    def _take(self, task: Task, left: Iterator[Step]) -> None:
        step = next(left, None)
        session = task.session
        if step is None or session is None or session.phase is Phase.ENDED:
            return
        task.ending = step.ending
        once = threading.Lock()
        # The clock keeps its alarm for all of the step's patience: one that has ended, and its output, need not stay.
        known = weakref.ref(task)

        def go_on() -> None:
            if once.acquire(blocking=False) and (still := known()) is not None:
                self._take(still, left)

        def work() -> None:
            self._do(task, session, step)
            if hunts:
                self._clock.at(time.monotonic() + step.wait_s, go_on)

        hunts = step.action in (Action.HUNT, Action.KILL) and not task.leash and not session.by_runner
        self._crew.start("signal", work, or_here=True)
        if step.action is not Action.GIVE_UP:
            # A hunt takes its time; but if the peer does not read, our thread may be stuck in sending.
            patience = hunt_s(self._grace_s) if hunts else 0.0
            self._clock.at(time.monotonic() + step.wait_s + patience, go_on)

    def _do(self, task: Task, session: Session, step: Step) -> None:
        name = "KILL" if step.action is Action.KILL else "TERM"
        if step.action is Action.GIVE_UP:
            session.close()
            return
        task.drain()
        if step.action is not Action.HUNT:
            session.signal(name)
        if step.action is Action.RELEASE:
            session.end_input()
        elif step.action is not Action.TERM and not session.by_runner:
            self._hunt(task, name)

    def _hunt(self, task: Task, signal: str) -> None:
        """Sends ``signal`` to the processes of all tasks on one connection that are to end. It blocks."""
        key = task.link
        link, _, _ = self._sessions.sessions_of(key)
        if link is None or time.monotonic() - link.unanswered_at < _PAUSE_S:
            return
        if not hunting.serves_apart(link.remote_version):
            return
        if signal == "KILL" and task.prey is not None:
            # A shell that took the TERM may be gone, and what it had started not: then no survey finds it any more, but
            # as long as one of its group is there, nobody else gets the group's number.
            self._run_aside(key, link, hunting.kill([task.prey], signal))
            return
        with link.hunting:  # several commands that end at once are found in one go, not in each other's way
            self._sessions.hold(key)  # where short commands come and go, the survey never fits what we know
            try:
                self._survey_and_kill(key, link, signal)
            finally:
                self._sessions.release(key)

    def _run_aside(self, key: int, link: Link, command: str) -> str | None:
        def room() -> bool:
            # Where those that are to end have all the sessions that the server gives, none comes free before they end.
            _, tasks, guests = self._sessions.sessions_of(key)
            return guests != [] or any(task.stage is not Stage.ENDING for task in tasks)

        return run_aside(link, command, hunt_s(self._grace_s), room)

    def _survey_and_kill(self, key: int, link: Link, signal: str) -> None:
        for attempt in range(_HUNTS):
            if attempt:
                time.sleep(_HUNT_PAUSE_S * 2**attempt)  # those that end by themselves are soon gone
            said = self._run_aside(key, link, hunting.SURVEY)
            if said is None:
                link.unanswered_at = time.monotonic()  # not asked again for every command that is to end
                return
            children = hunting.read_survey(said)
            _, tasks, guests = self._sessions.sessions_of(key)
            doomed = [task for task in tasks if task.stage is Stage.ENDING]
            if children is None or not doomed:
                return
            known = [(task.session.order if task.session is not None else 0, task in doomed) for task in tasks]
            ends = None if guests is None else hunting.in_order(known, guests)
            chosen = None if ends is None else hunting.choose(children, ends)
            if chosen:
                for each, child in zip(doomed, chosen, strict=True):
                    each.prey = child
                self._run_aside(key, link, hunting.kill(chosen, signal))
                return
            # One ended or began between the survey and our look at the tasks: look again.
