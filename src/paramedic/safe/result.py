"""How commands end."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, fields

from paramedic.safe.errors import CommandFailed


class Ending(enum.Enum):
    """What became of the remote process."""

    EXITED = "exited"
    """It ended by itself."""
    TERMINATED = "terminated"
    """We sent it TERM and the server reported its end."""
    HUNTED = "hunted"
    """The server delivered no signal; a second session found it and sent it TERM, and the server reported its end."""
    KILLED = "killed"
    """It outlived TERM; it was sent KILL, by a signal or a second session, and the server reported its end."""
    RELEASED = "released"
    """It ran on a leash: its input was closed, and the server reported its end."""
    NOT_STARTED = "not started"
    """It was never sent to the server."""
    UNKNOWN = "unknown"
    """The server did not report an end: the process may still be running."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """How one command on one host ended.

    Either ``exit_status`` or ``signal`` is set once the server reported the end; both are None if it never did.

    Threads: a value; share it freely.
    """

    host: str
    command: str
    exit_status: int | None
    signal: str | None = None
    stdout: bytes = field(default=b"", repr=False)
    stderr: bytes = field(default=b"", repr=False)
    duration_s: float = 0.0
    """From the moment the command was sent to its end."""
    queue_s: float = 0.0
    """From the call to the moment the command was sent: waiting, connecting and opening included."""
    ending: Ending = Ending.EXITED
    attempts: int = 1
    """More than 1 only for commands that are ``retry_safe``."""
    by_runner: bool = False
    """Whether a runner ran it, instead of a session of its own; see ``ClientPool``'s argument ``runner``."""

    @property
    def ok(self) -> bool:
        """Whether the command exited with status 0."""
        return self.exit_status == 0

    @property
    def text(self) -> str:
        """Standard output as text: UTF-8, what is not becomes U+FFFD."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def error_text(self) -> str:
        """Standard error as text: UTF-8, what is not becomes U+FFFD."""
        return self.stderr.decode("utf-8", "replace")

    def check(self) -> CommandResult:
        """Returns itself if the command exited with status 0.

        Raises:
            CommandFailed: it did not; the error carries this result.

        Threads: any thread; it does not block.
        """
        if self.ok:
            return self
        how = f"signal {self.signal}" if self.signal else f"exit status {self.exit_status}"
        last = self.error_text.strip().splitlines()[-1:]
        said = f": {last[0][:200]}" if last else ""
        raise CommandFailed(f"the command ended with {how}{said}", host=self.host, hint="", result=self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long each step may take, in seconds; None means no limit.

    Threads: a value; share it freely.
    """

    connect: float = 15.0
    """The TCP connection."""
    banner: float = 15.0
    """The server's first line and the key exchange."""
    auth: float = 30.0
    """One step of authentication."""
    open: float = 30.0
    """The server's answer to the request for a session."""
    run: float | None = None
    """The command itself."""
    total: float | None = None
    """Everything, waiting for a free session included."""
    acquire: float | None = 30.0
    """How long a command waits for a session while all that there are lie idle with others: SFTP clients and
    connections that are lent, and streams whose output nobody takes. For commands and copies that are under way it
    waits without limit, but for ``total``. ``ClientPool.client`` and ``sftp`` have a ``timeout`` of their own."""
    grace: float = 1.0
    """Between TERM and KILL, and between KILL and giving up."""
    keepalive: float = 30.0
    """Silence after which the server is asked for a sign of life; after three times that the connection is given up.
    While nothing is open on it, the kernel asks (TCP keepalive), and the server itself after ten times that only."""
    idle: float = 60.0
    """An unused connection is closed after this."""

    def __post_init__(self) -> None:
        """Checks the numbers.

        Raises:
            ValueError: one is negative, or not a number.

        Threads: any thread; it does not block.
        """
        for limit in fields(self):
            seconds = getattr(self, limit.name)
            if seconds is not None and not seconds >= 0:
                raise ValueError(f"Limits({limit.name}={seconds!r}): seconds, not less than 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Counters of a pool since it was made, and its state now. Taken under its lock: they fit each other.

    Threads: a value; share it freely.
    """

    queued: int = 0
    running: int = 0
    connections: int = 0
    connecting: int = 0
    lent: int = 0
    session_limit: int = 0
    """What the connections take together, as learned so far."""
    completed: int = 0
    failed: int = 0
    timed_out: int = 0
    cancelled: int = 0
    retried: int = 0
    refused_sessions: int = 0
    connects: int = 0
    failed_connects: int = 0
    lost_connections: int = 0
    by_runner: int = 0
    """How many of the commands runners ran."""
    why_no_runner: str = ""
    """Why commands of a pool with ``runner=True`` take ordinary sessions from now on; empty while they need not."""
    queue_s: float = 0.0
    """Sum over completed commands."""
    run_s: float = 0.0
    """Sum over completed commands."""
