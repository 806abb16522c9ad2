"""The runners of one pool: one per connection, started by the first command that could use it.

A command never waits for a runner: until one is ready, and wherever there is none, commands take ordinary sessions.
"""

from __future__ import annotations

import logging
import threading
import time

import paramiko

from paramedic.safe.clock import Clock
from paramedic.safe.crew import Crew
from paramedic.safe.link import Link
from paramedic.safe.runner import Runner, State

_LOG = logging.getLogger("paramedic.safe")
_MOST_FAILURES = 3
_PROVEN = 100


class Runners:
    """See the module's text.

    Threads: every method may be called by any thread.
    """

    def __init__(self, host: str, clock: Clock, crew: Crew, answer_s: float) -> None:
        """Starts without one; ``answer_s`` is how long the other side may take to answer, in seconds.

        Threads: any thread; it does not block.
        """
        self._host = host
        self._clock = clock
        self._crew = crew
        self._answer_s = answer_s
        self._lock = threading.Lock()
        self._runners: dict[int, Runner] = {}
        self._failures = 0
        self.why_not = ""
        """Why there are none any more."""

    def ready(self, key: int, link: Link) -> Runner | None:
        """The runner of a connection, if it takes commands; begins to start one where there is none.

        Threads: any thread. It blocks for a moment while the peer does not read (never on the reader).
        """
        with self._lock:
            runner = self._runners.get(key)
            if runner is not None:
                return runner if runner.state is State.READY else None
            if self.why_not:
                return None
            runner = self._runners[key] = Runner(link, self._answer_s, lambda runner: self._changed(key, runner))
        try:
            runner.start()
        except paramiko.SSHException:  # a key exchange does not end: the command that follows finds that, too
            _LOG.debug("%s: no session for a runner could be asked for", self._host, exc_info=True)
        self._clock.at(time.monotonic() + self._answer_s, lambda: self._look_at(runner))
        return None

    def processes(self, key: int) -> int:
        """How many processes of runners there are on a connection.

        Threads: any thread; it does not block.
        """
        runner = self._runners.get(key)
        return int(runner is not None and runner.has_process)

    def give_way(self, key: int) -> None:
        """Ends the runner of a connection on which the server gives no session to anybody else, and starts no other.

        Threads: any thread. It blocks for a moment while the peer does not read (never on the reader).
        """
        with self._lock:
            runner = self._runners.get(key)
            if runner is not None and not self.why_not:
                self.why_not = "the server has no session for anything else"
        if runner is not None:
            runner.leave()

    def _look_at(self, runner: Runner) -> None:
        if runner.state is State.STARTING:  # closing may block, and this is the clock's thread
            self._crew.start("runner", lambda: runner.give_up("it did not answer in time"))

    def _changed(self, key: int, runner: Runner) -> None:
        if runner.state is not State.OVER:
            return
        with self._lock:
            if self._runners.get(key) is runner:
                del self._runners[key]
            if runner.why:  # one that has done its work for long is not to blame
                self._failures = 1 if runner.served >= _PROVEN else self._failures + 1
            if runner.hopeless or self._failures >= _MOST_FAILURES:
                first, self.why_not = not self.why_not, self.why_not or runner.why
            else:
                first = False
        if first:
            _LOG.info("%s: commands take ordinary sessions from now on: %s", self._host, self.why_not)
