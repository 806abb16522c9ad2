"""Waits for a signal that its giver does not always give, or perhaps before: an event set on one branch only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from paramedic.lint.contexts import WORKERS
from paramedic.lint.facts import SourceFacts
from paramedic.lint.guards import around
from paramedic.lint.operations import Operation
from paramedic.lint.values import Const
from paramedic.model.finding import Site

_GIVERS = WORKERS - {"server"}
_RISKS = ("connect", "auth", "open", "request", "sftp", "global", "write")
_ENDS = frozenset("_exit kill interrupt_main abort raise_signal".split())
"""What ends the process: nobody waits then."""
_HANDS_ON = frozenset(
    "submit start apply_async add_done_callback start_new_thread call_later call_soon_threadsafe".split()
)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Unsure:
    """A wait without a limit, and the one thread that ends it, if all goes well.

    Attributes:
        wait: the wait.
        given: the signal.
        way: where the thread takes a way without it; None where only an exception keeps it from giving it.
        learnt: whether the thread itself has found out what that way depends on.
        risk: the call whose exception would keep it from giving it; None where there is a way without it.
    """

    wait: Operation
    given: Operation
    way: Site | None = None
    learnt: bool = False
    risk: Operation | None = None


def unsure(facts: SourceFacts) -> Iterator[Unsure]:
    """Waits for events that only one thread sets, and it not always.

    Threads: pure.
    """
    for wait in facts.having("wait-signal", kinds=("event",)):
        if any(not (isinstance(o, Const) and o.value is None) for o in [*wait.args, *wait.keywords.values()]):
            continue
        given = _given(facts, wait)
        if not given:
            continue
        found = _way_without(facts, given)
        if found is not None:
            yield Unsure(wait, given[0], way=found[0], learnt=found[1])
            continue
        risk = _risk(facts, given)
        if risk is not None:
            yield Unsure(wait, given[0], risk=risk)


def too_late(facts: SourceFacts) -> Iterator[tuple[Operation, Operation]]:
    """Waits for a condition, whatever the state is, that is notified once, perhaps before: each with the notifying.

    Threads: pure.
    """
    for wait in facts.having("wait-signal", kinds=("lock",)):
        taken = [o for o in facts.of(wait.obj, "acquire") if o.context is wait.context and o.moment < wait.moment]
        # A loop, or a branch, would ask for what is waited for.
        branches = [arm for arm in wait.path if arm[0] not in facts.world.tries]
        asks = not taken or not set(branches) <= set(taken[-1].path) or taken[-1].loops != wait.loops
        given = _given(facts, wait) if wait.method == "wait" and not wait.args and not wait.keywords else []
        if asks or wait.test is not None or not given:
            continue
        giver = given[0].context
        once = all(o.loops == giver.loops for o in given)
        if once and giver.parent is wait.context and giver.episode == wait.episode:
            if giver.start < taken[-1].moment and not set(giver.begun_in) - set(wait.loops):
                yield wait, given[0]


def _given(facts: SourceFacts, wait: Operation) -> list[Operation]:
    """All the signals that may end a wait, where one other thread gives them."""
    thing = wait.obj.root
    if facts.passed_on(thing) or (wait.context.parent is not None and wait.context.daemon is not False):
        return []  # a daemon is there to wait, as long as the program runs
    given = facts.of(thing, "give-signal")
    one = len({id(o.context) for o in given}) == 1
    return given if one and given[0].context.kind in _GIVERS and given[0].context is not wait.context else []


def _risk(facts: SourceFacts, given: list[Operation]) -> Operation | None:
    """A call before the signal whose exception nobody takes and after which nobody gives it."""
    if any(o.in_finally or o.in_handler for o in given):
        return None
    first = given[0]
    before = [o for o in facts.having(*_RISKS) if o.context is first.context and o.moment < first.moment]
    return next((o for o in before if not o.guarded and not facts.never_fails(o)), None)


def _way_without(facts: SourceFacts, given: list[Operation]) -> tuple[Site, bool] | None:
    """Where the giver's thread comes to its end without the signal, and whether that hangs on what it has learnt."""
    if any(set(one.loops) - set(one.context.loops) for one in given):
        return None  # another turn may give it
    lines: dict[str, set[int]] = {}
    for one in given:
        for site in (one.site, *one.trail[:-1]):
            lines.setdefault(site.file, set()).add(site.line)
    for site in (given[0].site, *given[0].trail[:-1]):
        found = around(facts, site)
        function = found.node if found is not None else None
        if function is None or isinstance(function, ast.Lambda) or _hands_on(function):
            return None
        ways = _Ways(frozenset(lines[site.file]))
        if ways.block(function.body):
            ways.left.extend(ways.forks)
        for node in ways.left:
            place = Site(file=site.file, line=node.lineno, function=site.function)
            return place, any(_has_learnt(function, fork) for fork in ways.forks)
    return None


