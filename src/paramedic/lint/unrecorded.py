"""Whether two calls of two threads are ordered, or kept apart, in a way that no recording shows: told from source.

``while not done: time.sleep(0.1)`` waits for whoever sets ``done``, ``os.read(pipe, 1)`` for whoever writes into the
pipe; a lock of multiprocessing's, or a client that is taken out of a deque, keep others out. That orders two calls only
if it is really between them: what is waited for comes about after the earlier call, from the same thread, and from
nothing else; the later call's thread surely waits, for that very thing, and does not give up.

Threads: one thread; reads the files that stacks name.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from paramedic.lint.alternation import Alternation
from paramedic.lint.awaiting import FOREVER, Awaiting, Wait
from paramedic.lint.belongings import Belongings
from paramedic.lint.exclusions import Exclusions
from paramedic.lint.identity import Identity, Thing, is_item
from paramedic.lint.messages import Asked, Source, answers, asked, closes, notes, removes, replies, speaks, writes
from paramedic.lint.outcomes import UNKNOWN, Condition
from paramedic.lint.passages import Def, File, Place, Places, at, name_of
from paramedic.lint.telling import TELLS, Done, done, words_in
from paramedic.lint.variables import Effect, Variable, subjects, things
from paramedic.model.finding import Site

_WAIT = "a wait that is not recorded, as for a flag, a pipe or a signal"
_OWN = "what each thread keeps for itself (one thread has run both tasks)"


@dataclass(frozen=True, slots=True)
class Deed:
    """One of the two calls.

    Attributes:
        call: its name.
        stack: innermost first.
        at_s: when it began; None if unknown.
    """

    call: str
    stack: Sequence[Site]
    at_s: float | None = None


Starts = tuple[Sequence[Site], Sequence[Site]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the source says.

    Attributes:
        doubt: what may keep the calls apart, for "except perhaps …"; "" for nothing.
        orders: whether the later call then comes after the earlier one, not only not beside it.
        refuted: whether there are waits, and none of them does.
    """

    doubt: str = ""
    orders: bool = False
    refuted: bool = False


class Unrecorded:
    """Reads each file once.

    Threads: one thread; reads the files that stacks name.
    """

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._places = Places()
        self._belongings = Belongings(self._places)
        self._known: dict[int, tuple[File, Identity]] = {}

    def knows(self, deed: Deed) -> bool:
        """Whether the source of all who made a call can be read."""
        return self._places.knows(deed.stack)

    def of_one_worker(self, earlier: Deed, later: Deed, both: Starts) -> Verdict:
        """What may keep two calls apart that one thread made, in two tasks of an executor.

        Args:
            earlier: the one.
            later: the other.
            both: where the task of each was submitted.
        """
        if self._belongings.are_kept(earlier.stack, later.stack, *both):
            return Verdict(_OWN)
        verdict = self.between(earlier, later, both=both)
        if verdict.doubt:
            return verdict
        submitted = self._places.places(both[1], "submit")
        waits = [
            w for place in submitted for w in Awaiting(self._identity(place.file)).waits(place, both[0] == both[1])
        ]
        return Verdict(_WAIT) if any(w.ways for w in waits) else verdict

    def between(self, earlier: Deed, later: Deed, started: Sequence[Site] = (), both: Starts = ((), ())) -> Verdict:
        """What may keep a later call from running beside an earlier one.

        Args:
            earlier: the one.
            later: the other, of another thread or task.
            started: where the later one's thread started the earlier one's, if it did.
            both: where a third thread started first the earlier one's, and then the later one's, if it did.
        """
        first, second = (self._places.places(deed.stack, deed.call) for deed in (earlier, later))
        if not first or not second:
            return Verdict()
        kept = Exclusions(self._identity).of(first, second)
        if kept:
            return Verdict(kept)
        if Alternation(self._identity).is_sure(first, second):
            return Verdict(_WAIT, orders=True)
        began, *others = (self._places.places(stack, "start") for stack in (started, *both))
        found = [wait for place in second for wait in Awaiting(self._identity(place.file)).waits(place)]
        question = _Question(self._identity, first, second, later.at_s, began)
        answered = any(question.is_answered(wait) for wait in found)
        if not answered and all(others):
            again = both[0] == both[1]  # in a loop, of which the rest was passed since
            question = _Question(self._identity, first, others[1], later.at_s, others[0])
            waits = [wait for place in others[1] for wait in Awaiting(self._identity(place.file)).waits(place, again)]
            answered = any(question.is_answered(wait) for wait in waits)
        if answered:
            return Verdict(_WAIT, orders=True)
        return Verdict(refuted=bool(found))

    def _identity(self, file: File) -> Identity:
        known = self._known.get(id(file))
        if known is None:
            known = self._known[id(file)] = file, Identity(file, lambda module: self._near(file, module))
        return known[1]

    def _near(self, file: File, module: str) -> Identity | None:
        """A file of the program's own that another one imports."""
        if not module:
            return None
        beside = Path(file.path).parent.joinpath(*module.split(".")).with_suffix(".py")
        found = self._places.file(str(beside)) if beside.is_file() else None
        return self._identity(found) if found is not None else None


