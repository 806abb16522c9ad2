"""Ends remote processes, step by step, on short-lived threads: sending may block, and the clock must not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Protocol

from paramedic.safe import hunting
from paramedic.safe.aside import run_aside
from paramedic.safe.clock import Clock
from paramedic.safe.crew import Crew
from paramedic.safe.ending import Action, Step, hunt_s, steps
from paramedic.safe.link import Link
from paramedic.safe.session import Phase, Session
from paramedic.safe.task import Stage, Task

_HUNTS = 5
_PAUSE_S = 30.0


class Sessions(Protocol):
    """Who knows which commands run on a connection."""

    def sessions_of(self, key: int) -> tuple[Link | None, list[Task], bool]:
        """The connection, its running tasks, oldest first, and whether others have sessions on it too.

        Threads: any thread; it does not block.
        """


class Ender:
    """Takes the steps of :mod:`paramedic.safe.ending` until the server reports the end of the process.

    Threads: every method may be called by any thread.
    """

    def __init__(self, sessions: Sessions, clock: Clock, crew: Crew, grace_s: float) -> None:
        """Keeps what it needs.

        Threads: any thread; it does not block.
        """
        self._sessions = sessions
        self._clock = clock
        self._crew = crew
        self._grace_s = grace_s

    def end(self, task: Task, *, deaf: bool) -> None:
        """Begins to end the remote process of a task whose command was sent; the session tells when that is done.

        Args:
            task: in the stage ENDING.
            deaf: its server is known to deliver no signals.

        Threads: any thread; it does not block.
        """
        self._take(task, iter(steps(leash=task.leash, grace_s=self._grace_s, deaf=deaf)))

    def _take(self, task: Task, left: Iterator[Step]) -> None:
        step = next(left, None)
        session = task.session
        if step is None or session is None or session.phase is Phase.ENDED:
            return
        task.ending = step.ending
        once = threading.Lock()

        def go_on() -> None:
            if once.acquire(blocking=False):
                self._take(task, left)

        def work() -> None:
            self._do(task, session, step)
            if hunts:
                self._clock.at(time.monotonic() + step.wait_s, go_on)

        hunts = step.action in (Action.HUNT, Action.KILL) and not task.leash
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
        if step.action is not Action.HUNT:
            session.signal(name)
        if step.action is Action.RELEASE:
            session.end_input()
        elif step.action is not Action.TERM:
            self._hunt(task, name)

    def _hunt(self, task: Task, signal: str) -> None:
        """Sends ``signal`` to the processes of all tasks on one connection that are to end. It blocks."""
        key = task.link
        link, _, _ = self._sessions.sessions_of(key)
        if link is None or time.monotonic() - link.unanswered_at < _PAUSE_S:
            return
        if signal == "KILL" and task.prey is not None:
            # A shell that took the TERM may be gone, and what it had started not: then no survey finds it any more, but
            # as long as one of its group is there, nobody else gets the group's number.
            run_aside(link, hunting.kill([task.prey], signal), hunt_s(self._grace_s))
            return
        with link.hunting:  # several commands that end at once are found in one go, not in each other's way
            for _ in range(_HUNTS):
                said = run_aside(link, hunting.SURVEY, hunt_s(self._grace_s))
                if said is None:
                    link.unanswered_at = time.monotonic()  # not asked again for every command that is to end
                    return
                children = hunting.read_survey(said)
                _, tasks, strangers = self._sessions.sessions_of(key)
                doomed = [task.stage is Stage.ENDING for task in tasks]
                if children is None or strangers or not any(doomed):
                    return
                chosen = hunting.choose(children, doomed)
                if chosen:
                    ending = (each for each, ends in zip(tasks, doomed, strict=True) if ends)
                    for each, child in zip(ending, chosen, strict=True):
                        each.prey = child
                    run_aside(link, hunting.kill(chosen, signal), hunt_s(self._grace_s))
                    return
                # One ended or began between the survey and our look at the tasks: look again.
