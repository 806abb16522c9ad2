"""Seen in source: a connection closed while threads that use it may still run."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.closed_in_use import HAZARD
from paramedic.lint.api import CONNECTIONS
from paramedic.lint.contexts import WORKERS, is_with
from paramedic.lint.facts import SourceFacts
from paramedic.lint.guards import changed_after, does_between, looked_at, sites
from paramedic.lint.looking import Looking
from paramedic.lint.operations import Operation, exclusive
from paramedic.lint.shell import ends, never_ends
from paramedic.lint.values import Const, Unknown, number_of
from paramedic.model.finding import Confidence, Finding

_USES = ("open", "request", "read:stdout", "read:stderr", "write", "status", "sftp", "global", "dialogue")
_QUICK = frozenset("put put_nowait close print len range enumerate append format debug info".split())
"""Calls that nobody can call a wait for the workers."""
_MOMENT_S = 2.0
"""A command that is still running may well run longer than that."""


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Closes by the thread that started the users and does not wait for them; jump hosts closed before their guests.

    Threads: pure.
    """
    done: set[int] = set()
    looking = Looking()
    for close in facts.having("close"):
        owner = close.obj
        if owner.kind not in {*CONNECTIONS, "sftp"} or id(owner.root) in done:
            continue
        for use in facts.below(owner, *_USES):
            if _worker_of(close, use) and facts.concurrent(close, use, owner) and not _meant(facts, close, use):
                if not facts.common_locks(close, use) and not _counted(facts, close, use):
                    done.add(id(owner.root))
                    message = f"{facts.name(owner)} is closed while {use.context.name} may still be using it"
                    steps = [facts.step(close), facts.step(use)]
                    waited = looking.has_looked(sites(close)) and looking.may_have_waited(sites(close), sites(use))
                    confidence = Confidence.ADVICE if waited else Confidence.POSSIBLE
                    yield facts.finding(HAZARD, message, steps, confidence=confidence, objects=[owner])
                    break
        else:
            yield from _afterwards(facts, close, done)
            yield from _guests(facts, close, done)
            yield from _swept(facts, close, done)
            yield from _evicted(facts, close, done)
            yield from _hurried(facts, close, done)
            yield from _by_the_first(facts, close, done)


def _by_the_first(facts: SourceFacts, close: Operation, done: set[int]) -> Iterable[Finding]:
    """A connection for all that each of several threads closes once it is done with it itself."""
    owner = close.obj
    if close.context.kind not in WORKERS or close.in_handler or id(owner.root) in done or looked_at(facts, close):
        return
    if owner.kind not in CONNECTIONS or owner.owned or owner.uncertain or "after-yield" in close.effects:
        return
    if any(dial.context is close.context for dial in facts.of(owner, "connect")):
        return  # where each makes the connection anew as well, that is what goes wrong
    for use in facts.below(owner, *_USES):
        if use.context is close.context and facts.concurrent(use, close, owner) and not facts.common_locks(use, close):
            done.add(id(owner.root))
            message = (
                f"Each {close.context.name} closes {facts.name(owner)}: the first to be done takes it from the others"
            )
            yield facts.finding(HAZARD, message, [facts.step(close), facts.step(use)], objects=[owner])
            return


def _counted(facts: SourceFacts, close: Operation, use: Operation) -> bool:
    """Whether what was taken out of its place is closed once nobody uses it: users count themselves in and out."""
    return "__replaced" in close.obj.root.parts and bool(looked_at(facts, close) & changed_after(facts, use))


def _hurried(facts: SourceFacts, close: Operation, done: set[int]) -> Iterable[Finding]:
    """Closes after a ``join()`` that gives up after a time, where nobody looks whether the thread has ended.

    A worker that was told to end, or that is given more than a moment, has mostly ended: advice.
    """
    for use in facts.below(close.obj, *_USES):
        context = use.context
        waits = [at for at, _, where in context.joins if context.start < at < close.moment and where == close.episode]
        if not waits or id(close.obj.root) in done or any(at not in context.hurried for at in waits):
            continue
        if not _worker_of(close, use) or close.in_handler or "is_alive" in looked_at(facts, close):
            continue
        told = any(
            o.context is close.context and o.episode == close.episode and context.start < o.moment < close.moment
            for o in facts.having("give-signal")
        )
        in_rounds = use.loops[len(context.loops) :]
        brief = max(context.hurried[at] for at in waits) <= _MOMENT_S
        confidence = Confidence.POSSIBLE if brief and not told and not in_rounds else Confidence.ADVICE
        done.add(id(close.obj.root))
        message = f"{facts.name(close.obj)} is closed though {context.name} may go on after the limit of its join()"
        steps = [facts.step(close), facts.step(use)]
        yield facts.finding(HAZARD, message, steps, confidence=confidence, objects=[close.obj])
        return


def _evicted(facts: SourceFacts, close: Operation, done: set[int]) -> Iterable[Finding]:
    """Clients that a worker throws out of a cache, where others had them from it and still have them."""
    root = close.obj.root
    lent = isinstance(close.obj.tag, tuple) and close.obj.tag[:1] == ("take",) and not close.in_handler
    if not lent or close.context.kind not in WORKERS or id(root) in done:
        return
    kept = number_of(root.parts.get("__kept_since", Unknown()))
    asked = looked_at(facts, close)
    if kept is None or any("active" in word or "alive" in word or "closed" in word for word in asked):
        return  # what is dead already, nobody uses
    for use in facts.below(root, *_USES):
        mine = facts.connection(use.obj)
        had = mine.uncertain or use.moment > kept
        if not had or mine.owned or facts.common_locks(close, use):
            continue
        if facts.concurrent(use, close, facts.anywhere) and not asked & changed_after(facts, use):
            done.add(id(root))
            message = f"{close.context.name} closes {facts.name(root)} as it leaves the cache, and others may have it"
            yield facts.finding(HAZARD, message, [facts.step(close), facts.step(use)], objects=[root])
            return


