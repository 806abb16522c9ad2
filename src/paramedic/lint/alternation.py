"""Two threads that take turns: each says into a pipe that its round is over, and goes on when the other one says so.

The one who begins waits only after its call, in the round before: ``stat(); send(); recv()`` beside ``recv(); stat();
send()``. The calls never meet, as long as there is one word under way, and never two.

Threads: one thread.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from paramedic.lint.awaiting import Awaiting, Wait
from paramedic.lint.identity import Identity, Thing
from paramedic.lint.passages import File, Loop, Passed, Place, at, name_of

_SAYS = frozenset("send sendall sendto sendmsg send_bytes write eventfd_write".split())


@dataclass(frozen=True, slots=True)
class _Round:
    """What surely happens in each round of a loop around a call.

    Attributes:
        place: of the call, or of the loop inside in which it is.
        loop: the one whose rounds these are.
        hears: the wait for the other side's word.
        begins: whether that comes after the call, so that the first round waits for nobody.
    """

    place: Place
    loop: ast.AST
    hears: Wait
    begins: bool


class Alternation:
    """Reads the loops around two calls.

    Args:
        identity_of: the variables of a file.

    Threads: one thread.
    """

    def __init__(self, identity_of: Callable[[File], Identity]) -> None:
        self._identity_of = identity_of

    def is_sure(self, first: list[Place], second: list[Place]) -> bool:
        """Whether the rounds of two threads, with a call each, come in turn.

        Args:
            first: the places of the one's stack, innermost first.
            second: the other's.
        """
        roots = first[-1], second[-1]
        if roots[0].function is roots[1].function or any(
            self._identity_of(root.file).is_several(root.function) for root in roots
        ):
            return False
        others = list(self._rounds(second))
        return any(self._alternate(one, other) for one in self._rounds(first) for other in others)

    def _rounds(self, places: list[Place]) -> Iterator[_Round]:
        for place in places:
            loops = place.loops()
            for inner, loop in zip((place.node, *loops), loops, strict=False):
                each = Place(place.file, place.function, inner)
                awaiting = Awaiting(self._identity_of(place.file))
                before = [p for p in each.passed() if not p.rounds and _is_in(p.node, loop)]
                if isinstance(loop, ast.While):
                    before.append(Passed(loop.test))
                after = [p for p in each.rest_of_round() if p.rounds == 1]
                for passed, begins in ((before, False), (after, True)):
                    sure = [p for p in passed if p.provided is None and not p.inside]
                    for wait in awaiting.among(sure, each):
                        once = wait.passed.provided is None and wait.passed.rounds == begins
                        if wait.partners and once and _takes(wait) and not (begins and _may_fail(wait, loop)):
                            yield _Round(each, loop, wait, begins)

    def _alternate(self, one: _Round, other: _Round) -> bool:
        words = [*self._words(one.hears), *self._words(other.hears)]
        for mine, others in ((one, other), (other, one)):
            said = [word for word in self._words(others.hears) if self._is_in_turn(word, mine)]
            if len(said) != 1 or not _is_read_whole(said[0], others.hears):
                return False
            words = [word for word in words if word is not said[0] and not _is_over(word, mine)]
        if one.begins or other.begins:
            return one.begins != other.begins and not words
        return len(words) == 1 and not one.hears.identity.file.is_repeated(words[0])  # by whoever lets them begin

    def _words(self, wait: Wait) -> Iterator[ast.Call]:
        """The calls that say something to whoever waits."""
        identity = wait.identity
        for name in _SAYS:
            for use in identity.file.uses.get(name, ()):
                call = identity.file.parent(use)
                if isinstance(call, ast.Call) and call.func is use:
                    ends = [*call.args[:1], use.value] if isinstance(use, ast.Attribute) else call.args[:1]
                    if any(thing in wait.partners for end in ends for thing in self._meant(identity, end)):
                        yield call

    def _meant(self, identity: Identity, end: ast.expr) -> Iterator[Thing | None]:
        yield identity.thing(end)
        if isinstance(end, ast.Name):  # of several that a function is called with
            yield from map(identity.thing, identity.given(identity.file.home(end), end.id))

    def _is_in_turn(self, word: ast.Call, mine: _Round) -> bool:
        """Whether it is said once in a round: after the call, and before the round's own wait, if that comes later."""
        file, identity = mine.place.file, mine.hears.identity
        home, top = file.home(word), word
        if home is not mine.place.function:
            sites = [c for use in file.uses.get(getattr(home, "name", ""), ()) if (c := file.parent(use)) is not None]
            if len(sites) != 1 or not isinstance(sites[0], ast.Call) or home not in identity.called(sites[0]):
                return False
            top = sites[0]
        if not _is_in(top, mine.loop) or any(
            isinstance(outer, Loop) and outer is not mine.loop and _is_in(outer, mine.loop)
            for node in (word, top)
            for outer in (*_up_to(file, node, home), *_up_to(file, top, mine.loop))
        ):
            return False
        if at(top) <= _end(mine.place.statement):
            return False
        if not mine.begins:
            return True
        own, wait = mine.hears.passed.node, mine.hears.node
        same = file.home(wait) is home
        if not (at(word) < at(wait) if same else _end(top) <= at(own)):
            return False
        leaves = [n for n in file.own(mine.loop) if isinstance(n, ast.Continue | ast.Break)]
        return not any(at(top) < at(n) < at(own) for n in leaves)


def _is_in(node: ast.AST, loop: ast.AST) -> bool:
    return at(loop) < at(node) <= _end(loop)


def _end(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0)


def _up_to(file: File, node: ast.AST, outermost: ast.AST) -> Iterator[ast.AST]:
    for outer in file.above(node):
        if outer is outermost:
            return
        yield outer


def _takes(wait: Wait) -> bool:
    """Whether it waits as long as needed, and the word is then gone: who only looks finds it again."""
    if wait.limit_s is not None or not isinstance(wait.node, ast.Call):
        return False
    name = name_of(wait.node.func)
    return name not in ("select", "poll") and not (name == "recv" and len(wait.node.args) > 1)  # by its flags


def _may_fail(wait: Wait, loop: ast.AST) -> bool:
    """Whether the round goes on if the wait ends with an exception, as when it has a limit."""
    file = wait.identity.file
    around = (*_up_to(file, wait.passed.node, loop), *_up_to(file, wait.node, file.home(wait.node)))
    return any(isinstance(outer, ast.Try | ast.TryStar) and outer.handlers for outer in around)


def _is_over(word: ast.Call, mine: _Round) -> bool:
    """Whether it is said when the rounds are over."""
    file, function = mine.place.file, mine.place.function
    return file.home(word) is function and at(word) > _end(mine.loop) and not file.is_repeated(mine.loop)


def _is_read_whole(word: ast.Call, wait: Wait) -> bool:
    """Whether a word is not longer than what is read: the rest would be another one."""
    sizes = [a.value for a in getattr(wait.node, "args", ()) if isinstance(a, ast.Constant)]
    said = [a.value for a in word.args if isinstance(a, ast.Constant) and isinstance(a.value, bytes)]
    if not sizes or not isinstance(sizes[-1], int):
        return True
    return len(said[0]) <= sizes[-1] if said else sizes[-1] > 1
