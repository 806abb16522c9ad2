"""Transports and logins: the half of a story that is about connections."""

from __future__ import annotations

from paramedic.logs.actors import Channel, Seen, Transport, seconds_between
from paramedic.logs.facts import TransportFacts

KEPT = 200
"""Most pieces of evidence of one kind that are kept; the rest is only counted."""
SILENCE_S = 10.0
"""Silences of a transport from here on are remembered."""
LOGIN_S = 25.0
"""Two logins on one transport overlap if they began within this time: Paramiko gives up after 30 s (auth_timeout)."""
MAX_THREADS = 20_000
"""Most threads that are remembered; of more, the oldest are forgotten."""
MAX_ENDED = 512
"""Most ended transports that are kept as they are."""


class Connections:
    """The transports of one process, and the threads that use them.

    Attributes:
        now_s: the clock, as far as the reader has set it.
        prior_transports: threads of transports of an earlier run in the same log.
        mixed: several processes with the same thread numbers write here.
        transports: by the name of their thread.
        threads: last line of each worker.
        homes: the transport on which each worker was seen last.
        told: the transport of each worker's line, where the log itself says so (`paramedic.log_to_file`).
        wanderers: workers that were seen on several live transports.
        blind: there are transports whose channels the log does not all show, since it begins later than they do.
    """

    def __init__(self, prior_transports: frozenset[bytes] = frozenset()) -> None:
        self.now_s: float | None = None
        self.prior_transports = prior_transports
        self.mixed = False
        self.transports: dict[bytes, Transport] = {}
        self.transports_seen = 0
        self.begun_before = 0
        self.threads_seen = 0
        self.clock_backwards = 0
        self.unrequested: list[Seen] = []
        self.key_prints: dict[str, None] = {}
        self.hosts: dict[str, Seen] = {}
        self.most_logging_in = 0
        self.threads: dict[bytes, Seen] = {}
        self.homes: dict[bytes, Transport] = {}
        self.told: dict[bytes, Transport] = {}
        self.blind = False
        self.wanderers: set[bytes] = set()
        self._opened: dict[bytes, Channel] = {}
        self._done: list[TransportFacts] = []
        self._logging_in: dict[bytes, Transport] = {}

    def _start(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        identity = message.rpartition(b": ")[2].decode("ascii", "replace")
        if self.begun_before and not self.blind:
            self.blind = any(t.started is None and t.end is None for t in self.transports.values())
        transport = Transport(thread, seen, identity[:20], b"server mode" in message[:40])
        if self.now_s is not None:
            transport.last_s = self.now_s
        old = self.transports.get(thread)
        if old is not None:  # the system gave its ident to a new thread
            self._keep(old)
        self.transports[thread] = transport
        self.transports_seen += 1
        self._logging_in[thread] = transport
        self.most_logging_in = max(self.most_logging_in, len(self._logging_in))

    def is_new_run(self, thread: bytes) -> bool:
        """A transport that starts now on this thread cannot be of the process whose story this is.

        Paramiko's thread numbers only grow (util.py, get_thread_id), and a transport is a thread of its own.

        Threads: for the one thread that reads.
        """
        return bool(thread) and (thread in self.transports or thread in self.threads or thread in self.homes)

    def transport_of(self, thread: bytes, seen: Seen) -> Transport:
        """The transport that logs on this thread; made up if the log begins after its start.

        Threads: for the one thread that reads.
        """
        transport = self.transports.get(thread)
        now = self.now_s
        if transport is not None and transport.last_s == now:
            transport.last = seen
            return transport
        if transport is None:
            if not thread and self.transports:
                transport = next(reversed(self.transports.values()))
            else:
                if thread in self.prior_transports:
                    self.mixed = True
                transport = self.transports[thread] = Transport(thread, None, "", False)
                self.transports_seen += 1
                self.begun_before += 1
                if self.now_s is not None:
                    transport.last_s = self.now_s
                self.threads.pop(thread, None)
                self.blind = len(self.transports) > 1
        if now is not None and now != transport.last_s:
            quiet = now - transport.last_s
            if (quiet < 0 or quiet > SILENCE_S - 1) and transport.last is not None:
                exact = seconds_between(transport.last, seen)  # `now_s` is that of some line of the same second
                quiet = quiet if exact is None else exact
            if quiet >= SILENCE_S and transport.last is not None:
                if transport.silence is None or quiet > transport.silence[0]:
                    transport.silence = (quiet, transport.last, seen)
            elif quiet < -1:
                self.clock_backwards += 1
            transport.last_s = now
        transport.last = seen
        return transport

    def _of_transport(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        self.transport_of(thread, seen)

    def _banner(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        self.transport_of(thread, seen).banner = seen

    def _greeting(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        self.transport_of(thread, seen).greeting = message[8:208].decode("utf-8", "replace")

    def _kex_start(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        self.transport_of(thread, seen).kex_open = seen

    def _kex_end(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        transport = self.transport_of(thread, seen)
        transport.kex_open = None
        transport.keys_agreed = transport.keys_agreed or seen

    def _host_key(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        host = message.partition(b" host key for ")[2].rpartition(b": ")[0].decode("utf-8", "replace")[:100]
        if len(self.hosts) < KEPT:
            self.hosts.setdefault(host, seen)
        self.threads[thread] = seen
        fresh = [t for t in self._logging_in.values() if t.keys_agreed is not None and not t.host and t.tid != thread]
        if len(fresh) == 1:
            fresh[0].host = host
            fresh[0].opener = thread
            self.homes[thread] = fresh[0]

    def _auth_ready(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        transport = self.transport_of(thread, seen)
        for earlier in transport.auth_open:
            between = seconds_between(earlier, seen)
            if len(transport.double_logins) < KEPT and (between is None or 0 <= between < LOGIN_S):
                transport.double_logins.append((earlier, seen))
        transport.auth_open.append(seen)
        del transport.auth_open[:-16]

    def _auth_try(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        self.threads[thread] = seen
        prints = message.split(b"b'")[1:2]
        if prints and len(self.key_prints) < KEPT:
            self.key_prints.setdefault(prints[0].partition(b"'")[0].decode("ascii", "replace")[:64])
        home = self.homes.get(thread)
        if home is None or home.authed is not None:
            ready = [t for t in self._logging_in.values() if t.keys_agreed is not None and t.opener in (None, thread)]
            home = ready[0] if len(ready) == 1 else None
        if home is not None:
            home.keys_tried += 1
            home.opener = thread
            self.homes[thread] = home

    def _auth_ok(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        transport = self.transport_of(thread, seen)
        transport.authed = transport.authed or seen
        if transport.auth_open:
            transport.auth_open.pop(0)
        self._logging_in.pop(thread, None)

    def _auth_failed(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        transport = self.transport_of(thread, seen)
        if transport.auth_open:
            transport.auth_open.pop(0)
        if message.endswith(b" failed.") and b"(none)" not in message and len(transport.failed_logins) < KEPT:
            transport.failed_logins.append(seen)

    def _unimplemented(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        transport = self.transport_of(thread, seen)
        if b"type 3 " in message and len(transport.unimplemented) < KEPT:
            transport.unimplemented.append(seen)

    def _unrequested_success(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        self.transport_of(thread, seen)
        if len(self.unrequested) < KEPT:
            self.unrequested.append(seen)

    def _only_live(self) -> Transport | None:
        found = None
        for transport in self.transports.values():
            if transport.end is None:
                if found is not None:
                    return None
                found = transport
        return found

    def forget_ended(self) -> None:
        """Turns ended transports into facts once there are many, and drops those that have nothing to tell.

        Threads: for the one thread that reads.
        """
        if len(self.threads) > MAX_THREADS:
            for old in list(self.threads)[: MAX_THREADS // 2]:
                self.threads_seen += 1
                del self.threads[old]
                self.homes.pop(old, None)
                self._opened.pop(old, None)
                self.told.pop(old, None)
        ended = [t for t in self.transports.values() if t.end is not None]
        if len(ended) < MAX_ENDED:
            return
        for transport in ended[:-64]:
            self._keep(transport, telling=True)
            transport.let_go()
            del self.transports[transport.tid]
        for thread in [t for t, home in self.homes.items() if home.end is not None]:
            del self.homes[thread]

    def _keep(self, transport: Transport, *, telling: bool = False) -> None:
        """Keeps a transport that is over as facts: where there are many, or with ``telling``, if it tells something."""
        how = transport.end[0] if transport.end else ""
        noted = transport.double_logins or transport.failed_logins or transport.waiting_at_end
        tells = how != "eof" or transport.started is None or bool(noted)
        if len(self._done) < (4 * KEPT if tells else 0 if telling else KEPT):
            self._done.append(transport.facts())

    def forget_thread(self, thread: bytes) -> None:
        """The system gave a thread's ident to a new thread.

        Threads: for the one thread that reads.
        """
        self.threads.pop(thread, None)
        self.homes.pop(thread, None)
        self._opened.pop(thread, None)
        self.told.pop(thread, None)
        self.wanderers.discard(thread)

    def works_on(self, thread: bytes, identity: bytes) -> None:
        """The log itself says on which transport a thread works.

        Threads: for the one thread that reads.
        """
        if thread in self.transports:
            return
        told = self.told.get(thread)
        text = identity.decode("ascii", "replace")
        if told is None or told.identity != text:
            found = [t for t in self.transports.values() if t.identity == text and t.end is None]
            if found:
                self.told[thread] = self.homes[thread] = found[-1]
            else:
                self.told.pop(thread, None)
