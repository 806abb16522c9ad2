"""Pipes, pairs of sockets and event descriptors between the threads of a program: who reads waits for who writes.

Each direction is a semaphore that begins with nothing: what one side writes the other one takes. So a byte that is
written once and handed round keeps threads apart, and one that is written when something is done puts them in an order.

Threads: one thread, the reader's own; nothing here blocks.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from paramedic.lint import signals
from paramedic.lint.values import Collection, Const, Obj, Unknown, Value, alternatives, number_of

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker

_READS = frozenset("recv recv_into recvfrom recvmsg recv_bytes recv_bytes_into read readline readinto read1".split())
_WRITES = frozenset("send sendall sendto sendmsg send_bytes write".split())
_BY_DESCRIPTOR = {
    "os.read": "read", "os.readv": "read", "os.eventfd_read": "read",
    "os.write": "write", "os.writev": "write", "os.eventfd_write": "write",
    "os.close": "close", "os.set_blocking": "setblocking", "os.fdopen": "fdopen",
}  # fmt: skip


def called(w: Walker, path: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
    """A function that makes two ends, or does something with one; None for any other.

    Threads: the reader's own; does not block.
    """
    if path == "os.pipe":
        pipe = _pipe(w, node)
        return Collection([_end(w, node, pipe, None), _end(w, node, None, pipe)], length=2)
    if path in {"socket.socketpair", "multiprocessing.Pipe", "multiprocessing.connection.Pipe"}:
        forth, back = _pipe(w, node), _pipe(w, node)
        one_way = path.endswith("Pipe") and _is_false(keywords.get("duplex", args[0] if args else Unknown()))
        if one_way:
            return Collection([_end(w, node, forth, None), _end(w, node, None, forth)], length=2)
        return Collection([_end(w, node, back, forth), _end(w, node, forth, back)], length=2)
    if path == "os.eventfd":
        pipe = _pipe(w, node)
        pipe.parts["__count"] = args[0] if args else Const(0)
        return _end(w, node, pipe, pipe)
    name = _BY_DESCRIPTOR.get(path)
    if name is None or not args:
        return None
    found = [o for o in alternatives(args[0]) if isinstance(o, Obj) and o.kind == "pipeend"]
    for end in found:
        on_end(w, end, name, args[1:], keywords, node)
    return args[0] if found and name == "fdopen" else Unknown("file") if name == "fdopen" else Unknown()


def on_end(w: Walker, end: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """A method of one end, or what a function of ``os`` does with it.

    Threads: the reader's own; does not block.
    """
    reads, writes = end.root.parts.get("__reads"), end.root.parts.get("__writes")
    if name in _READS and isinstance(reads, Obj):
        signals.take_lock(w, reads, node, tried="__pauses" in end.root.parts)
    elif name in _WRITES and isinstance(writes, Obj):
        signals.release(w, writes, node, several=not _is_one(args[0] if args else Unknown()))
    elif name in {"close", "shutdown", "__exit__"} and isinstance(writes, Obj):
        w.record(writes, "close", frozenset({"give-signal"}), node)  # who reads then gets the end
    elif name == "setblocking" and args and _is_false(args[0]):
        end.root.parts["__pauses"] = Const(True)
    elif name == "settimeout" and args and number_of(args[0]) == 0:
        end.root.parts["__pauses"] = Const(True)
    elif name in {"makefile", "__enter__", "detach", "dup"}:
        return end
    return Unknown()


def looked_at(w: Walker, ends: Value, node: ast.AST) -> None:
    """``select([end], [], [])``: it comes back only when there is something, which is taken later.

    Threads: the reader's own; does not block.
    """
    for end in alternatives(ends):
        reads = end.root.parts.get("__reads") if isinstance(end, Obj) and end.kind == "pipeend" else None
        if isinstance(reads, Obj):
            w.record(reads, "select", frozenset({"wait-signal", "blocks"}), node)


def _pipe(w: Walker, node: ast.AST) -> Obj:
    pipe = w.make("semaphore", node)
    pipe.parts["__count"] = Const(0)
    return pipe


def _end(w: Walker, node: ast.AST, reads: Obj | None, writes: Obj | None) -> Obj:
    end = w.make("pipeend", node)
    end.parts.update({n: pipe for n, pipe in (("__reads", reads), ("__writes", writes)) if pipe is not None})
    return end


def _is_false(value: Value) -> bool:
    return isinstance(value, Const) and not value.value


def _is_one(data: Value) -> bool:
    """Whether what is written is one word, of which a reader leaves nothing for another one."""
    if not isinstance(data, Const) or data.partial:
        return False
    return len(data.value) == 1 if isinstance(data.value, (bytes, str)) else data.value == 1
