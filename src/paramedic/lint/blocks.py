"""Statements: assignments, branches, handlers, returns."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from paramedic.lint import attributes, carried, concurrency, containers, definitions, ranks, roles, starters, turns
from paramedic.lint.contexts import branch_from
from paramedic.lint.values import (
    Bound,
    ClassValue,
    Collection,
    Const,
    Function,
    Instance,
    ModuleValue,
    Obj,
    Partial,
    Unknown,
    Value,
    alternatives,
    choose,
    native_objects,
)

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker


def _expression(w: Walker, node: ast.Expr) -> bool:
    value = node.value
    w.evaluate(value)
    # A call that never comes back ends the block, as sys.exit() does.
    if isinstance(value, ast.Call):
        called = value.func
        if isinstance(called, ast.Attribute):
            return isinstance(called.value, ast.Name) and (called.value.id, called.attr) in _LAST_CALLS
        return isinstance(called, ast.Name) and called.id in {"exit", "quit"}
    return False


_LAST_CALLS = {("sys", "exit"), ("os", "_exit"), ("pytest", "fail"), ("pytest", "skip")}


def _assign(w: Walker, node: ast.Assign) -> bool:
    value = w.evaluate(node.value)
    for target in node.targets:
        bind(w, target, value)
        if w.world.polled:
            turns.stored(w, target)
        if w.world.conditions and isinstance(node.value, ast.Constant):
            turns.flagged(w, target, bool(node.value.value))
    return False


def _annotated(w: Walker, node: ast.AnnAssign) -> bool:
    if node.value is not None:
        value = definitions.promised(w, None, node.annotation, w.evaluate(node.value), node)
        bind(w, node.target, value)
    return False


def _augmented(w: Walker, node: ast.AugAssign) -> bool:
    added = w.evaluate(node.value)
    if w.world.polled:
        turns.stored(w, node.target)
    if isinstance(node.target, ast.Name):
        current = w.scope.lookup(node.target.id)
        if isinstance(current, Collection):
            containers.extend(w, current, added)
            return False
        w.scope.assign(node.target.id, Unknown(node.target.id))
    elif isinstance(node.target, ast.Attribute):
        holder = w.evaluate(node.target.value)
        if any(isinstance(option, Collection) for option in alternatives(added)):
            for current in alternatives(attributes.read(w, holder, node.target.attr, node.target)):
                if isinstance(current, Collection):
                    containers.extend(w, current, added)
    return False


def bind(w: Walker, target: ast.expr, value: Value) -> None:
    """Assigns a value to a name, attribute, item or pattern.

    Threads: the reader's own; does not block.
    """
    if isinstance(target, ast.Name):
        where = w.scope.declared.get(target.id)
        if where is not None:
            attributes.share(w, value, where.loops)
            _made_once(w, target, value)
        if type(value) is Obj and value.kind == "channel":
            value.root.parts["__named_in"] = Const(w.function)
        w.scope.assign(target.id, value)
    elif isinstance(target, ast.Attribute):
        holder = w.evaluate(target.value)
        if any(isinstance(option, (ClassValue, ModuleValue)) for option in alternatives(holder)):
            _made_once(w, target, value)
        attributes.write(w, holder, target.attr, value)
    elif isinstance(target, ast.Subscript):
        _store_item(w, target, value)
    elif isinstance(target, ast.Starred):
        bind(w, target.value, value)
    elif isinstance(target, (ast.Tuple, ast.List)):
        _unpack(w, target.elts, value)


def _made_once(w: Walker, target: ast.expr, value: Value) -> None:
    """What is put into a place for all only where nothing is there yet, is one for all turns of a loop."""
    if isinstance(value, Obj) and value.base is None and value.loops and w.stack:
        text = ast.unparse(target)
        tests = {f"{text} is None", f"not {text}"}
        choices = (n for n in ast.walk(w.stack[-1]) if isinstance(n, ast.If) and ast.unparse(n.test) in tests)
        if any(below is target for choice in choices for one in choice.body for below in ast.walk(one)):
            value.loops = ()
            value.published = w.world.next_moment()


def _store_item(w: Walker, target: ast.Subscript, value: Value) -> None:
    key = w.evaluate(target.slice)
    for holder in alternatives(w.evaluate(target.value)):
        if isinstance(holder, Collection):
            if isinstance(key, Const) and isinstance(key.value, (str, int)):
                holder.keyed[key.value] = value
                _overwritten(w, target, value)
                if isinstance(target.value, ast.Name) and target.value.id not in w.scope.names:
                    attributes.share(w, value, ())  # one key for all threads
            else:
                holder.rest.append(value)
                # A dict of futures: {pool.submit(…): host}, which as_completed() iterates over.
                holder.rest.extend(native_objects(key))
            containers.keep(holder, value, w.world.next_moment())
            containers.keep(holder, key)
        elif containers.through_dunder(w, holder, "__setitem__", [key, value], target) is None:
            w.world.escape(value)


def _overwritten(w: Walker, target: ast.Subscript, value: Value) -> None:
    """Notes a channel that the next turn of a loop pushes out of the same place of a dict that stays."""
    if type(value) is Obj and value.kind == "channel" and w.loops and isinstance(target.value, ast.Attribute):
        for owner in alternatives(w.evaluate(target.value.value)):
            if isinstance(owner, Instance) and set(w.loops) & set(value.loops) - set(owner.loops):
                value.root.parts["__overwritten"] = Const(True)


def _unpack(w: Walker, targets: list[ast.expr], value: Value) -> None:
    for option in alternatives(value):
        if isinstance(option, Collection) and len(option.items) >= len(targets) and not option.rest:
            starred = next((i for i, t in enumerate(targets) if isinstance(t, ast.Starred)), None)
            if starred is not None:
                after = len(targets) - starred - 1
                middle = option.items[starred : len(option.items) - after]
                last = option.items[len(option.items) - after :]
                items: list[Value] = [*option.items[:starred], Collection(middle, length=len(middle)), *last]
            else:
                items = option.items
            for target, item in zip(targets, items, strict=False):
                bind(w, target, item)
            return
    for option in alternatives(value):
        if isinstance(option, Collection):
            common = choose(option.everything()) if option.everything() else Unknown()
            for target in targets:
                bind(w, target, common)
            return
    turns = next((o.loops for o in alternatives(value) if isinstance(o, Unknown) and o.loops), ())
    for target in targets:
        bind(w, target, Unknown(target.id if isinstance(target, ast.Name) else "", turns))


def _if(w: Walker, node: ast.If) -> bool:
    known = truth(w, node.test)
    asked = w.evaluate(node.test)
    child = _child_arm(w, node.test)
    if child is not None:
        return _forked(w, node, child)
    if known is not None:
        return w.block(node.body if known else node.orelse)
    sure = carried.sure_arms(w, node)
    ended = arms(w, lambda: carried.arm(w, node, True), lambda: carried.arm(w, node, False), asked, sure)
    if not ended and w.path and _leaves_early(w, node):
        w.world.early_returns.add(w.path[-1])
    return ended


def _leaves_early(w: Walker, node: ast.If) -> bool:
    """Whether a branch returns, neither because something is missing nor with a connection in its hands."""
    last = node.body[-1]
    if not isinstance(last, ast.Return) or node.orelse:
        return False
    test = node.test
    if isinstance(test, ast.UnaryOp) and not isinstance(test.operand, (ast.Compare, ast.Call)):
        return False
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], (ast.Is, ast.IsNot)):
        return False
    handed = last.value.elts if isinstance(last.value, ast.Tuple) else [last.value]
    return not any(isinstance(one, (ast.Name, ast.Attribute)) for one in handed)


def _child_arm(w: Walker, test: ast.expr) -> bool | None:
    """Whether the body (True) or the else arm (False) of a branch is the child's, after ``pid = os.fork()``."""
    operand, is_zero = test, False
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        operand, is_zero = test.operand, True
    elif isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.comparators[0], ast.Constant):
        if test.comparators[0].value != 0:
            return None
        if not isinstance(test.ops[0], (ast.Eq, ast.NotEq, ast.Gt)):
            return None
        operand, is_zero = test.left, isinstance(test.ops[0], ast.Eq)
    if isinstance(operand, ast.Name):
        value = w.scope.lookup(operand.id)
        forked = isinstance(value, Unknown) and value.name == starters.FORKED
    else:
        forked = isinstance(operand, ast.Call) and getattr(operand.func, "attr", "") == "fork"
    return is_zero if forked else None