def _swept(facts: SourceFacts, close: Operation, done: set[int]) -> Iterable[Finding]:
    """Clients of a cache that a janitor's thread closes, whoever has one just now."""
    root, kept = close.obj.root, number_of(close.obj.root.parts.get("__kept_since", Unknown()))
    again = set(close.loops) - set(close.context.loops)
    if kept is None or close.context.kind not in WORKERS or not again or close.in_handler or id(root) in done:
        return
    for use in facts.below(root, *_USES):
        mine = facts.connection(use.obj)
        had = use.moment > kept or mine.uncertain
        if mine.owned or not had or use.context is close.context or facts.common_locks(close, use):
            continue
        if facts.concurrent(use, close, root) and not looked_at(facts, close) & changed_after(facts, use):
            done.add(id(root))
            message = f"{close.context.name} closes {facts.name(root)}, which others still get from the same collection"
            yield facts.finding(HAZARD, message, [facts.step(close), facts.step(use)], objects=[root])
            return


def _worker_of(close: Operation, use: Operation) -> bool:
    started = close.context.strand in use.context.chain()[1:]
    return started and use.context.kind in WORKERS - {"timer"} and close.moment > use.context.start


def _meant(facts: SourceFacts, close: Operation, use: Operation) -> bool:
    """Whether the close is how the thread's endless read is ended, or the way out after an error."""
    theirs = [o for o in facts.below(close.obj) if is_with(o.context, use.context)]
    channels = {id(c.root): c for o in theirs for c in [facts.channel(o.obj)] if c is not None}
    endless = any(never_ends(facts.command(c)) for c in channels.values())
    mine = [o for o in theirs if o.loops[len(use.context.loops) :]]
    streaming = any(o.method in {"recv", "readline"} or (o.has("stream") and o.obj.kind != "sftpfile") for o in mine)
    streaming = streaming and not _all_end(facts, use)
    explicit = not close.has("left-with")
    if use.context.daemon and use.loops[len(use.context.loops) :]:
        # a service loop goes with the process, unless somebody waits for its end after all
        awaited = any(at > close.moment and where == close.episode for at, _, where in use.context.joins)
        return not (awaited and close.has("left-with") or _has_jobs_left(facts, close, use)) or streaming
    return close.in_handler or (explicit and (endless or streaming)) or close.episode != use.context.episode


def _has_jobs_left(facts: SourceFacts, close: Operation, use: Operation) -> bool:
    """Whether who closes has just put jobs into the queue of a service loop, and waits for nothing before the close."""
    queues = {
        id(o.obj.root)
        for o in facts.having("get")
        if is_with(o.context, use.context) and o.moment < use.moment and set(o.loops) & set(use.loops)
    }
    before = [o for o in facts.having("put", "wait-signal", "result", "blocks") if o.context is close.context]
    before = [o for o in before if use.context.start < o.moment < close.moment and o.episode == close.episode]
    puts = [o for o in before if o.has("put") and id(o.obj.root) in queues and not exclusive(o, close)]
    jobs = [o for o in puts if o.args and not isinstance(o.args[0], Const)]
    straight = bool(jobs) and all(o in puts for o in before if o.moment > jobs[0].moment)
    return straight and not does_between(facts, puts[-1], close) - _QUICK


def _all_end(facts: SourceFacts, use: Operation) -> bool:
    """Whether the command whose output is read would come to its end by itself: then the rest of it is lost."""
    channel = facts.channel(use.obj)
    return channel is not None and facts.command_is_known(channel) and ends(facts.command(channel))


def _afterwards(facts: SourceFacts, close: Operation, done: set[int]) -> Iterable[Finding]:
    """Streams, channels and SFTP clients that outlive the ``with`` of their connection."""
    if not close.has("left-with") or id(close.obj.root) in done:
        return
    again = [o.moment for o in facts.of(close.obj, "connect", "auth") if o.moment > close.moment]
    for use in facts.below(close.obj, *_USES):
        turn = use.loops[: len(close.loops)]  # of the same turn, or of a loop that begins after the close
        same = facts.after(close, use) and close.loops == turn and close.episode == use.episode
        if same and not exclusive(close, use) and not any(moment < use.moment for moment in again):
            done.add(id(close.obj.root))
            message = f"{facts.called(use)} comes after the `with` that closes {facts.name(close.obj)}"
            yield facts.finding(HAZARD, message, [facts.step(close), facts.step(use)], objects=[close.obj])
            return


def _guests(facts: SourceFacts, close: Operation, done: set[int]) -> Iterable[Finding]:
    """A connection that carries another one, which is used when the first is closed, or after that."""
    if close.obj.kind not in CONNECTIONS or close.in_handler or id(close.obj.root) in done:
        return  # an SFTP session over the jump host itself may end while the guests live
    for use in facts.having(*_USES):
        carrier = facts.carrier(use.obj)
        if carrier is None or facts.connection(carrier).root is not facts.connection(close.obj).root:
            continue
        same = facts.after(close, use) and use.loops[: len(close.loops)] == close.loops and not exclusive(close, use)
        sure = close.has("left-with") or set(close.path) <= set(use.path) and close.episode == use.episode
        beside = facts.concurrent(use, close, close.obj) and not facts.common_locks(use, close)
        if same and sure or beside:
            done.add(id(close.obj.root))
            when = "when this closes it" if beside else "after this close"
            message = f"{facts.name(close.obj)} carries another connection, which is still used {when}"
            yield facts.finding(HAZARD, message, [facts.step(close), facts.step(use)], objects=[close.obj, use.obj])
            return
