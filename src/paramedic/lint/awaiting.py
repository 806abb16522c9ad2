"""Waits of a function that no recording shows, before the place where it is: rounds of looking, and reads from pipes.

Threads: one thread.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from paramedic.lint.identity import Identity, Thing
from paramedic.lint.messages import ENDS, LOOKS, Source, is_request, source_of, wanted
from paramedic.lint.outcomes import UNKNOWN, Condition, made, ways
from paramedic.lint.passages import Def, Loop, Passed, Place, leaves, name_of, through

_RESTS = frozenset(("sleep", "wait"))
_CLOCKS = frozenset("time monotonic perf_counter time_ns monotonic_ns perf_counter_ns now utcnow today".split())
_COUNTS = frozenset(("range", "count", "repeat"))
_RECEIVES = frozenset("recv recv_bytes recvfrom recv_into read readline readlines load communicate wait accept".split())
_SIGNALS = frozenset("sigwait sigtimedwait sigwaitinfo pause".split())
_MEETINGS = frozenset("Event Queue SimpleQueue JoinableQueue".split())
_RECORDED = frozenset(("threading", "queue", "asyncio", "concurrent.futures"))
_STATES = frozenset(
    "is_active is_authenticated exit_status_ready recv_ready recv_stderr_ready send_ready is_alive closed".split()
)
"""What Paramiko's objects and threads say of themselves: no message of another thread's, or one that is recorded."""
_TAKES = frozenset("pop popleft popitem get_nowait".split())
_ENUMS = frozenset("Enum IntEnum StrEnum Flag IntFlag".split())
_MOST_CALLS = 2
FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class Wait:
    """One that was passed.

    Attributes:
        identity: of the variables of the file that it is in.
        passed: what was passed in the function that has made the call: the wait, or a call of what waits.
        place: where that function is.
        node: the loop, or the call that waits.
        ways: how a loop of looking ends, but for its limits.
        ends: what a call reads from, or is told by.
        partners: where that is a pipe, its other end.
        limit_s: after how long it gives up; None if it does not.
        source: what a call reads from that has no partner of the same name.
        words: of which one must be said, so that the reading ends.
        to_end: whether it is read to the end.
        answer: whether it is for the answer of a server.
    """

    identity: Identity
    passed: Passed
    place: Place
    node: ast.AST
    ways: list[Condition] = field(default_factory=list)
    ends: tuple[Thing, ...] = ()
    partners: tuple[Thing, ...] = ()
    limit_s: float | None = None
    source: Source | None = None
    words: frozenset[str] = frozenset()
    to_end: bool = False
    answer: bool = False


class Awaiting:
    """The waits in one file.

    Args:
        identity: of its variables.

    Threads: one thread.
    """

    def __init__(self, identity: Identity) -> None:
        self.identity = identity

    def waits(self, place: Place, again: bool = False) -> Iterator[Wait]:
        """Those that were passed on the way to a place; also in earlier rounds of its loop, if it came round again."""
        yield from self.among((*place.passed(), *(place.rest_of_round() if again else ())), place)

    def among(self, every: Iterable[Passed], place: Place) -> Iterator[Wait]:
        """Those among what a place's function has passed."""
        for passed in every:
            if not passed.inside:
                yield from self._in(passed, passed, place, _MOST_CALLS)
                continue
            for inner in through(reversed(self.identity.managers(passed.node, ends=False))):
                yield from self._in(inner, Passed(passed.node), place, _MOST_CALLS - 1)
            for call in _calls(passed.node):
                found = self._read(call, passed, place)  # opening a fifo waits for the other side
                if found is not None:
                    yield found

    def _in(self, each: Passed, passed: Passed, place: Place, calls: int) -> Iterator[Wait]:
        node = each.node
        if isinstance(node, Loop):
            found = self._poll(node, passed, place, is_helper=each is not passed)
            if found is not None:
                yield found
            else:
                yield from self._reading(node, passed, place)
            return
        for call in _calls(node):
            for found in (self._block(call, passed, place), self._read(call, passed, place)):
                if found is not None:
                    yield found
            for identity, function in self.identity.meant(call) if calls else ():
                for inner in through(reversed(function.body)):
                    if not inner.inside:
                        more = Passed(
                            passed.node, False, passed.rounds + inner.rounds, passed.provided or inner.provided
                        )
                        yield from Awaiting(identity)._in(inner, more, place, calls - 1)

    # rounds of looking

    def _poll(self, loop: ast.AST, passed: Passed, place: Place, is_helper: bool) -> Wait | None:
        file = self.identity.file
        own = file.own(loop)
        rests = any(isinstance(n, ast.Call) and name_of(n.func) in _RESTS for n in own)
        idle = all(isinstance(s, ast.Pass | ast.Continue) for s in getattr(loop, "body", ()))
        if not (rests or idle):
            return None
        if isinstance(loop, ast.For | ast.AsyncFor):
            if not (isinstance(loop.iter, ast.Call) and name_of(loop.iter.func) in _COUNTS):
                return None
        limits: list[float] = []
        found: list[Condition] = []
        for test, truth in self._exits(loop, is_helper):
            for way in self._expanded(ways(test, truth), passed):
                limit = self._limit(way, loop)
                if limit is not None:
                    limits.append(limit)
                elif not any(name_of(n) in _STATES for atom, _ in way for n in ast.walk(atom)):
                    found.append(way)
        if not found and any(isinstance(n, ast.Try) for n in own):
            return None  # it tries something again
        if isinstance(loop, ast.For) and not leaves(loop.orelse):
            limits.append(self._counted(loop))
        if self._is_checked(loop):
            limits = []
        return Wait(self.identity, passed, place, loop, found, limit_s=min(limits, default=None))

    def _exits(self, loop: ast.AST, is_helper: bool) -> Iterator[tuple[ast.expr, bool]]:
        if isinstance(loop, ast.While) and not (loop.orelse and leaves(loop.orelse)):
            if not isinstance(loop.test, ast.Constant):
                yield loop.test, False

        def ends(block: Sequence[ast.stmt]) -> bool:
            return bool(block) and isinstance(block[-1], ast.Break | ast.Return if is_helper else ast.Break)

        for node in self.identity.file.own(loop):
            if isinstance(node, ast.If):
                for block, truth in ((node.body, True), (node.orelse, False)):
                    if ends(block):
                        yield node.test, truth
            elif isinstance(node, ast.Match):
                for case in node.cases:
                    test = _matches(node.subject, case.pattern) if case.guard is None and ends(case.body) else None
                    if test is not None:
                        yield test, True
            elif isinstance(node, ast.Try) and (ends(node.body) or ends(node.orelse)):
                for call in [c for s in node.body if not isinstance(s, Loop | ast.If) for c in ast.walk(s)]:
                    if isinstance(call, ast.Call) and name_of(call.func) in LOOKS | _TAKES:  # others are tried again
                        yield call, True

    def _expanded(self, found: list[Condition], passed: Passed, steps: int = 3) -> list[Condition]:
        """With what functions and properties of the file say in place of their calls."""
        done: list[Condition] = []
        for way in found:
            each: list[list[Condition]] = []
            for atom, truth in way:
                said = self._said(atom, passed) if steps else None
                each.append([[(atom, truth)]] if said is None else self._expanded(ways(said, truth), passed, steps - 1))
            if all(len(some) == 1 for some in each):
                done.append([a for (some,) in each for a in some])
            else:
                done += [one for some in each for one in some]
        return done

    def _said(self, atom: ast.expr, passed: Passed) -> ast.expr | None:
        if isinstance(atom, ast.Call):
            functions = self.identity.called(atom)
            given = self.identity.given(self.identity.file.home(atom), name_of(atom.func)) if not functions else []
            here = [g for g in given if passed.node in (g, *self.identity.file.above(g))] or given
            if len(here) == 1 and isinstance(here[0], ast.Lambda):
                return here[0].body
            if len(here) == 1:
                functions = self.identity.file.functions.get(name_of(here[0]), [])
        elif isinstance(atom, ast.Attribute):
            functions = [f for f in self.identity.file.functions.get(atom.attr, ()) if f.decorator_list]
        else:
            return None
        returns = [n for f in functions[:1] for n in self.identity.file.own(f) if isinstance(n, ast.Return)]
        return returns[0].value if len(returns) == 1 else None

    def _limit(self, way: Condition, loop: ast.AST) -> float | None:
        """After how long a way out is taken, whatever others do; None if it is not."""
        counted = {name_of(n.target) for n in self.identity.file.own(loop) if isinstance(n, ast.AugAssign)} | {
            n.id for t in _targets(loop) for n in ast.walk(t) if isinstance(n, ast.Name)
        }
        for atom, _ in way:
            names = [n for n in ast.walk(atom) if isinstance(n, ast.Name | ast.Attribute)]
            if any(isinstance(n, ast.Call) and name_of(n.func) in _CLOCKS for n in ast.walk(atom)):
                return self._seconds(atom)
            if any(name_of(n) in counted for n in names):
                return self._rounds(atom, loop, counted)
        return None

    def _rounds(self, test: ast.expr, loop: ast.AST, counted: set[str]) -> float:
        """Of ``tries > 5``: how long that many rounds take."""
        own = self.identity.file.own(loop)
        steps = [self.constant(n.value) for n in own if isinstance(n, ast.AugAssign) and name_of(n.target) in counted]
        sides = (test.left, *test.comparators) if isinstance(test, ast.Compare) else ()
        ends = [
            k for side in sides if isinstance(k := self.constant(side), int | float) and name_of(side) not in counted
        ]
        rest = self._rest(loop)
        if len(steps) == 1 and len(ends) == 1 and isinstance(steps[0], int | float) and steps[0] and rest is not None:
            return abs(ends[0] / steps[0]) * rest
        return FOREVER

    def _rest(self, loop: ast.AST) -> float | None:
        """How long a loop rests in a round."""
        calls = [n for n in self.identity.file.own(loop) if isinstance(n, ast.Call) and name_of(n.func) in _RESTS]
        rests = [self.constant(call.args[0]) for call in calls if call.args]
        return float(sum(r for r in rests if isinstance(r, int | float))) if rests and UNKNOWN not in rests else None

    def _seconds(self, test: ast.expr) -> float:
        """Of ``time.time() < deadline`` or ``time.time() - begun < 5``; `FOREVER` if it cannot be told."""
        if not isinstance(test, ast.Compare) or len(test.comparators) != 1:
            return FOREVER
        for side in (test.left, test.comparators[0]):
            known = self.constant(side)
            if isinstance(known, int | float):
                return float(known)
            thing = self.identity.thing(side)
            for bound in self.identity.values(thing) if thing is not None else ():
                if isinstance(bound.value, ast.BinOp) and isinstance(bound.value.op, ast.Add):
                    for part in (bound.value.left, bound.value.right):
                        known = self.constant(part)
                        if isinstance(known, int | float):
                            return float(known)
        return FOREVER

    def _counted(self, loop: ast.For) -> float:
        numbers = [self.constant(a) for a in getattr(loop.iter, "args", ())]
        rest = self._rest(loop)
        last = numbers[-1] if numbers else UNKNOWN
        return last * rest if isinstance(last, int) and rest is not None else FOREVER

    def constant(self, node: ast.expr, steps: int = 2) -> object:
        """What a name or parameter is that is always the same; UNKNOWN if it is not."""

        def known(part: ast.expr) -> object:
            return self.constant(part, steps - 1) if steps else UNKNOWN

        literal = made(node, lambda _: UNKNOWN)
        if literal is not UNKNOWN:
            return literal
        if isinstance(node, ast.Attribute) and name_of(node.value) in self.identity.file.classes:
            bases = {name_of(b) for c in self.identity.file.classes[name_of(node.value)] for b in c.bases}
            if bases & _ENUMS:  # its members differ, whatever their values are
                return ast.unparse(node)
        thing = self.identity.thing(node)
        if thing is None:
            return UNKNOWN
        home = self.identity.home(thing)
        if isinstance(home, Def) and thing.name in _parameters(home):
            given = self.identity.given(home, thing.name) or _default(home, thing.name)
            values = {made(g, known) for g in given}
            return values.pop() if len(values) == 1 else UNKNOWN
        bound = [b for b in self.identity.values(thing) if not b.together] or self.identity.in_class(thing)
        return made(bound[0].value, known) if len(bound) == 1 else UNKNOWN

    def _is_checked(self, loop: ast.AST) -> bool:
        """Whether what comes next ends all if the wait was in vain."""
        parent = self.identity.file.parent(loop)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(parent, name, None)
            if isinstance(block, list) and loop in block[:-1]:
                following = block[block.index(loop) + 1]
                return isinstance(following, ast.If) and leaves(following.body) or isinstance(following, ast.Assert)
        return False

    # reads, and what is told by other libraries' objects

    def _block(self, call: ast.Call, passed: Passed, place: Place) -> Wait | None:
        name = name_of(call.func)
        base = call.func.value if isinstance(call.func, ast.Attribute) else None
        is_os = isinstance(base, ast.Name) and base.id == "os"
        limit: float | None = None
        subjects: list[ast.expr]
        if name in _SIGNALS:
            limit = self._given_limit(call.args[1:2])
            if self._is_looked_at(call):
                limit = None
            return Wait(self.identity, passed, place, call, ends=(Thing("signal", 0),), limit_s=limit)
        if name == "select" and len(call.args) >= 3:
            subjects = [n for n in ast.walk(call.args[0]) if isinstance(n, ast.Name | ast.Attribute)]
            limit = self._given_limit(call.args[3:4])
        elif name in ("select", "poll") and base is not None and self.identity.registered(base):
            subjects, limit = self.identity.registered(base), self._given_limit(call.args)
        elif name in ("read", "eventfd_read") and is_os and call.args:
            subjects = [call.args[0]]
        elif name == "poll" and base is not None and len(call.args) == 1:
            subjects, limit = [base], self._given_limit(call.args)
        elif name in _RECEIVES and base is not None:
            subjects = [base]
        elif name in ("get", "wait") and base is not None and self._is_meeting(base):
            subjects, limit = (
                [base],
                self._given_limit(call.args + [k.value for k in call.keywords]) if name == "wait" else None,
            )
        else:
            return None
        if self._is_looked_at(call):
            limit = None
        ends, partners = [], []
        for subject in subjects:
            thing = self.identity.thing(subject)
            if thing is None:
                continue
            for bound in self.identity.values(thing):
                if isinstance(bound.value, ast.Call) and name_of(bound.value.func) in (ENDS | _MEETINGS):
                    ends.append(thing)
                    if bound.together:
                        partners += [t for t in self._beside(bound.target) if t != thing]
        return (
            Wait(self.identity, passed, place, call, ends=tuple(ends), partners=tuple(partners), limit_s=limit)
            if ends
            else None
        )

    def _is_looked_at(self, call: ast.Call) -> bool:
        """Whether whoever waits knows whether it was in vain."""
        return isinstance(self.identity.file.parent(call), ast.If | ast.Compare | ast.UnaryOp | ast.While)

    def _reading(self, loop: ast.AST, passed: Passed, place: Place) -> Iterator[Wait]:
        """What a loop reads from, and what a ``while`` asks in each of its rounds until the answer is another one."""
        own = self.identity.file.own(loop)
        calls = [n for n in own if isinstance(n, ast.Call) and name_of(n.func) in _RECEIVES]
        subjects = [n.func.value for n in calls if isinstance(n.func, ast.Attribute)]
        if isinstance(loop, ast.For | ast.AsyncFor):
            subjects.append(loop.iter)
            if isinstance(loop.iter, ast.Call) and name_of(loop.iter.func) == "iter" and loop.iter.args:
                subjects += [n.value for n in loop.iter.args[:1] if isinstance(n, ast.Attribute)]
        words, to_end = wanted(loop, own)
        for subject in subjects:
            source = source_of(self.identity, subject)
            if source is not None:
                ends = (source.thing,)
                yield Wait(self.identity, passed, place, loop, ends=ends, source=source, words=words, to_end=to_end)
        if isinstance(loop, ast.While):
            each = Passed(passed.node, passed.inside, passed.rounds + 1, passed.provided)
            inside = [n for n in own if isinstance(n, ast.Call)] if _counts(loop, own) else []
            for call, way in (*((c, passed) for c in _calls(loop.test)), *((c, each) for c in inside)):
                found = self._block(call, way, place)
                if found is not None:
                    yield found

    def _read(self, call: ast.Call, passed: Passed, place: Place) -> Wait | None:
        """A call that waits for what comes out of a process, a fifo, a socket that was not made with its other end."""
        name = name_of(call.func)
        base = call.func.value if isinstance(call.func, ast.Attribute) else None
        if is_request(self.identity, call):
            return Wait(self.identity, passed, place, call, ends=(Thing("answer", 0),), answer=True)
        if name == "open":
            source = source_of(self.identity, call)
        elif name in _RECEIVES and base is not None:
            subject = call.args[0] if name == "load" and call.args else base
            source = source_of(self.identity, subject)
        else:
            return None
        if source is None:
            return None
        limit = self._given_limit([k.value for k in call.keywords if k.arg == "timeout"])
        to_end = name in ("read", "readlines", "load", "communicate", "wait") and not call.args
        return Wait(
            self.identity, passed, place, call, ends=(source.thing,), source=source, to_end=to_end, limit_s=limit
        )

    def _given_limit(self, arguments: Sequence[ast.expr]) -> float | None:
        known = [self.constant(a) for a in arguments]
        limits = [float(k) for k in known if isinstance(k, int | float) and not isinstance(k, bool)]
        return min(limits) if limits else None if all(k is None for k in known) else FOREVER

    def _is_meeting(self, node: ast.expr) -> bool:
        thing = self.identity.thing(node)
        return thing is not None and any(
            isinstance(b.value, ast.Call) and name_of(b.value.func) in _MEETINGS and self.is_unrecorded(b.value)
            for b in self.identity.values(thing)
        )

    def is_unrecorded(self, making: ast.Call) -> bool:
        """Whether what is made is none of the modules' whose own are recorded."""
        root: ast.expr = making
        while isinstance(root, ast.Attribute | ast.Call):
            root = root.value if isinstance(root, ast.Attribute) else root.func
        name = name_of(root)
        return (
            self.identity.file.imported.get(name, "a variable") not in _RECORDED
            and name not in self.identity.file.classes
        )

    def _beside(self, target: ast.expr) -> Iterator[Thing]:
        around = self.identity.file.parent(target)
        for each in around.elts if isinstance(around, ast.Tuple | ast.List) else ():
            thing = self.identity.thing(each)
            if thing is not None:
                yield thing


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """The calls of a statement that are surely made."""
    pending = [node]
    while pending:
        part = pending.pop()
        if isinstance(part, ast.Lambda | Def | ast.ClassDef):
            continue
        if isinstance(part, ast.Call):
            yield part
        if isinstance(part, ast.BoolOp):
            pending.append(part.values[0])
        elif isinstance(part, ast.IfExp):
            pending.append(part.test)
        else:
            pending += [*ast.iter_child_nodes(part)][::-1]


