"""How a remote process is ended: which step comes next. Pure; the dispatcher does what it says."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from paramedic.safe.result import Ending

_LEASH_KILLS_AFTER_S = 2.0  # what the script in leash.py sleeps between TERM and KILL


class Action(enum.Enum):
    """What to do."""

    TERM = "TERM"
    """Send a TERM signal (RFC 4254 section 6.9)."""
    RELEASE = "RELEASE"
    """Send a TERM signal, and end the input that keeps a leashed command alive."""
    HUNT = "HUNT"
    """Look for the process from a second session, and send it TERM."""
    KILL = "KILL"
    """Send a KILL signal, and from a second session too."""
    GIVE_UP = "GIVE_UP"
    """Close the channel: the server did not report an end in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step and how long to wait for the server to report the end, in seconds.

    Threads: a value; share it freely.
    """

    action: Action
    wait_s: float
    ending: Ending
    """What became of the process if its end is reported within that time."""


_HUNT_GRACES = 5


def hunt_s(grace_s: float) -> float:
    """How long one look for a process may take: it runs through the login scripts of a machine that may be busy.

    Threads: any thread; it does not block.
    """
    return _HUNT_GRACES * grace_s


def longest_s(grace_s: float) -> float:
    """How long an ending can take, whatever the other side does.

    Threads: any thread; it does not block.
    """
    kinds = (steps(leash=True, grace_s=grace_s), steps(leash=False, grace_s=grace_s))
    return max(sum(step.wait_s for step in kind) for kind in kinds) + hunt_s(grace_s) + 1.0


def steps(*, leash: bool, grace_s: float, deaf: bool = False, runner: bool = False) -> tuple[Step, ...]:
    """The steps, in order, until the server reports the end of the process.

    A server that takes no signals ignores the requests (they ask for no reply): silence is all there is to go by.

    Args:
        leash: the command runs on a leash.
        grace_s: how long a process may take to end.
        deaf: this server is known to take no signals.
        runner: a runner started it, which knows its process and sends it signals itself.

    Threads: any thread; it does not block.
    """
    last = Step(action=Action.GIVE_UP, wait_s=0.0, ending=Ending.UNKNOWN)
    if runner:
        return (
            Step(action=Action.TERM, wait_s=grace_s, ending=Ending.TERMINATED),
            Step(action=Action.KILL, wait_s=grace_s, ending=Ending.KILLED),
            last,
        )
    if leash:
        return (
            Step(action=Action.RELEASE, wait_s=grace_s, ending=Ending.RELEASED),
            Step(action=Action.KILL, wait_s=_LEASH_KILLS_AFTER_S + grace_s, ending=Ending.KILLED),
            last,
        )
    return (
        Step(action=Action.TERM, wait_s=0.0 if deaf else grace_s, ending=Ending.TERMINATED),
        Step(action=Action.HUNT, wait_s=grace_s, ending=Ending.HUNTED),
        Step(action=Action.KILL, wait_s=grace_s, ending=Ending.KILLED),
        last,
    )