def _hands_on(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether what a function does not do itself, it may have done: by another task, or by itself once more."""
    called = {_called(n) for n in ast.walk(function) if isinstance(n, ast.Call)}
    return not called.isdisjoint({*_HANDS_ON, function.name})


def _has_learnt(function: ast.FunctionDef | ast.AsyncFunctionDef, fork: ast.stmt) -> bool:
    """Whether a branch asks for something that its own function has found out: a status, say."""
    asked = fork.test if isinstance(fork, ast.If) else fork.subject if isinstance(fork, ast.Match) else fork
    if any(isinstance(n, ast.Call) for n in ast.walk(asked)):
        return True
    names = {ast.unparse(n) for n in ast.walk(asked) if isinstance(n, (ast.Name, ast.Attribute))}
    made = [n for n in ast.walk(function) if isinstance(n, (ast.Assign, ast.AnnAssign, ast.NamedExpr))]
    made = [n for n in made if n.value is not None and any(isinstance(v, ast.Call) for v in ast.walk(n.value))]
    targets = [t for n in made for t in (n.targets if isinstance(n, ast.Assign) else [n.target])]
    return not names.isdisjoint(ast.unparse(one) for t in targets for one in getattr(t, "elts", [t]))


class _Ways:
    """The ways through a function that no exception takes.

    Attributes:
        forks: branches of which one arm gives the signal and another goes on without it.
        left: where the function is left without it.
    """

    def __init__(self, lines: frozenset[int]) -> None:
        self._lines = lines
        self.forks: list[ast.stmt] = []
        self.left: list[ast.stmt] = []

    def block(self, statements: list[ast.stmt]) -> bool:
        """Whether a run may come out at the end of these statements without the signal."""
        return all(self._statement(statement) for statement in statements)

    def _gives(self, *nodes: ast.AST) -> bool:
        return any(isinstance(n, ast.Call) and n.lineno in self._lines for node in nodes for n in ast.walk(node))

    def _statement(self, node: ast.stmt) -> bool:
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            return True
        if isinstance(node, (ast.Raise, ast.Break, ast.Continue)):
            return False
        if isinstance(node, ast.If):
            return not self._gives(node.test) and self._arms(node, [node.body, node.orelse])
        if isinstance(node, ast.Match):
            rest: list[list[ast.stmt]] = [] if _takes_all(node.cases[-1]) else [[]]
            return not self._gives(node.subject) and self._arms(node, [*(case.body for case in node.cases), *rest])
        if isinstance(node, (ast.With, ast.AsyncWith)):
            return not self._gives(*node.items) and self.block(node.body)
        if isinstance(node, (ast.Try, ast.TryStar)):
            before = len(self.left)
            on = self.block([*node.body, *node.orelse])
            if not self.block(node.finalbody):
                del self.left[before:]
                return False
            return on
        if isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            return self._loop(node)
        if self._gives(node) or (isinstance(node, ast.Expr) and _called(node.value) in _ENDS):
            return False
        if isinstance(node, ast.Return):
            self.left.append(node)
            return False
        return True

    def _arms(self, node: ast.stmt, arms: list[list[ast.stmt]]) -> bool:
        before = len(self.left)
        out = [self.block(arm) for arm in arms]
        if any(out) and not all(out) or len(self.left) > before:
            self.forks.append(node)
        return any(out)

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While) -> bool:
        if self._gives(node):
            return False  # it goes round until it can
        self.block(node.body)
        endless = isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and bool(node.test.value)
        return not endless or any(isinstance(n, ast.Break) for n in ast.walk(node))


def _takes_all(case: ast.match_case) -> bool:
    return case.guard is None and isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None


def _called(node: ast.expr) -> str:
    called = getattr(node, "func", None)
    return str(getattr(called, "attr", getattr(called, "id", "")))
