"""Which variable, attribute or path an expression means, so that two functions can be asked whether they mean the same.

Threads: one thread.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from paramedic.lint.passages import Comprehension, Def, File, name_of

_MOST_STEPS = 5
"""So far it is followed back what a parameter is."""
_NOBODYS = frozenset(("self", "cls"))
_ITEMS = frozenset(("get", "setdefault"))
UNFINISHED = "unfinished"
"""The key of how many tasks of a queue are not done."""


@dataclass(frozen=True, slots=True)
class Thing:
    """What several functions can know.

    Attributes:
        name: its last name, or a path as it is written.
        home: the ``id()`` of the function, class or module whose it is; 0 if it is an attribute of something unknown.
        key: which item of it; "" for all of it.
    """

    name: str
    home: int
    key: str = ""

    def is_same(self, other: Thing) -> bool:
        """Whether both may be one."""
        homes = self.home == other.home or not (self.home and other.home)
        return self.name == other.name and homes and (self.key == other.key or not (self.key and other.key))


@dataclass(frozen=True, slots=True)
class Bound:
    """What a name or an attribute is given.

    Attributes:
        target: the name or attribute.
        value: what it is given; of several that are given at once, the whole.
        together: whether it is one of several.
    """

    target: ast.expr
    value: ast.expr
    together: bool = False


class Identity:
    """The variables of one file.

    Args:
        file: the file.
        near: the variables of another one of the program's, by the module's name; None for what is no such module.

    Threads: one thread.
    """

    def __init__(self, file: File, near: Callable[[str], Identity | None] = lambda module: None) -> None:
        self.file = file
        self._near = near
        self.bound: dict[str, list[Bound]] = {}
        self._calls: dict[str, list[ast.Call]] = {}
        self._homes: dict[int, ast.AST] = {}
        self._things: dict[tuple[int, int], tuple[ast.AST, Thing | None]] = {}
        for node in ast.walk(file.tree):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    for each, value, together in _parts(target, node.value):
                        self.bound.setdefault(name_of(each), []).append(Bound(each, value, together))
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                self.bound.setdefault(name_of(node.target), []).append(Bound(node.target, node.value))
            elif isinstance(node, ast.withitem) and node.optional_vars is not None:
                for each, value, together in _parts(node.optional_vars, node.context_expr):
                    self.bound.setdefault(name_of(each), []).append(Bound(each, value, together))
            elif isinstance(node, ast.Call):
                for called, _ in _calls(node):
                    self._calls.setdefault(name_of(called), []).append(node)

    # what an expression means

    def thing(self, node: ast.AST, steps: int = _MOST_STEPS) -> Thing | None:
        """What an expression is; None if that is nothing that has a name."""
        known = self._things.get((id(node), steps))
        if known is None:  # the node is kept, so that no other one gets its id
            known = self._things[id(node), steps] = node, self._thing(node, steps)
        return known[1]

    def _thing(self, node: ast.AST, steps: int) -> Thing | None:
        if isinstance(node, ast.Starred):
            return self.thing(node.value, steps)
        if isinstance(node, ast.Subscript) or is_item(node):
            whole = node.value if isinstance(node, ast.Subscript) else node.func.value  # type: ignore[attr-defined]
            key = node.slice if isinstance(node, ast.Subscript) else node.args[0]  # type: ignore[attr-defined]
            found = self.thing(whole, steps)
            constant = isinstance(key, ast.Constant) and found is not None and not found.key
            return Thing(found.name, found.home, repr(key.value)) if constant else found  # type: ignore
        if isinstance(node, ast.Attribute) and node.attr == "unfinished_tasks":
            found = self.thing(node.value, steps)
            return Thing(found.name, found.home, UNFINISHED) if found is not None else None
        if isinstance(node, ast.Attribute):
            return self._attribute(node, steps)
        if isinstance(node, ast.Name) and node.id not in _NOBODYS:
            return self._variable(node, node.id, steps)
        if isinstance(node, ast.Call) and name_of(node.func) in ("getattr", "hasattr") and len(node.args) > 1:
            name = node.args[1]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                return self._attribute(ast.Attribute(node.args[0], name.value, ast.Load()), steps)
            return self.thing(node.args[0], steps)
        return None

    def home(self, thing: Thing) -> ast.AST | None:
        """The function, class or module whose it is, where that is known."""
        return self._homes.get(thing.home)

    def values(self, thing: Thing) -> Iterator[Bound]:
        """What it is made as: not what other functions make it later."""
        for bound in self.bound.get(thing.name, ()):
            known = self.thing(bound.target)
            if known is not None and known.is_same(thing):
                yield bound

    def in_class(self, thing: Thing) -> list[Bound]:
        """What it is given in the body of a class."""
        home = self.home(thing)
        every = [home] if isinstance(home, ast.ClassDef) else [c for each in self.file.classes.values() for c in each]
        found = []
        for made in every if isinstance(home, ast.ClassDef) or not thing.home else ():
            for node in made.body:
                if isinstance(node, ast.AnnAssign) and name_of(node.target) == thing.name and node.value is not None:
                    found.append(Bound(node.target, node.value))
                elif isinstance(node, ast.Assign) and thing.name in map(name_of, node.targets):
                    found.append(Bound(node.targets[0], node.value))
        return found

    def class_of(self, node: ast.AST) -> ast.ClassDef | None:
        """The class of this file whose instance an expression is."""
        if isinstance(node, ast.Name) and node.id in _NOBODYS:
            return self.file.class_of(node)
        if isinstance(node, ast.Call):
            return next(iter(self.file.classes.get(name_of(node.func), ())), None)
        thing = self.thing(node)
        if thing is None or thing.key:
            return None
        for bound in self.values(thing):
            if isinstance(bound.value, ast.Call) and not bound.together:
                return self.class_of(bound.value)
        return None

    def is_foreign(self, node: ast.AST) -> bool:
        """Whether an expression is a module's, or was made by one."""
        root = node
        while isinstance(root, ast.Attribute | ast.Call | ast.Subscript):
            root = root.func if isinstance(root, ast.Call) else root.value
        if isinstance(root, ast.Name) and root.id in self.file.imported:
            return self._near(self.file.imported[root.id]) is None
        if isinstance(node, ast.Call):
            return False
        thing = self.thing(node)
        return thing is not None and any(
            isinstance(b.value, ast.Call) and self.is_foreign(b.value) for b in self.values(thing)
        )

    def is_many(self, thing: Thing) -> bool:
        """Whether there is one for each instance of a class of which there are several."""
        home = self.home(thing)
        return isinstance(home, ast.ClassDef) and self.instances(home) > 1

    def instances(self, made: ast.ClassDef) -> int:
        """How many there are of a class: 2 for several; 0 if nobody makes one here."""
        below = {made.name, *self._below(made.name)}
        places = [n for name in below for n in self._calls.get(name, ()) if name_of(n.func) == name]
        return 2 if any(map(self.file.is_repeated, places)) else min(len(places), 2)

    def _below(self, name: str) -> Iterator[str]:
        for made in (c for each in self.file.classes.values() for c in each):
            if name in map(name_of, made.bases):
                yield made.name

    # what is called

    def called(self, call: ast.AST) -> list[Def]:
        """The functions of the file that a call may mean."""
        if not isinstance(call, ast.Call):
            return []
        name, found = name_of(call.func), self.file.functions.get(name_of(call.func), [])
        if isinstance(call.func, ast.Name):
            if name in self.file.classes:
                return [m for c in self.file.classes[name] for m in self.methods(c, "__init__")]
            plain = [f for f in found if not isinstance(self.file.parent(f), ast.ClassDef)]
            return plain or self._handed_on(call.func)
        if not isinstance(call.func, ast.Attribute):
            return []
        base = call.func.value
        made = self.class_of(base)
        if made is not None:
            return self.methods(made, name) or self._handed_on(call.func)
        if self.is_foreign(base) or isinstance(base, ast.Constant | ast.JoinedStr | ast.List | ast.Dict):
            return []
        return found if len(found) == 1 and isinstance(self.file.parent(found[0]), ast.ClassDef) else []

    def meant(self, call: ast.AST) -> list[tuple[Identity, Def]]:
        """The functions that a call may mean, here or in another file of the program's."""
        here = self.called(call)
        if here or not isinstance(call, ast.Call):
            return [(self, function) for function in here]
        name = name_of(call.func)
        if isinstance(call.func, ast.Name):
            other = self._near(self.file.imported.get(name, ""))
            return [] if other is None else [(other, f) for f in other.called(call)]
        base = call.func.value if isinstance(call.func, ast.Attribute) else None
        if base is None or self.class_of(base) is not None or self.is_foreign(base):
            return []
        if isinstance(base, ast.Name) and base.id in self.file.imported:
            other = self._near(self.file.imported[base.id])
            return [] if other is None else [(other, f) for f in other.file.functions.get(name, ())]
        others = [o for module in dict.fromkeys(self.file.imported.values()) if (o := self._near(module)) is not None]
        found = [(o, f) for o in others for f in o.file.functions.get(name, ()) if o.file.class_of(f) is not None]
        return found if len(found) == 1 else []

    def _handed_on(self, node: ast.expr) -> list[Def]:
        """The function that a parameter, or an attribute, was given."""
        thing = self.thing(node)
        if thing is None or thing.name == name_of(node) or thing.key:
            return []
        found = self.file.functions.get(thing.name, [])
        return found if len(found) == 1 else []

    def handlers(self) -> Iterator[Def]:
        """What is called on signals."""
        for call in self._calls.get("signal", ()):
            if name_of(call.func) == "signal" and len(call.args) == 2:
                yield from self.file.functions.get(name_of(call.args[1]), ())

    def registered(self, node: ast.expr) -> list[ast.expr]:
        """What was given to the ``register()`` of a selector."""
        thing = self.thing(node)
        return [
            call.args[0]
            for call in self._calls.get("register", ())
            if thing is not None and isinstance(call.func, ast.Attribute) and call.args
            if self.thing(call.func.value) == thing
        ]

    def methods(self, made: ast.ClassDef, name: str) -> list[Def]:
        """The methods of a name that a class has, or inherits from one of the file."""
        found: list[Def] = []
        pending, seen = [made], {id(made)}  # a file may have a hundred classes of one name, each of which is a base
        for each in pending:  # it grows
            own = [n for n in each.body if isinstance(n, Def) and n.name == name]
            found += own
            for base in each.bases if not own else ():
                more = [c for c in self.file.classes.get(name_of(base), ()) if id(c) not in seen]
                seen.update(map(id, more))
                pending += more
        return found

    def generator(self, expression: ast.AST) -> tuple[Def, ast.Expr] | None:
        """The generator that a ``with`` runs up to its ``yield``, and that."""
        for function in self.called(expression):
            for node in self.file.own(function):
                if isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield):
                    return function, node
        return None

    def managers(self, expression: ast.AST, ends: bool) -> list[ast.stmt]:
        """What a ``with`` does at its beginning, or its end, where a function or class of the file says so."""
        generator = self.generator(expression)
        if generator is not None:
            return _around(*generator, ends)
        made = self.class_of(expression)
        names = ("__exit__", "__aexit__") if ends else ("__enter__", "__aenter__")
        return [s for name in names for m in self.methods(made, name) for s in m.body] if made is not None else []

    def starts(self, function: ast.AST) -> list[ast.AST]:
        """Where a function is given to somebody, who will call it: as a thread's target, or as a task."""
        name = getattr(function, "name", "")
        made = self.file.class_of(function)
        found: list[ast.AST] = []
        for use in self.file.uses.get(name, ()):
            parent = self.file.parent(use)
            if isinstance(parent, ast.Call) and parent.func is use:
                continue
            if not isinstance(parent, ast.Attribute):
                found.append(use)
        if made is not None and name in ("run", "__call__") and not found:
            below = {made.name, *self._below(made.name)}
            found += [n for each in below for n in self._calls.get(each, ()) if name_of(n.func) == each]
        return found

    def is_own(self, thing: Thing) -> bool:
        """Whether each call of the function, or each instance of the class, whose it is has another one."""
        home = self.home(thing)
        values = list(self.values(thing))
        if isinstance(home, Def) and not values:
            values = [Bound(a, a) for a in self.given(home, thing.name)]
        given = [b.value for b in values]
        for value in [v for v in given if isinstance(v, ast.Name)]:
            maker = self.file.home(value)
            given += (
                self.given(maker, value.id) if isinstance(maker, Def) and value.id in self.file.variables(maker) else []
            )
        sure = [isinstance(v, ast.Call) or self.varies(v) for v in given if not self._is_parameter(v)]
        return bool(sure) and all(sure)

    def _is_parameter(self, node: ast.AST) -> bool:
        home = self.file.home(node)
        return isinstance(node, ast.Name) and isinstance(home, Def) and bool(self.given(home, node.id))

    def is_several_within(self, function: ast.AST, home: ast.AST) -> bool:
        """Whether several threads may run a function for one call of another one, or one instance of a class."""
        places = self.starts(function)
        per_instance = [
            p
            for p in places
            if isinstance(p, ast.Attribute) and (self.varies(p.value) or isinstance(p.value, ast.Call))
        ]
        others = [p for p in places if p not in per_instance]
        if isinstance(home, ast.ClassDef) and all(self.file.class_of(p) is not home for p in others):
            made = [p for p in others if isinstance(p, ast.Call)]
            return not made and len(others) > 1 and len({ast.dump(p) for p in others}) < len(others)
        return len(others) > 1 or any(map(self._is_again, others))

    def is_several(self, function: ast.AST) -> bool:
        """Whether several threads, or tasks, may run a function."""
        places = self.starts(function)
        if len(places) > 1 or any(map(self._is_again, places)):
            return True
        for place in places:
            around = self.file.home(place)
            sites = [c for c in self._calls.get(getattr(around, "name", ""), ()) if around in self.called(c)]
            if isinstance(around, Def) and (len(sites) > 1 or any(map(self.file.is_repeated, sites))):
                return True
        return False

    def _is_again(self, place: ast.AST) -> bool:
        parent = self.file.parent(place)
        return (
            self.file.is_repeated(place)
            or isinstance(parent, ast.Call)
            and name_of(parent.func) in ("map", "imap", "starmap")
        )

    # its parts

    def _attribute(self, node: ast.Attribute, steps: int) -> Thing | None:
        base = node.value
        if isinstance(base, ast.Name) and base.id in self.file.imported:
            return Thing(ast.unparse(node), 0)
        made = (self.class_of(base) or self._only_class(node.attr)) if steps else None
        if made is None:
            return Thing(node.attr, 0)
        inits = self.methods(made, "__init__")
        given = {
            self._variable(bound.value, bound.value.id, steps - 1)
            for bound in self.bound.get(node.attr, ())
            if isinstance(bound.value, ast.Name) and not bound.together and self.file.home(bound.target) in inits
            if bound.value.id in self.file.variables(self.file.home(bound.target))
        }
        if len(given) == 1:
            (one,) = given
            if one is not None and self.home(one) not in inits:
                return one
        return self._at(node.attr, made)

    def _only_class(self, attribute: str) -> ast.ClassDef | None:
        """The class whose attribute it must be, as no other one of the file has such a one."""
        found = {
            made
            for bound in self.bound.get(attribute, ())
            if isinstance(bound.target, ast.Attribute) and name_of(bound.target.value) == "self"
            if (made := self.file.class_of(bound.target)) is not None
        }
        found |= {c for each in self.file.classes.values() for c in each if attribute in _fields(c)}
        return found.pop() if len(found) == 1 else None

    def _variable(self, node: ast.AST, name: str, steps: int) -> Thing | None:
        home: ast.AST = self.file.home(node)
        while not isinstance(home, ast.Module) and name not in self.file.variables(home):
            home = self.file.home(home)
        if steps and isinstance(home, Def | ast.Lambda):
            arguments = self.given(home, name)
            found = {None if self.varies(a) else self.thing(a, steps - 1) for a in arguments}
            if len(found) == 1 and None not in found:
                return found.pop()
            bound = [b for b in self.bound.get(name, ()) if isinstance(b.target, ast.Name)]
            values = [b for b in bound if self.file.home(b.target) is home]
            if (
                len(values) == 1
                and not values[0].together
                and isinstance(values[0].value, ast.Attribute | ast.Subscript)
            ):
                return self.thing(values[0].value, steps - 1)
        return self._at(name, home)

    def varies(self, argument: ast.expr) -> bool:
        """Whether it is something else in each round of a loop."""
        names = {n.id for n in ast.walk(argument) if isinstance(n, ast.Name)}
        for outer in self.file.above(argument):
            loops = (
                outer.generators if isinstance(outer, Comprehension) else [outer] if isinstance(outer, ast.For) else []
            )
            for loop in loops:
                if names & {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)}:
                    return True
        return False

    def given(self, function: ast.AST, name: str) -> list[ast.expr]:
        """What a function is called, started or submitted with."""
        arguments = getattr(function, "args", None)
        if not isinstance(arguments, ast.arguments):
            return []
        names = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
        if names[:1] in (["self"], ["cls"]):
            del names[0]
        if name not in names and name not in [a.arg for a in arguments.kwonlyargs]:
            return []
        made = self.file.class_of(function)
        called = getattr(function, "name", "")
        called = made.name if called == "__init__" and made is not None else called
        found = []
        for call in self._calls.get(called, ()):
            for each, values in _calls(call):
                if name_of(each) != called:
                    continue
                by_name = {k.arg: k.value for k in call.keywords} if each is call.func else {}
                place = names.index(name) if name in names else len(values)
                if name in by_name:
                    found.append(by_name[name])
                elif place < len(values):
                    found.append(values[place])
        return found

    def _at(self, name: str, home: ast.AST) -> Thing:
        self._homes[id(home)] = home
        return Thing(name, id(home))