def _forked(w: Walker, node: ast.If, body_is_child: bool) -> bool:
    parent = w.context

    def child(statements: list[ast.stmt]) -> bool:
        w.context = concurrency.context_of(w, "process", "os.fork", node)
        w.context.start = w.world.forked_at or w.context.start
        w.world.contexts.append(w.context)
        w.block(statements)
        w.context = parent
        return True  # what follows is the parent's; a child that goes on is not followed

    if body_is_child:
        return arms(w, lambda: child(node.body), lambda: w.block(node.orelse))
    parent_ended: list[bool] = []

    def above() -> bool:
        parent_ended.append(w.block(node.body))
        return parent_ended[0]

    ended = arms(w, above, lambda: child(node.orelse))
    if parent_ended[0]:
        # A daemon: whoever goes on is the child.
        w.context = concurrency.context_of(w, "process", "os.fork", node)
        w.context.start = w.world.forked_at or w.context.start
        w.world.contexts.append(w.context)
        return False
    return ended


def arms(
    w: Walker,
    first: Callable[[], bool],
    second: Callable[[], bool],
    asked: Value | None = None,
    sure: frozenset[int] = frozenset(),
) -> bool:
    """Reads two arms of a branch, of which a run takes one; True where neither comes out.

    What follows an arm that ends is exclusive with it: after ``if x: return status()`` no run has that status.

    Args:
        w: the reader.
        first: reads the arm that is taken where what is asked is true.
        second: reads the other one.
        asked: what the branch asks for, where that may be a number of the thread's own.
        sure: the arms that are taken wherever there is something of a former turn.

    Threads: the reader's own; does not block.
    """
    branch = w.world.number()
    w.world.only_asks.update((branch, arm) for arm in sure)
    for arm, choices in enumerate(ranks.choices(asked)):
        if choices:
            w.world.chosen[branch, arm] = choices
    names, locks = w.scope.names, w.locks
    w.scope.names, w.locks = dict(names), list(locks)
    w.path.append((branch, 0))
    first_ended = first()
    if first_ended:
        w.world.last_arms.add((branch, 0))
    _cut(w, branch)
    names_1, locks_1 = w.scope.names, w.locks
    w.scope.names, w.locks = names, locks
    w.path.append((branch, 1))
    second_ended = second()
    if second_ended:
        w.world.last_arms.add((branch, 1))
    _cut(w, branch)
    names_2, locks_2 = w.scope.names, w.locks
    if first_ended and not second_ended:
        w.path.append((branch, 1))
    elif second_ended and not first_ended:
        w.path.append((branch, 0))
        w.scope.names, w.locks = names_1, locks_1
    else:
        w.scope.names = _merge_into(names_1, names_2)
        w.locks = [lock for lock in locks_1 if any(lock is other for other in locks_2)]
    return first_ended and second_ended


