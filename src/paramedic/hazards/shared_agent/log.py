"""In a log: one key is refused and accepted at the same time."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.shared_agent import HAZARD
from paramedic.logs.facts import LogFacts, TransportFacts
from paramedic.model.finding import Confidence, Finding

_AGENT_WORDS = ("lost ssh-agent", "key cannot be used for signing", "could not get keys from ssh-agent")


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    if facts.most_logging_in < 2:
        return
    broken = [t for t in facts.transports if any(words in t.ending.text for words in _AGENT_WORDS)]
    refused = [t for t in facts.transports if t.logins_failed and t.authenticated is None and _beside(t, facts)]
    accepted = [t for t in facts.transports if t.authenticated is not None]
    if len(facts.hosts) > 1:  # another host may well refuse what one accepts
        both = {t.host for t in refused if t.host} & {t.host for t in accepted if t.host}
        refused, accepted = ([t for t in logins if t.host in both] for logins in (refused, accepted))
    same_key = len(facts.key_prints) == 1 and refused and accepted
    retried = {t.opener for t in refused if t.opener} & {t.opener for t in accepted if t.opener}
    if not broken and not same_key:
        return
    lost = broken or refused
    steps = [t.logins_failed[0].step("the key was refused") for t in refused[:2]]
    steps += [t.ending.line.step("the agent's answer was none") for t in broken[:2] if t.ending.line is not None]
    steps += [t.authenticated.step("the same key was accepted") for t in accepted[:2] if t.authenticated and not broken]
    sure = bool(facts.hosts) and bool(retried)
    yield Finding(
        hazard=HAZARD.name,
        code=HAZARD.code,
        confidence=Confidence.OBSERVED if broken else Confidence.POSSIBLE if sure else Confidence.ADVICE,
        message=f"{len(lost)} logins failed beside {len(accepted)} that succeeded"
        + (" with the same key at the same time" if same_key else ", because the agent did not answer"),
        steps=tuple(steps),
        objects=tuple(t.name for t in lost[:5]),
        why=(
            "The log proves that signing failed. "
            if broken
            else "The log proves that one key was refused and accepted by the same server at the same time. That the "
            "logins share one connection to the agent is suggested by it; different users would do the same. "
        )
        + HAZARD.why,
        count=len(lost),
    )


def _beside(transport: TransportFacts, facts: LogFacts) -> bool:
    """Another login was under way while this one failed."""
    failed = transport.logins_failed[0].number
    begun = transport.started.number if transport.started is not None else failed
    return any(
        t is not transport
        and t.started is not None
        and t.authenticated is not None
        and t.started.number < failed
        and t.authenticated.number > begun
        for t in facts.transports
    )
