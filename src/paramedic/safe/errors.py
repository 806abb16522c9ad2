"""What can go wrong, as types: each error knows its host, the phase in which it struck, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paramedic.safe.result import CommandResult, Ending
    from paramedic.safe.transfer import CopyResult


class SafeError(Exception):
    """The base of all errors of :mod:`paramedic.safe`.

    Attributes:
        host: the host as the caller named it, or "".
        phase: what was being done: "configuration", "connect", "banner", "key exchange", "host key", "auth",
            "open", "queue", "exec", "run", "copy", "close".
        hint: what the reader of the message can do next, or "".

    Threads: errors are values; share them freely.
    """

    default_hint = ""

    def __init__(self, message: str, *, host: str = "", phase: str = "", hint: str | None = None) -> None:
        """Keeps what happened, where, when and what to do.

        Threads: any thread; it does not block.
        """
        self.message = message
        self.host = host
        self.phase = phase
        self.hint = self.default_hint if hint is None else hint
        super().__init__(message)

    def __str__(self) -> str:
        where = f"{self.host}: " if self.host else ""
        return _printable(f"{where}{self.message}" + (f" ({self.hint})" if self.hint else ""))

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive BaseException's own pickling; errors travel between processes.
        return _rebuild, (type(self), self.message, self.__dict__.copy())


def _printable(text: str) -> str:
    # Names come from users and reasons from servers: neither writes lines of its own, nor to a terminal.
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _rebuild(kind: type[SafeError], message: str, state: dict[str, object]) -> SafeError:
    error = kind.__new__(kind, message)
    error.args = (message,)
    error.__dict__.update(state)
    return error


class ConnectFailed(SafeError):
    """No connection could be made: name, network, port, banner or key exchange. Nothing was run.

    Attributes:
        passing: whether another attempt may do better: the server hung up, as sshd does when it has too much to do. The
            pool has made several by the time that you see this.
    """

    passing = False


class HostKeyError(ConnectFailed):
    """The host key was not acceptable; nothing was sent to the host, no password either."""


class UnknownHostKey(HostKeyError):
    """The host is not in known_hosts."""

    default_hint = "compare its fingerprint; then ssh-keyscan, policy='accept-new' or --accept-new adds it"


class ChangedHostKey(HostKeyError):
    """The host is in known_hosts with another key: it was installed anew, or somebody is in between."""

    default_hint = "if you know why the key changed, remove the old one with ssh-keygen -R"


class RevokedHostKey(HostKeyError):
    """known_hosts says that this key must no longer be trusted (@revoked)."""

    default_hint = "the host must get a new key"


class AuthFailed(ConnectFailed):
    """The server took none of the keys and passwords. Nothing was run."""

    default_hint = "check user name, key, agent and password; `ssh -v` shows what the server wants"


class SessionRefused(SafeError):
    """The server refuses sessions or the command itself. Nothing was run."""

    default_hint = "MaxSessions, PermitOpen or a forced command in sshd_config can be the reason"


class PoolClosed(SafeError):
    """The pool or group was closed, here or before a fork. The command was not run."""

    default_hint = "use it inside its `with` block; after os.fork() make a new one"


class PoolTimeout(SafeError):
    """No connection or session was free in time, because of those that are lent. Nothing was run."""

    default_hint = "raise `connections`, or give clients back sooner"


class PoolDeadlock(PoolTimeout):
    """It would have waited for ever: who could give back what it waits for waits as well. Nothing was run."""

    default_hint = "leave the `with` block of client(), sftp() or stream() first, or raise `connections`"


class CommandError(SafeError):
    """A command was run, or may have been, and did not end as wanted.

    Attributes:
        result: what is known of it, output included, or None.
        may_have_started: whether the remote side may have begun to run it.
    """

    def __init__(
        self,
        message: str,
        *,
        host: str = "",
        phase: str = "run",
        hint: str | None = None,
        result: CommandResult | None = None,
        may_have_started: bool = True,
    ) -> None:
        """Keeps what is known of the command.

        Threads: any thread; it does not block.
        """
        super().__init__(message, host=host, phase=phase, hint=hint)
        self.result = result
        self.may_have_started = may_have_started


class CommandFailed(CommandError):
    """``CommandResult.check()``: the exit status is not 0, or a signal ended the command."""


class ConnectionLost(CommandError):
    """The connection died while a command ran, or the server closed its channel without saying how it ended."""

    default_hint = "it was not run again; pass retry_safe=True for commands that may run twice"


class CommandTimeout(CommandError, TimeoutError):
    """A limit passed. ``ending`` says what became of the remote process.

    Attributes:
        ending: whether the remote process is known to be gone.
    """

    def __init__(
        self,
        message: str,
        *,
        ending: Ending,
        host: str = "",
        phase: str = "run",
        hint: str | None = None,
        result: CommandResult | None = None,
        may_have_started: bool = True,
    ) -> None:
        """Keeps what is known of the command and of its end.

        Threads: any thread; it does not block.
        """
        super().__init__(message, host=host, phase=phase, hint=hint, result=result, may_have_started=may_have_started)
        self.ending = ending


class BadCommand(SafeError, ValueError):
    """The command cannot be sent: NUL bytes, lone surrogates, more than 250,000 bytes, or nothing at all."""


class BadConfiguration(SafeError, ValueError):
    """A configuration file or argument says something that cannot be followed."""

    default_hint = "see ssh_config(5), and what `ssh -G host` says"

    def __init__(self, message: str, *, host: str = "", phase: str = "configuration", hint: str | None = None) -> None:
        """Keeps what is wrong, and where.

        Threads: any thread; it does not block.
        """
        super().__init__(message, host=host, phase=phase, hint=hint)


class TransferError(SafeError):
    """A file was not copied. The target is as it was before; a partial copy may lie beside it, to be resumed.

    Attributes:
        result: what was copied all the same, or None.
    """

    default_hint = "are the folders there, may they be read and written, and is there room?"
    result: CopyResult | None = None


class TransferTimeout(TransferError, TimeoutError):
    """The server stopped to answer in the middle of a copy."""

    default_hint = "resume=True goes on with what has come when it answers again"


class NotRun(SafeError):
    """The command was not run, or was ended, because the group stopped: another host failed, or its time was up.

    Attributes:
        ending: what became of the remote process; NOT_STARTED if nothing was run.
    """

    def __init__(
        self, message: str, *, ending: Ending, host: str = "", phase: str = "queue", hint: str | None = None
    ) -> None:
        """Keeps what became of the command.

        Threads: any thread; it does not block.
        """
        super().__init__(message, host=host, phase=phase, hint=hint)
        self.ending = ending


class GroupError(ExceptionGroup[SafeError]):
    """Some hosts failed; ``exceptions`` has one error per failed task."""

    def derive(self, excs: Sequence[SafeError]) -> GroupError:  # type: ignore[override]
        """Makes a group of the same kind; ``except*`` needs it.

        Threads: any thread; it does not block.
        """
        return GroupError(self.message, excs)