def _cut(w: Walker, branch: int) -> None:
    while w.path and w.path[-1][0] != branch:
        w.path.pop()
    if w.path:
        w.path.pop()


def _merge(a: dict[str, Value], b: dict[str, Value]) -> dict[str, Value]:
    return _merge_into(dict(a), b)


def _merge_into(a: dict[str, Value], b: dict[str, Value]) -> dict[str, Value]:
    for name, value in b.items():
        other = a.get(name)
        if other is None:
            a[name] = value
        elif other is not value:
            a[name] = choose([other, value])
    return a


_SETTLED = frozenset({ast.Constant, ast.UnaryOp, ast.Name, ast.Attribute, ast.Call, ast.Compare})


def truth(w: Walker, test: ast.expr) -> bool | None:
    """Whether a test is settled for every run: the main guard, TYPE_CHECKING, literals.

    Threads: the reader's own; does not block.
    """
    if type(test) not in _SETTLED:
        return None
    if isinstance(test, ast.Constant):
        return bool(test.value)
    role = roles.settled(w, test)
    if role is not None:
        return role
    if w.context.parent is not None and _is_there_since_before(w, test):
        return isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.IsNot)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = truth(w, test.operand)
        return None if inner is None else not inner
    if isinstance(test, ast.Name) and test.id == "TYPE_CHECKING":
        return False
    if isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING":
        return False
    if isinstance(test, ast.Call) and isinstance(test.func, ast.Name) and test.func.id == "callable" and test.args:
        return _is_callable(w.evaluate(test.args[0]))
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        sides = (test.left, test.comparators[0])
        names = [s for s in sides if isinstance(s, ast.Name) and s.id == "__name__"]
        if names and isinstance(test.ops[0], (ast.Eq, ast.NotEq)):
            # The body is read as it is imported; main guards are read afterwards, on their own.
            return not isinstance(test.ops[0], ast.Eq)
    return None


