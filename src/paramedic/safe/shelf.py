"""SFTP clients that are lent, and kept for the next borrower."""

from __future__ import annotations

import contextlib
import copy
import functools
import math
import struct
import time
import weakref
from dataclasses import dataclass
from typing import Any, cast

import paramiko

from paramedic.safe.connections import Borrowed, Borrower, Slot
from paramedic.safe.dispatch import Dispatcher
from paramedic.safe.errors import PoolTimeout, SafeError, SessionRefused
from paramedic.safe.link import moment
from paramedic.safe.standstill import Loan, Waiting, loan

_ANSWER_S = 300.0
_KEPT = 4


def wait_for(dispatcher: Dispatcher, borrower: Borrower, timeout: float | None) -> Borrowed:
    """Waits for a connection or for room on one; gives up cleanly.

    Args:
        dispatcher: who was asked.
        borrower: what it answered with.
        timeout: seconds; None for no limit.

    Raises:
        PoolTimeout: it took too long, or would take for ever.
        SafeError: there is no connection.

    Threads: any thread but readers and callbacks. It blocks.
    """
    deadline = math.inf if timeout is None else time.monotonic() + timeout
    try:
        with Waiting(lambda: ((dispatcher, borrower),), deadline=deadline):
            return borrower.result(timeout)
    except TimeoutError:
        dispatcher.forgo(borrower)
        raise PoolTimeout(f"no connection was free within {timeout:g} s", host=dispatcher.host, phase="queue") from None
    except SafeError:
        raise
    except BaseException:
        dispatcher.forgo(borrower)
        raise


class _GivenBack:
    """In place of the channel of a client that was given back: the next borrower has it now."""

    def close(self) -> None:
        """Does nothing: the session is not this client's any more.

        Threads: any thread; it does not block.
        """

    def get_name(self) -> str:
        """What Paramiko writes into its log, of a file that the garbage collector finds.

        Threads: any thread; it does not block.
        """
        return "given back"

    def __getattr__(self, name: str) -> Any:
        raise OSError("this SFTP client was given back; use it inside its `with` block")


