"""Turn what is possible into what was observed: run again with short delays at the places of each finding."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from paramedic.model.finding import Confidence, Finding, Step
from paramedic.record.probe import EOF, PIPE, SEND
from paramedic.record.traps import ANYWHERE, CALL, COLLECT, FREED, LOCK, SIGN, TASK, WITHIN

Trap = tuple[str, str, int]

_RACES = frozenset(
    "shared-client-connect shared-channel shared-sftp-client shared-sftp-file shared-sftp-cwd known-hosts-race "
    "global-request-race shared-agent select-pipe-race lock-order-inversion signal-handler-reenters "
    "closed-in-use".split()
)
"""Hazards of which an advice says that the race was not seen, and is possible unless something unseen prevents it."""


_WHEREVER = {
    "finalizer-deadlock": COLLECT,
    "shared-agent": SIGN,  # that is done on the transports' threads
    "pool-starvation": TASK,  # that all workers have one at once
    "signal-handler-reenters": SEND,  # the signal has to come while what it interrupts holds Paramiko's lock
}
"""What is not done at lines of the program's."""


_TORN = frozenset(("shared-channel", "shared-sftp-cwd", "shared-sftp-file"))
"""What is harmed between two calls. Where a lock is held in them, nobody else comes before it is let go."""


_LASTS = frozenset(("lock-held-across-io", "blocking-the-event-loop"))
"""Hazards that are told of how long something took, which a delay makes longer by as much as it likes."""


def _is_our_delay(finding: Finding) -> bool:
    """Whether what a finding says took so long may have done so only because we have held it up."""
    for_ever = any("had not returned" in step.what or step.what.startswith("waits for") for step in finding.steps)
    return finding.hazard in _LASTS and not for_ever


def may_happen(finding: Finding) -> bool:
    """Whether another run can show what this finding says: it is possible, or would be but for a doubt.

    Threads: pure.
    """
    if finding.confidence is Confidence.ADVICE:
        return finding.hazard in _RACES
    return finding.confidence is Confidence.POSSIBLE


def _kind(finding: Finding, step: Step) -> str | None:
    """What to do at a step of a finding: None for nothing."""
    closes = "called close() on" in step.what and "stdin" not in step.what
    if finding.hazard == "lock-order-inversion":
        # who has both is late for nobody: and where that is done often, being late costs the time that others have
        return None if step.what.startswith("then took ") else LOCK
    if finding.hazard == "eof-after-close":
        came_last = step.at_s is not None and all(step.at_s >= (other.at_s or 0.0) for other in finding.steps)
        return EOF if not closes else None if came_last else CALL  # CLOSE has to come while EOF is held back
    if finding.hazard == "select-pipe-race":
        return PIPE
    if finding.hazard == "closed-in-use" and closes:
        return None  # it has to come in the middle of another's use
    return CALL


def traps_for(findings: Iterable[Finding]) -> list[Trap]:
    """Where to delay, so that what may happen does.

    Threads: pure.
    """
    traps: dict[Trap, None] = {}
    for finding in findings:
        if not may_happen(finding):
            continue
        if finding.hazard in _WHEREVER:
            traps[(_WHEREVER[finding.hazard], "", 0)] = None
            continue
        for step in finding.steps:
            kind = _kind(finding, step)
            if step.site is None or kind is None:
                continue
            if finding.hazard in _TORN and step.locks:
                for site in step.stack or (step.site,):  # a decorator lets go of it, or whoever calls
                    traps[(FREED + site.function, site.file, 0)] = None
                continue
            traps[(kind, step.site.file, step.site.line)] = None
            if finding.hazard == "closed-in-use":  # to read what has come by now does no harm: it is what came before
                traps[(WITHIN + step.site.function, step.site.file, 0)] = None
    return list(traps)


def anywhere() -> list[Trap]:
    """Delays at any call and any lock: exploring without a first finding.

    Threads: pure.
    """
    return [(ANYWHERE, "", 0)]


def was_seen(finding: Finding, findings: Iterable[Finding]) -> bool:
    """Whether one of some findings says that it was observed.

    Threads: pure.
    """
    return any(
        f.confidence is Confidence.OBSERVED and f.hazard == finding.hazard and set(f.sites) & set(finding.sites)
        for f in findings
    )


def confirmed(
    findings: Sequence[Finding], again: Sequence[Finding], seed: int, tries: int, fuzzing: bool = False
) -> list[Finding]:
    """The findings, those that may happen replaced by what another run has shown of them.

    Args:
        findings: of the runs so far.
        again: of the latest run.
        seed: of the latest run; it shows the same again.
        tries: how many runs there were, this one included.
        fuzzing: whether what is only possible counts, too, where no run before has shown it. (Where delays were aimed
            at something, a run that was ended in the middle of it shows such things.)

    Threads: pure.
    """
    how = f"{'--fuzz=1 ' if fuzzing else ''}--seed {seed}"
    proofs = [f for f in again if f.confidence is Confidence.OBSERVED]
    result: list[Finding] = []
    for finding in findings:
        if may_happen(finding):
            proof = next((p for p in proofs if p.hazard == finding.hazard and set(p.sites) & set(finding.sites)), None)
            if proof is not None:
                first = finding.confidence.value
                words = f"{proof.message} ({first} at first, observed in run {tries} with {how})"
                result.append(dataclasses.replace(proof, message=words))
                continue
        result.append(finding)
    known = {(f.hazard, f.sites) for f in result}
    for found in again if fuzzing else proofs:
        if found.confidence is Confidence.ADVICE or _is_our_delay(found):
            continue
        if not any(found.hazard == h and set(found.sites) & set(s) for h, s in known):
            words = f"{found.message} ({found.confidence.value} in run {tries} with {how})"
            result.append(dataclasses.replace(found, message=words))
    return result


def given_up(findings: Sequence[Finding], tries: int) -> list[Finding]:
    """The findings, those that were not seen saying how often it was tried.

    Threads: pure.
    """
    note = f" (not seen in {tries} run{'s' if tries > 1 else ''} with delays at these places)"
    return [dataclasses.replace(f, message=f.message + note) if may_happen(f) else f for f in findings]
