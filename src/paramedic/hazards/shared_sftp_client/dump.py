"""Several threads are in calls on one SFTP client."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from paramedic.dump.activity import Activity
from paramedic.dump.facts import DumpFacts
from paramedic.dump.story import names, step
from paramedic.dump.waits import Wait
from paramedic.hazards.shared_sftp_client import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each SFTPClient that two threads (besides Paramiko's own prefetch thread) are in a call on.

    Threads: as `DumpFacts`.
    """
    known = facts.in_calls_on("SFTPClient", "sftp_client")
    for threads in known.values():
        users = [a for a in threads if not a.prefetches]
        if len(users) > 1:
            yield _finding(facts, users, Confidence.OBSERVED, "replies are lost or mixed up and calls hang")
    by_name: dict[object, list[Activity]] = defaultdict(list)
    for activity in facts.others:
        if activity.wait is not Wait.SFTP_REPLY or activity.address_of("SFTPClient") or activity.prefetches:
            continue
        if (name := facts.shared_receiver(activity)) is not None:
            by_name[name].append(activity)
    for threads_at in by_name.values():
        if len(threads_at) > 1:
            why = "the source names one object for all of them; a dump with --locals would prove it"
            yield _finding(facts, threads_at, Confidence.POSSIBLE, why)
    yield from _unknown(facts, {id(a) for group in by_name.values() if len(group) > 1 for a in group})


def _unknown(facts: DumpFacts, told: set[int]) -> Iterable[Finding]:
    """Threads that wait for replies of nobody knows how many clients: what would tell is said."""
    waiting = [
        a
        for a in facts.others
        if a.wait is Wait.SFTP_REPLY and not a.address_of("SFTPClient") and not a.prefetches and a.users
        if id(a) not in told and not facts.moved(a)
    ]
    if len(waiting) < 2 or len(facts.transports) >= len(waiting):
        return
    yield Finding(
        hazard=HAZARD.name,
        code=HAZARD.code,
        confidence=Confidence.ADVICE,
        message=(
            f"{names(waiting)} wait for SFTP replies, and the dump does not say whether they share one SFTPClient: "
            "if they do, replies are lost and these calls never return"
        ),
        steps=tuple(step(group) for group in facts.groups(waiting)),
        fix=(
            "`py-spy dump --locals --pid PID`, or `paramedic dump PID` while it hangs, tells whether it is one client. "
            "If so, open one SFTPClient for each thread"
        ),
        count=1,
    )


def _finding(facts: DumpFacts, threads: list[Activity], confidence: Confidence, why: str) -> Finding:
    return Finding(
        hazard=HAZARD.name,
        code=HAZARD.code,
        confidence=confidence,
        message=f"One SFTPClient is used by {names(threads)} at the same time: {why}",
        steps=tuple(step(group) for group in facts.groups(threads)),
        count=1,
    )