def _counts(loop: ast.While, own: Sequence[ast.AST]) -> bool:
    """Whether a loop goes on until it has had so many: ``while len(told) < 3``, ``while left``."""
    changed = {ast.unparse(n.target) for n in own if isinstance(n, ast.AugAssign)}
    sides = [loop.test.left, *loop.test.comparators] if isinstance(loop.test, ast.Compare) else [loop.test]
    sides = [s.args[0] if isinstance(s, ast.Call) and name_of(s.func) == "len" and s.args else s for s in sides]
    return any(ast.unparse(side) in changed for side in sides)


def _matches(subject: ast.expr, pattern: ast.pattern) -> ast.expr | None:
    """The test that a ``case`` is, where it is one of values."""
    if isinstance(pattern, ast.MatchValue):
        return ast.Compare(subject, [ast.Eq()], [pattern.value])
    if isinstance(pattern, ast.MatchSingleton):
        return ast.Compare(subject, [ast.Is()], [ast.Constant(pattern.value)])
    if isinstance(pattern, ast.MatchOr):
        tests = [_matches(subject, each) for each in pattern.patterns]
        return None if None in tests else ast.BoolOp(ast.Or(), [t for t in tests if t is not None])
    return None


def _targets(loop: ast.AST) -> list[ast.expr]:
    return [loop.target] if isinstance(loop, ast.For | ast.AsyncFor) else []


def _parameters(function: Def) -> list[str]:
    return [a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]


def _default(function: Def, name: str) -> list[ast.expr]:
    arguments = [*function.args.posonlyargs, *function.args.args]
    with_default = arguments[len(arguments) - len(function.args.defaults) :]
    found = [d for a, d in zip(with_default, function.args.defaults, strict=True) if a.arg == name]
    return found + [
        d
        for a, d in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
        if a.arg == name and d is not None
    ]
