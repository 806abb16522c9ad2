"""What the writers of a checkup are given: values, so that they need not know how it was made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAnswer:
    """One item of the checklist, answered.

    Attributes:
        name: kebab-case.
        question: what should be true.
        state: ``pass``, ``fail`` or ``not seen``.
        evidence: sentences.
        action: what to do; "" where nothing is left.
    """

    name: str
    question: str
    state: str
    evidence: tuple[str, ...]
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A whole checkup.

    Attributes:
        sources: what was looked at.
        answers: in the order of the checklist.
        next: the answer whose action comes first; None where nothing is left to do.
        nothing: why nothing could be checked, and what to do instead; "" where something was.
    """

    sources: tuple[str, ...]
    answers: tuple[ShownAnswer, ...]
    next: ShownAnswer | None
    nothing: str = ""
