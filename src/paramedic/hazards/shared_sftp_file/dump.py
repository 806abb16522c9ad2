"""Several threads are in calls on one SFTP file."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.facts import DumpFacts
from paramedic.dump.story import names, step
from paramedic.hazards.shared_sftp_file import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each SFTPFile that two threads are in a call on, where the dump has addresses.

    Threads: as `DumpFacts`.
    """
    for threads in facts.in_calls_on("SFTPFile", "sftp_file").values():
        users = [a for a in threads if not a.prefetches]
        if len(users) > 1:
            yield Finding(
                hazard=HAZARD.name,
                code=HAZARD.code,
                confidence=Confidence.OBSERVED,
                message=(
                    f"One SFTPFile is used by {names(users)} at the same time: "
                    "its position and buffer belong to the file, not to the thread"
                ),
                steps=tuple(step(group) for group in facts.groups(users)),
            )
