"""What the standard library's and Paramiko's functions and constructors give."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from paramedic.lint import (
    api,
    attributes,
    builtin_calls,
    calls,
    classes,
    concurrency,
    containers,
    definitions,
    frameworks,
    handovers,
    loops,
    pipes,
    ranks,
    servers,
    signals,
    starters,
    wrappers,
    writers,
)
from paramedic.lint.operations import Operation
from paramedic.lint.values import (
    Collection,
    Const,
    External,
    Instance,
    Native,
    Obj,
    Partial,
    Unknown,
    Value,
    alternatives,
    choose,
    number_of,
    text_of,
)

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker


def call(w: Walker, path: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """What a function or constructor of another distribution gives.

    Threads: the reader's own; does not block.
    """
    top = path.partition(".")[0]
    if top not in classes.TOPS and not path.endswith("Server"):
        return _passed_on(w, args, keywords)
    if top == "builtins":
        return builtin_calls.call(w, path[9:], args, keywords, node)
    kind = classes.kind_of_class(path)
    if kind == "lock" and path.startswith(_FILE_LOCKS):
        return pseudo_lock(w, FILE_LOCK, node)  # whoever names the same file has the same lock
    if kind is not None:
        made = w.make(kind, node)
        made.label = path
        made.parts["__path"] = Const(path)
        if kind == "container":
            return containers.made_by(path, args)
        if kind == "namespace":
            made.parts.update(keywords)
            return made
        if path in {"threading.Condition", "asyncio.Condition"}:
            own = next(
                (
                    o
                    for o in alternatives(args[0] if args else keywords.get("lock", Unknown()))
                    if isinstance(o, Obj) and is_lock(o)
                ),
                None,
            )
            w.world.conditions.setdefault(id(made if own is None else own.root), set())
            if own is not None:
                return own  # who holds the one holds the other
        construct_native(w, made, args, keywords, node)
        return made
    if path in api.MAKERS:
        return _maker(w, path, args, keywords, node)
    method = _through_its_class(w, path, args, keywords, node)
    if method is not None:
        return method
    started = starters.call(w, path, args, keywords, node) or frameworks.called(w, path, node)
    if started is not None:
        return started
    return _other(w, path, args, keywords, node)


def _through_its_class(
    w: Walker, path: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
) -> Value | None:
    """``Thread.__init__(self, daemon=True)``, ``map(Thread.start, threads)``: a method that is given its object."""
    owner, _, name = path.rpartition(".")
    if not args or classes.kind_of_class(owner) is None:
        return None
    given = [o.native if isinstance(o, Instance) else o for o in alternatives(args[0])]
    found = [calls.call_method(w, o, name, args[1:], keywords, node) for o in given if isinstance(o, Obj)]
    return choose(found) if found else None


def construct_native(w: Walker, made: Obj, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> None:
    """Keeps what a constructor was given, and notes the connection that some make.

    Threads: the reader's own; does not block.
    """
    made.parts["__args"] = Collection(list(args), length=len(args))
    made.parts["__keywords"] = Collection(keyed=dict[object, Value](keywords.items()))
    if made.kind in wrappers.NO_ARGUMENTS_NEEDED:
        w.record(made, "connect", frozenset({"connect", "auth", "waits", "made"}), node, args=args, keywords=keywords)
    if made.kind == "scp" and args:
        made.parent = next((o for o in alternatives(args[0]) if isinstance(o, Obj)), None)
    if made.kind == "transport":
        w.record(made, "__init__", frozenset({"dial"}), node, args=args, keywords=keywords)
        _carried_by(made, args[0] if args else keywords.get("sock"))
    if made.kind == "proxy":
        w.record(made, "__init__", frozenset({"spawn-proxy"}), node, args=args, keywords=keywords)
    if made.kind == "thread":
        concurrency.construct_thread(w, made, args, keywords)
    if made.kind == "executor":
        concurrency.construct_executor(w, made, args, keywords, node)
    if made.kind == "server":
        handovers.on_object(w, made, "__init__", args, keywords, node)
    if made.kind == "queue":
        made.parts["__contents"] = Collection()
    if made.kind == "semaphore":
        made.parts["__count"] = args[0] if args else keywords.get("value", Const(1))
    if made.kind == "fabricgroup":
        w.world.escape(made)


def _carried_by(inner: Obj, sock: Value | None) -> None:
    """A connection through a channel of another one ends with that one."""
    for option in alternatives(sock) if sock is not None else ():
        if isinstance(option, Obj) and option.kind in {"channel", "proxy"}:
            inner.root.parts["__carrier"] = option


def is_lock(value: Value) -> bool:
    """Whether a value is a lock that was made in sight.

    Threads: the reader's own; does not block.
    """
    return isinstance(value, Obj) and value.kind == "lock"


def _maker(w: Walker, path: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    kind = api.MAKERS[path]
    source = args[0] if args else keywords.get("t")
    transport = next((o for o in alternatives(source) if isinstance(o, Obj)), None) if source is not None else None
    made = w.make(kind, node, transport)
    if transport is not None:
        w.record(transport, path.rsplit(".", 1)[-1], frozenset({"open", "request", "waits"}), node, result=made)
    if kind == "logfile":
        w.record(made, "log_to_file", frozenset({"log-to-file"}), node, args=args)
    return made


def handed_out(w: Walker, obj: Obj, name: str, returns: str, operation: Operation, node: ast.AST) -> Value:
    """What a method of a table hands out, with what is known of it.

    Threads: the reader's own; does not block.
    """
    if name == "connect":
        _carried_by(obj, operation.keywords.get("sock"))
        obj.root.parts.setdefault("__connected", Const(True))
    if name in {"settimeout", "set_combine_stderr", "setblocking"} and operation.args:
        obj.root.parts[f"__{name}"] = operation.args[0]
        if obj.parent is not None and obj.kind in api.STREAMS:
            obj.parent.root.parts[f"__{name}"] = operation.args[0]
    if name == "setblocking" and operation.args:
        asked = operation.args[0]
        obj.root.parts["__settimeout"] = Const(0.0 if isinstance(asked, Const) and not asked.value else None)
    if name in {"exec_command", "get_pty", "invoke_shell"} and obj.kind == "channel":
        obj.root.parts[f"__{name}"] = operation.argument(0, "command") or Const(True)
    if name == "fileno" and obj.kind == "channel":
        return w.make("descriptor", node, obj)
    if returns == "streams":
        return _streams(w, obj, operation, node)
    if returns.startswith("part:"):
        return attributes.part(w, obj, returns[5:], node)
    if returns == "agentkeys":
        return Collection(rest=[w.make("agentkey", node, obj)])
    if returns in api.STREAMS:
        return w.make(returns, node, obj)
    if returns == "client":
        return w.make("client", node, obj)
    if returns:
        made = w.make(returns, node, _carrier_of(w, obj, node) if returns in {"channel", "sftp"} else obj)
        if name == "invoke_shell":
            made.parts["__invoke_shell"] = Const(True)
        return made
    return Unknown(loops=w.loops)


def _carrier_of(w: Walker, obj: Obj, node: ast.AST) -> Obj:
    return attributes.part(w, obj, "transport", node) if obj.kind == "client" else obj


def _streams(w: Walker, obj: Obj, operation: Operation, node: ast.AST) -> Value:
    channel = w.make("channel", node, _carrier_of(w, obj, node))
    channel.parts["__exec_command"] = operation.argument(0, "command") or Unknown()
    timeout = operation.argument(2, "timeout")
    if timeout is not None and not (isinstance(timeout, Const) and timeout.value is None):
        channel.parts["__settimeout"] = timeout
    pty = operation.argument(3, "get_pty")
    if pty is not None and not (isinstance(pty, Const) and not pty.value):
        channel.parts["__get_pty"] = pty
    items: list[Value] = [w.make(kind, node, channel) for kind in ("stdin", "stdout", "stderr")]
    return Collection(items, length=3)


def pseudo_lock(w: Walker, name: str, node: ast.AST) -> Obj:
    """A lock of which only the name is known: the same name is the same lock, so that guesses stay quiet.

    Threads: the reader's own; does not block.
    """
    found = w.world.pseudo_locks.get(name)
    if found is None:
        found = Obj("lock", w.site(node), (), w.world.main, label=name)
        found.parts["__guessed"] = Const(True)
        w.world.pseudo_locks[name] = found
    return found


_SOUND_ALIKE = re.compile(r"(?<![a-z])(?:(?:non|un)?block|clock|unlock|asynchron)")


def has_word(name: str, *words: str) -> bool:
    """Whether one of the words is in the last part of a name: "lock" is in ``with_lock``, not in ``non_blocking``.

    Threads: pure.
    """
    last = _SOUND_ALIKE.sub("", name.rsplit(".", 1)[-1].lower())
    return any(word in last for word in words)


def looks_like_lock(name: str) -> bool:
    """Whether a name is one that people give to locks.

    Threads: pure.
    """
    return has_word(name, "lock", "mutex", "guard", "sem", "exclusive", "synchron", "critical")


def _other(w: Walker, path: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    first = args[0] if args else Unknown()
    if path == "functools.wraps":
        return Native("wraps", lambda given, named: given[0] if given else Unknown())
    if path == "functools.partial" and args:
        return Partial(first, args[1:], keywords)
    if path in {"contextlib.closing", "copy.copy", "typing.cast", "weakref.proxy", "asyncio.shield"}:
        if path == "typing.cast" and len(args) > 1:
            return args[1]
        if path == "contextlib.closing":
            made = w.make("closing", node)
            made.parts["thing"] = first
            return made
        return first
    if path in {"textwrap.dedent", "inspect.cleandoc"}:
        return first
    if path in {"dataclasses.replace", "copy.replace"}:
        return choose([calls.replaced(w, option, keywords, node) for option in alternatives(first)])
    if path == "contextvars.copy_context":
        return External("contextvars.Context")
    if path == "contextvars.Context.run" and args:
        w.context.copied = w.context.copied or len(w.stack) == w.root_depth  # a thread that does nothing else
        return calls.call(w, first, args[1:], keywords, node)
    if path == "weakref.ref":
        return Partial(External("copy.copy"), [first], {})
    if path in {"copy.deepcopy", "itertools.repeat"}:
        return Collection(items=[first]) if path.endswith("repeat") else Unknown()
    if path == "itertools.count":
        return ranks.Counted()
    if path == "itertools.batched" and len(args) > 1:
        most = number_of(args[1])
        return Collection(
            rest=[Collection(rest=builtin_calls.parts(first), length=int(most) if most is not None else None)]
        )
    if path == "itertools.islice" and len(args) == 2:
        most = number_of(args[1])
        return Collection(rest=builtin_calls.parts(first), length=int(most) if most is not None else None)
    if path in {"itertools.chain", "itertools.cycle", "itertools.islice"}:
        return Collection(rest=[i for a in args for i in builtin_calls.parts(a)])
    if path == "shutil.copyfileobj" and len(args) > 1:
        for source in alternatives(first):
            if isinstance(source, Obj):
                loops.element(w, source, w.world.number(), node)
        for sink in alternatives(args[1]):
            if isinstance(sink, Obj) and sink.kind in {"stdin", "sftpfile"}:
                calls.on_table(w, sink, "writelines", [Unknown()], {}, node)
        return Unknown()
    piped = pipes.called(w, path, args, keywords, node)
    if piped is not None:
        return piped
    written = writers.called(w, path, args, keywords, node)
    if written is not None:
        return written
    if path in _READ_TO_THE_END:
        for option in alternatives(first):
            if isinstance(option, Obj) and option.kind in {*api.STREAMS, "sftpfile"}:
                loops.element(w, option, w.world.number(), node)
        return Unknown()
    if path == "itertools.product":
        return Collection(rest=[Collection([choose(builtin_calls.parts(a)) for a in args])])
    if path in {"fcntl.flock", "fcntl.lockf", "portalocker.lock"}:
        return _lock_of_a_file(w, args, node)
    if path in {"time.sleep", "getpass.getpass", "subprocess.run", "subprocess.check_output", "subprocess.call"}:
        blocks_here(w, path, node, args)
        return Unknown()
    if path in {"socket.create_connection", "requests.get", "requests.post", "urllib.request.urlopen"}:
        blocks_here(w, path, node, args)
        return Unknown("socket")
    if path in {"logging.getLogger", "logging.basicConfig"}:
        return _logger(w, path, args, keywords, node)
    if path.rsplit(".", 1)[-1].startswith("Threading") and path.rsplit(".", 1)[-1].endswith("Server") and len(args) > 1:
        servers.serve(w, args[1], node)
        return Unknown()
    if path == "importlib.import_module":
        text = text_of(first)
        return definitions.import_module(w, text) if text else Unknown()
    if path in {"select.select", "select.poll", "selectors.DefaultSelector"}:
        for one in builtin_calls.parts(first) if path == "select.select" and len(args) == 3 else ():
            pipes.looked_at(w, one, node)
        for argument in args[:3]:
            for option in builtin_calls.parts(argument):
                for obj in alternatives(option):
                    if isinstance(obj, Obj) and obj.kind == "descriptor" and obj.parent is not None:
                        obj = obj.parent
                    if isinstance(obj, Obj) and obj.kind == "channel":
                        effects = {"fileno", "select"} if path == "select.select" else {"fileno"}
                        w.record(obj, "fileno", frozenset(effects), node, args=args)
        return w.make("selector", node) if path.endswith(("poll", "DefaultSelector")) else Unknown()
    return _passed_on(w, args, keywords)


def _lock_of_a_file(w: Walker, args: list[Value], node: ast.AST) -> Value:
    """``flock(file, LOCK_EX)``, which keeps other processes away too; one name for all, so that guesses stay quiet."""
    asked = args[1].path if len(args) > 1 and isinstance(args[1], External) else ""
    lock = pseudo_lock(w, FILE_LOCK, node)
    if asked.endswith("LOCK_UN"):
        w.locks[:] = [one for one in w.locks if one is not lock]
    elif not asked.endswith("LOCK_SH"):
        signals.take_lock(w, lock, node)
    return Unknown()


FILE_LOCK = "the lock of a file"
_FILE_LOCKS = ("filelock.", "fasteners.", "portalocker.", "lockfile.", "oslo_concurrency.")
_READ_TO_THE_END = frozenset("json.load pickle.load csv.reader csv.DictReader yaml.safe_load tomllib.load".split())


def _passed_on(w: Walker, args: list[Value], keywords: dict[str, Value]) -> Value:
    for value in [*args, *keywords.values()]:
        w.world.escape(value)
    spread: tuple[int, ...] = ()
    for value in args:
        spread = (*spread, *(value.loops if isinstance(value, Unknown) else ()))
    return Unknown(loops=spread)


def _logger(w: Walker, path: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """A logger; one that Paramiko's records reach runs its handlers on Paramiko's threads too."""
    if path.endswith("basicConfig"):
        for option in alternatives(keywords.get("handlers", Unknown())):
            for one in builtin_calls.parts(option):
                handovers.log_handler(w, one, node)
        return Unknown()
    made = w.make("logger", node)
    name = text_of(args[0]) if args else ""
    made.parts["__hears_paramiko"] = Const(name is not None and (not name or name.split(".")[0] == "paramiko"))
    return made


def blocks_here(w: Walker, path: str, node: ast.AST, args: list[Value] | None = None) -> None:
    """Notes a call that waits for something that is not Paramiko.

    Threads: the reader's own; does not block.
    """
    world = w.make("world", node)
    w.record(world, path, frozenset({"blocks"}), node, args=args)
