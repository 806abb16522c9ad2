"""Whether a loop of looking and sleeping, before a call, can have waited for what another thread did.

``while len(results) < 3: time.sleep(0.1)`` orders threads on a way that no recording shows. Where it looks at the
clock, at the caller's own counter, at what only a signal handler sets, or where it was over before the other thread
began, it orders nothing. Who knows a name by another one (an argument, an attribute) knows it; what cannot be told
from source counts as a wait.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from paramedic.lint.changes import ANYTHING, ASKS, changed_after, changes, waits_before
from paramedic.lint.names import OWN, Names, Scope, covers, first_line, last_line, own, parameters, parts, tail
from paramedic.model.finding import Site

_Loop = ast.While | ast.For

_RESTS = frozenset(("sleep", "wait"))
_OF_CHANNELS = frozenset(("exit_status_ready", "recv_ready", "recv_stderr_ready", "eof_received", "closed"))
_MOST_PARTS = 2_000


@dataclass(frozen=True, slots=True)
class _Before:
    """A loop before a call.

    Attributes:
        loop: the statement.
        scope: the function that it is in.
        around: what is before the call on its stack: the loop, or a call of its function.
        depth: how many frames up the stack that is.
    """

    loop: _Loop
    scope: Scope
    around: ast.While | ast.For | ast.Call
    depth: int


class Looking:
    """What the loops before a call look at, from the source of those who are on the stacks.

    Threads: one thread; reads the files that stacks name, each once.
    """

    def __init__(self) -> None:
        self.names = Names()

    def may_have_waited(
        self, call: Sequence[Site], use: Sequence[Site], earlier: Iterable[Sequence[Site]] = ()
    ) -> bool:
        """Whether the loops before a call may have waited for the end of another thread's use.

        Args:
            call: stack of the call, innermost first, of which it is known that such a loop came before.
            use: stack of the use.
            earlier: stacks of what the caller did before the use began.
        """
        if not use or any(not self.names.knows(site.file) for site in (*call, *use)):
            return True
        known = list(earlier)
        loops = list(self._before(call))  # if there are none, then they are somewhere that is not found
        return not loops or any(not self._was_over(b, call, known) and self._concerns(b, use) for b in loops)

    def has_looked(self, call: Sequence[Site]) -> bool:
        """Whether such a loop comes before a call, as far as it can be found.

        Args:
            call: its stack, innermost first.
        """
        return all(self.names.knows(site.file) for site in call) and any(self._before(call))

    # where

    def _before(self, call: Sequence[Site]) -> Iterator[_Before]:
        for depth, site in enumerate(call):
            scope = self.names.scope(site)
            for node in own(scope):
                if isinstance(node, _Loop):
                    if _looks(node) and last_line(node) < site.line:
                        yield _Before(node, scope, node, depth)
                elif isinstance(node, ast.Call) and node.lineno < site.line:
                    for called in self.names.functions.get(tail(node.func), ()):
                        for inner in own(called):
                            if isinstance(inner, _Loop) and _looks(inner):
                                yield _Before(inner, called, node, depth)

    # when

    def _was_over(self, before: _Before, call: Sequence[Site], earlier: Iterable[Sequence[Site]]) -> bool:
        """Whether the caller has done something between the loop and the call, in this round, before the use."""
        here, outer = call[before.depth], tuple(call[before.depth + 1 :])
        inside = list(own(self.names.scope(here)))
        line = last_line(before.around)
        if any(isinstance(n, _Loop) and n is not before.around and covers(n, line) for n in inside):
            return False  # it may have come round again
        branches = [n for n in inside if isinstance(n, (ast.If, ast.Match, ast.ExceptHandler))]
        for stack in earlier:
            at = len(stack) - len(outer) - 1
            if at < 0 or tuple(stack[at + 1 :]) != outer:
                continue
            did = stack[at]
            if (did.file, did.function) == (here.file, here.function) and line < did.line < here.line:
                if all(covers(branch, here.line) for branch in branches if covers(branch, did.line)):
                    return True
        return False

    # what

    def _concerns(self, before: _Before, use: Sequence[Site]) -> bool:
        """Whether the end of a use may be what a loop waits for."""
        asked = self._asked(before)
        if asked is None:
            return True
        names = self.names.aliases(asked)
        changed = changed_after(self.names, use)
        if ANYTHING in changed or changed & names or self._is_theirs(before.loop, names, use):
            return True
        # or a third one waits for the user and changes it then
        mine, users = before.scope, [self.names.scope(site) for site in use]
        return any(
            names & changes(self.names, node, late=scope not in users)
            and waits_before(self.names, scope, first_line(node))
            for scope in self.names.scopes()
            for node in (own(scope) if scope is not mine else ())
        )

    def _is_theirs(self, loop: _Loop, names: set[str], use: Sequence[Site]) -> bool:
        """Whether a loop waits for the end of a channel that those who made a use know, too."""
        asked = {tail(n.func if isinstance(n, ast.Call) else n) for test in _tests(loop) for n in ast.walk(test)}
        scopes = [self.names.scope(site) for site in use]
        known = {tail(node) for scope in scopes for node in own(scope)} | {p for s in scopes for p in parameters(s)}
        return bool(asked & _OF_CHANNELS and names & known)

    def _asked(self, before: _Before) -> set[str] | None:
        """The names that a loop looks at; None where it asks what cannot be told from source."""
        pending: list[ast.AST] = list(_tests(before.loop))
        names: set[str] = set()
        seen: set[ast.AST] = set()
        while pending:
            top = pending.pop()
            called = {id(n.func) for n in ast.walk(top) if isinstance(n, ast.Call)}
            for part in ast.walk(top):
                if part in seen:
                    continue
                seen.add(part)
                if len(seen) > _MOST_PARTS:
                    return None
                if isinstance(part, ast.Call):
                    name = tail(part.func)
                    if name in self.names.functions:
                        pending += [statement for function in self.names.functions[name] for statement in function.body]
                    elif name not in ASKS and not name[:1].isupper():
                        return None
                elif isinstance(part, ast.Attribute) and id(part) not in called:
                    names.add(part.attr)
                    pending += [statement for f in self.names.functions.get(part.attr, ()) for statement in f.body]
                elif isinstance(part, ast.Name) and id(part) not in called and part.id not in OWN:
                    names.add(part.id)
                    pending += _values(before.loop, part.id)
        return names


def _looks(loop: _Loop) -> bool:
    """Whether it rests between looks: one that goes through something, or tries it again, ends by nothing it sees."""
    rests = any(isinstance(n, ast.Call) and tail(n.func) in _RESTS for n in own(loop))
    return rests and any(not isinstance(test, ast.Constant) for test in _tests(loop))


def _tests(loop: _Loop) -> Iterator[ast.AST]:
    """What decides whether a loop goes on."""
    if isinstance(loop, ast.While):
        yield loop.test
    for node in own(loop):
        if isinstance(node, ast.If) and any(map(_leaves, (*node.body, *node.orelse))):
            yield node.test
        elif (
            isinstance(node, ast.Try) and isinstance(loop, ast.While) and any(map(_leaves, (*node.body, *node.orelse)))
        ):
            yield from (part for part in node.body if not isinstance(part, ast.If))


def _leaves(statement: ast.AST) -> bool:
    return isinstance(statement, (ast.Break, ast.Return))


def _values(loop: _Loop, name: str) -> list[ast.AST]:
    """What a name is given in a loop."""
    found: list[ast.AST] = []
    for node in own(loop):
        if isinstance(node, ast.Assign) and any(tail(p) == name for target in node.targets for p in parts(target)):
            found.append(node.value)
        elif isinstance(node, (ast.NamedExpr, ast.AugAssign)) and tail(node.target) == name:
            found.append(node.value)
    return found
