"""What is said through files, tables, pipes, other processes and requests: what a wait reads, and who says that.

A reader that wants a word (``if line == "DONE": break``) is told by who says that word; one that reads to the end, by
who closes; any other, by the first thing that is said.

Threads: one thread.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass

from paramedic.lint.identity import Identity, Thing
from paramedic.lint.outcomes import Value
from paramedic.lint.passages import Loop, name_of
from paramedic.lint.telling import Done, text_of, words_of

ENDS = frozenset("pipe pipe2 socketpair Pipe socket create_connection create_server accept eventfd Client".split())
"""What makes pipes and sockets, whose reads wait for the other side."""
_HANDLES = frozenset(("makefile", "fdopen", "open"))
_EXISTS = frozenset("exists is_file isfile lexists is_dir isdir".split())
LOOKS = _EXISTS | frozenset("read_text read_bytes open stat lstat getsize getmtime".split())
"""What asks a file, or for it."""
_WRITES = frozenset(
    "open touch mkdir makedirs rename replace move link symlink copy copyfile write_text write_bytes".split()
)
_COPIES = frozenset("link symlink copy copyfile".split())
_MOVES = frozenset(("rename", "replace", "move"))
_REMOVES = frozenset("remove unlink rmdir rmtree".split()) | _MOVES
_ROWS = frozenset("execute fetchone fetchall scalar".split())
_CHANGES_ROWS = re.compile(r"\s*(insert|update|delete|replace)\b", re.I)
_NOTES = frozenset("debug info warning error critical log print write writelines".split())
_MOST_PARTS = 200
_CLOSES = frozenset("close shutdown terminate kill communicate".split())
_REQUESTS = frozenset("urlopen urlretrieve getresponse".split())
_CLIENTS = frozenset(("requests", "httpx", "urllib3", "xmlrpc.client", "http.client"))
_HANDLER = re.compile(r"(Request|WebSocket)\w*Handler|Servicer|Resource|View")
_ROUTES = frozenset("route get post put delete websocket".split())


@dataclass(frozen=True, slots=True)
class Asked:
    """What a loop of looking asks of a file or a table.

    Attributes:
        path: of the file; None for a table.
        words: of which it must say one.
        unless: what it must not say any more.
        several: whether it says whether all are done.
        within: whether the words may be a part of what it says.
        gone: whether the file must not be there any more.
    """

    path: ast.expr | None
    words: frozenset[str] = frozenset()
    unless: frozenset[str] = frozenset()
    several: bool = False
    within: bool = False
    gone: bool = False

    def is_said_by(self, one: Done) -> bool:
        """Whether one of the words is among those of something that is done."""
        if self.within:
            return any(word in said for word in self.words for said in one.words)
        return bool(self.words & one.words)


@dataclass(frozen=True, slots=True)
class Source:
    """What is read from.

    Attributes:
        kind: "end" of a pipe or a socket, "process" or "fifo".
        thing: the end, the process, or what the fifo is.
        together: whether it was made together with its other end.
        path: of the fifo.
    """

    kind: str
    thing: Thing
    together: bool = False
    path: ast.expr | None = None


def asked(identity: Identity, test: ast.expr, truth: bool, known: Value) -> Asked | None:
    """What a part of a condition asks of a file or a table; None if it asks neither.

    Args:
        identity: the variables of the file.
        test: the part.
        truth: what it must be.
        known: what names are that are always the same.
    """
    parts = list(ast.walk(test))
    for part in parts:  # it grows
        if len(parts) < _MOST_PARTS:
            parts += [n for value in _behind(identity, part) for n in ast.walk(value)]
    several = _asks_for_all(test, truth, parts)
    for call in parts:
        name = name_of(call.func) if isinstance(call, ast.Call) else ""
        if not isinstance(call, ast.Call) or name not in LOOKS | _ROWS:
            continue
        base = call.func.value if isinstance(call.func, ast.Attribute) else None
        path = call.args[0] if call.args else base
        if name in _ROWS:
            path = None
        elif path is None:
            continue
        if name in _EXISTS and not truth:
            return Asked(path, gone=True)
        words, negative = _wanted(test, known)
        if negative == truth:
            return Asked(path, unless=words, several=several and path is None)
        within = not isinstance(test, ast.Compare) or isinstance(test.ops[0], ast.In | ast.NotIn)
        return Asked(path, words, several=several and path is None, within=within)
    return None


def _asks_for_all(test: ast.expr, truth: bool, parts: list[ast.AST]) -> bool:
    """Whether a number that a table gives must be that of all, or of those that are left: not that there is one."""
    numbers = [n.value for n in getattr(test, "comparators", ()) if isinstance(n, ast.Constant)]
    if not isinstance(test, ast.Compare) or not numbers:  # ``while select("count(*) …"):``, until none is left
        counts = any("count(" in text_of(n.value).lower() for n in parts if isinstance(n, ast.Constant))
        return counts and not truth
    grows = isinstance(test.ops[0], ast.Gt | ast.GtE | ast.NotEq) == truth
    return isinstance(numbers[0], int) and not (grows and numbers[0] <= 1)


def _behind(identity: Identity, part: ast.AST) -> list[ast.expr]:
    """What a name was given, once; what a function or a property of the file returns."""
    functions = identity.called(part)
    if isinstance(part, ast.Attribute):
        functions = [f for f in identity.file.functions.get(part.attr, ()) if f.decorator_list]
    found = [n.value for f in functions for n in identity.file.own(f) if isinstance(n, ast.Return) and n.value]
    if isinstance(part, ast.Name) and (thing := identity.thing(part)) is not None:
        found = [bound.value for bound in identity.values(thing)]
    return found if len(found) == 1 else []


def _wanted(test: ast.expr, known: Value = lambda _: "") -> tuple[frozenset[str], bool]:
    """The texts that something is compared with, and whether it must be another one."""
    if isinstance(test, ast.Compare):
        sides = [e for side in (test.left, *test.comparators) for e in getattr(side, "elts", (side,))]
        found = frozenset(text_of(side.value if isinstance(side, ast.Constant) else known(side)) for side in sides)
        return found - {""}, isinstance(test.ops[0], ast.NotEq | ast.NotIn | ast.IsNot)
    if isinstance(test, ast.Call) and name_of(test.func) in ("startswith", "endswith"):
        return words_of(test), False
    return frozenset(), False


def path_key(identity: Identity, path: ast.expr) -> tuple[object, ...]:
    """What two expressions have in common that are one path."""
    while isinstance(path, ast.Call) and name_of(path.func) in ("str", "Path", "fspath") and path.args:
        path = path.args[0]
    thing = identity.thing(path) if isinstance(path, ast.Name | ast.Attribute) else None
    if thing is not None:
        return (thing,)
    return (ast.unparse(path), *(identity.thing(n) for n in ast.walk(path) if isinstance(n, ast.Name)))


def source_of(identity: Identity, node: ast.expr, steps: int = 4) -> Source | None:
    """What one reads from by an expression; None if that is no other thread's."""
    if not steps:
        return None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
        name = name_of(node.func)
        if name == "open" and node.args:
            return _fifo(identity, node.args[0])
        inner = node.args[0] if name == "fdopen" and node.args else getattr(node.func, "value", None)
        return source_of(identity, inner, steps - 1) if name in _HANDLES and inner is not None else None
    thing = identity.thing(node)
    if thing is None:
        return None
    for bound in identity.values(thing):
        name = name_of(bound.value.func) if isinstance(bound.value, ast.Call) else ""
        if name in ENDS:
            return Source("end", thing, bound.together)
        if name == "Popen":
            return Source("process", thing)
        inner = bound.value if name in _HANDLES or isinstance(bound.value, ast.Attribute) else None
        found = source_of(identity, inner, steps - 1) if inner is not None and inner is not node else None
        if found is not None:
            return found
    if isinstance(node, ast.Attribute) and node.attr in ("stdout", "stderr"):
        return source_of(identity, node.value, steps - 1)
    return None


