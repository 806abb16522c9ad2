"""A prefetch has filled both windows and another request on the same SFTP client waits behind its replies."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.activity import Activity
from paramedic.dump.calls import Call
from paramedic.dump.facts import DumpFacts
from paramedic.dump.story import names, step, verb
from paramedic.dump.waits import Wait
from paramedic.hazards.prefetch_stall import HAZARD
from paramedic.model.finding import Confidence, Finding

_WHAT = {Wait.SFTP_REPLY: "waits for an SFTP reply that stands behind the prefetched ones"}


_FAR_BYTES = 32 << 20
"""What a prefetch brings in a moment."""


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each prefetch that stands, with another call on its client waiting.

    Threads: as `DumpFacts`.
    """
    for prefetch in facts.others:
        prefetching = prefetch.find("sftp_file", "_prefetch_thread")
        if prefetching is None or prefetching.variable("max_concurrent_requests") not in (None, "None"):
            continue
        yield from _reads_far_ahead(facts, prefetch, prefetching)
        stands = prefetch.wait is Wait.SEND_WINDOW
        behind = [a for a in facts.others if _waits_behind(a, prefetch)]
        for group in facts.groups(behind):
            yield Finding(
                hazard=HAZARD.name,
                code=HAZARD.code,
                confidence=_how_sure(any(facts.same_call(a) is False for a in group), facts.repeated, stands),
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


def _reads_far_ahead(facts: DumpFacts, prefetch: Activity, prefetching: Call) -> Iterable[Finding]:
    """The thread that reads where the prefetch of the file will only come after everything before it."""
    asked = prefetching.variable("offset") or ""
    for reader in facts.others:
        reading = reader.find("sftp_file", "_read_prefetch")
        state = facts.state(reading.address()) if reading is not None else None
        position = state.get("position_bytes") if state is not None else None
        if state is None or state.address != prefetching.address() or not isinstance(position, int):
            continue
        if not asked.isdigit() or position - int(asked) < _FAR_BYTES or facts.same_call(reader) is False:
            continue
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.OBSERVED if facts.repeated else Confidence.POSSIBLE,
            message=(
                f"{reader.name} reads at byte {position:,} of a file of which a prefetch asks block by block and has "
                f"come to byte {int(asked):,}: the {(position - int(asked)) >> 20:,} MiB in between come first"
            ),
            steps=(
                reader.step("waits for a block that comes after all those before it"),
                prefetch.step("asks for the file from its start, block by block"),
            ),
        )


def _how_sure(began: bool, repeated: bool, stands: bool) -> Confidence:
    """One dump of a prefetch that is still sending shows two calls at work, and no more; so does a call just begun."""
    if began:
        return Confidence.ADVICE
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
