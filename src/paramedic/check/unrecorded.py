"""Hand-overs between threads, and locks, that leave no trace in a recording, looked for in the source of both.

``while not done: time.sleep(0.1)`` waits for whoever sets ``done``, ``os.read(pipe, 1)`` for whoever writes into the
pipe, and what a thread takes out of a deque it has alone until it puts it back. Nothing that is recorded says so, and
two calls that are ordered by it look like a race that was lucky so far. So what is `possible` becomes an `advice` where
the later thread, before its call, waits for something to which the earlier one does something after its own.

Threads: one thread; reads the files that findings name.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from paramedic.check.sources import Function, Sources, name_of
from paramedic.model.finding import Confidence, Finding, Site, Step

_HAZARDS = frozenset(
    "shared-client-connect shared-channel shared-sftp-client shared-sftp-file shared-sftp-cwd shared-agent "
    "global-request-race closed-in-use".split()
)
"""Those that are `possible` because nothing orders two calls."""
_RESTS = frozenset(("sleep", "wait"))
_BLOCKS = frozenset("read recv recv_bytes recvfrom select poll accept sigwait sigtimedwait sigwaitinfo".split())
"""What waits for the other end of a pipe, for a signal, or for one of several of these."""
_TAKES = frozenset(("pop", "popleft", "popitem"))
_GIVES = frozenset(("append", "appendleft", "add"))
_STATES = frozenset("is_active is_authenticated exit_status_ready recv_ready recv_stderr_ready send_ready".split())
"""What Paramiko's objects say of themselves: no message of another thread's."""
_NOBODYS = frozenset((*dir(builtins), "self", "cls", ""))


def doubted(findings: Iterable[Finding]) -> list[Finding]:
    """The same findings; of those that a hand-over may excuse which nobody records, no more than an advice.

    Threads: one thread; reads files.
    """
    sources = Sources()
    return [_doubted(finding, sources) for finding in findings]


def _doubted(finding: Finding, sources: Sources) -> Finding:
    if finding.hazard not in _HAZARDS or finding.confidence is not Confidence.POSSIBLE:
        return finding
    told = [(step.thread, _functions(step, sources)) for step in finding.steps]
    turns = [(later, earlier) for (one, earlier), (other, later) in pairwise(told) if one != other]
    held = set.intersection(*({name for function in stack for name in _held(function)} for _, stack in told))
    if held and turns:
        doubt = f"except perhaps {min(held)}, a lock of a kind that is not recorded"
    elif all(any(map(_borrows, stack)) for _, stack in told):
        doubt = "except perhaps that each takes it out of a container and puts it back"
    elif turns and all(_waited(later, earlier) for later, earlier in turns):
        doubt = "except perhaps a wait that is not recorded, as for a flag, a pipe or a signal"
    else:
        return finding
    return replace(finding, confidence=Confidence.ADVICE, message=f"{finding.message}, {doubt}")


def _functions(step: Step, sources: Sources) -> list[Function]:
    """Those of the user's that led to a call, innermost first, each at the line where it is."""
    sites: Sequence[Site] = step.stack or ((step.site,) if step.site is not None else ())
    return [known for site in sites if (known := sources.function(site)) is not None]


# waiting for what another thread does

_Things = set[tuple[str, int, int]]
"""Variables (`Function.variable`), each with whether it belongs to the very function that speaks of it: another call of
that has its own. And attributes, with 0 and the function that speaks of them: it may speak of another object's."""


def _waited(later: Sequence[Function], earlier: Sequence[Function]) -> bool:
    """Whether one waits, before its call, for something to which the other does something after its own."""
    if not later or not earlier:
        return False
    awaited = {thing for function in later for thing in _awaited(function)}
    touched = {thing for function in earlier for thing in _touched(function)} if awaited else set()
    both = {thing[:2] for thing in awaited} & {thing[:2] for thing in touched}
    apart = {thing[:2] for thing in awaited & touched if thing[2]}
    return bool(both - apart - {thing[:2] for thing in _subjects(later[0]) | _subjects(earlier[0])})


def _subjects(function: Function) -> _Things:
    """What the call is made on."""
    calls = [node.func for node in function.here() if isinstance(node, ast.Call) and not _is_around_another(node)]
    return set().union(*(_things(function, call.value) for call in calls if isinstance(call, ast.Attribute)))


def _awaited(function: Function) -> _Things:
    """What a function, or one that it calls, looks at in rounds, or reads from, before the line where it is."""
    found = set(_waits(function, function.before()))
    for called in _called(function, function.before()):
        found.update(_waits(called, called.own))
    return found


def _called(function: Function, nodes: Iterable[ast.AST]) -> Iterable[Function]:
    """The functions of the file that are called there, each once."""
    return {id(called.node): called for node in nodes for called in function.called(node)}.values()


def _waits(function: Function, nodes: Iterable[ast.AST]) -> Iterator[tuple[str, int, int]]:
    for node in nodes:
        if isinstance(node, ast.While | ast.For) and _calls(node, _RESTS):
            for test in _ways_out(node):
                if not _calls(test, _STATES):
                    yield from _things(function, test)
        elif isinstance(node, ast.Call) and _blocks(node, function.file.foreign):
            for name, home, own in _things(function, node):
                yield from ((each, home, own) for each in {name, *function.file.partners.get(name, ())})


