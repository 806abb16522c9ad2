"""A prefetch has filled both windows and another request on the same SFTP client waits behind its replies."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.activity import Activity
from paramedic.dump.facts import DumpFacts
from paramedic.dump.story import names, step, verb
from paramedic.dump.waits import Wait
from paramedic.hazards.prefetch_stall import HAZARD
from paramedic.model.finding import Confidence, Finding

_WHAT = {Wait.SFTP_REPLY: "waits for an SFTP reply that stands behind the prefetched ones"}


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each prefetch that stands, with another call on its client waiting.

    Threads: as `DumpFacts`.
    """
    for prefetch in facts.others:
        prefetching = prefetch.find("sftp_file", "_prefetch_thread")
        if prefetching is None or prefetching.variable("max_concurrent_requests") not in (None, "None"):
            continue
        stands = prefetch.wait is Wait.SEND_WINDOW
        behind = [a for a in facts.others if _waits_behind(a, prefetch) and facts.same_call(a) is not False]
        for group in facts.groups(behind):
            yield Finding(
                hazard=HAZARD.name,
                code=HAZARD.code,
                confidence=_how_sure(facts.repeated, stands),
                message=(
                    f"{names(group)} {verb(group, 'makes', 'make')} another request on an SFTP client whose prefetch "
                    "is outstanding: its reply comes after those of the whole file"
                ),
                steps=(
                    step(group, _WHAT.get(group[0].wait, "")),
                    prefetch.step("asks for the whole file, chunk by chunk, and nobody takes the replies"),
                ),
                count=len(group),
            )


def _how_sure(repeated: bool, stands: bool) -> Confidence:
    """One dump of a prefetch that is still sending shows two calls at work, and no more."""
    return Confidence.OBSERVED if repeated else Confidence.POSSIBLE if stands else Confidence.ADVICE


def _waits_behind(caller: Activity, prefetch: Activity) -> bool:
    # While the prefetch still sends, the other request has not even got its turn at the locks of sending.
    # While it takes the replies that stand before its own it may be at work rather than waiting.
    waits = caller.wait in (Wait.SFTP_REPLY, Wait.SEND_WINDOW, Wait.PARAMIKO_LOCK)
    if caller is prefetch or not (waits or caller.find("sftp_client", "_read_response")):
        return False
    if caller.find("sftp_file", "_read_prefetch", "_prefetch_thread") or not caller.find("sftp_client", "_request"):
        return False
    one, other = caller.address_of("SFTPClient"), prefetch.address_of("SFTPClient")
    return one is None or other is None or one == other
