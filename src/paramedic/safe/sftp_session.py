"""An SFTP session that keeps many requests under way: jobs are generators that yield requests and get their answers.

``paramiko.SFTPClient`` moves every byte through a buffer that it shifts at each read, sleeps between prefetches and
waits for one answer at a time; over a round trip of 20 ms that is what a copy of many files consists of. Here one
thread drives any number of jobs; their requests leave together, and the answers are handed out as they come.
"""

from __future__ import annotations

import struct
import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator

from paramedic.safe import sftp_packets as sftp
from paramedic.safe.connections import Slot
from paramedic.safe.dispatch import Dispatcher
from paramedic.safe.errors import ConnectionLost, SessionRefused, TransferTimeout
from paramedic.safe.link import Link
from paramedic.safe.session import Outcome, Session
from paramedic.safe.sftp_packets import Reader, Reply
from paramedic.safe.shelf import wait_for
from paramedic.safe.signal_safe import SignalSafeCondition, SignalSafeEvent
from paramedic.safe.sink import STDOUT
from paramedic.safe.standstill import loan
from paramedic.safe.transfer import FEWEST_REQUESTS, requests_at_once

Request = tuple[int, bytes]
"""A packet's type, and what follows its number."""
Job = Generator[list[Request], list[Reply], None]
_WRITE_TOGETHER_BYTES = 1024 * 1024
_MOST_PACKET_BYTES = 16 * 1024 * 1024
_SMALL_BYTES = 32 * 1024
_AT_ONCE = 64
_AGAIN = "copy it again; resume=True keeps what has come, and goes on with it"
_WINDOW_BYTES = 64 * 1024 * 1024
"""More than is ever asked for at once: what we ask for is what bounds the answers."""


class _Inbox:
    """The sink of the session: cuts the stream into packets."""

    def __init__(self) -> None:
        self.changed = SignalSafeCondition()
        self.packets: deque[bytes] = deque()
        self.finished = False
        self.complaint = b""
        self._parts: list[bytes] = []
        self._have = 0
        self._need = 4
        self._in_body = False

    def feed(self, stream: int, data: bytes) -> int:
        """Takes what the server sent.

        Threads: the reader thread; it does not block.
        """
        if stream != STDOUT:
            self.complaint = (self.complaint + data)[-1000:]
            return len(data)
        self._parts.append(data)
        self._have += len(data)
        if self._have < self._need:
            return len(data)
        whole = b"".join(self._parts)
        at = 0
        found: list[bytes] = []
        while len(whole) - at >= self._need:
            if not self._in_body:
                self._need = int.from_bytes(whole[at : at + 4], "big")
                at += 4
                if self._need > _MOST_PACKET_BYTES:
                    self.complaint = b"it does not speak SFTP: " + whole[:80]
                    self.finish()
                    return 0
                self._in_body = True
            else:
                found.append(whole[at : at + self._need])
                at += self._need
                self._need, self._in_body = 4, False
        self._parts = [whole[at:]]
        self._have = len(whole) - at
        if found:
            with self.changed:
                self.packets.extend(found)
                self.changed.notify()
        return len(data)

    def finish(self) -> None:
        """No more comes.

        Threads: any thread; it does not block.
        """
        with self.changed:
            self.finished = True
            self.changed.notify_all()


class _Owner:
    def __init__(self) -> None:
        self.answered = SignalSafeEvent()

    def session_started(self, session: Session) -> None:
        """The subsystem was asked for.

        Threads: the reader thread; it does not block.
        """
        self.answered.set()

    def session_ended(self, session: Session) -> None:
        """The session ended.

        Threads: any thread; it does not block.
        """
        self.answered.set()