class _Question:
    """Whether a wait before the second call is for the end of the first one."""

    def __init__(
        self,
        identity_of: Callable[[File], Identity],
        first: list[Place],
        second: list[Place],
        at_s: float | None,
        started: list[Place],
    ) -> None:
        self.identity_of = identity_of
        self.first, self.second = first, second
        self.at_s = at_s
        self.started = started
        self._doings: dict[tuple[int, bool], list[Done]] = {}
        self.root = first[-1]
        same = second[-1].function is self.root.function and not isinstance(self.root.function, ast.Module)
        self.is_one_function = same
        self.several = same or identity_of(self.root.file).is_several(self.root.function)

    def is_answered(self, wait: Wait) -> bool:
        """Whether the wait was for that, as far as can be told."""
        limit_s = wait.limit_s
        if limit_s is not None and (self.at_s is None or limit_s <= self.at_s) and limit_s != FOREVER:
            return False  # it may have given up
        if self._was_over(wait):
            return False
        if wait.ends:
            return self._is_told(wait)
        return any(self._is_met(wait, way) for way in wait.ways)

    def _was_over(self, wait: Wait) -> bool:
        """Whether the earlier thread was started, or given its task, after the wait."""
        place = wait.place
        over = getattr(wait.passed.node, "end_lineno", 0) or 0
        if any(getattr(loop, "lineno", 0) <= over for loop in place.loops()):
            return False  # it may have come round again
        identity, function = self.identity_of(place.file), place.function
        inside = [at(began.node)[0] for began in self.started if began.function is function]
        if place.file is self.root.file and not inside:
            starts = identity.starts(self.root.function)
            inside = [at(use)[0] for use in starts if identity.file.home(use) is function]
        return any(over < line <= at(place.node)[0] for line in inside)

    # rounds of looking

    def _is_met(self, wait: Wait, way: Condition) -> bool:
        identity = wait.identity
        if any(self._is_of_threads(atom) for atom, _ in way):
            return True
        constant = Awaiting(identity).constant
        questions = [(atom, asked(identity, atom, truth, constant)) for atom, truth in way]
        messages = [message for _, message in questions if message is not None]
        if any(self._is_written(identity, message) for message in messages):
            return True
        if any(message.gone for message in messages):
            return False
        if self.is_one_function and any(self._is_of_the_one_before(atom) for atom, _ in way):
            return True
        if self.is_one_function and any(map(partial(_is_of_each, identity), way)):
            return False
        # of a file it is not the name for which one waits
        atoms = [atom for atom, message in questions if message is None or message.path is None]
        spoken = dict.fromkeys(thing for atom in atoms for thing in things(identity, atom))
        if wait.passed.provided is not None:
            needed = list(things(identity, wait.passed.provided))
            if not any(one.is_same(other) for one in spoken for other in needed):
                return False
        return any(
            self._ends(wait, Variable(identity, thing, way))
            for thing in spoken
            if not self._is_of_a_helper(wait, thing)
        )

    def _is_of_the_one_before(self, test: ast.expr) -> bool:
        """Whether each waits for what another of its kind notes afterwards: ``n - 1 not in done``, ``done[n] = 1``."""
        if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.In | ast.NotIn):
            return False
        key, kept = test.left, name_of(test.comparators[0])
        for node in (n for place in self.first for n in place.after()):
            noted = node.slice if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) else None
            where = node.value if noted is not None and isinstance(node, ast.Subscript) else None
            if isinstance(node, ast.Call) and name_of(node.func) == "add" and len(node.args) == 1:
                noted, where = node.args[0], node.func.value if isinstance(node.func, ast.Attribute) else None
            if noted is None or where is None or not kept or name_of(where) != kept:
                continue
            if _names(noted) & _names(key) and ast.unparse(noted) != ast.unparse(key):
                return True
        return False

    def _is_of_threads(self, test: ast.expr) -> bool:
        """Whether it is asked whether there are threads yet, of which the earlier one is one."""
        calls = [n for n in ast.walk(test) if isinstance(n, ast.Call)]
        if not any(name_of(c.func) == "active_count" or ast.unparse(c) == "threading.enumerate()" for c in calls):
            return False
        # by a part of their names?
        words = {w for n in (*calls, *ast.walk(test)) if isinstance(n, ast.Call | ast.Compare) for w in words_in(n)}
        file = self.root.file
        starts = [n for began in self.started if began.file is file for n in ast.walk(began.node)]
        if not any(isinstance(n, ast.keyword) for n in starts):
            starts = [a for use in self.identity_of(file).starts(self.root.function) for a in file.above(use)][:2]
        named = [k.value for s in starts if isinstance(s, ast.Call) for k in s.keywords if k.arg == "name"]
        given = {w for value in named for w in words_in(value)}
        return not words or not named or any(one in other for one in words for other in given)

    def _is_of_a_helper(self, wait: Wait, thing: Thing) -> bool:
        """Whether it is a variable of a function that waits and is over: each call of it had another one."""
        home = wait.identity.home(thing)
        there = [a for p in (*self.first, *self.second) for a in (p.function, *p.file.above(p.function))]
        return isinstance(home, Def) and home not in there

    def _ends(self, wait: Wait, variable: Variable) -> bool:
        """Whether a way out of a loop opens because the first call is over."""
        if self._is_changed(variable, self.first) and self._is_asked(variable):
            return True  # each waits for the other in turn
        after = list(self._effects(variable, late=True))
        if not after or not self._is_bound(variable) and self._is_anothers(variable):
            return False
        before = [effect.change for effect in self._effects(variable, late=False)]
        start = variable.at_first({id(place.function) for place in self.first})
        begun = variable.after(start, before)
        again, bound = all(effect.again for effect in after), self._is_bound(variable)
        several = self._several_there(variable) if bound else self.several or variable.identity.is_many(variable.thing)
        needs_all = several or again
        counted = needs_all and any(effect.change.how not in ("set", "somehow") for effect in after)
        ends = variable.states(begun, [effect.change for effect in after])
        if not counted and all(variable.is_open(state) is False for state in ends):
            return False
        if variable.is_open(start) is True:
            if before:  # a lock, if each says that it is busy, and waits until nobody is
                return variable.is_open(begun) is False and self._takes(wait, variable, start)
            if not self._is_blocked(wait, variable, start):
                return False
        elif before and variable.is_open(begun) is not False:
            return False
        if needs_all and not several and self._is_asked(None):
            return True  # it does it only for whoever asks
        if not needs_all and self._is_ended_by_others(wait, variable, start):
            return False
        return not needs_all or self._counts_all(wait, variable, after)

    def _is_bound(self, variable: Variable) -> bool:
        """Whether who has the object of the calls has the variable, too: both are of one call, or of one instance."""
        home = variable.identity.home(variable.thing)
        if not isinstance(home, Def | ast.ClassDef):
            return False
        return all(
            any(
                thing.home == variable.thing.home and self.identity_of(place.file).is_own(thing)
                for place in places
                for thing in subjects(self.identity_of(place.file), place)
            )
            for places in (self.first, self.second)
        )

    def _several_there(self, variable: Variable) -> bool:
        home = variable.identity.home(variable.thing)
        identity = self.identity_of(self.root.file)
        return home is not None and identity.is_several_within(self.root.function, home)

    def _is_ended_by_others(self, wait: Wait, variable: Variable, start: object) -> bool:
        """Whether a third thread, a timer or a signal ends the wait, too."""
        identity = variable.identity
        mine = {id(place.function) for place in (*self.first, *self.second)} | set(map(id, identity.handlers()))
        mine |= {id(f) for place in self.first for n in place.file.own(place.function) for f in identity.called(n)}
        for functions in identity.file.functions.values():
            for function in functions:
                if id(function) in mine or not identity.starts(function):
                    continue
                for node in identity.file.own(function):
                    if any(variable.is_open(variable.after(start, [c])) is True for c in variable.changes(node)):
                        return True
        return False

    def _is_asked(self, besides: Variable | None) -> bool:
        """Whether the earlier thread, in each of its rounds, waits until the later one wants something."""
        for place in self.first:
            for wait in Awaiting(self.identity_of(place.file)).waits(place):
                for way in wait.ways:
                    for thing in (t for atom, _ in way for t in things(wait.identity, atom)):
                        if self._is_of_a_helper(wait, thing) or besides is not None and thing.is_same(besides.thing):
                            continue
                        mine = Variable(wait.identity, thing, way)
                        if self._is_changed(mine, self.second):
                            return True
        return False

    def _counts_all(self, wait: Wait, variable: Variable, after: list[Effect]) -> bool:
        """Whether a way out opens only when all are done, or when it is one's own turn."""
        again = all(effect.again for effect in after)
        if wait.passed.rounds and not again:
            return True  # each is waited for
        kinds = {effect.change.how for effect in after}
        return any(variable.counts(atom, truth, kinds, again) for atom, truth in variable.way)

    def _takes(self, wait: Wait, variable: Variable, start: object) -> bool:
        """Whether the later thread keeps others out in its turn, between the wait and its call."""
        over, file = at(wait.passed.node), variable.identity.file
        nodes = [node for node in wait.place.before() if at(node) > over]
        helper = file.home(wait.node)
        if helper is not wait.place.function:
            nodes += [node for node in file.own(helper) if at(node) > at(wait.node)]
        changes = [change for node in nodes for change in variable.changes(node)]
        return any(variable.is_open(variable.after(start, [change])) is False for change in changes)

    def _is_blocked(self, wait: Wait, variable: Variable, start: object) -> bool:
        """Whether somebody else has made the later thread wait before the earlier one came."""
        identity = variable.identity
        mine = {id(place.function) for place in self.first}
        mine |= {id(f) for place in self.first for n in place.file.own(place.function) for f in identity.called(n)}
        again = any(at(loop) < at(wait.passed.node) for loop in wait.place.loops())
        for node in ast.walk(identity.file.tree):
            home = identity.file.home(node)
            later = home is wait.place.function and at(node) > at(wait.passed.node) and not again
            if later or id(home) in mine and home is not wait.place.function:
                continue
            if any(variable.is_open(variable.after(start, [c])) is False for c in variable.changes(node)):
                return True
        return False

    def _is_anothers(self, variable: Variable) -> bool:
        """Whether it belongs to another call of the function whose variable it is."""
        home = variable.identity.home(variable.thing)
        if not isinstance(home, Def) or self.started:
            return False
        around = [outer for place in self.first[-1:] for outer in place.file.above(place.function)]
        at_home = home in around or any(place.function is home for place in (*self.first, *self.second))
        return at_home and variable.identity.is_several(home)

    def _effects(self, variable: Variable, late: bool) -> Iterator[Effect]:
        """What the earlier thread changes before its call, or after it."""
        return variable.effects(self._done(self.first, late))

    def _is_changed(self, variable: Variable, places: list[Place]) -> bool:
        return any(True for late in (True, False) for _ in variable.effects(self._done(places, late)))

    def _done(self, places: list[Place], late: bool) -> list[Done]:
        known = self._doings.get((id(places), late))
        if known is None:
            known = self._doings[id(places), late] = list(done(self.identity_of, places, late))
        return known

    # reads

    def _is_told(self, wait: Wait) -> bool:
        identity = wait.identity
        if wait.ends[0].name == "signal":
            late = [n for p in self.first for n in p.after() if isinstance(n, ast.Call) and name_of(n.func) in TELLS]
            return bool(late) and not self.several
        served, serves = (
            any(answers(self.identity_of(p.file), p.function) for p in places) for places in (self.first, self.second)
        )
        if served and not serves:  # a handler's own requests go elsewhere
            sent = any(replies(d) for d in self._done(self.first, late=True))
            return wait.answer or wait.source is not None and sent
        if wait.answer:
            return False
        if wait.source is not None and self._is_said(wait, wait.source):
            return True
        for thing in wait.partners or wait.ends:
            variable = Variable(identity, thing, [])
            after = list(self._effects(variable, late=True))
            if not after:
                continue
            mine = [w for place in self.first for w in Awaiting(self.identity_of(place.file)).waits(place)]
            if any(end.is_same(own) for w in mine for end in (*wait.ends, *wait.partners) for own in w.ends):
                return True  # it had waited for a token, or a question, and gives that back
            each = not self.several or wait.passed.rounds > 0  # who reads as often as there are writers hears them all
            if each and not all(e.again for e in after) and not any(self._effects(variable, late=False)):
                return True
        return False

    def _is_said(self, wait: Wait, source: Source) -> bool:
        """Whether the earlier thread says, into the other end, what is waited for: not before its call."""
        late, early = ([d for d in self._done(self.first, late) if speaks(d, source)] for late in (True, False))
        if any(wait.words & d.words for d in (*late, *early)):
            late, early = ([d for d in some if wait.words & d.words] for some in (late, early))
        elif wait.words or wait.to_end:
            late, early = (list(filter(closes, some)) for some in (late, early))
        return not self.several and any(not d.again for d in late) and not early

    def _is_written(self, identity: Identity, message: Asked) -> bool:
        """Whether a file, or a table, that is looked at says so after the call, and not before it."""
        if message.gone and message.path is not None:
            return not self.several and self._is_removed(identity, message.path)
        late, early = (
            [d for d in self._done(self.first, late) if writes(d, identity, message.path)] for late in (True, False)
        )
        said_late, said_early = (
            [d for d in self._done(self.first, late) if message.is_said_by(d) and (notes(d) or d in some)]
            for late, some in ((True, late), (False, early))
        )
        if said_late or said_early:
            late, early = said_late, said_early
        late, early = ([d for d in some if not message.unless & d.words] for some in (late, early))
        return bool(late) and not early and (message.several or not self.several)

    def _is_removed(self, identity: Identity, path: ast.expr) -> bool:
        """Whether a file goes away after the call, and not before it; nor may it come before it: who looks is early."""
        late, early = (self._done(self.first, late) for late in (True, False))
        moved = any(removes(d, identity, path) or writes(d, identity, path) for d in early)
        return not moved and any(removes(d, identity, path) for d in late)


def _is_of_each(identity: Identity, part: tuple[ast.expr, bool]) -> bool:
    """Whether it speaks of an item of a container, and each may mean another one."""
    constant = Awaiting(identity).constant
    keys = [n.slice for n in ast.walk(part[0]) if isinstance(n, ast.Subscript)]
    keys += [n.args[0] for n in ast.walk(part[0]) if is_item(n)]  # type: ignore[attr-defined]
    return any(constant(key) is UNKNOWN for key in keys)


def _names(expression: ast.expr) -> set[str]:
    return {name_of(n) for n in ast.walk(expression) if isinstance(n, ast.Name | ast.Attribute)}
