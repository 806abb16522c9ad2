"""The engine of a pool: queues, connections and commands of one host. It decides under its lock and acts outside of it.

What changes its state does so under ``_lock``, asks the plan what follows, lets go, and launches, connects and settles.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future

from paramedic.safe import standstill
from paramedic.safe.answers import Answers
from paramedic.safe.clock import Alarm, Clock
from paramedic.safe.connection import Connector
from paramedic.safe.connections import Actions, Slot, Waiting
from paramedic.safe.crew import Crew
from paramedic.safe.destination import Destination
from paramedic.safe.ender import Ender
from paramedic.safe.ending import longest_s
from paramedic.safe.errors import CommandTimeout, PoolClosed, SafeError
from paramedic.safe.feeding import feed, inline_input
from paramedic.safe.finalizers import in_the_middle
from paramedic.safe.lending import Lending
from paramedic.safe.link import Guest, Link
from paramedic.safe.observing import tell
from paramedic.safe.plan import LinkPhase, Sizes
from paramedic.safe.result import CommandResult, Ending, Limits, Statistics
from paramedic.safe.runner import RunnerCommand
from paramedic.safe.runners import Runners
from paramedic.safe.session import Outcome, Phase, Session
from paramedic.safe.signal_safe import SignalSafeCondition, SignalSafeLock
from paramedic.safe.task import Stage, Task, Why
from paramedic.safe.verdict import after_attempts, ending_of, verdict

_LOG = logging.getLogger("paramedic.safe")
_QUEUED, _LAUNCHED, _DONE = Stage.QUEUED, Stage.LAUNCHED, Stage.DONE  # see paramedic.safe.session
_CLOSED, _REFUSED = Outcome.CLOSED, Outcome.REFUSED


class Dispatcher(Lending):
    """See the module's text.

    Threads: every method may be called by any thread, readers included, unless it says that it blocks.
    """

    def __init__(
        self,
        destination: Destination,
        connector: Connector,
        sizes: Sizes,
        limits: Limits,
        clock: Clock,
        crew: Crew,
        *,
        runner: bool = False,
    ) -> None:
        """Makes an engine that has no connection yet; the first task makes one, and with ``runner`` a runner.

        Threads: any thread; it does not block.
        """
        super().__init__(destination, connector, sizes, limits, clock, crew)
        self._loans = set()
        self._handed = 0
        self._look = None
        self._deaf = False
        self._runners = Runners(self.host, clock, crew, limits.open) if runner else None
        self._ender = Ender(self, clock, crew, limits.grace)
        self._answers = Answers(clock, limits.open, self._is_late)
        self._wake: Alarm | None = None
        self._wake_at = 0.0
        self._times = [0.0, 0.0]

    # -- tasks

    def enqueue(self, tasks: Sequence[Task]) -> None:
        """Queues tasks and starts what can be started.

        Raises:
            PoolClosed: the pool is closed; none was queued.

        Threads: any thread. It may block for a moment while the peer does not read.
        """
        self.crew.ask(lambda: self._enqueue(tasks))

    def enqueue_soon(self, task: Task) -> None:
        """As :meth:`enqueue`, for a caller who waits for the task's end anyway; that tells of a pool that is closed.

        Threads: any thread. It may block for a moment while the peer does not read.
        """

        def work() -> None:
            try:
                self._enqueue((task,))
            except PoolClosed as error:
                self._fail(task, error)

        self.crew.tell(work)

    def _enqueue(self, tasks: Sequence[Task]) -> None:
        now = time.monotonic()
        for task in tasks:
            task.queued_at = now
        with self._lock:
            if self._closed:
                raise PoolClosed("the pool is closed", host=self.host, phase="queue")
            self._queue.extend(task for task in tasks if task.stage is _QUEUED)
            actions = self._decide()
        for task in tasks:
            if task.total_at is not None:
                self._set_alarm(task, task.total_at)
        self._act(actions)

    def stop(self, task: Task, why: Why) -> None:
        """Ends a task that has not ended: takes it out of the queue, or has its remote process ended.

        Threads: any thread; it does not block.
        """
        self.crew.ask(lambda: self._stop(task, why))

    def _stop(self, task: Task, why: Why) -> None:
        with self._lock:
            if task.stage in (Stage.ENDING, Stage.DONE):
                return
            task.why = why
            session = task.session
            if task.stage is Stage.QUEUED:
                if task in self._queue:  # else whoever asked for it is broken off before it is
                    self._queue.remove(task)
            elif session is None:
                return  # being launched by another thread, which looks at ``why`` before it lets go
            elif not session.withdraw():
                task.stage = Stage.ENDING
                self._tell_idle()
            if task.stage is not Stage.ENDING:
                task.stage = Stage.DONE
                task.phase = "open" if session is not None else "queue"
                self._tell_idle()
        if task.stage is Stage.ENDING:
            self._ender.end(task, deaf=self._deaf)
        else:
            self._settle(task, None, task.ending_unsent)

    def _launch(self, task: Task, link: Link) -> None:
        given = inline_input(task.input)
        session = self._session(task, given, link)
        with self._lock:
            task.session = session
            why = task.why
        if why is not None:
            # Cancelled after it left the queue. Nothing was sent; the slot is given back.
            session.withdraw()
            session.discard()
            return
        self._answers.expect(session)
        try:
            session.start() if isinstance(session, RunnerCommand) else link.launch(session)
        except Exception:
            _LOG.debug("%s: a session could not be requested", self.host, exc_info=True)
            session.abandon()
            link.close()
            return
        if given is None:
            task.feeder = self.crew.start("input", lambda: feed(session, task.input, task.input_failed))
            if task.feeder is None:
                session.close()  # no thread is to be had: without its input it would wait for ever

    def _session(self, task: Task, given: bytes | None, link: Link) -> Session:
        if self._runners is not None and given is not None and task.fits_runner(given):
            runner = self._runners.ready(task.link, link)
            if runner is not None:
                return RunnerCommand(runner, task.sent_command, task.sink, task, given)
        return Session(
            task.sent_command,
            task.sink,
            task,
            input=given or b"",
            hold_input=given is None or task.leash,
            environment=task.environment,
            terminal=task.terminal,
            window_bytes=task.window_bytes,
            growing_window=task.growing_window,
        )

    def _is_late(self, session: Session) -> None:
        if isinstance(task := session.owner, Task) and task.session is session:
            if session.phase is Phase.RUNNING:
                task.phase = "exec"
            self.stop(task, Why.TIMEOUT)
            self.crew.deliver(session.forgo)  # its slot is given to another, whose launch may block

    def _give_way(self, keys: Iterable[int]) -> None:
        if self._runners is not None:
            with self._lock:
                starved = [key for key in keys if self._plan.gives_nothing(key)]
            for key in starved:
                self._runners.give_way(key)

    def free_slot(self, key: int, *, refused: bool = False) -> bool:
        """As :meth:`Connections.free_slot`; where only a runner gets a session, that ends.

        Threads: any thread. It may block for a moment while the peer does not read.
        """

        def give_back() -> bool:
            again = super(Dispatcher, self).free_slot(key, refused=refused)
            self._give_way([key] if refused else [])
            return again

        return self.crew.ask(give_back)

    def _set_alarm(self, task: Task, when: float) -> None:
        task.cancel_alarm()
        task.alarm = self._clock.at(when, lambda: self.stop(task, Why.TIMEOUT))

    def _started(self, task: Task, session: Session) -> None:
        """The command was sent."""
        task.phase = "run"
        task.future._is_running = True
        if task.run_s is not None:
            limit = session.started_at + task.run_s
            if task.total_at is None or limit < task.total_at:
                self._set_alarm(task, limit)

    def _settle_over(self, link: Link) -> None:
        """The reader has handled all that it had read; no lock is held."""
        over, link.over = link.over, []
        self._ended(over)

    def _ended(self, over: Sequence[tuple[Task, Session]]) -> None:
        """Sessions ended, somehow. No lock is held, but on the way out of a dying link anything may be."""
        again: list[Task] = []
        settle: list[tuple[Task, Session]] = []
        now = time.monotonic()
        with self._lock:
            for task, session in over:
                if self._is_to_run_again(task, session, now):
                    again.append(task)
                elif task.stage is not _DONE:
                    task.stage = _DONE
                    settle.append((task, session))
            actions = self._decide()
            self._tell_idle()
            if not self._tasks:
                self._answers.rest()
        self._give_way(task.link for task, session in over if session.outcome is _REFUSED)
        for task in again:
            task.cancel_alarm()
            if task.total_at is not None:
                self._set_alarm(task, task.total_at)
        self._act(actions)
        for task, session in settle:
            self._settle(task, session, ending_of(task, session))

    def _is_to_run_again(self, task: Task, session: Session, now: float) -> bool:
        # You hold the lock. If it is, it stands in the queue again.
        key, outcome, again = task.link, session.outcome, False
        if outcome is _CLOSED:
            self._plan.finished(key, now)
            self._deaf |= task.ending is Ending.HUNTED  # from then on, no time is lost with signals
        elif outcome is _REFUSED:
            self._counts["refused_sessions"] += 1
            again = self._plan.refused(key, now)
        elif outcome is Outcome.LOST:
            self._forget(key)
            again = not session.command_sent or task.may_repeat
        else:
            self._plan.finished(key, now)
            task.unsent = outcome is Outcome.UNSENT
            again = task.unsent or (outcome is Outcome.ORPHANED and task.may_repeat)
        self._under_way(task, -1)
        if not again or task.why is not None or task.stage is not Stage.LAUNCHED or self._over:
            return False
        if session.command_sent:
            task.attempts += 1
            self._counts["retried"] += 1
        task.stage = Stage.QUEUED
        task.session = None
        task.phase = "queue"
        self._queue.appendleft(task)
        return True

    def _settle(self, task: Task, session: Session | None, ending: Ending) -> None:
        task.cancel_alarm()
        task.ending = ending
        said = verdict(task, session)
        result = said if isinstance(said, CommandResult) else task.result(session)
        tell(self.crew, self.host, result, said, task.context, cancelled=task.why is Why.CANCELLED)
        taken = task.future.settle(said, ending)
        with self._lock:  # counters are exact: they are read under the same lock
            self._counts["by_runner"] += result.by_runner
            if not taken:
                self._counts["cancelled"] += 1
            elif isinstance(said, CommandResult):
                self._counts["completed"] += 1
                self._times[0] += said.queue_s
                self._times[1] += said.duration_s
            else:
                self._counts["timed_out" if isinstance(said, CommandTimeout) else "failed"] += 1
        if taken and not isinstance(said, CommandResult):
            task.sink.finish()

    def _empty_queues(self) -> Waiting:
        # You hold the lock.
        tasks = [item for item in self._queue if isinstance(item, Task)]
        borrowers = [*(item for item in self._queue if isinstance(item, Future)), *self._borrowers]
        self._queue.clear()
        self._borrowers.clear()
        for task in tasks:
            task.stage = Stage.DONE
        return tasks, borrowers

    def _fail(self, task: Task, error: SafeError) -> None:
        task.cancel_alarm()
        task.ending = task.ending_unsent
        error = after_attempts(task, error)
        tell(self.crew, self.host, task.result(None), error, task.context)
        if task.future.settle(error, task.ending):
            task.sink.finish()
        with self._lock:
            self._counts["failed"] += 1

    # -- deciding and acting

    def _decide(self) -> Actions:
        # You hold the lock. Decide; whoever called acts when the lock is released.
        actions = Actions()
        decision = self._plan.decide(len(self._queue), len(self._borrowers), time.monotonic())
        for key in decision.launch:
            task = self._queue.popleft()
            if isinstance(task, Future):
                self._plan.links[key].strangers += 1
                actions.lend.append((task, (key, self._links[key])))
                continue
            task.stage = _LAUNCHED
            task.link = key
            self._under_way(task, 1)
            actions.launch.append((task, self._links[key]))
        for key in decision.lend:
            actions.lend.append((self._borrowers.popleft(), (key, self._links[key])))
        actions.connect = decision.connect
        actions.wake_at = decision.wake_at
        actions.starved = decision.starved
        actions.look = bool((self._loans or self._handed) and (self._queue or self._borrowers))
        return actions

    def _act(self, actions: Actions) -> None:
        # You hold no lock of ours.
        for key in actions.connect:
            if self.crew.start(f"connect-{key}", lambda key=key: self._connect(key)) is None:  # type: ignore[misc]
                self._not_connected(key)
        for task, link in actions.launch:
            self._launch(task, link)
        for borrower, lent in actions.lend:
            if borrower.set_running_or_notify_cancel():
                borrower.set_result(lent)
            elif isinstance(borrower, Slot):
                self.free_slot(lent[0])  # nobody waits any more
            else:
                self._give_back(lent[0])
        if actions.wake_at is not None:
            wake = self._wake
            if wake is None or wake.call is None or actions.wake_at < self._wake_at:
                self._wake_at = actions.wake_at
                self._wake = self._clock.at(actions.wake_at, self._pump)
        if actions.starved:
            self.on_starved()
        if actions.look:
            self.find_hopeless()

    def _pump(self) -> None:
        with self._lock:
            self._wake = None
            actions = self._decide()
        if actions.launch:
            # Launching sends, which may block; this is the clock's thread.
            self.crew.deliver(lambda: self._act(actions))
        else:
            self._act(actions)

    def sessions_of(self, key: int) -> tuple[Link | None, list[Task], list[Guest] | None]:
        """A connection, the tasks whose commands run on it, oldest first, and who else has a session; None: not known.

        Threads: any thread; it does not block.
        """
        with self._lock:
            tasks = [task for task in self._tasks if task.link == key and task.session is not None]
            strangers = self._plan.strangers(key) + (self._runners.processes(key) if self._runners is not None else 0)
            link = self._links.get(key)
        guests: list[Guest] | None = list(link.guests.values()) if link is not None else []
        running = [task for task in tasks if (it := task.session) and it.phase is Phase.RUNNING and not it.by_runner]
        if guests is not None and len(guests) != strangers:
            guests = None  # one comes or goes
        running.sort(key=lambda task: task.session.order if task.session is not None else 0)
        return link, running, guests

    def is_inside(self) -> bool:
        """Whether the garbage collector called, in the middle of what this thread does for the pool.

        Threads: any thread; it does not block.
        """
        return bool(self._lock._is_owned()) or in_the_middle()

    # -- the end

    def close(self, *, cancel: bool, timeout: float | None) -> None:
        """Takes no more tasks; waits for those under way, or ends them; closes the connections.

        Args:
            cancel: end them instead of waiting.
            timeout: seconds to wait at most before ending them; None for no limit.

        Threads: any thread but readers and callbacks, any number of times. It blocks.
        """
        self._closed = True
        if not cancel:
            # Our own future: what is queued may wait for what this thread has.
            with standstill.Waiting(self._queued, for_all=True):
                self._wait_for_rest(timeout)
        links = self.crew.ask(self._close_at_rest)
        if links is None:
            self.end()
            # Long enough for every step of an ending, and not for ever: a dead peer does not keep us.
            self._wait_for_rest(longest_s(self.limits.grace))
            links = self.crew.ask(self._let_go)
        for link in links:
            link.close()
        for link in links:
            if link is not threading.current_thread():
                link.join(5)

    def end(self) -> None:
        """Takes no more tasks, and has those that wait or run ended.

        Threads: any thread, any number of times; it does not wait for the ends.
        """
        self.crew.ask(self._end)

    def _end(self) -> None:
        with self._lock:
            self._closed = self._over = True
            doomed = [item for item in (*self._queue, *self._tasks) if isinstance(item, Task)]
            borrowers = [*(item for item in self._queue if isinstance(item, Future)), *self._borrowers]
            self._borrowers.clear()
            for borrower in borrowers:
                if borrower in self._queue:
                    self._queue.remove(borrower)
        for task in doomed:
            self.stop(task, Why.CLOSED)
        for borrower in borrowers:
            if borrower.set_running_or_notify_cancel():
                borrower.set_exception(PoolClosed("the pool was closed", host=self.host, phase="queue"))

    def abandon_after_fork(self) -> None:
        """In a forked child: lets go of everything without a word to the servers, who talk to the parent.

        Threads: the child's only thread; it does not block.
        """
        for each in (self.crew, self._clock, self._connector):
            each.abandon_after_fork()
        self._lock = SignalSafeLock()
        self._closed = True
        for link in self._links.values():
            link.abandon_after_fork()
        self._links = {}
        for task in (item for item in (*self._queue, *self._tasks) if isinstance(item, Task)):
            task.future._condition = SignalSafeCondition()  # another thread may have held it
            task.future._told = []
            task.future._done_callbacks = []  # who wanted to be called is the parent, and will be
            task.stage = Stage.DONE
            task.future.settle(PoolClosed("the pool stayed in the parent process", host=self.host), Ending.UNKNOWN)
            task.sink.finish()  # who takes from a stream
        self._queue.clear()
        self._tasks = set()

    def statistics(self) -> Statistics:
        """Counters and state, all of one moment.

        Threads: any thread. The main thread may wait for a moment while a peer does not read what it had sent.
        """
        return self.crew.ask(self._statistics)

    def _statistics(self) -> Statistics:
        with self._lock:
            links = self._plan.links.values()
            return Statistics(
                queued=len(self._queue),
                running=len(self._tasks),
                connections=sum(link.phase is not LinkPhase.CONNECTING for link in links),
                connecting=sum(link.phase is LinkPhase.CONNECTING for link in links),
                lent=sum(link.phase is LinkPhase.LENT for link in links),
                session_limit=sum(link.limit for link in links),
                queue_s=self._times[0],
                run_s=self._times[1],
                why_no_runner=self._runners.why_not if self._runners is not None else "",
                **self._counts,
            )
