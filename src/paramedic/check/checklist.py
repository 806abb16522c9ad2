"""The threading checklist: its items, what speaks for and against each, and what settles it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from paramedic.hazards.catalogue import by_name
from paramedic.model.finding import Confidence, Finding


class State(StrEnum):
    """How an item stands."""

    PASS = "pass"
    FAIL = "fail"
    NOT_SEEN = "not seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question of the checklist.

    Attributes:
        name: kebab-case.
        question: what is asked, as a statement that should be true.
        hazards: findings of these speak against it.
        wants: sightings of which one is needed before the item can pass (or be asked at all).
        needs: sightings of which one is needed besides, because silence alone proves nothing.
        shows: sightings that by themselves make it pass.
        settles: the command or change that would settle it.
        weight: the heavier, the sooner it should be done.
    """

    name: str
    question: str
    hazards: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()
    settles: str = ""
    weight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How one item stands, with its evidence.

    Attributes:
        evidence: sentences with places, strongest first.
        action: what to do next for this item; "" where nothing is left to do.
        urgency: orders the actions; larger is sooner.
    """

    item: Item
    state: State
    evidence: tuple[str, ...]
    action: str
    urgency: int


CHECKLIST: tuple[Item, ...] = (
    Item(
        name="debug-logging",
        question="Paramiko's debug log can be had when something goes wrong",
        hazards=("log-to-file-ignored",),
        shows=("debug-logging",),
        settles='Make it switchable: logging.getLogger("paramiko").setLevel(logging.DEBUG), %(thread)d in the format.',
    ),
    Item(
        name="not-shared",
        question="Clients, channels and SFTP clients are not shared, or one lock guards them",
        hazards=(
            "shared-client-connect",
            "shared-channel",
            "shared-sftp-client",
            "shared-sftp-file",
            "shared-sftp-cwd",
            "global-request-race",
            "forward-handler-replaced",
            "shared-agent",
            "eof-after-close",
            "select-pipe-race",
        ),
        wants=("threads",),
        settles="paramedic run --level check your_program.py   # proves it for the paths that run",
        weight=6,
    ),
    Item(
        name="output-read",
        question="Output is read before the status, and both streams at once",
        hazards=(
            "exit-status-before-output",
            "exit-status-ends-reading",
            "undrained-stderr",
            "undrained-output-while-writing",
            "prefetch-stall",
            "proxy-stderr-full",
        ),
        wants=("channels",),
        settles="paramedic run your_program.py   # with commands that write more than 2 MiB",
        weight=5,
    ),
    Item(
        name="locks-short",
        question="Locks are short, taken in one order, and not held while a command runs",
        hazards=("lock-held-across-io", "lock-order-inversion"),
        wants=("locks",),
        settles="paramedic run --level check your_program.py",
        weight=4,
    ),
    Item(
        name="callbacks-quick",
        question="Callbacks, signal handlers, event loops and child processes leave Paramiko alone",
        hazards=(
            "callback-blocks-transport",
            "call-on-transport-thread",
            "signal-handler-reenters",
            "blocking-the-event-loop",
            "forked-connection",
            "connect-at-import",
            "gevent-half-patched",
        ),
        wants=("connections", "channels"),
        settles="paramedic lint .",
        weight=5,
    ),
    Item(
        name="thread-dumps",
        question="A thread dump can be taken in production",
        shows=("thread-dumps",),
        settles="Add faulthandler.register(signal.SIGUSR1) at start; then: kill -USR1 PID, and paramedic dump FILE",
        weight=2,
    ),
    Item(
        name="exceptions-read",
        question="Threads have owners that wait for them and read their exceptions",
        hazards=("lost-exception", "pool-starvation", "pool-drained"),
        wants=("futures", "threads"),
        settles="Call result() on every future, or use `with ThreadPoolExecutor(...)` and iterate over map().",
        weight=4,
    ),
    Item(
        name="timeouts",
        question="Every wait has a timeout, and long-lived connections a keepalive",
        hazards=("wait-without-timeout", "keepalive-is-not-a-timeout", "idle-without-keepalive"),
        wants=("connections", "channels"),
        needs=("timeouts",),
        settles="connect(timeout=…), exec_command(timeout=…), transport.set_keepalive(30)",
        weight=3,
    ),
    Item(
        name="bounded",
        question="Connections and sessions are bounded",
        hazards=("session-limit", "connect-storm"),
        wants=("threads",),
        settles="A BoundedSemaphore(8) around opening to closing, or an executor with max_workers=8.",
        weight=3,
    ),
    Item(
        name="host-keys",
        question="Host keys are verified, and written by one thread",
        hazards=("host-key-not-verified", "known-hosts-race"),
        wants=("connections", "known-hosts"),
        settles="client.load_system_host_keys() and RejectPolicy, the default.",
        weight=3,
    ),
    Item(
        name="closed",
        question="Everything that is opened is closed, after its users have ended",
        hazards=(
            "leaked-connection",
            "closed-in-use",
            "dropped-channel",
            "proxy-command-leak",
            "exit-blocked",
            "finalizer-deadlock",
        ),
        wants=("connections", "channels"),
        needs=("closes",),
        settles="`with paramiko.SSHClient() as client:`, and join the threads inside it.",
        weight=4,
    ),
)

_FORCE = {Confidence.OBSERVED: 100, Confidence.POSSIBLE: 40, Confidence.ADVICE: 5}
MOST_EVIDENCE = 5
"""Pieces of evidence shown for one item; the rest is counted."""


def answers(
    findings: Mapping[str, Sequence[Finding]],
    seen: Mapping[str, Sequence[str]],
    shown: Callable[[str], str],
    runs: Sequence[str] = (),
    *,
    speaks: bool = True,
) -> list[Answer]:
    """How each item stands.

    Args:
        findings: by source ("source", "recording", "log").
        seen: places of what the source does at all.
        shown: makes a place short.
        runs: what was looked at besides the source: "the recording (1,785 events)".
        speaks: whether any file of the source uses Paramiko; others are not read.

    Threads: pure.
    """
    return [_answer(item, findings, seen, shown, runs, speaks) for item in CHECKLIST]


def _answer(
    item: Item,
    findings: Mapping[str, Sequence[Finding]],
    seen: Mapping[str, Sequence[str]],
    shown: Callable[[str], str],
    runs: Sequence[str],
    speaks: bool,
) -> Answer:
    against = sorted(
        ((f, source) for source, some in findings.items() for f in some if f.hazard in item.hazards),
        key=lambda pair: pair[0].confidence.rank,
    )
    if against:
        lines = [_sentence(f, source, shown) for f, source in against[:MOST_EVIDENCE]]
        if len(against) > MOST_EVIDENCE:
            lines.append(f"and {len(against) - MOST_EVIDENCE} more")
        first = against[0][0]
        place = f"{shown(str(first.site))}: " if first.site is not None else ""
        fix = first.fix or by_name(first.hazard).fix
        action = f"{place}{fix.rstrip('.')}. Why: paramedic explain {first.hazard}"
        force = _FORCE[first.confidence] * item.weight + len(against)
        return Answer(item=item, state=State.FAIL, evidence=tuple(lines), action=action, urgency=force)
    places = [p for kind in item.shows for p in seen.get(kind, ())]
    if places:
        return Answer(item=item, state=State.PASS, evidence=_places(places, shown), action="", urgency=0)
    wanted = [p for kind in item.wants for p in seen.get(kind, ())]
    needed = [p for kind in item.needs for p in seen.get(kind, ())]
    if wanted and (needed or not item.needs):
        kinds = " and ".join(kind for kind in item.wants if seen.get(kind))
        count = len(dict.fromkeys(wanted))
        places_read = f"{count} places with {kinds} were" if count > 1 else f"1 place with {kinds} was"
        quiet = [f"nothing against it in {run}" for run in runs]
        seen_at = _places((needed or wanted)[:2], shown)
        evidence = (f"{places_read} read in the source, nothing against it", *seen_at, *quiet)
        return Answer(item=item, state=State.PASS, evidence=evidence, action="", urgency=0)
    missing = item.needs if wanted else item.wants
    lacking = f"the source has no {' and no '.join(missing)}" if missing else "the source does not show it"
    return Answer(
        item=item,
        state=State.NOT_SEEN,
        evidence=(lacking if speaks else "no file of the source uses Paramiko",),
        action=item.settles,
        urgency=item.weight,
    )


def _sentence(finding: Finding, source: str, shown: Callable[[str], str]) -> str:
    place = f"{shown(str(finding.site))}: " if finding.site is not None else ""
    return f"{place}{finding.message} ({source}, {finding.confidence})"


def _places(places: Iterable[str], shown: Callable[[str], str]) -> tuple[str, ...]:
    unique = list(dict.fromkeys(places))
    lines = [f"seen at {shown(p)}" for p in unique[:3]]
    return (*lines, *([f"and {len(unique) - 3} more places"] if len(unique) > 3 else []))


def next_action(all_answers: Sequence[Answer]) -> Answer | None:
    """The one thing to do next; None where every item passes.

    Threads: pure.
    """
    open_ones = [a for a in all_answers if a.state is not State.PASS]
    return max(open_ones, key=lambda a: a.urgency, default=None)