def _fifo(identity: Identity, path: ast.expr) -> Source | None:
    for use in identity.file.uses.get("mkfifo", ()):
        made = identity.file.parent(use)
        if isinstance(made, ast.Call) and made.args and path_key(identity, made.args[0]) == path_key(identity, path):
            return Source("fifo", Thing("fifo", 0), path=path)
    return None


def is_request(identity: Identity, call: ast.Call) -> bool:
    """Whether a call is over when a server has answered it."""
    if name_of(call.func) in _REQUESTS:
        return True
    root: ast.expr = call.func
    while isinstance(root, ast.Attribute):
        root = root.value
    if isinstance(call.func, ast.Attribute) and isinstance(root, ast.Name):
        if identity.file.imported.get(root.id) in _CLIENTS:
            return not name_of(call.func)[:1].isupper()
        thing = identity.thing(call.func.value)
        for bound in identity.values(thing) if thing is not None else ():
            value = bound.value.func if isinstance(bound.value, ast.Call) else None
            while isinstance(value, ast.Attribute):
                value = value.value
            if isinstance(value, ast.Name) and identity.file.imported.get(value.id) in _CLIENTS:
                return True
    return False


def answers(identity: Identity, function: ast.AST) -> bool:
    """Whether a function is called by a server, for a request."""
    made = identity.file.class_of(function)
    if made is not None and any(_HANDLER.search(name_of(base)) for base in made.bases):
        return not identity.starts(function)  # a view of a screen's, say, whose thread the program starts
    decorators = getattr(function, "decorator_list", ())
    return any(isinstance(d, ast.Call) and name_of(d.func) in _ROUTES for d in decorators) or any(
        isinstance(parent := identity.file.parent(use), ast.Call) and name_of(parent.func) == "register_function"
        for use in identity.file.uses.get(getattr(function, "name", ""), ())
    )