def _blocks(call: ast.Call, foreign: set[str]) -> bool:
    """Whether it waits until there is something; ``get()`` and ``wait()`` without a limit, of what is not recorded."""
    if name_of(call.func) in _BLOCKS:
        return True
    if not isinstance(call.func, ast.Attribute) or call.args or call.keywords:
        return False
    return call.func.attr in ("get", "wait") and name_of(call.func.value) in foreign


def _ways_out(loop: ast.While | ast.For) -> list[ast.expr]:
    """The conditions by which a loop ends; none of one that tries something again."""
    if any(isinstance(node, ast.Try) for node in ast.walk(loop)):
        return []
    ends = [
        node.test
        for node in ast.walk(loop)
        if isinstance(node, ast.If) and any(isinstance(inner, ast.Break | ast.Return) for inner in node.body)
    ]
    return [loop.test, *ends] if isinstance(loop, ast.While) else ends


def _touched(function: Function) -> _Things:
    """What a function, or one that it calls, changes or gives to somebody after the line where it is."""
    found = set(_changes(function, function.after()))
    for node in function.here():  # what is done with the call's result
        if isinstance(node, ast.Call) and _is_around_another(node):
            found |= _things(function, node.func.value) if isinstance(node.func, ast.Attribute) else set()
        elif isinstance(node, ast.Assign):
            found.update(_changes(function, (inner for target in node.targets for inner in ast.walk(target))))
    for called in _called(function, function.after()):
        found.update(_changes(called, called.own))
    return found


def _changes(function: Function, nodes: Iterable[ast.AST]) -> Iterator[tuple[str, int, int]]:
    for node in nodes:
        stored = isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store)
        if stored or isinstance(node, ast.Call):
            yield from _things(function, node)


def _is_around_another(call: ast.Call) -> bool:
    """Whether it is made with what another call on its line has returned."""
    return any(isinstance(inner, ast.Call) for argument in call.args for inner in ast.walk(argument))


def _calls(node: ast.AST, names: frozenset[str]) -> bool:
    return any(isinstance(inner, ast.Call) and name_of(inner.func) in names for inner in ast.walk(node))


def _things(function: Function, node: ast.AST) -> _Things:
    """What an expression speaks of, but for modules, Python's own names, and the functions that it calls."""
    called = {id(call.func) for call in ast.walk(node) if isinstance(call, ast.Call)}
    left_out = {"path"} if any(name_of(inner) == "os" for inner in ast.walk(node)) else set()
    found: _Things = set()
    for inner in ast.walk(node):
        name = name_of(inner)
        if id(inner) in called or name in _NOBODYS or name in function.file.imported:
            continue
        if isinstance(inner, ast.Name):
            name, home = function.variable(name)
            found.add((name, home, int(home == id(function.node) and not function.alone)))
        elif name not in left_out:
            found.add((name, 0, id(function.node)))
    return found


# locks that are not recorded


def _held(function: Function) -> set[str]:
    """The locks of `File.foreign` that a function holds on the line where it is, and ``flock``."""
    held: set[str] = set()
    for node in function.own:
        if isinstance(node, ast.With) and node.lineno <= function.line <= (node.end_lineno or 0):
            held |= {name_of(item.context_expr) for item in node.items} & function.file.foreign
    for node in sorted(function.before(), key=lambda node: getattr(node, "lineno", 0)):
        if isinstance(node, ast.Call) and name_of(node.func) in ("flock", "lockf"):
            held.add("flock")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name = name_of(node.func.value)
            if node.func.attr == "acquire" and name in function.file.foreign:
                held.add(name)
            elif node.func.attr == "release":
                held.discard(name)
    return held


# taking out and putting back


def _borrows(function: Function) -> bool:
    """Whether what a line speaks of was taken out of a container, and is put back into the same."""
    mine = _used(function)
    taken: set[str] = set()
    given: set[str] = set()
    for node in function.here() if function.alone else function.own:
        taken |= _taken(node)
        given |= _given(node, mine)
        for called in function.called(node):
            for inner in called.own:
                taken |= _taken(inner)
                if isinstance(node, ast.Call) and mine & _loaded(node.args):
                    given |= _given(inner, called.variables())
        if isinstance(node, ast.withitem) and node.optional_vars is not None and name_of(node.optional_vars) in mine:
            for manager in function.called(node.context_expr):
                for inner in manager.own:
                    given |= _given(inner, manager.variables())
    return bool(taken & given - {""})


def _used(function: Function) -> set[str]:
    """Whose methods are called on the line, and what is given to functions of the file there."""
    found: set[str] = set()
    for node in function.here():
        if isinstance(node, ast.Call):
            found |= _loaded([node.func.value] if isinstance(node.func, ast.Attribute) else [])
            found |= _loaded(node.args) if function.called(node) else set()
    return found


def _taken(node: ast.AST) -> set[str]:
    """The container out of which something is taken."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _TAKES:
        return {name_of(node.func.value)}
    return set()


def _given(node: ast.AST, mine: set[str]) -> set[str]:
    """The containers into which one of these things is put."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _GIVES:
        return {name_of(node.func.value)} if mine & _loaded(node.args) else set()
    if isinstance(node, ast.Assign) and mine & _loaded([node.value]):
        return {name_of(target.value) for target in node.targets if isinstance(target, ast.Subscript)}
    return set()


def _loaded(nodes: Iterable[ast.expr]) -> set[str]:
    return {node.id for each in nodes for node in ast.walk(each) if isinstance(node, ast.Name)}
