"""Functions of the standard library that write into a stream of a channel, and objects that do it for a program."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from paramedic.lint import calls
from paramedic.lint.values import Const, Obj, Unknown, Value, alternatives

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker

_SINKS = frozenset({"stdin", "sftpfile"})
_DUMPS = frozenset("json.dump pickle.dump yaml.dump yaml.safe_dump".split())
_WRITERS = {"csv.writer": 0, "csv.DictWriter": 0, "tarfile.open": -1, "gzip.GzipFile": -1}
"""What makes an object that writes into a stream: the stream's position; -1 where it is ``fileobj``."""
_WRITING = frozenset("writerows writerow writeheader add addfile write writelines".split())
_LITTLE = frozenset("writerow writeheader".split())


def called(w: Walker, path: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
    """What these functions give, or do to a stream of a channel; None for all others, and for other files.

    Threads: the reader's own; does not block.
    """
    if path in _DUMPS and len(args) > 1:
        found = _sinks(args[1])
        for sink in found:
            _write(w, sink, node, little=_is_little(node))
        return Unknown() if found else None
    if path == "io.TextIOWrapper" and args and _sinks(args[0]):
        return args[0]
    position = _WRITERS.get(path)
    if position is None:
        return None
    given = keywords.get("fileobj") if position < 0 or not args else args[position]
    found = _sinks(given) if given is not None else []
    if not found:
        return None
    made = w.make("writer", node)
    made.parts["__sink"] = found[0]
    return made


def on_writer(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """A method of a csv writer, a tar archive or a compressed file on a stream of a channel.

    Threads: the reader's own; does not block.
    """
    sink = obj.root.parts.get("__sink")
    if name in _WRITING and isinstance(sink, Obj):
        _write(w, sink, node, little=name in _LITTLE)
    return Unknown()


def printed(w: Walker, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> None:
    """``print(…, file=stdin)``.

    Threads: the reader's own; does not block.
    """
    for sink in _sinks(keywords.get("file", Unknown())):
        calls.on_table(w, sink, "write", args[:1] or [Const("\n")], {}, node)


def _sinks(value: Value) -> list[Obj]:
    return [o for o in alternatives(value) if isinstance(o, Obj) and o.kind in _SINKS]


def _is_little(node: ast.AST) -> bool:
    """Whether a call writes something that stands there in full."""
    return (
        isinstance(node, ast.Call) and bool(node.args) and isinstance(node.args[0], (ast.Dict, ast.List, ast.Constant))
    )


def _write(w: Walker, sink: Obj, node: ast.AST, *, little: bool) -> None:
    """Notes a write of which no argument tells the size, unless it is little."""
    place = node if little else w.statement or node
    calls.on_table(w, sink, "writelines", [Const("") if little else Unknown()], {}, place)