def writes(one: Done, identity: Identity, path: ast.expr | None) -> bool:
    """Whether by something a file is written, or, without a path, a table."""
    call = one.node
    if not isinstance(call, ast.Call):
        return False
    if path is None:
        return name_of(call.func) in ("execute", "executemany", "executescript") and any(
            isinstance(n, ast.Constant) and isinstance(n.value, str) and _CHANGES_ROWS.match(n.value)
            for n in ast.walk(call)
        )
    name = name_of(call.func)
    if one.identity is not identity or name not in _WRITES or name == "open" and _only_reads(call):
        return False
    given = call.args[-1:] if name in _MOVES | _COPIES else [*_base(call), *call.args]  # of a move, where it comes to
    return _has_path(identity, given, path)


def _only_reads(call: ast.Call) -> bool:
    """Whether a file is opened as it is without a mode, or with one in which nothing is written."""
    given = [k.value for k in call.keywords if k.arg == "mode"]
    given += call.args[1:2] if isinstance(call.func, ast.Name) else call.args[:2]  # open(path, mode), path.open(mode)
    modes = [g.value for g in given if isinstance(g, ast.Constant) and isinstance(g.value, str)]
    return len(modes) == len(given) and not any(set("wax+") & set(mode) for mode in modes)


def _base(call: ast.Call) -> list[ast.expr]:
    return [call.func.value] if isinstance(call.func, ast.Attribute) else []


def _has_path(identity: Identity, given: Iterable[ast.expr], path: ast.expr) -> bool:
    key = path_key(identity, path)
    return any(path_key(identity, e) == key for e in given)


def removes(one: Done, identity: Identity, path: ast.expr) -> bool:
    """Whether by something a file goes away."""
    call = one.node
    if not isinstance(call, ast.Call) or one.identity is not identity or name_of(call.func) not in _REMOVES:
        return False
    return _has_path(identity, [*_base(call), *call.args[:1]], path)


def notes(one: Done) -> bool:
    """Whether something is said that may come into a file which others have open: a line of a log."""
    return isinstance(one.node, ast.Call) and name_of(one.node.func) in _NOTES


def replies(one: Done) -> bool:
    """Whether a server's handler sends something to whoever has asked."""
    if not isinstance(one.node, ast.Call):
        return False
    return any(name_of(base) == "wfile" or name_of(one.node.func) in ("send", "sendall") for base in _base(one.node))


def speaks(one: Done, source: Source) -> bool:
    """Whether something is said into the other end of a fifo, a process or a socket, or that is opened or closed."""
    identity = one.identity
    nodes: Iterable[ast.expr]
    if one.leaves:
        target = getattr(identity.file.parent(one.node), "optional_vars", None)
        nodes = [one.node, target] if target is not None else [one.node]  # type: ignore[list-item]
    elif isinstance(one.node, ast.Call):
        nodes = [*(_base(one.node) or [one.node]), *one.node.args, *(k.value for k in one.node.keywords)]
    else:
        return False
    return any(_is_other_end(identity, node, source) for node in nodes)


def _is_other_end(identity: Identity, node: ast.expr, source: Source) -> bool:
    if source.kind == "process":
        thing = identity.thing(node)
        return source.thing in _owners(identity, node) or thing is not None and thing == source.thing
    other = source_of(identity, node)
    if other is None or other.kind != source.kind:
        return False
    if source.path is not None and other.path is not None:
        return path_key(identity, other.path) == path_key(identity, source.path)
    # one of both sides must be here: who only connects speaks with another program
    return not other.together and not other.thing.is_same(source.thing) and "accept" in identity.file.uses


def _owners(identity: Identity, node: ast.expr, steps: int = 3) -> set[Thing | None]:
    """The processes whose standard input an expression is."""
    if isinstance(node, ast.Attribute) and node.attr == "stdin":
        return {identity.thing(node.value)}
    thing = identity.thing(node) if isinstance(node, ast.Name | ast.Attribute) and steps else None
    if thing is None:
        return set()
    values = [bound.value for bound in identity.values(thing)]
    if isinstance(node, ast.Name):
        values += identity.given(identity.file.home(node), node.id)
    return {owner for value in values for owner in _owners(identity, value, steps - 1)}


def closes(one: Done) -> bool:
    """Whether something ends what can be read."""
    return one.leaves or isinstance(one.node, ast.Call) and name_of(one.node.func) in _CLOSES


def wanted(loop: ast.AST, own: Iterable[ast.AST]) -> tuple[frozenset[str], bool]:
    """The words by which a loop of reading ends, and whether it is read to the end."""
    tests = [n.test for n in own if isinstance(n, ast.If) and any(isinstance(e, ast.Break) for e in n.body)]
    if isinstance(loop, ast.While):
        tests.append(loop.test)
    parts = (n for test in tests for n in ast.walk(test) if isinstance(n, ast.Compare | ast.Call))
    words = frozenset(word for part in parts for word in _wanted(part)[0])
    return words, not words and isinstance(loop, Loop)
