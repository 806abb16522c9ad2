"""A connection is closed while other threads use it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from paramedic.analysis.calls import Call
from paramedic.analysis.hangs import ON_WAY_OUT
from paramedic.analysis.lives import ClosedUse
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.analysis.world import Thread
from paramedic.hazards.closed_in_use import HAZARD
from paramedic.lint.looking import Looking
from paramedic.lint.passages import Places
from paramedic.lint.shell import ends, never_ends
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Connections that were closed under a thread that used them, or could have been.

    Threads: pure.
    """
    story, looking, places = Story(facts), Looking(), Places()
    for closed in facts.lives.closed_uses():
        if closed.how == "lines" and not _was_to_end(facts, closed, places):
            continue
        if closed.how == "unordered" and closed.use.thread in facts.awaited:
            continue  # it was waited for, in vain: the hang is the story
        user = facts.world.thread(closed.use.thread)
        if closed.how == "unordered" and user.transport and user.transport == facts.transport_of(closed.owner):
            continue  # a callback, which may not call this there at all
        certain = closed.how not in ("unordered", "lines")
        unseen = "" if certain or closed.how == "lines" else _unseen_order(facts, closed, looking)
        if closed.close.argument == ON_WAY_OUT:
            unseen = ", as Ctrl-C or another signal had it leave all that it did"
        users = story.threads({use.thread for use in closed.uses})
        closer, name = facts.world.thread_name(closed.close.thread), facts.world.name(closed.owner)
        if closed.inner:
            name += f", through which {facts.world.name(closed.inner)} goes,"
        message = f"{closer} closed {name} {_HOW[closed.how].format(users=users)}{unseen}"
        words = {use: _status(facts, use.result) for use in closed.uses if closed.how == "status"}
        calls = [closed.close, *_opened(facts, closed), *closed.uses[:4]]
        steps = sorted((story.call(c, words.get(c, "")) for c in calls), key=lambda step: step.at_s or 0.0)
        # who was given its work after the close comes upon it in every run: if it then turns to another one, as it may
        # well be meant to, nothing is lost
        hint = bool(unseen) or closed.how == "told" and bool(closed.others) and not closed.inner
        confidence = Confidence.ADVICE if hint else Confidence.OBSERVED if certain else Confidence.POSSIBLE
        fix = _THROUGH if closed.inner else _SWAP if _is_swapped(facts, closed) else ""
        yield story.finding(HAZARD, confidence, message, steps, [closed.owner], closed.count, fix=fix)


def _unseen_order(facts: RunFacts, closed: ClosedUse, looking: Looking) -> str:
    """Why the closer may have waited after all, on a way that nobody records; "" if nothing speaks for it."""
    unseen = facts.unseen(closed.use, closed.close)
    if unseen.doubt:
        return f", except perhaps {unseen.doubt}"
    close, use = (facts.world.stack(call.stack) for call in (closed.close, closed.use))
    if not unseen.refuted and looking.has_looked(close):
        if looking.may_have_waited(close, use, map(facts.world.stack, _done_before(facts, closed))):
            return ", except perhaps a loop in which it had slept and looked again"
    user = facts.world.thread(closed.use.thread)
    is_reader = user.transport and user.transport not in (closed.owner, closed.inner, facts.transport_of(closed.owner))
    if is_reader or _is_for_request(facts, user) or user.name.endswith(_SERVERS):
        return ", except perhaps the answer to a request for which that was done"
    return ""


def _is_for_request(facts: RunFacts, thread: Thread) -> bool:
    """Whether a handler, which may not wait itself, has started it, or who started it."""
    for _ in range(_MOST_STARTERS):
        if not thread.starter:
            return False
        thread = facts.world.thread(thread.starter)
        if thread.transport:
            return True
    return False


def _was_to_end(facts: RunFacts, closed: ClosedUse, places: Places) -> bool:
    """Whether who waited for another line would have come to the end of the output by itself.

    Where the source does not tell the command, a close is the documented way to end such a reader; unless all commands
    in the source end by themselves.
    """
    if closed.opener is None or facts.world.thread(closed.use.thread).daemon:
        return False
    if facts.world.thread(closed.close.thread).kind == "Timer":
        return False  # a deadline
    found = places.places(facts.world.stack(closed.opener.stack), "exec_command")
    given = found[0].node.args[:1] if found and isinstance(found[0].node, ast.Call) else []
    if any(isinstance(g, ast.Constant) for g in given):
        return all_end(_texts(given[0]))
    trees = {id(place.file): place.file.tree for place in found}
    return bool(given) and all_end(text for tree in trees.values() for text in _texts(tree) if " " in text)


def _texts(tree: ast.AST) -> Iterator[str]:
    return (n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str))


def all_end(texts: Iterable[str]) -> bool:
    """Whether there are commands among some texts, and all of them come to their end by themselves.

    Threads: pure.
    """
    commands = list(texts)
    return any(map(ends, commands)) and not any(map(never_ends, commands))


def _done_before(facts: RunFacts, closed: ClosedUse) -> Iterator[int]:
    """Stacks of what the closer did before the use began: it made the object, connected it, started the user."""
    closer, begun_ns = closed.close.thread, closed.use.began_ns
    user, owner = facts.world.thread(closed.use.thread), closed.inner or closed.owner
    if user.starter == closer:
        yield user.started_at
    for ident in {owner, closed.owner, facts.transport_of(owner)}:
        thing, connect = facts.world.thing(ident), facts.connects_of.get(ident)
        if thing.thread == closer:
            yield thing.born
        if connect is not None and connect.thread == closer and connect.ended_ns < begun_ns:
            yield connect.stack


def _opened(facts: RunFacts, closed: ClosedUse) -> Iterator[Call]:
    """What opened the channel that was used before, at another line: there, too, the close would have met it."""
    channel = facts.channels.known(facts.channel_of(closed.use.obj))
    opener = channel.opener if channel is not None else None
    if closed.how == "unordered" and opener is not None and opener.thread == closed.use.thread:
        if facts.world.site(opener.stack) != facts.world.site(closed.use.stack):
            yield opener


def _is_swapped(facts: RunFacts, closed: ClosedUse) -> bool:
    """Whether who closed it had connected another one for its users while they were at work."""
    begun = min(facts.world.thread(use.thread).begun_ns for use in closed.uses)
    connects = [facts.connects_of[other] for other in closed.others if other in facts.connects_of]
    return any(c.thread == closed.close.thread and begun < c.began_ns < closed.close.began_ns for c in connects)


_MOST_STARTERS = 8
_SERVERS = ("(serve_forever)", "(process_request_thread)")
"""How the threads of `socketserver` are named."""
_THROUGH = (
    "Keep the jump host's client open as long as the connection that goes through it, and close the inner one first: "
    "one contextlib.ExitStack for both does that."
)
_SWAP = (
    "Close the old connection when the last of its users is done with it: each takes it and gives it back under the "
    "lock that swaps it, which counts them, and whoever brings the count to zero after the swap closes it."
)
_HOW = {
    "broken": "while {users} still had a call on it",
    "after": "and {users} went on to use it",
    "told": "and {users}, which came after that, used it all the same",
    "status": "while {users} waited for a command, which then seemed to end with exit status -1",
    "short": "while {users} read to the end, and took the close for the end of the output",
    "lines": "while {users} read the lines of a command that was to end by itself: the rest of them is lost",
    "unordered": "and nothing had made it wait for {users}, which had used it",
}


def _status(facts: RunFacts, status: int) -> str:
    return f"called recv_exit_status(), which returned {status}: no status ever came"
