"""Threads wait for each other: through locks of the user's, or through a lock and the transport thread."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.calls import Layer
from paramedic.dump.cycles import Cycle
from paramedic.dump.facts import DumpFacts
from paramedic.dump.locking import SIGNALLED
from paramedic.dump.standing import Standing
from paramedic.dump.story import names
from paramedic.hazards.lock_order_inversion import HAZARD
from paramedic.model.finding import Confidence, Finding, Step


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each cycle of waiting that leads through a lock; without source, for what looks like one.

    Threads: as `DumpFacts`.
    """
    for cycle in facts.cycles:
        if any(facts.moved(a) for a in cycle.threads) or facts.signal_handler(cycle.threads[0]):
            continue
        locks = cycle.locks
        why, symptom, fix = _words(cycle)
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.OBSERVED if cycle.certain else Confidence.POSSIBLE,
            message=("Cycle: " if len(cycle.threads) > 1 else "")
            + str(cycle)
            + ("" if cycle.certain else f" ({_how_known(cycle)})"),
            steps=_steps(cycle),
            objects=locks,
            why=why,
            symptom=symptom,
            fix=fix,
        )
    if facts.standing is not None and not facts.cycles:
        yield _nobody_lets_go(facts, facts.standing)


def _how_known(cycle: Cycle) -> str:
    if any(e.pair is None and not e.certain and e.waits.wait in SIGNALLED for e in cycle.edges):
        return "no other thread is there that could do it"
    if all(e.pair is None or e.certain for e in cycle.edges):
        return "whose work a future is, or whose end is awaited, the dump does not say"
    return "by the locks' names, not their addresses"


def _words(cycle: Cycle) -> tuple[str, str, str]:
    """Why, symptom and fix of a deadlock in which Paramiko has no part; empty, as the hazard's page says, of others."""
    if any(c.layer is Layer.PARAMIKO for a in cycle.threads for c in a.calls):
        return "", "", ""
    if len(cycle.threads) == 1:
        return (
            "A plain Lock cannot be taken twice by one thread. Paramiko has no part in this",
            "The thread waits for ever for a lock that it holds",
            "Use an RLock, or split the function so that the inner part expects the lock to be held.",
        )
    return (
        "Each thread holds what the next one waits for. Paramiko has no part in this",
        "The threads wait for ever",
        "Take the locks in one order everywhere.",
    )


def _steps(cycle: Cycle) -> tuple[Step, ...]:
    steps = []
    for edge in cycle.edges:
        held = tuple(e.pair.holds.lock.text for e in cycle.edges if e.pair and e.pair.holds.activity is edge.waits)
        what = f"waits for {edge.pair.wants.lock.text}" if edge.pair else f"waits for {edge.waits.wait}"
        if held:
            what = f"holds {', '.join(held)} and {what}"
        steps.append(edge.waits.step(what, locks=held))
    return tuple(steps)


def _nobody_lets_go(facts: DumpFacts, found: Standing) -> Finding:
    known, suspects = found.known, found.threads
    lines = [a.calls[0].frame.source if known and facts.place(a) is None else "" for a in suspects]
    seen = "; ".join(f"{a.name} at '{line}'" for a, line in zip(suspects[:4], lines, strict=False) if line)
    if known:
        what = f"wait for locks{f' ({seen})' if seen else ''} and no other thread is at work that could hold one"
    else:
        what = (
            "stand still in their own code, in no call that the dump shows, as at a lock; the other threads only wait "
            "for them, so nobody is left to let go if it is one"
        )
    return Finding(
        hazard=HAZARD.name,
        code=HAZARD.code,
        confidence=Confidence.POSSIBLE if found.likely else Confidence.ADVICE,
        message=f"{names(suspects)} {what}",
        steps=tuple(a.step(_stands(known, line)) for a, line in zip(suspects, lines, strict=True)),
        why=(
            "A dump does not show which locks a thread holds"
            + ("" if known else ", and the source was not found: they may as well sleep, or wait for work")
            + ": that each of them holds what another one waits for is a conclusion. `--source DIR`, "
            "`py-spy dump --native`, or `paramedic dump PID` on the living process, may say which"
        ),
    )


def _stands(known: bool, line: str) -> str:
    if known:
        return f"waits for a lock: {line}" if line else "waits for a lock"
    return "stands at a line of your code that calls nothing visible: a lock, most likely"
