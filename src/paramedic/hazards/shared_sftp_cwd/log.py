"""In a log: a thread's path is resolved in the directory that another thread changed to."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.shared_sftp_cwd import HAZARD
from paramedic.logs.facts import LogFacts
from paramedic.model.finding import Confidence, Finding


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    for mix in facts.cwd_mixes:
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.POSSIBLE,
            message=f"{mix.call.thread} worked in the directory that {mix.theirs.thread} had changed to on the same "
            f"SFTP session (channel {mix.channel})",
            steps=(
                mix.mine.step("changed directory"),
                mix.theirs.step("changed it for all threads"),
                mix.call.step("went there"),
            ),
            objects=(f"SFTP session on channel {mix.channel}",),
            why="The log proves the order and the path. That the program gave a relative path is suggested by it; "
            "Paramiko logs paths after it made them absolute. " + HAZARD.why,
        )
