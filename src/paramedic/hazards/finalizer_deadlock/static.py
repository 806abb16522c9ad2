"""Seen in source: a ``__del__`` that waits for the server, and open stdins that only the garbage collector frees."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from paramedic.hazards.finalizer_deadlock import HAZARD
from paramedic.lint.facts import SourceFacts, values_in
from paramedic.lint.operations import Operation
from paramedic.lint.values import Collection, Instance, Obj, Value, alternatives
from paramedic.model.finding import Confidence, Finding

_WAITS = ("open", "request", "read:stdout", "read:stderr", "status", "sftp", "global", "connect", "auth")
_FIX = (
    "Give the object a close() and a `with` of its own, and leave __del__ out; or have weakref.finalize() put the work "
    "into a queue.SimpleQueue that an ordinary thread works through."
)
_MOST_SEEN = 500
_NO_CYCLE = frozenset("ref proxy WeakMethod finalize Thread Timer super".split())
"""Calls whose result does not keep what it is given; a thread lets go of its target at the end."""


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Finalizers that wait; an advice where nothing shows that the collector runs them, and not who drops the object.

    Threads: pure.
    """
    done: set[str] = set()
    for wait in facts.having(*_WAITS):
        owner = _finalized(wait)
        if not owner or owner in done:
            continue
        done.add(owner)
        circular = _is_circular(facts, owner)
        message = (
            f"{owner}.__del__ calls {facts.called(wait)}, which waits for the server: the garbage collector runs it on "
            "any thread, also on Paramiko's own, which then waits for itself"
        )
        confidence = Confidence.POSSIBLE if circular else Confidence.ADVICE
        yield facts.finding(HAZARD, message, [facts.step(wait)], confidence=confidence, objects=[wait.obj], fix=_FIX)

    yield from _left_open(facts)


def _left_open(facts: SourceFacts) -> Iterable[Finding]:
    """Stdins that nobody closes, kept by objects in a circle: many such are possible, one is an advice."""
    done: set[tuple[str, int]] = set()
    for begun in sorted(facts.having("open"), key=lambda o: not _is_one_of_many(o)):
        place = (begun.site.file, begun.site.line)
        for stdin in [v for v in values_in(begun.result) if isinstance(v, Obj) and v.kind == "stdin"]:
            channel = facts.channel(stdin)
            closes = [*facts.of(stdin, "close", "eof"), *(facts.of(channel, "close", "eof") if channel else ())]
            keepers = [] if closes or place in done else facts.keepers(stdin)
            circular = [k for k in keepers if _reaches_itself(k) or _is_circular(facts, k.cls.name)]
            if not circular:
                continue
            done.add(place)
            message = (
                f"An object of {circular[0].cls.name}, which leads back to itself, keeps the stdin of a command open: "
                "the garbage collector closes it on any thread, also on Paramiko's own in the middle of its work"
            )
            confidence = Confidence.POSSIBLE if _is_one_of_many(begun) else Confidence.ADVICE
            yield facts.finding(HAZARD, message, [facts.step(begun)], confidence=confidence, objects=[stdin])


def _reaches_itself(keeper: Instance) -> bool:
    """Whether what an object holds, and what that holds, leads back to it."""
    waiting: list[Value] = [v for values in keeper.ever.values() for v in values]
    seen: set[int] = set()
    while waiting and len(seen) < _MOST_SEEN:
        for one in alternatives(waiting.pop()):
            if isinstance(one, Collection):
                waiting.extend(v for v in one.everything() if id(v) not in seen)
            elif isinstance(one, Instance):
                if one.root is keeper.root:
                    return True
                if id(one.root) not in seen:
                    waiting.extend(v for values in one.root.ever.values() for v in values)
            seen.update((id(one), id(getattr(one, "root", one))))
    return False


def _is_one_of_many(begun: Operation) -> bool:
    return begun.context.parent is not None or bool(begun.loops)


def _finalized(wait: Operation) -> str:
    """The class in whose ``__del__`` a call is made, by the function itself or by one that it calls."""
    if wait.root != "__del__":
        return ""
    functions = (site.function for site in (wait.site, *wait.trail))
    return next((f.removesuffix(".__del__") for f in functions if f.endswith(".__del__")), "")


def _is_circular(facts: SourceFacts, owner: str) -> bool:
    """Whether objects of a class keep something that keeps them: only the collector frees them."""
    return any(_makes_circles(cls.node) for cls in facts.world.classes if cls.name == owner)


def _makes_circles(node: ast.ClassDef) -> bool:
    methods = {n.name for n in node.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))}
    for one in ast.walk(node):
        kept = one.value if isinstance(one, (ast.Assign, ast.AnnAssign)) else None
        targets = one.targets if isinstance(one, ast.Assign) else [getattr(one, "target", None)]
        if kept is not None and any(isinstance(t, ast.Attribute) for t in targets) and _keeps_self(kept, methods):
            return True
    return False


def _keeps_self(value: ast.expr, methods: set[str]) -> bool:
    if isinstance(value, ast.Lambda):
        return any(isinstance(n, ast.Name) and n.id == "self" for n in ast.walk(value))
    if isinstance(value, ast.Call):
        called = getattr(value.func, "attr", getattr(value.func, "id", ""))
        given = [*value.args, *(k.value for k in value.keywords)]
        return called not in _NO_CYCLE and any(_keeps_self(one, methods) for one in given)
    if isinstance(value, (ast.List, ast.Tuple, ast.Set)):
        return any(_keeps_self(one, methods) for one in value.elts)
    if isinstance(value, ast.Dict):
        return any(_keeps_self(one, methods) for one in value.values)
    if isinstance(value, ast.Attribute):
        return isinstance(value.value, ast.Name) and value.value.id == "self" and value.attr in methods
    return isinstance(value, ast.Name) and value.id == "self"
