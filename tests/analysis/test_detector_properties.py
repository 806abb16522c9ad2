"""What holds of every recording: none breaks a detector, what is found stays found, and names do not matter."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from notation import OPERATIONS_USED, Story, findings_of_events

from paramedic.model.event import KINDS, Event, Kind, State
from paramedic.model.finding import Confidence, Finding
from paramedic.model.operations import OPERATIONS

_QUIETLY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
_KINDS = [k for k in sorted(KINDS) if k not in (Kind.EMPTY, Kind.CHUNK, Kind.OWNER, Kind.TEXT)]
_LAST_STATE = max(number for number in vars(State).values() if isinstance(number, int))
_small = st.integers(0, 12)


@st.composite
def _events(draw: st.DrawFn) -> list[Event]:
    """Rows that no recorder would write: any kind, any object, any thread, in the order of time."""
    rows = draw(st.lists(st.tuples(st.sampled_from(_KINDS), _small, _small, _small, st.integers(1, 5)), max_size=60))
    found = []
    for number, (kind, a, obj, b, thread) in enumerate(rows):
        op = draw(st.integers(0, _LAST_STATE) if kind is Kind.STATE else st.integers(0, len(OPERATIONS) - 1))
        if kind is Kind.FEED:
            op = draw(st.integers(0, 2))  # there is no stream 2, but a damaged file may say so
        found.append(Event(1_000_000 * (number + 1), a - 1, obj, b, b, op, thread, int(kind)))
    return found


_steps = st.one_of(
    st.tuples(st.sampled_from(("take", "free", "wait", "got", "try")), st.sampled_from(("L1", "L2", "L3"))),
    st.tuples(st.sampled_from(("put", "get")), st.sampled_from(("q x", "q y", "sq x"))),
    st.tuples(st.sampled_from(("set", "await")), st.just("ev")),
    st.tuples(st.sampled_from(("release", "acquire")), st.just("sem")),
    st.tuples(st.sampled_from(OPERATIONS_USED["sftp"]), st.sampled_from(("sftp1", "sftp2"))),
    st.tuples(st.sampled_from(OPERATIONS_USED["ch"]), st.sampled_from(("ch1", "ch2"))),
    st.tuples(st.sampled_from(OPERATIONS_USED["client"]), st.sampled_from(("client", "client2"))),
    st.tuples(st.sampled_from(("read", "readline")), st.sampled_from(("ch1.stdout", "ch2.stderr"))),
)


@st.composite
def _stories(draw: st.DrawFn) -> list[str]:
    """Sensible programs of three threads: every call begins, and mostly ends, in its thread."""
    lines = []
    calls: dict[str, str] = {}
    for _ in range(draw(st.integers(0, 40))):
        thread = draw(st.sampled_from("ABC"))
        if thread in calls:
            lines.append(f"{thread}: … {calls.pop(thread)}")
            continue
        verb, thing = draw(_steps)
        whole = f"{verb} {thing}"
        if thing[0] in "sc" and thing[:2] not in ("sq", "se") and draw(st.booleans()):
            calls[thread] = whole
            whole += " …"
        lines.append(f"{thread}: {whole}")
    return lines


def _identity(finding: Finding) -> tuple[object, ...]:
    return finding.hazard, tuple(sorted({(s.site.line if s.site else 0) for s in finding.steps}))


def _above_advice(findings: list[Finding]) -> list[Finding]:
    return [f for f in findings if f.confidence is not Confidence.ADVICE]


@_QUIETLY
@given(_events())
def test_no_recording_breaks_a_detector(events: list[Event]) -> None:
    texts = {number: f"F\tapp.py\t{number}\twork" for number in range(1, 9)} | {9: "S 1 2", 10: "S 3", 11: "T: x"}
    findings_of_events(events, texts)


@_QUIETLY
@given(_stories(), st.integers(0, 40))
def test_what_a_conflict_is_stays_one_whatever_comes_later(lines: list[str], cut: int) -> None:
    whole = Story("\n".join(lines) or "A: set ev")
    events = whole.events
    upto = len(events) * cut // 40
    conflicts = ("shared-sftp-client", "shared-client-connect", "eof-after-close", "global-request-race")
    early = [f for f in findings_of_events(events[:upto], whole.texts) if f.confidence is Confidence.OBSERVED]
    late = findings_of_events(events, whole.texts)
    told = {f.hazard for f in late if f.confidence is Confidence.OBSERVED}
    assert {f.hazard for f in early if f.hazard in conflicts} <= told


@_QUIETLY
@given(_stories(), st.integers(1, 1 << 20), st.permutations([2, 3, 4]))
def test_names_and_numbers_do_not_matter(lines: list[str], shift: int, threads: list[int]) -> None:
    story = Story("\n".join(lines) or "A: set ev")
    plain = _above_advice(findings_of_events(story.events, story.texts))
    renamed = {number: words.replace("MainThread", "Boss") for number, words in story.texts.items()}
    moved = [_moved(event, shift) for event in story.events]
    other = _above_advice(findings_of_events(moved, renamed))
    assert sorted(map(repr, map(_identity, plain))) == sorted(map(repr, map(_identity, other)))


_OWNED_BY_A = frozenset((Kind.NEW, Kind.LINK))


def _moved(event: Event, shift: int) -> Event:
    """The same event an hour later, and with higher ids of objects."""
    a, b = event.a, event.b
    if event.kind in _OWNED_BY_A and a:
        a += shift
    return event._replace(t_ns=event.t_ns + 3_600_000_000_000, obj=event.obj + shift if event.obj else 0, a=a, b=b)


@_QUIETLY
@given(_stories())
def test_one_thread_is_never_accused_of_sharing(lines: list[str]) -> None:
    alone = [line.replace("B:", "A:").replace("C:", "A:") for line in lines if "…" not in line]
    story = Story("\n".join(alone) or "A: set ev")
    sharing = [f for f in _above_advice(findings_of_events(story.events, story.texts)) if f.hazard.startswith("shared")]
    assert sharing == []


@_QUIETLY
@given(_stories())
def test_one_lock_around_everything_is_never_accused_of_sharing(lines: list[str]) -> None:
    guarded: list[str] = []
    for line in lines:
        who, _, what = line.partition(": ")
        if "…" not in what and what.split()[-1][:1] in "sc":
            guarded += [f"{who}: take L9", line, f"{who}: free L9"]
    story = Story("\n".join(guarded) or "A: set ev")
    told = {f.hazard for f in _above_advice(findings_of_events(story.events, story.texts))}
    assert not told & {"shared-sftp-client", "shared-client-connect"}
