"""A client connects in one thread while another connects or uses it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from paramedic.dump.activity import Activity
from paramedic.dump.connecting import late_connect
from paramedic.dump.facts import DumpFacts
from paramedic.dump.story import names, step, verb
from paramedic.dump.waits import Wait
from paramedic.hazards.shared_client_connect import HAZARD
from paramedic.model.finding import Confidence, Finding, Site


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each SSHClient on which ``connect`` runs beside another call.

    Threads: as `DumpFacts`.
    """
    told: set[int] = set()
    for threads in facts.in_calls_on("SSHClient", "client").values():
        if len(threads) > 1 and any(_connects(a) for a in threads):
            told |= {id(a) for a in threads}
            yield _finding(facts, list(threads), Confidence.OBSERVED)
    overtaken = [a for a in facts.others if id(a) not in told and _was_overtaken(facts, a)]
    for alike in facts.groups(overtaken):
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.OBSERVED,
            message=(
                f"{names(alike)} {verb(alike, 'is', 'are')} still in SSHClient.connect(), and the client has another "
                "connection by now: connect() ran in another thread meanwhile and replaced client._transport, so "
                "commands can run on the wrong host"
            ),
            steps=(step(alike),),
            count=len(alike),
        )
    yield from _asked_too_early(facts)
    by_name: dict[object, list[Activity]] = defaultdict(list)
    for activity in facts.others:
        if _connects(activity) and activity.address_of("SSHClient") is None:
            if (name := facts.shared_receiver(activity, "connect")) is not None:
                by_name[name].append(activity)
    for group in by_name.values():
        if len(group) > 1:
            yield _finding(facts, group, Confidence.POSSIBLE)


def _asked_too_early(facts: DumpFacts) -> Iterable[Finding]:
    """Threads whose requests for a channel a healthy connection has left unanswered since before it was logged in.

    Only where each of them connects the client itself, if it finds it unconnected: a server may be slow as well.
    """
    waiting = [a for a in facts.others if a.wait is Wait.CHANNEL_OPEN and a.find("transport", "open_session")]
    by_client: dict[str | None, list[tuple[Activity, Site]]] = defaultdict(list)
    for activity in waiting:
        if facts.stood_still(activity) and facts.transports_listen(activity):
            late = late_connect(activity, facts.sources)
            if late is not None:
                by_client[activity.address_of("SSHClient")].append((activity, late))
    for client, found in by_client.items():
        threads = [a for a, _ in found]
        if (client is None and not facts.one_transport) or len(threads) < 2:
            continue
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.POSSIBLE,
            message=(
                f"{names(threads)} wait for a channel of one SSHClient, and the server has not answered; each of them "
                f"connects the client where it finds it unconnected ({found[0][1]}), with no lock: while one of them "
                "logged in, the others saw a transport and asked too early, which no server answers"
            ),
            steps=tuple(step(group) for group in facts.groups(threads)),
            count=len(threads),
        )


def _was_overtaken(facts: DumpFacts, activity: Activity) -> bool:
    """Whether the client for which the thread makes a connection (``t``, in every version) has got another one."""
    connecting = activity.find("client", "connect")
    state = facts.state(connecting.address()) if connecting is not None else None
    now = state.get("transport") if state is not None else None
    mine = connecting.address("t") if connecting is not None else None
    return mine is not None and isinstance(now, str) and now != mine


def _connects(activity: Activity) -> bool:
    return activity.find("client", "connect") is not None


def _finding(facts: DumpFacts, threads: list[Activity], confidence: Confidence) -> Finding:
    return Finding(
        hazard=HAZARD.name,
        code=HAZARD.code,
        confidence=confidence,
        message=(
            f"SSHClient.connect() runs on one client beside other calls, in {names(threads)}: each connect replaces "
            "client._transport, and commands can run on the wrong host"
        ),
        steps=tuple(step(group) for group in facts.groups(threads)),
    )
