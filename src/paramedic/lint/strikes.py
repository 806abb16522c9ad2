"""Exceptions that strike in the middle of whatever a thread does: of signals' handlers, of timeouts from outside."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from paramedic.lint.facts import SourceFacts
from paramedic.lint.modules import Module
from paramedic.lint.operations import Operation
from paramedic.lint.values import External, alternatives
from paramedic.model.finding import Site

USES = frozenset("open request read:stdout read:stderr write status sftp global dialogue connect auth".split())
_ENDING = frozenset(f"signal.SIG{name}" for name in "INT TERM HUP QUIT ABRT BREAK".split())
"""What these raise ends the program, as Ctrl-C does in every program."""
_ALARM = "signal.SIGALRM"
_LIBRARIES: Mapping[str, tuple[frozenset[str], bool]] = {
    "timeout_decorator": (frozenset({"timeout"}), True),
    "wrapt_timeout_decorator": (frozenset({"timeout"}), True),
    "interruptingcow": (frozenset({"timeout"}), True),
    "stopit": (frozenset("SignalTimeout ThreadingTimeout signal_timeoutable threading_timeoutable".split()), False),
    "func_timeout": (frozenset({"func_timeout", "func_set_timeout"}), False),
}
"""By package: its functions that raise in the middle of what they limit, and whether in the main thread alone."""


@dataclass(frozen=True, slots=True)
class Strike:
    """Calls that an exception may break off in the middle.

    Attributes:
        struck: the calls, in order.
        by: who raises.
        limit: where the time is set; None where another signal than an alarm strikes, at any time.
        raised: where the exception is raised; None where a package does it.
        until: the moment after which nothing strikes any more.
    """

    struck: list[Operation]
    by: str
    limit: Site | None
    raised: Operation | None
    until: float


def strikes(facts: SourceFacts) -> Iterator[Strike]:
    """What raises in the middle of calls of Paramiko, each with these calls.

    Threads: pure.
    """
    alarms: list[tuple[Operation, Operation]] = []
    for raised in facts.having("raises"):
        handled = _handled(facts, raised)
        names = _signals(handled) if handled is not None else {""}
        if handled is None or "" in names or names <= _ENDING:
            continue
        if names == {_ALARM}:
            alarms.append((handled, raised))
            continue
        struck = [o for o in _uses(facts) if o.context is handled.context and handled.moment < o.moment]
        if handled.episode not in facts.world.bodies:
            struck = [o for o in struck if o.episode == handled.episode]
        if struck:
            yield Strike(struck, f"the {raised.context.name}", None, raised, math.inf)
    for on in facts.having("alarm") if alarms else ():
        by = _handler_at(facts, on, alarms)
        until = _taken_back(facts, on)
        struck = [o for o in _uses(facts) if o.context is on.context and on.moment < o.moment < until]
        struck = [o for o in struck if o.episode == on.episode]
        if by is not None and on.context.parent is None and struck:
            yield Strike(struck, f"the {by.context.name}", on.site, by, until)
    for module in list(facts.world.modules.values()):
        if any(package in module.source.text for package in _LIBRARIES):
            yield from _of_packages(facts, module)


def _uses(facts: SourceFacts) -> list[Operation]:
    return facts.having(*sorted(USES))


def _signals(handled: Operation) -> set[str]:
    """The signals that a handler is for; "" for one that nobody knows."""
    return {o.path if isinstance(o, External) else "" for o in alternatives(handled.args[0])}


def _handler_at(facts: SourceFacts, on: Operation, alarms: list[tuple[Operation, Operation]]) -> Operation | None:
    """Where the handler of an alarm raises: of that which was set last before it, if that is in sight."""
    before = [o for o in facts.having("handles-signal") if o.episode == on.episode and o.context is on.context]
    before = [o for o in before if o.moment < on.moment and _ALARM in _signals(o)]
    if before:
        return next((raised for handled, raised in alarms if handled is before[-1]), None)
    near = [raised for handled, raised in alarms if handled.site.file == on.site.file]
    return near[0] if near else alarms[0][1]


def _handled(facts: SourceFacts, raised: Operation) -> Operation | None:
    """The ``signal.signal()`` that made the handler which raises."""
    context = raised.context
    given = [o for o in facts.having("handles-signal") if o.context is context.parent and o.moment < context.start]
    return given[-1] if given and given[-1].site == context.site else None


def _taken_back(facts: SourceFacts, on: Operation) -> float:
    """The moment at which the alarm is off, or set anew."""
    later = [o.moment for o in facts.having("alarm", "alarm-off") if o.moment > on.moment and o.context is on.context]
    return min((moment for moment in later), default=math.inf)


# ---------------------------------------------------------------- packages


def _of_packages(facts: SourceFacts, module: Module) -> Iterator[Strike]:
    known = dict(_imported(module.tree))
    if not known:
        return
    file = str(module.source.path)
    for node in ast.walk(module.tree):
        if isinstance(node, (ast.FunctionDef, ast.With)):
            limits = node.decorator_list if isinstance(node, ast.FunctionDef) else [i.context_expr for i in node.items]
            for one in limits:
                called = one.func if isinstance(one, ast.Call) else one
                found = known.get(ast.unparse(called))
                if found is None or (isinstance(one, ast.Call) and _in_a_process(one)):
                    continue
                name, main_only = found
                struck = [o for o in _uses(facts) if _is_within(o, file, node)]
                struck = [o for o in struck if o.context.parent is None or not main_only]
                if struck:
                    site = Site(file=file, line=one.lineno, function=getattr(node, "name", ""))
                    yield Strike(struck, name, site, None, max(o.moment for o in struck))


def _imported(tree: ast.Module) -> Iterator[tuple[str, tuple[str, bool]]]:
    """As it is spelled in the module, what each such function is."""
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        for alias in node.names:
            package = alias.name if isinstance(node, ast.Import) else node.module or ""
            names, main_only = _LIBRARIES.get(package, (frozenset(), False))
            for name in names:
                spelled = alias.asname or alias.name
                if isinstance(node, ast.Import):
                    yield f"{spelled}.{name}", (f"{package}.{name}", main_only)
                elif name == alias.name:
                    yield spelled, (f"{package}.{name}", main_only)


def _in_a_process(call: ast.Call) -> bool:
    """Whether the limited function runs in a process of its own: ``timeout(5, use_signals=False)``."""
    given = [k.value for k in call.keywords if k.arg == "use_signals"]
    return any(isinstance(value, ast.Constant) and not value.value for value in given)


def _is_within(operation: Operation, file: str, node: ast.stmt) -> bool:
    lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
    return any(site.file == file and site.line in lines for site in (operation.site, *operation.trail))
