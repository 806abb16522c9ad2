"""What a pool decides, without threads, sockets or a clock: who runs where, when to connect, how many at once.

The pool calls one method per thing that happened and then :meth:`Plan.decide`, all under its lock; what it is told to
do, it does outside of the lock. ``now`` is any monotonic time in seconds.

How many sessions a connection takes is learned. sshd refuses beyond ``MaxSessions`` (10 by default), and it frees a
slot a moment after the client saw the session closed, so that even eight at once meet refusals. A refusal therefore
lowers the limit to what was open and gives the connection a rest; a run of successes raises it again.

Where nothing has begun for a quarter of a second, what runs takes long, and those that wait need not: then another
connection is made where there may be one, and else a session more than the limit is asked for.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

_RAISE_AFTER = 50
_REST_S = 0.004
_LONGEST_REST_S = 0.25
_SURELY_REFUSED = 3
_STALLED_S = 0.25
_LONGEST_PROBE_S = 30.0


class LinkPhase(enum.Enum):
    """What a connection is there for."""

    CONNECTING = "connecting"
    READY = "ready"
    LENT = "lent"


_CONNECTING, _READY, _LENT = LinkPhase.CONNECTING, LinkPhase.READY, LinkPhase.LENT
"""As in ``paramedic.safe.session``: a look into an enumeration is slow, and each decision takes some."""


@dataclass(slots=True, kw_only=True)
class LinkState:
    """One connection, as the plan sees it."""

    key: int
    phase: LinkPhase = LinkPhase.CONNECTING
    open: int = 0
    limit: int
    ceiling: int
    rest_until: float = 0.0
    refusals: int = 0
    successes: int = 0
    idle_since: float = 0.0
    strangers: int = 0
    """Sessions among the open ones that somebody else runs: SFTP clients."""
    held: int = 0
    """How many look at its sessions, of which there must be no new ones meanwhile."""
    probe_at: float = 0.0
    """When to ask for one session more than the limit, if everything stands still; 0 while none was ever refused."""
    probe_s: float = _STALLED_S
    ended_at: float = 0.0
    """When a session ended last."""
    sure: bool = False
    """Whether the last refusal says what the server gives: nothing had just ended, which servers free late."""

    def room(self, now: float) -> int:
        """How many sessions may be started on it now.

        Threads: under the pool's lock; it does not block.
        """
        if self.phase is not _READY or now < self.rest_until or self.held or self.open >= self.limit:
            return 0
        return self.limit - self.open

    def may_have_more(self, now: float) -> bool:
        """Whether the server may be asked for one session more than the limit, which is only learned.

        Threads: under the pool's lock; it does not block.
        """
        ready = self.phase is LinkPhase.READY and not self.held and now >= self.rest_until
        return ready and self.open == self.limit < self.ceiling and now >= self.probe_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do now."""

    launch: tuple[int, ...] = ()
    """Keys of connections, one per waiting command, in the order of the queue."""
    lend: tuple[int, ...] = ()
    """Keys of connections to hand out whole, one per waiting borrower."""
    connect: tuple[int, ...] = ()
    """Keys of connections to make."""
    wake_at: float | None = None
    """When to decide again even if nothing happens."""
    starved: bool = False
    """Whether commands wait, and strangers have sessions that may stay open for ever."""


NOTHING = Decision()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The bounds of a pool."""

    connections: int
    sessions: int
    start_sessions: int = 6
    """How many sessions a connection begins with: below sshd's 10 by what it frees late, so that few are refused."""
    connect_attempts: int = 10
    refused_attempts: int = 12


def backoff_s(attempt: int, uniform: float, *, first_s: float = 0.05, longest_s: float = 5.0) -> float:
    """How long to wait before trying to connect again.

    Args:
        attempt: how many attempts failed in a row, from 1.
        uniform: a random number from 0 to 1: many clients that failed together must not come back together.
        first_s: the middle of the first wait, in seconds.
        longest_s: the middle of the longest wait, in seconds.

    Threads: any thread; it does not block.
    """
    middle = min(longest_s, first_s * 2.0 ** min(attempt - 1, 30))
    return float(middle * (0.5 + uniform))