class SftpSession:
    """One SFTP session on a pool's connection: it has nothing until it is opened, and nothing once it is closed.

    So Ctrl-C finds no moment at which there is a session that nobody knows of: ``try:`` comes before :meth:`open`.

    Threads: one thread at a time calls its methods.
    """

    def __init__(self, dispatcher: Dispatcher, timeout: float = 30.0) -> None:
        """Makes one that has nothing yet.

        Args:
            dispatcher: of the pool.
            timeout: seconds to wait for room, for the session, and later for any one answer.

        Threads: any thread; it does not block.
        """
        self._dispatcher = dispatcher
        self._timeout = timeout
        self._open_s = min(timeout, dispatcher.limits.open)
        self._number = 0
        self._round_trip_s = 0.0
        self.reads_at_once = self.writes_at_once = 1
        self.works_in_order = False
        self._spawned: deque[Job] = deque()
        self._slot = Slot()
        self._inbox = _Inbox()
        self._session: Session | None = None
        self._loan = loan("a copy", idle=False)
        self._once = threading.Lock()
        self._is_closed = False

    def open(self, path: str) -> None:
        """Opens the session and asks about ``path``: what the server says of it is the reply ``stated``.

        Whatever happens, :meth:`close` it.

        Args:
            path: what is to be copied, or its target.

        Raises:
            PoolTimeout: there was no room in time.
            SessionRefused: the server has no SFTP, or refuses sessions.
            TransferTimeout: it does not answer.
            SafeError: there is no connection.

        Threads: any thread but readers and callbacks. It blocks.
        """
        dispatcher, timeout = self._dispatcher, self._timeout
        session = None
        while session is None:
            self._slot = Slot()
            dispatcher.ask_for(self._slot)
            session = self._ask(wait_for(dispatcher, self._slot, timeout)[1])
        dispatcher.begin_loan(self._loan)
        try:
            asked = time.monotonic()
            session.write(struct.pack(">IBI", 5, sftp.INIT, 3), self._open_s)
            hello = self._next(time.monotonic() + self._open_s)
            self._round_trip_s = time.monotonic() - asked
            if len(hello) < 5 or hello[0] != sftp.VERSION:
                raise ValueError("it does not speak SFTP")
            self.extensions = self._extensions(hello)
        except (ConnectionLost, OSError, ValueError) as error:
            said = self._inbox.complaint.decode("utf-8", "replace").strip() or str(error)
            raise SessionRefused(
                f"the server has no SFTP: {said}",
                host=dispatcher.host,
                phase="open",
                hint="Subsystem sftp in sshd_config, or a login script that prints",
            ) from error
        self.stated, self.read_bytes, self.write_bytes = self._look(path)
        self.reads_at_once = requests_at_once(self._round_trip_s, self.read_bytes)
        self.writes_at_once = requests_at_once(self._round_trip_s, self.write_bytes)

    def _ask(self, link: Link) -> Session | None:
        self._inbox = _Inbox()
        owner = _Owner()
        session = self._session = Session(
            b"", self._inbox, owner, hold_input=True, subsystem=b"sftp", window_bytes=_WINDOW_BYTES
        )
        self._dispatcher.crew.ask(lambda: link.launch(session))  # all of it or nothing: Ctrl-C would leave it half done
        answered = owner.answered.wait(self._open_s)
        if not answered and session.withdraw():
            raise SessionRefused("no answer to the request for a session", host=self._dispatcher.host, phase="open")
        if session.outcome is Outcome.REFUSED:
            if self._dispatcher.refused(self._slot):
                return None
            raise SessionRefused(
                f"the server refuses sessions: {session.refusal}", host=self._dispatcher.host, phase="open"
            )
        if session.outcome is Outcome.LOST:
            self._dispatcher.forgo(self._slot)
            return None  # nothing was started; another connection will do
        link.guests[session.channel] = (session.order, session.order)
        return session

    def _next(self, deadline: float) -> bytes:
        inbox = self._inbox
        with inbox.changed:
            while not inbox.packets:
                if inbox.finished:
                    raise ConnectionLost(
                        "the SFTP session ended", host=self._dispatcher.host, phase="copy", hint=_AGAIN
                    )
                left = deadline - time.monotonic()
                if left <= 0 or not inbox.changed.wait(left):
                    raise TransferTimeout("the server does not answer", host=self._dispatcher.host, phase="copy")
            return inbox.packets.popleft()

    @staticmethod
    def _extensions(hello: bytes) -> dict[str, str]:
        reader = Reader(hello[5:])
        found: dict[str, str] = {}
        while reader.more():
            name = reader.name()
            found[name] = reader.name()
        return found

    def _look(self, path: str) -> tuple[Reply, int, int]:
        # Both questions in one round trip.
        requests: list[Request] = [(sftp.STAT, sftp.text(path))]
        if "limits@openssh.com" in self.extensions:
            requests.append((sftp.EXTENDED, sftp.text("limits@openssh.com")))
        found: list[Reply] = []

        def job() -> Job:
            found.extend((yield requests))

        asked = time.monotonic()
        self.run([job()])
        # The first answer may have waited for the server's process.
        self._round_trip_s = min(self._round_trip_s, time.monotonic() - asked)
        stated, *limits = found
        try:
            reader = limits[0].expect(sftp.EXTENDED_REPLY)
            reader.long()
            read, write = reader.long(), reader.long()
        except (IndexError, OSError, ValueError):
            return stated, _SMALL_BYTES, _SMALL_BYTES
        # OpenSSH's does one request after the other, each to its end.
        link = self._session.link if self._session is not None else None
        self.works_in_order = "OpenSSH" in getattr(link, "remote_version", "")
        return stated, min(read or _SMALL_BYTES, 255 * 1024), min(write or _SMALL_BYTES, 255 * 1024)

    @property
    def host(self) -> str:
        """The host as the caller named it."""
        return self._dispatcher.host

    def without_holes(self, size: int, piece_bytes: int) -> int:
        """How many bytes of the rest of a broken copy are surely there, where it has ``size`` bytes.

        Args:
            size: of the rest, in bytes.
            piece_bytes: of which size its pieces are.

        Threads: any thread; it does not block.
        """
        # A server that works in order leaves no holes. Of another one, the pieces under way came in any order.
        return size if self.works_in_order else max(0, size - FEWEST_REQUESTS * piece_bytes)

    def spawn(self, job: Job) -> None:
        """Adds a job to those that :meth:`run` drives; they go before what is left of its ``jobs``.

        Threads: a job, while it is being driven; it does not block.
        """
        self._spawned.append(job)

    def run(self, jobs: Iterable[Job], at_once: int | None = None) -> None:
        """Drives jobs until all have ended; an exception in one ends all.

        Args:
            jobs: taken as there is room.
            at_once: how many are under way; None for as many as keep the line busy.

        Raises:
            TransferTimeout: the server did not answer in time.
            ConnectionLost: the session ended.

        Threads: one thread at a time. It blocks.
        """
        most = max(_AT_ONCE, self.reads_at_once, self.writes_at_once) if at_once is None else at_once
        source: Iterator[Job] = iter(jobs)
        waiting: dict[int, tuple[_Progress, int]] = {}
        out: list[bytes] = []
        size = 0
        active = 0
        exhausted = False
        try:
            while True:
                while active < most and (self._spawned or not exhausted):
                    job = self._spawned.popleft() if self._spawned else next(source, None)
                    if job is None:
                        exhausted = True
                        break
                    progress = _Progress(job)
                    size += self._advance(progress, None, waiting, out)
                    active += not progress.over
                    if size >= _WRITE_TOGETHER_BYTES:
                        size = self._flush(out)
                if not active:
                    if out:
                        self._flush(out)
                    if exhausted and not self._spawned:
                        return
                    continue
                if not self._inbox.packets:
                    size = self._flush(out)
                packet = self._next(time.monotonic() + self._timeout)
                number = int.from_bytes(packet[1:5], "big")
                progress, place = waiting.pop(number)
                progress.answers[place] = Reply(packet[0], packet[5:])
                progress.missing -= 1
                if not progress.missing:
                    size += self._advance(progress, progress.answers, waiting, out)
                    active -= progress.over
                    if size >= _WRITE_TOGETHER_BYTES:
                        size = self._flush(out)
        except KeyError as error:
            raise ConnectionLost("the server answers what was not asked", host=self._dispatcher.host) from error
        except BrokenPipeError as error:
            raise ConnectionLost(
                "the SFTP session ended", host=self._dispatcher.host, phase="copy", hint=_AGAIN
            ) from error
        finally:
            for job in self._spawned:
                job.close()
            self._spawned.clear()
            for progress in {id(p): p for p, _ in waiting.values()}.values():
                progress.job.close()

    def _advance(
        self,
        progress: _Progress,
        answers: list[Reply] | None,
        waiting: dict[int, tuple[_Progress, int]],
        out: list[bytes],
    ) -> int:
        size = 0
        while True:
            try:
                requests = next(progress.job) if answers is None else progress.job.send(answers)
            except StopIteration:
                progress.over = True
                return size
            if not requests:
                answers = []
                continue
            progress.answers = [_NO_REPLY] * len(requests)
            progress.missing = len(requests)
            for place, (kind, body) in enumerate(requests):
                self._number = (self._number + 1) & 0xFFFFFFFF
                waiting[self._number] = (progress, place)
                out.append(struct.pack(">IBI", len(body) + 5, kind, self._number))
                out.append(body)
                size += len(body) + 9
            return size

    def _flush(self, out: list[bytes]) -> int:
        if out and self._session is not None:
            try:
                self._session.write(b"".join(out), self._timeout)
            except TimeoutError as error:
                raise TransferTimeout("the server takes nothing", host=self._dispatcher.host, phase="copy") from error
            out.clear()
        return 0

    def close(self) -> None:
        """Ends the session, if there is one.

        Threads: any thread, any number of times. It may block for a moment while the peer does not read.
        """
        if not self._is_closed:
            self._dispatcher.crew.ask(self._close)

    def _close(self) -> None:
        if self._once.acquire(blocking=False):  # whoever stops a copy may come here together with its own thread
            self._dispatcher.end_loan(self._loan)
            if (session := self._session) is not None:
                session.close()
                if session.link is not None:
                    session.link.guests.pop(session.channel, None)
            self._dispatcher.forgo(self._slot)
            self._is_closed = True


class _Progress:
    """A job under way."""

    __slots__ = ("answers", "job", "missing", "over")

    def __init__(self, job: Job) -> None:
        self.job = job
        self.answers: list[Reply] = []
        self.missing = 0
        self.over = False


_NO_REPLY = Reply(0, b"")
