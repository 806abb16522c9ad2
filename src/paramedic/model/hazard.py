"""A kind of thing that goes wrong, and the protocols of its lenses."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Family(StrEnum):
    """The shelf on which a hazard stands; the hundred of its code follows it."""

    SHARING = "sharing"
    WAITING = "waiting"
    LIFETIME = "lifetime"
    LIMITS = "limits"
    ERRORS = "errors"
    TRUST = "trust"
    SPEED = "speed"


class Lens(StrEnum):
    """One way of seeing a hazard. The values name the module in the hazard's folder."""

    RUNTIME = "runtime"
    LOG = "log"
    DUMP = "dump"
    STATIC = "static"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """Identity and short words of one hazard; the long words are its ``page.md``.

    Attributes:
        code: ``PMC`` and three digits; never changes once released.
        name: kebab-case; reads well after "allow …"; never changes once released.
        family: see `Family`.
        summary: one line, no full stop: what goes wrong.
        symptom: what the user sees when it strikes, with the exception's words.
        why: Paramiko's side, with file and function.
        fix: the smallest change, in one or two sentences.
        change: the fix as a diff of two to seven lines on typical code: each line begins with "- ", "+ " or two spaces,
            and is short enough (62 columns) to stand beside its label in a terminal.
        safe: the piece of ``paramedic.safe`` that cures it, or "".
        upstream: links to reports, most telling first.
        paramiko_bug: True where Paramiko itself is at fault and the fix is a workaround.
        aliases: other names by which it may be called.
    """

    code: str
    name: str
    family: Family
    summary: str
    symptom: str
    why: str
    fix: str
    change: str = ""
    safe: str = ""
    upstream: tuple[str, ...] = ()
    paramiko_bug: bool = False
    aliases: tuple[str, ...] = ()