@dataclass(slots=True)
class Plan:
    """The state of one pool and what follows from it; see the module's text.

    Threads: under the pool's lock, every method; none blocks.
    """

    sizes: Sizes
    links: dict[int, LinkState] = field(default_factory=dict)
    failures: int = 0
    connect_after: float = 0.0
    progress_at: float = 0.0
    """When something was begun last, or the wait began."""
    _waits: bool = False
    _next_key: int = 0

    # -- what happened

    def connected(self, key: int, now: float) -> None:
        """The connection ``key`` is there.

        Threads: under the pool's lock; it does not block.
        """
        link = self.links[key]
        link.phase = LinkPhase.READY
        link.idle_since = now
        self.failures = 0
        self.connect_after = 0.0

    def connect_failed(self, key: int, now: float, uniform: float) -> bool:
        """The connection ``key`` could not be made. Returns whether another attempt is worth it.

        Threads: under the pool's lock; it does not block.
        """
        self.links.pop(key, None)
        self.failures += 1
        self.connect_after = now + backoff_s(self.failures, uniform)
        if self.failures >= self.sizes.connect_attempts:
            self.failures = 0
            self.connect_after = 0.0
            return False
        return True

    def lost(self, key: int) -> None:
        """The connection ``key`` is gone, with all sessions on it.

        Threads: under the pool's lock; it does not block.
        """
        self.links.pop(key, None)

    def launched(self, key: int) -> None:
        """A session is being started on ``key``.

        Threads: under the pool's lock; it does not block.
        """
        self.links[key].open += 1

    def finished(self, key: int, now: float) -> None:
        """A session on ``key`` ended, the server having opened it.

        Threads: under the pool's lock; it does not block.
        """
        link = self.links.get(key)
        if link is None:
            return
        link.open -= 1
        link.ended_at = now
        link.refusals = 0
        link.successes += 1
        if link.open == 0:
            link.idle_since = now
        if link.successes >= _RAISE_AFTER and link.limit < link.ceiling:
            link.successes = 0
            link.limit += 1
            link.probe_s = _STALLED_S

    def refused(self, key: int, now: float) -> bool:
        """The server refused a session on ``key``: nothing was started. Returns whether to try again.

        Threads: under the pool's lock; it does not block.
        """
        link = self.links.get(key)
        if link is None:
            return True
        link.open -= 1
        link.refusals += 1
        link.successes = 0
        link.sure = now >= link.ended_at + _STALLED_S
        if not link.sure:
            link.probe_s = _STALLED_S
        link.probe_at = now + link.probe_s
        link.probe_s = min(2 * link.probe_s, _LONGEST_PROBE_S)
        if link.open:
            # What the others hold is what the server takes, or nearly: it frees slots late.
            link.limit = max(1, min(link.limit, link.open))
            link.rest_until = now + _REST_S
        else:
            # Nothing of ours is open as far as we know. A server that is slow to free slots soon says yes.
            link.limit = 1
            link.idle_since = now
            link.rest_until = now + min(_LONGEST_REST_S, _REST_S * 2.0 ** min(link.refusals, 10))
        return link.open > 0 or link.refusals < self.sizes.refused_attempts

    def gives_nothing(self, key: int) -> bool:
        """Whether the server has refused sessions on ``key`` again and again while none of ours was open.

        Threads: under the pool's lock; it does not block.
        """
        link = self.links.get(key)
        return link is not None and not link.open and link.refusals >= _SURELY_REFUSED

    def returned(self, key: int, now: float) -> None:
        """The borrower of ``key`` gave it back.

        Threads: under the pool's lock; it does not block.
        """
        link = self.links.get(key)
        if link is not None:
            link.phase = LinkPhase.READY
            link.idle_since = now

    def hold(self, key: int, holders: int) -> None:
        """Starts no sessions on ``key`` while somebody looks at those that there are: 1 to begin, -1 to end.

        Threads: under the pool's lock; it does not block.
        """
        link = self.links.get(key)
        if link is not None:
            link.held += holders

    def strangers(self, key: int) -> int:
        """How many sessions on ``key`` are not commands of ours.

        Threads: under the pool's lock; it does not block.
        """
        link = self.links.get(key)
        return 0 if link is None else link.strangers

    def stale(self, now: float, idle_s: float) -> tuple[int, ...]:
        """Keys of connections that nobody used for ``idle_s`` seconds, which the plan forgets hereby.

        Threads: under the pool's lock; it does not block.
        """
        ready = [link for link in self.links.values() if link.phase is LinkPhase.READY and not link.open]
        keys = tuple(link.key for link in ready if now - link.idle_since >= idle_s)
        for key in keys:
            del self.links[key]
        return keys

    # -- what follows

    def decide(self, waiting: int, borrowers: int, now: float) -> Decision:
        """What to do now with ``waiting`` commands and ``borrowers`` of whole connections in the queues.

        The plan counts what it decides as begun: sessions as open, connections as connecting or lent.

        Threads: under the pool's lock; it does not block.
        """
        if not waiting and not borrowers:
            self._waits = False
            return NOTHING
        lend: list[int] = []
        launch: list[int] = []
        still = self._is_still()
        reserved = self._reserved(borrowers)
        for link in (self.links[key] for key in reserved):
            if not link.open and not link.held:
                link.phase = LinkPhase.LENT
                lend.append(link.key)
        left = waiting
        usable = [link for link in self.links.values() if link.room(now) > 0 and link.key not in reserved]
        while left and usable:
            link = max(usable, key=lambda link: link.limit - link.open)
            link.open += 1
            launch.append(link.key)
            left -= 1
            if link.open >= link.limit:
                usable.remove(link)
        if launch or not self._waits:
            self.progress_at = now
        self._waits = bool(left)
        stalled = now >= self.progress_at + _STALLED_S
        connect, wake_at = self._connections(left, borrowers - len(lend), reserved, now, stalled=stalled)
        if not left:
            return Decision(launch=tuple(launch), lend=tuple(lend), connect=connect, wake_at=wake_at)
        serving = [link for link in self.links.values() if link.phase is not _LENT and link.key not in reserved]
        if not connect:
            if (stalled or still) and not self._is_connecting():
                probed = next((link for link in serving if link.may_have_more(now)), None)
                if probed is not None:
                    probed.limit += 1
                    probed.open += 1
                    launch.append(probed.key)
                    left -= 1
                    self.progress_at = now
            wake_at = self._next_look(wake_at, now)
        starved = (
            bool(left and serving)
            and any(link.strangers for link in serving)
            and (stalled or all(link.strangers and link.open <= link.strangers for link in serving))
        )
        return Decision(launch=tuple(launch), lend=tuple(lend), connect=connect, wake_at=wake_at, starved=starved)

    def _is_still(self) -> bool:
        """Whether all that is open are sessions of strangers: nothing of ours will end and make room."""
        for link in self.links.values():
            if link.open > link.strangers:
                return False
        return True

    def _reserved(self, borrowers: int) -> set[int]:
        # The emptiest are kept free of new sessions, so that a busy pool cannot starve a borrower. Where strangers
        # have all that is open, that would be of no use: they may need a session before they give theirs back.
        if not borrowers:
            return set()
        still = self._is_still()
        ready = [
            link for link in self.links.values() if link.phase is LinkPhase.READY and not (still and link.strangers)
        ]
        return {link.key for link in sorted(ready, key=lambda link: link.open)[:borrowers]}

    def _is_connecting(self) -> bool:
        for link in self.links.values():  # a generator for any() costs several times as much
            if link.phase is _CONNECTING:
                return True
        return False

    def _next_look(self, wake_at: float | None, now: float) -> float | None:
        times = [] if wake_at is None else [wake_at]
        connecting, stalls_at = self._is_connecting(), self.progress_at + _STALLED_S
        for link in self.links.values():
            if link.phase is _READY and link.open < link.limit:
                times.append(link.rest_until)
            elif link.phase is _READY and link.limit < link.ceiling and not connecting:
                times.append(link.probe_at if link.probe_at > stalls_at else stalls_at)
        if 0 < len(self.links) < self.sizes.connections and not connecting:
            times.append(max(self.connect_after, stalls_at))
        return min([time for time in times if time > now], default=None)

    def moves(self, waiting: int, borrowers: int, now: float) -> bool:
        """Whether what waits will get on, or at least learn more, without any session or loan coming to its end.

        Args:
            waiting: how many wait for a session.
            borrowers: how many wait for a whole connection.
            now: the time.

        Threads: under the pool's lock; it does not block.
        """
        reserved = self._reserved(borrowers)
        for link in self.links.values():
            if link.phase is LinkPhase.CONNECTING or link.held:
                return True
            if not waiting or link.phase is not LinkPhase.READY:
                continue
            # Its rest may just be over: then it is about to be used, by a decision that the clock has to wake.
            if link.open < link.limit and (now < link.rest_until or link.key not in reserved):
                return True
            if link.open >= link.limit < link.ceiling and not (link.probe_at and link.sure):
                return True
        # Where connecting failed for good while others go on, it is tried now and then, with little hope.
        hopeless = not self.failures and now < self.connect_after
        return len(self.links) < self.sizes.connections and not hopeless

    def _connections(
        self, left: int, borrowers: int, reserved: set[int], now: float, *, stalled: bool
    ) -> tuple[tuple[int, ...], float | None]:
        spare = self.sizes.connections - len(self.links)
        if spare <= 0 or not (left or borrowers):
            return (), None
        connecting = serving = capacity = 0
        for link in self.links.values():
            if link.phase is _CONNECTING:
                connecting += 1
            elif link.phase is _READY and link.key not in reserved and link.limit > link.strangers:
                serving += 1
                capacity += link.limit - link.strangers
        # A connection costs the server ten times what a short command costs. One more is worth it when there is none,
        # or when those that there are have more than two rounds of work before them. Until one was accepted, there is
        # one attempt at a time: a wrong password must not count four times.
        start = min(self.sizes.start_sessions, self.sizes.sessions)
        wanted = borrowers - connecting
        if left and not serving and not connecting:
            wanted = max(wanted, 1)
        elif left and serving:
            beyond = left - 2 * (capacity + connecting * start)
            wanted = max(wanted, -(-beyond // (2 * start)), 1 if stalled and not connecting else 0)
        wanted = min(wanted, spare)
        if wanted <= 0:
            return (), None
        if now < self.connect_after:
            return (), self.connect_after
        if self.failures:
            wanted = 1  # after a failure, one attempt at a time
        keys: list[int] = []
        for _ in range(wanted):
            key, self._next_key = self._next_key, self._next_key + 1
            self.links[key] = LinkState(key=key, limit=start, ceiling=self.sizes.sessions)
            keys.append(key)
        return tuple(keys), None
