"""Locks that are not recorded, and what only one thread at a time can have, held by both of two calls.

Threads: one thread.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence

from paramedic.lint.awaiting import Awaiting
from paramedic.lint.identity import Identity, Thing
from paramedic.lint.outcomes import UNKNOWN, Sized, made
from paramedic.lint.passages import Def, File, Loop, Place, leaves, name_of, through
from paramedic.lint.paths import origin
from paramedic.lint.variables import subjects

_LOCKS = frozenset("Lock RLock Condition allocate_lock FileLock SoftFileLock InterProcessLock Mutex".split())
_FILE_LOCKS = frozenset(("FileLock", "SoftFileLock", "InterProcessLock"))
_SEMAPHORES = frozenset(("Semaphore", "BoundedSemaphore"))
_TAKES = frozenset(("pop", "popleft", "popitem"))
_GIVES = frozenset(("append", "appendleft", "add"))
_MAKES = frozenset(("mkdir", "link", "symlink"))
_LOCK_OF = "an exclusive lock of "
_LOCKS_ROWS = re.compile(r"\s*begin\s+(exclusive|immediate)\b", re.I)
_LOCKS_BY_NAME = re.compile(r"\s*(lock\s+table|select\s+(get_lock|pg_advisory_(xact_)?lock))\b", re.I)
_ENDS_ROWS = re.compile(r"\s*(commit|rollback|end|unlock|select\s+(release_lock|pg_advisory_unlock))\b", re.I)


class Exclusions:
    """What keeps two calls apart.

    Args:
        identity_of: the variables of a file.

    Threads: one thread.
    """

    def __init__(self, identity_of: Callable[[File], Identity]) -> None:
        self._identity_of = identity_of
        self._shared: set[int] = set()

    def of(self, first: Sequence[Place], second: Sequence[Place]) -> str:
        """What that is, in words; "" for nothing."""
        self._shared = self._own_homes(first) & self._own_homes(second)
        one, other = ({t for place in places for t in self._held(place)} for places in (first, second))
        both = sorted(a.name for a in one for b in other if a.is_same(b) and a.home == b.home)
        if both:
            return f"{both[0]}, a lock of a kind that is not recorded"
        one, other = ({t for place in places for t in self._borrowed(place)} for places in (first, second))
        if any(a.is_same(b) for a in one for b in other):
            return "that each takes it out of a container and puts it back"
        return ""

    def _own_homes(self, places: Sequence[Place]) -> set[int]:
        """The classes, by ``id()``, each of whose instances has its own object of the calls."""
        identities = [(self._identity_of(place.file), place) for place in places]
        return {t.home for i, place in identities for t in subjects(i, place) if i.is_own(t)}

    # locks

    def _held(self, place: Place, calls: int = 2) -> Iterator[Thing]:
        identity = self._identity_of(place.file)
        released: set[Thing] = set()
        for passed in place.passed():
            node = passed.node
            if passed.inside:
                yield from self._entered(identity, place, node, calls)
                continue
            if any(isinstance(n, ast.Attribute) and n.attr == "LOCK_UN" for n in ast.walk(node)):
                released.add(Thing("flock", 0))
            if any(_says(n, _ENDS_ROWS) or name_of(n) in ("commit", "rollback") for n in ast.walk(node)):
                released.add(Thing("flock", 0))
            released.update(thing for _, thing in self._calls_of(identity, node, "release"))
            for thing in self._taken_by(identity, node, 1, place):
                if thing not in released and not (thing.name.startswith(_LOCK_OF) and Thing("flock", 0) in released):
                    yield thing

    def _entered(self, identity: Identity, place: Place, node: ast.AST, calls: int) -> Iterator[Thing]:
        thing = identity.thing(node)
        if thing is not None and self._is_lock(identity, thing) and self._is_one(identity, place.function, thing):
            yield thing
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "acquire":
            inner = identity.thing(node.func.value)  # `if lock.acquire(timeout=1):`
            if inner is not None and self._is_lock(identity, inner) and self._is_one(identity, place.function, inner):
                yield inner
        if isinstance(node, ast.Call) and name_of(node.func) in _FILE_LOCKS and node.args:
            if Awaiting(identity).is_unrecorded(node):  # all that are made for a path are one
                yield from self._path(identity, node.args[0])
        generator = identity.generator(node)
        if generator is not None and calls:
            function, yielding = generator
            yield from self._held(Place(identity.file, function, yielding), calls - 1)
        back = [n for s in identity.managers(node, ends=True) for n in ast.walk(s)]
        for passed in through(reversed(identity.managers(node, ends=False))):
            yield from self._taken_by(identity, passed.node, 1, place)
            yield from self._token(identity, passed.node, back)

    def _taken_by(self, identity: Identity, node: ast.AST, calls: int, place: Place) -> Iterator[Thing]:
        """The locks that are held after a statement."""
        for call, thing in self._calls_of(identity, node, "acquire"):
            waits = not call.args and not call.keywords or self._is_checked(identity, call)
            if waits and self._is_lock(identity, thing) and self._is_one(identity, identity.file.home(call), thing):
                yield thing
        inner = list(ast.walk(node))
        for each in inner:
            if isinstance(each, ast.Call) and name_of(each.func) == "flock" and len(each.args) == 2:
                flags = {name_of(n) for n in ast.walk(each.args[1])}
                if "LOCK_EX" in flags:
                    yield from self._file(identity, each.args[0], place)
            elif isinstance(each, ast.Call) and name_of(each.func) == "execute":
                yield from self._transaction(identity, each)
            elif isinstance(each, ast.Call) and name_of(each.func) in _MAKES and isinstance(node, Loop):
                base = each.func.value if isinstance(each.func, ast.Attribute) else None
                path = each.args[-1] if each.args else base
                if path is not None:
                    yield from self._path(identity, path)
            elif isinstance(each, ast.Attribute) and each.attr == "O_EXCL" and isinstance(node, Loop):
                opened = next((c for c in identity.file.above(each) if isinstance(c, ast.Call)), None)
                if opened is not None and opened.args:
                    yield from self._path(identity, opened.args[0])
        if calls and not isinstance(node, Loop):
            for each in inner:
                for function in identity.called(each):
                    for passed in through(reversed(function.body)):
                        yield from self._taken_by(identity, passed.node, calls - 1, place)

    def _calls_of(self, identity: Identity, node: ast.AST, name: str) -> Iterator[tuple[ast.Call, Thing]]:
        if isinstance(node, Loop):
            return
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == name:
                thing = identity.thing(call.func.value)
                if thing is not None:
                    yield call, thing

    def _is_checked(self, identity: Identity, call: ast.Call) -> bool:
        """``if not lock.acquire(timeout=1): return``."""
        negated = identity.file.parent(call)
        test = identity.file.parent(negated) if negated is not None else None
        return isinstance(negated, ast.UnaryOp) and isinstance(test, ast.If) and leaves(test.body)

    def _is_lock(self, identity: Identity, thing: Thing) -> bool:
        awaiting = Awaiting(identity)
        for bound in identity.values(thing):
            value = bound.value
            if not isinstance(value, ast.Call) or bound.together or not awaiting.is_unrecorded(value):
                continue
            name = name_of(value.func)
            if name in _LOCKS:
                return True
            counts = [made(a, awaiting.constant) for a in value.args]
            if name in _SEMAPHORES and counts in ([], [1]) and not value.keywords:
                return True
        return False

    def _is_one(self, identity: Identity, function: ast.AST, thing: Thing) -> bool:
        """Whether it is not one of each call's, or each instance's."""
        home = identity.home(thing)
        if isinstance(home, ast.ClassDef) and thing.home in self._shared:
            return True  # who has the object of the calls has the lock beside it
        if home is None or home is function and isinstance(home, Def) or identity.is_many(thing):
            return False
        return not (isinstance(home, Def) and identity.is_several(home))

    def _transaction(self, identity: Identity, call: ast.Call) -> Iterator[Thing]:
        """What a statement of SQL locks: a database of one file, or what it names on a server."""
        if any(_says(argument, _LOCKS_BY_NAME) for argument in call.args):
            yield Thing(f"{_LOCK_OF}a database's", 0)
        elif any(_says(argument, _LOCKS_ROWS) for argument in call.args) and isinstance(call.func, ast.Attribute):
            thing = identity.thing(call.func.value)
            for bound in identity.values(thing) if thing is not None else ():
                if isinstance(bound.value, ast.Call) and bound.value.args:
                    yield from self._path(identity, bound.value.args[0])

    def _file(self, identity: Identity, file: ast.expr, place: Place) -> Iterator[Thing]:
        """What is locked with a file that was opened for that: who shares a file that is open shares its lock."""
        while isinstance(file, ast.Call) and name_of(file.func) == "fileno" and isinstance(file.func, ast.Attribute):
            file = file.func.value
        function, held = identity.file.home(file), list(place.file.above(place.node))
        for node in identity.file.own(function):
            value: ast.expr | None = None
            if isinstance(node, ast.Assign) and any(ast.unparse(t) == ast.unparse(file) for t in node.targets):
                value = node.value
            elif (
                isinstance(node, ast.withitem) and node.optional_vars is not None and identity.file.parent(node) in held
            ):
                value = node.context_expr if ast.unparse(node.optional_vars) == ast.unparse(file) else None
            if isinstance(value, ast.Call) and name_of(value.func) == "open":
                base = value.func.value if isinstance(value.func, ast.Attribute) else None
                is_path = base is not None and name_of(base) not in identity.file.imported
                path = base if is_path else value.args[0] if value.args else None
                if path is not None:
                    yield from self._path(identity, path)

    def _path(self, identity: Identity, path: ast.expr) -> Iterator[Thing]:
        """A path that is the same for all."""
        one = origin(identity, path)
        if one is not None:
            yield Thing(f"{_LOCK_OF}{one}", id(identity.file))

    # what is taken out and put back

    def _borrowed(self, place: Place) -> Iterator[Thing]:
        identity = self._identity_of(place.file)
        mine = {t for e in self._used(identity, place) if (t := identity.thing(e)) is not None}
        early, late = place.before(), place.after()
        for passed in place.passed():
            if passed.inside:
                yield from self._lent(identity, place, passed.node, mine)
                continue
            for target, container in self._takings(identity, passed.node):
                thing = identity.thing(target)
                if thing is None or thing not in mine or not self._is_single(identity, container):
                    continue
                since = [n for n in early if _line(n) > _line(passed.node)]
                if self._gives(identity, late, container, {thing}) and not self._gives(
                    identity, since, container, {thing}
                ):
                    yield container

    def _used(self, identity: Identity, place: Place) -> Iterator[ast.expr]:
        node = place.node
        if isinstance(node, ast.Call):
            base = node.func
            while isinstance(base, ast.Attribute):
                base = base.value
                yield base
            if identity.called(node):
                yield from node.args

    def _takings(self, identity: Identity, node: ast.AST) -> Iterator[tuple[ast.expr, Thing]]:
        """Targets, each with the container out of which it is taken by a statement that has been passed."""
        for each in ast.walk(node):
            if not isinstance(each, ast.Assign):
                continue
            for container in self._containers(identity, each.value, 2):
                for target in each.targets:
                    elements = target.elts if isinstance(target, ast.Tuple) else [target]
                    yield from ((element, container) for element in elements)

    def _containers(self, identity: Identity, value: ast.expr, calls: int) -> Iterator[Thing]:
        for call in ast.walk(value):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _TAKES:
                thing = identity.thing(call.func.value)
                if thing is not None:
                    yield thing
            for function in identity.called(call) if calls else ():
                for node in identity.file.own(function):
                    if isinstance(node, ast.Return | ast.Assign) and node.value is not None:
                        yield from self._containers(identity, node.value, calls - 1)

    def _gives(self, identity: Identity, nodes: Sequence[ast.AST], container: Thing, mine: set[Thing]) -> bool:
        """Whether one of these things is put into a container."""
        for node in nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _GIVES:
                known = identity.thing(node.func.value)
                if known == container and any(identity.thing(a) in mine for a in node.args):
                    return True
            if isinstance(node, ast.Assign) and identity.thing(node.value) in mine:
                for target in node.targets:
                    if isinstance(target, ast.Subscript) and identity.thing(target.value) == container:
                        return True
            for function in identity.called(node):
                given = isinstance(node, ast.Call) and any(identity.thing(a) in mine for a in node.args)
                inner = {t for n in _arguments(function) if (t := identity.thing(n)) is not None}
                if given and self._gives(identity, identity.file.own(function), container, mine | inner):
                    return True
        return False

    def _lent(self, identity: Identity, place: Place, expression: ast.AST, mine: set[Thing]) -> Iterator[Thing]:
        """What ``with pool.lend() as sftp`` takes out, and puts back at its end."""
        item = identity.file.parent(expression)
        target = item.optional_vars if isinstance(item, ast.withitem) else None
        if target is None or identity.thing(target) not in mine:
            return
        back = [n for s in identity.managers(expression, ends=True) for n in ast.walk(s)]
        for statement in identity.managers(expression, ends=False):
            for taken, container in self._takings(identity, statement):
                thing = identity.thing(taken)
                if thing is not None and self._gives(identity, back, container, {thing}):
                    if self._is_single(identity, container):
                        yield container

    def _token(self, identity: Identity, node: ast.AST, back: Sequence[ast.AST]) -> Iterator[Thing]:
        """The only thing in a container, which a home-made lock takes out and puts back."""
        for taken, container in self._takings(identity, node):
            sizes = {made(b.value, lambda _: UNKNOWN) for b in identity.values(container)}
            thing = identity.thing(taken)
            if (
                sizes == {Sized(1)}
                and thing is not None
                and not identity.is_many(container)
                and self._gives(identity, back, container, {thing})
            ):
                yield container

    def _is_single(self, identity: Identity, container: Thing) -> bool:
        """Whether nothing is in it several times, as far as can be seen."""
        for bound in identity.values(container):
            for node in ast.walk(bound.value):
                if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
                    return False
        return True


def _says(node: ast.AST, words: re.Pattern[str]) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and words.match(node.value) is not None


def _arguments(function: Def) -> list[ast.Name]:
    found = []
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id in {a.arg for a in function.args.args}:
            found.append(node)
    return found


def _line(node: ast.AST) -> int:
    return getattr(node, "end_lineno", 0) or 0
