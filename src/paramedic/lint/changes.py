"""What those change who make a use: what others could look at to know that it is over.

What is called is followed by its name, whoever it is given to; what cannot be followed may change anything.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from paramedic.lint.names import OWN, Names, Scope, calls, covers, first_line, last_line, own, parts, tail
from paramedic.model.finding import Site

ANYTHING = "*"
ASKS = frozenset(
    "all any len bool int float str sum min max set list sorted tuple getattr hasattr isinstance range abs round print "
    "time monotonic perf_counter time_ns monotonic_ns perf_counter_ns now utcnow today total_seconds sleep uniform "
    "is_set wait empty qsize full exit_status_ready recv_ready recv_stderr_ready send_ready is_active connect "
    "is_authenticated get_transport items keys values get copy startswith endswith strip lower upper "
    "debug info warning error".split()
)
"""Calls that tell the time, or how the thing is that they are made on. Other calls may ask anybody."""
_HARMLESS = ASKS | frozenset(
    "is_alive read readline readlines recv recv_stderr send sendall stat listdir listdir_attr splitlines split decode "
    "encode recv_exit_status exec_command open_sftp open_session close join result exception format count index".split()
)
_TAKES = frozenset(("get", "get_nowait", "pop", "popleft", "popitem"))
"""Who takes work before it does it has told nobody that it is done."""
_WAITS = frozenset("result join get wait acquire as_completed wait_for gather get_nowait done is_alive map".split())
_POOLS = re.compile(r"Executor|Pool|TaskGroup")
_CALLED_BACK = ("callback", "error_callback")
_LOOPS = (ast.While, ast.For, ast.AsyncFor)
_WITHS = (ast.With, ast.AsyncWith)


def changed_after(names: Names, use: Sequence[Site]) -> set[str]:
    """What those who made a use change once it is over; `ANYTHING` where their calls cannot be followed.

    Args:
        names: of the files of the stack.
        use: its stack.

    Threads: pure.
    """
    found: set[str] = set()
    called = ["__exit__", "__aexit__", *_CALLED_BACK]
    for site in use:
        inside = list(own(names.scope(site)))
        rounds = [n for n in inside if isinstance(n, _LOOPS) and covers(n, site.line)]
        left = [item for n in inside if isinstance(n, _WITHS) and covers(n, site.line) for item in n.items]
        leaving = {id(part) for item in left for part in ast.walk(item)}
        for node in inside:
            line = first_line(node)
            if id(node) in leaving or last_line(node) >= site.line or any(covers(r, line) for r in rounds):
                found |= changes(names, node, late=line > site.line)
                called += calls(node)
    for node in names.nodes():
        if isinstance(node, ast.Call) and tail(node.func) == "add_done_callback":
            called += map(tail, node.args)
    seen: set[str] = set()
    while called:
        name = called.pop()
        if name in seen:
            continue
        seen.add(name)
        if name not in _HARMLESS:
            called += names.aliases({name}) - seen  # it may be an argument's name, or an attribute's
        for function in names.called(name):
            for node in own(function):
                found |= changes(names, node, late=True)
                called += calls(node)
    return found


def changes(names: Names, node: ast.AST, late: bool) -> set[str]:
    """What a statement or a call changes that others see.

    Args:
        names: of the program.
        node: the statement, or call.
        late: whether it comes after what others may wait for; if not, what only takes something out says nothing.

    Threads: pure.
    """
    if isinstance(node, (ast.AugAssign, ast.AnnAssign)):
        return _bound(names, node.target)
    if isinstance(node, (ast.Assign, ast.Delete)):
        return {name for target in node.targets for part in parts(target) for name in _bound(names, part)}
    if not isinstance(node, ast.Call) or tail(node.func) in (_HARMLESS if late else _HARMLESS | _TAKES):
        return set()
    known = any(names.called(tail(node.func)))
    given = set() if known else {tail(part) for argument in node.args for part in parts(argument)}
    if not isinstance(node.func, ast.Attribute):
        return given
    holder = tail(node.func.value)
    if holder in OWN:
        return given if known else {ANYTHING}
    return given | {holder}


def _bound(names: Names, target: ast.AST) -> set[str]:
    """``state`` and ``job`` of ``job.state = "done"``: it may be asked as a whole."""
    if isinstance(target, ast.Name):
        return {target.id} & names.outer
    while isinstance(target, (ast.Subscript, ast.Starred)):
        target = target.value
    holder = {tail(target.value)} - {*OWN} if isinstance(target, ast.Attribute) else set()
    return {tail(target)} | holder


def waits_before(names: Names, scope: Scope, line: int) -> bool:
    """Whether a function, one that it calls, or one that calls it waits for other threads; of a module, above a line.

    Threads: pure.
    """
    if isinstance(scope, ast.Module):
        above = [node for node in own(scope) if last_line(node) < line]
        below = [f for node in above for name in calls(node) for f in names.functions.get(name, ())]
        return any(map(_waits, above)) or any(waits_before(names, f, line) for f in below)
    chain: list[Scope] = [scope]
    for one in chain:  # it grows
        if name := getattr(one, "name", ""):
            chain += [f for f in names.scopes() if f not in chain and any(name in calls(n) for n in own(f))]
    chain = [one for one in chain if not isinstance(one, ast.Module)]
    for one in chain:
        for node in own(one):
            if _waits(node):
                return True
            chain += [f for name in calls(node) for f in names.functions.get(name, ()) if f not in chain]
    return False


def _waits(node: ast.AST) -> bool:
    if isinstance(node, _WITHS):  # a lock, or a pool, which waits for its workers
        made = [item.context_expr for item in node.items]
        return any(not isinstance(m, ast.Call) or _POOLS.search(tail(m.func)) is not None for m in made)
    return isinstance(node, ast.Await) or isinstance(node, ast.Call) and tail(node.func) in _WAITS