def _fields(made: ast.ClassDef) -> Iterator[str]:
    for node in made.body:
        if isinstance(node, ast.AnnAssign):
            yield name_of(node.target)
        elif isinstance(node, ast.Assign):
            yield from map(name_of, node.targets)


def is_item(node: ast.AST) -> bool:
    """Whether it is ``table.get(key)``.

    Threads: pure.
    """
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _ITEMS
        and bool(node.args)
    )


def _around(function: ast.AST, yielding: ast.Expr, ends: bool) -> list[ast.stmt]:
    """The statements of a generator before its ``yield``, or after it."""
    line = yielding.lineno
    every = [s for s in ast.walk(function) if isinstance(s, ast.stmt) and s is not function]
    mine = [s for s in every if (s.lineno > line if ends else 0 < (s.end_lineno or 0) < line)]
    inner = {id(n) for s in mine for n in ast.walk(s) if n is not s}
    return [s for s in mine if id(s) not in inner]


def _parts(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr, bool]]:
    if not isinstance(target, ast.Tuple | ast.List):
        yield target, value, False
    elif isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
        for each, own in zip(target.elts, value.elts, strict=True):
            yield from _parts(each, own)
    else:
        yield from ((each, value, True) for each in target.elts)


def _calls(call: ast.Call) -> Iterator[tuple[ast.expr, list[ast.expr]]]:
    """What a call may call, and with what: also ``submit(work, 1)`` and ``Thread(target=work, args=(1,))``."""
    yield call.func, call.args
    for place, argument in enumerate(call.args, 1):
        yield argument, call.args[place:]
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    given = named.get("args")
    elements = given.elts if isinstance(given, ast.Tuple | ast.List) else []
    for value in named.values():
        yield value, elements