def _is_there_since_before(w: Walker, test: ast.expr) -> bool:
    """Whether a test asks for None where the thread's starter has put something that nobody takes away."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], (ast.Is, ast.IsNot)):
        return False
    asked, nothing = test.left, test.comparators[0]
    if not (isinstance(nothing, ast.Constant) and nothing.value is None):
        return False
    if not isinstance(asked, (ast.Name, ast.Attribute)) or (isinstance(asked, ast.Name) and asked.id in w.scope.names):
        return False
    found = alternatives(w.evaluate(asked))
    if not all(isinstance(o, Obj) and _made_above(w, o.root) for o in found):
        return False
    name = asked.id if isinstance(asked, ast.Name) else asked.attr
    return len(re.findall(rf"\b{name}\b[^=\n]*=\s*None\b", w.module.source.text)) <= 1


def _made_above(w: Walker, obj: Obj) -> bool:
    branch = branch_from(obj.maker, w.context) if obj.maker is not w.context else None
    return branch is not None and 0 < obj.born < branch.start


def _is_callable(value: Value) -> bool | None:
    kinds = {type(option) for option in alternatives(value)}
    if kinds <= {Bound, Function, Partial, ClassValue}:
        return True
    return False if kinds == {Const} else None


def is_main_guard(test: ast.expr) -> bool:
    """Whether a test is ``__name__ == "__main__"``, whatever else it asks.

    Threads: the reader's own; does not block.
    """
    return any(isinstance(n, ast.Name) and n.id == "__name__" for n in ast.walk(test))


def _try(w: Walker, node: ast.Try) -> bool:
    caught = any(not _reraises(h) for h in node.handlers)
    branch = w.world.number()
    w.world.tries.add(branch)
    names = dict(w.scope.names)
    w.path.append((branch, 0))
    carried.tried(w, node, branch)
    w.guards += caught
    if caught and not any(_leaves(h) for h in node.handlers):
        w.world.swallowing.add(branch)
    ended = w.block(node.body)
    w.guards -= caught
    if not ended:
        ended = w.block(node.orelse)
    _cut(w, branch)
    all_ended = ended and bool(node.handlers)
    after, locks = w.scope.names, w.locks
    handler_goes_on = False
    for handler in node.handlers:
        w.scope.names, w.locks = _merge(names, after), list(locks)
        if handler.name:
            w.scope.assign(handler.name, Unknown(handler.name))
        before, w.in_handler = w.in_handler, True
        handler_ended = w.block(handler.body)
        w.in_handler = before
        if not handler_ended:
            handler_goes_on = True
            after = _merge(after, w.scope.names)
        all_ended = all_ended and handler_ended
    w.scope.names, w.locks = after, locks
    before, w.in_finally = w.in_finally, True
    final_ended = w.block(node.finalbody)
    w.in_finally = before
    if ended and handler_goes_on:
        w.path.append((branch, 1))
    return final_ended or all_ended or (ended and not node.handlers)


def _leaves(handler: ast.ExceptHandler) -> bool:
    """Whether a handler ends the loop around it, or the program."""
    for statement in handler.body:
        called = getattr(getattr(statement, "value", None), "func", None)
        name = getattr(called, "attr", getattr(called, "id", ""))
        if isinstance(statement, ast.Break) or name in {"exit", "_exit", "abort"}:
            return True
    return False


def _reraises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(n, ast.Raise) for n in handler.body)


def _return(w: Walker, node: ast.Return) -> bool:
    value = node.value
    w.returns.append(w.evaluate(value) if value is not None else Const(None))
    return True


def _raise(w: Walker, node: ast.Raise) -> bool:
    exception = node.exc
    if exception is not None:
        w.evaluate(exception)
        called = exception.func if isinstance(exception, ast.Call) else exception
        ends = isinstance(called, ast.Name) and called.id in {"SystemExit", "KeyboardInterrupt"}
        if w.context.kind == "signal" and not w.guards and not ends:
            w.record(w.make("world", node), "raise", frozenset({"raises"}), node)
    return True


def _stop(w: Walker, node: ast.stmt) -> bool:
    return True


def _assert(w: Walker, node: ast.Assert) -> bool:
    w.evaluate(node.test)
    return False


def _delete(w: Walker, node: ast.Delete) -> bool:
    for target in node.targets:
        if isinstance(target, ast.Name):
            w.scope.names.pop(target.id, None)
        elif isinstance(target, ast.Subscript):
            containers.through_dunder(w, w.evaluate(target.value), "__delitem__", [w.evaluate(target.slice)], node)
    return False


READERS: dict[type[ast.AST], Callable[[Walker, Any], bool]] = {
    ast.Expr: _expression,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.If: _if,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Continue: _stop,
    ast.Break: _stop,
    ast.Assert: _assert,
    ast.Delete: _delete,
}
