"""What became of each host of a group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from paramedic.safe.errors import CommandFailed, GroupError, SafeError
from paramedic.safe.result import CommandResult


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOutcome:
    """What became of one command on one host: a result, or the error in its place.

    Threads: a value; share it freely.
    """

    host: str
    command: str
    result: CommandResult | None = None
    error: SafeError | None = None

    @property
    def ok(self) -> bool:
        """Whether the command exited with status 0."""
        return self.error is None and self.result is not None and self.result.ok

    @property
    def failure(self) -> SafeError | None:
        """The error, or one that says with which status the command ended; None if it is :attr:`ok`."""
        if self.error is not None or self.result is None:
            return self.error
        try:
            self.result.check()
        except CommandFailed as error:
            return error
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLine:
    """A line that a command on one host has printed.

    Threads: a value; share it freely.
    """

    host: str
    command: str
    stream: str
    """"stdout" or "stderr"."""
    data: bytes
    """Without its end."""

    @property
    def text(self) -> str:
        """The line as text: UTF-8, what is not becomes U+FFFD."""
        return self.data.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupResult:
    """What became of all hosts, in the order in which they were named, and for each in the commands' order.

    Threads: a value; share it freely.
    """

    outcomes: tuple[HostOutcome, ...]

    def __iter__(self) -> Iterator[HostOutcome]:
        return iter(self.outcomes)

    def __len__(self) -> int:
        return len(self.outcomes)

    def __getitem__(self, host: str) -> HostOutcome:
        """The first outcome of a host.

        Raises:
            KeyError: the host is not in this group.

        Threads: any thread; it does not block.
        """
        for outcome in self.outcomes:
            if outcome.host == host:
                return outcome
        raise KeyError(host)

    @property
    def ok(self) -> bool:
        """Whether every command exited with status 0."""
        return all(outcome.ok for outcome in self.outcomes)

    @property
    def succeeded(self) -> tuple[HostOutcome, ...]:
        """Those that exited with status 0."""
        return tuple(outcome for outcome in self.outcomes if outcome.ok)

    @property
    def failed(self) -> tuple[HostOutcome, ...]:
        """All others."""
        return tuple(outcome for outcome in self.outcomes if not outcome.ok)

    def check(self) -> GroupResult:
        """Returns itself if every command exited with status 0.

        Raises:
            GroupError: some did not; it has one error for each.

        Threads: any thread; it does not block.
        """
        errors = [error for outcome in self.failed if (error := outcome.failure) is not None]
        if errors:
            raise GroupError(f"{len(errors)} of {len(self.outcomes)} failed", errors)
        return self

    def folded(self) -> list[tuple[tuple[str, ...], HostOutcome]]:
        """Hosts whose commands ended alike, with the same output: the hosts, and the outcome of the first of them.

        Threads: any thread; it does not block.
        """
        return folded(self.outcomes)


def folded(outcomes: Sequence[HostOutcome]) -> list[tuple[tuple[str, ...], HostOutcome]]:
    """Groups outcomes that are alike but for the host; most frequent first, then in order of appearance.

    Threads: any thread; it does not block.
    """
    groups: dict[tuple[object, ...], list[HostOutcome]] = {}
    for outcome in outcomes:
        result = outcome.result
        if result is not None and outcome.error is None:
            alike: tuple[object, ...] = (result.exit_status, result.signal, result.stdout, result.stderr)
        else:
            error = outcome.error
            alike = (type(error), getattr(error, "phase", ""), getattr(error, "message", "").replace(outcome.host, ""))
        groups.setdefault((outcome.command, alike), []).append(outcome)
    found = [(tuple(dict.fromkeys(o.host for o in same)), same[0]) for same in groups.values()]
    return sorted(found, key=lambda pair: -len(pair[0]))