class _Client(paramiko.SFTPClient):  # type: ignore[misc]
    """A client that knows which of its files are open."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._opened: weakref.WeakSet[Any] = weakref.WeakSet()
        super().__init__(channel)

    @functools.wraps(paramiko.SFTPClient.open)
    def open(self, *args: Any, **kwargs: Any) -> Any:
        """As ``paramiko.SFTPClient.open``.

        Threads: the one that has the client. It blocks.
        """
        file = super().open(*args, **kwargs)
        self._opened.add(file)
        return file

    file = open

    def as_new(self) -> _Client:
        """The same session as a client that knows nothing of its earlier borrower, who can do nothing with it any more.

        Threads: the one that gives it back. It blocks.
        """
        for file in list(self._opened):
            file.close()
        fresh: Any = copy.copy(self)
        fresh._opened = weakref.WeakSet()
        fresh._cwd = None  # one borrower's chdir() must not lead the next one's relative paths elsewhere
        fresh.ultra_debug = False
        fresh.sock.settimeout(_ANSWER_S)
        self.sock = _GivenBack()
        return cast(_Client, fresh)


@dataclass(slots=True)
class Lent:
    """What a borrower has, made before he has anything: wherever Ctrl-C breaks it off, it is known what to give back.

    Threads: it belongs to the one that borrows.
    """

    slot: Slot | None = None
    channel: paramiko.Channel | None = None
    sftp: _Client | None = None
    loan: Loan | None = None
    is_clean: bool = False
    """Whether no answer of the server is still on its way to the borrower."""
    is_back: bool = False

    def works(self) -> bool:
        """Whether there is a client whose connection is there.

        Threads: any thread; it does not block.
        """
        channel = self.channel
        return self.sftp is not None and channel is not None and not channel.closed and channel.transport.is_active()


class Shelf:
    """The SFTP clients of one pool that nobody uses at the moment.

    Threads: every method may be called by any thread.
    """

    def __init__(self, dispatcher: Dispatcher, open_s: float) -> None:
        """Starts empty; ``open_s`` is how long the server may take to open a session, in seconds.

        Threads: any thread; it does not block.
        """
        self._dispatcher = dispatcher
        self._open_s = open_s
        # No lock: each look at it is one step, and who adds to it looks again whether it is closed.
        self._idle: list[Lent] = []
        self._closed = False

    def take(self, lent: Lent, timeout: float | None) -> paramiko.SFTPClient:
        """A client that works, from the shelf or new. Whatever happens, :meth:`put` it back.

        Raises:
            PoolTimeout: there was no room in time.
            SessionRefused: the server has no SFTP, or refuses sessions.
            SafeError: there is no connection.

        Threads: any thread but readers and callbacks. It blocks.
        """
        crew = self._dispatcher.crew
        crew.ask(lambda: self._pick(lent))
        while lent.sftp is not None and not lent.works():
            crew.ask(lambda: self._leave(lent))
            crew.ask(lambda: self._pick(lent))
        if lent.sftp is None:
            self._open(lent, timeout)
        lent.loan = loan("an SFTP client")
        self._dispatcher.begin_loan(lent.loan)
        return lent.sftp

    def _pick(self, lent: Lent) -> None:
        if (kept := self._pop()) is not None:
            lent.slot, lent.channel, lent.sftp = kept.slot, kept.channel, kept.sftp

    def _pop(self) -> Lent | None:
        with contextlib.suppress(IndexError):
            return self._idle.pop()
        return None

    def _open(self, lent: Lent, timeout: float | None) -> None:
        host = self._dispatcher.host
        while True:
            slot = lent.slot = Slot()
            self._dispatcher.ask_for(slot)
            _, link = wait_for(self._dispatcher, slot, timeout)
            try:
                channel = link.open_channel("session", timeout=timeout or self._open_s)
            except paramiko.ChannelException as error:
                if self._dispatcher.refused(slot):
                    continue
                raise SessionRefused(f"the server refuses sessions: {error}", host=host, phase="open") from error
            except (paramiko.SSHException, EOFError, OSError) as error:
                self._dispatcher.forgo(slot)
                if not link.is_active():
                    continue  # nothing was started; another connection will do
                raise SessionRefused(f"no session: {error}", host=host, phase="open") from error
            lent.channel = channel
            try:
                channel.settimeout(self._open_s)
                before = moment()
                channel.invoke_subsystem("sftp")  # its process is there when the answer is
                link.guests[channel.get_id()] = (before, moment())
                lent.sftp = _Client(channel)
                channel.settimeout(_ANSWER_S)
                return
            except (paramiko.SSHException, paramiko.SFTPError, struct.error, EOFError, OSError) as error:
                raise SessionRefused(
                    f"the server has no SFTP: {str(error) or 'it does not answer'}",
                    host=host,
                    phase="open",
                    hint="Subsystem sftp in sshd_config",
                ) from error

    def expect(self, lent: Lent) -> None:
        """Notes that a client is about to be put back: who asks next is not to be told that it waits for itself.

        Threads: any thread; it does not block.
        """
        if lent.loan is not None:
            self._dispatcher.end_loan(lent.loan)

    def put(self, lent: Lent) -> None:
        """Takes a client back; keeps it if it is clean.

        Threads: any thread, again if it was broken off. It may block for a moment while the peer does not read.
        """
        clean, lent.is_clean = lent.is_clean, False
        keep = clean and not self._closed and len(self._idle) < _KEPT
        fresh = None
        try:
            if keep and lent.works() and lent.sftp is not None and not self._dispatcher.has_borrowers():
                with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
                    fresh = Lent(lent.slot, lent.channel, lent.sftp.as_new())
        finally:
            self._dispatcher.crew.ask(lambda: self._keep(lent, fresh))

    def _keep(self, lent: Lent, fresh: Lent | None) -> None:
        if lent.is_back:
            return  # put back twice: what is on the shelf may be another's by now
        if lent.loan is not None:
            self._dispatcher.end_loan(lent.loan)
        if fresh is None:
            self._leave(lent)
        else:
            self._idle.append(fresh)
            if self._closed:
                self._clear()
            self._dispatcher.look_again()  # commands may wait for just this session
        lent.is_back = True

    def _leave(self, lent: Lent) -> None:
        if (channel := lent.channel) is not None:
            channel.close()
            channel.transport.guests.pop(channel.get_id(), None)
        lent.channel = lent.sftp = None
        if lent.slot is not None:
            self._dispatcher.forgo(lent.slot)

    def close(self) -> None:
        """Closes what is on the shelf, and from now on what comes back.

        Threads: any thread. It may block for a moment while the peer does not read.
        """
        self._closed = True
        if self._idle:  # who puts something there from now on looks whether it is closed, having put it
            self.clear()

    def clear(self) -> None:
        """Closes what is on the shelf.

        Threads: any thread. It may block for a moment while the peer does not read.
        """
        self._dispatcher.crew.ask(self._clear)

    def _clear(self) -> None:
        while (kept := self._pop()) is not None:
            self._leave(kept)

    def give_way(self) -> None:
        """Has what is on the shelf closed: what nobody uses must not keep commands from being run.

        Threads: any thread; it does not block.
        """
        if self._idle:
            self._dispatcher.crew.start("shelf", self.clear)

    def forget(self) -> None:
        """In a forked child: lets go without a word to the server.

        Threads: the child's only thread; it does not block.
        """
        self._closed = True
        self._idle = []
