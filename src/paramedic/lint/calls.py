"""Calls: of the program's own functions, of its classes, and of methods that the tables know."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from paramedic.lint import (
    api,
    attributes,
    callbacks,
    carried,
    classes,
    containers,
    definitions,
    handovers,
    library,
    repetition,
)
from paramedic.lint.scope import Scope
from paramedic.lint.values import (
    Bound,
    Choice,
    ClassValue,
    Collection,
    Const,
    External,
    Function,
    Instance,
    Native,
    Obj,
    Partial,
    Unknown,
    Value,
    alternatives,
    choose,
    objects_in,
    text_of,
)

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker

MOST_ENTERED = 60
"""How often a @contextmanager function is read around its bodies, which hold what it holds."""
DEEPEST = 14
"""How many of the program's calls may be nested before the reader gives up on a path."""


def from_node(w: Walker, node: ast.Call) -> Value:
    """What a call expression gives.

    Threads: the reader's own; does not block.
    """
    waited = w.awaited is node
    function = w.evaluate(node.func)
    args: list[Value] = []
    for argument in node.args:
        if isinstance(argument, ast.Starred):
            spread = w.evaluate(argument.value)
            for option in alternatives(spread):
                if isinstance(option, Collection):
                    args.extend(option.items)
                    if option.rest and not option.items:
                        args.append(choose(option.rest))
        else:
            args.append(w.evaluate(argument))
    keywords: dict[str, Value] = {}
    for keyword in node.keywords:
        value = w.evaluate(keyword.value)
        if keyword.arg is not None:
            keywords[keyword.arg] = value
        else:
            for option in alternatives(value):
                if isinstance(option, Collection):
                    keywords.update({str(k): v for k, v in option.keyed.items()})
                if not isinstance(option, Collection) or not option.keyed:
                    keywords["**"] = option
    if waited:
        w.awaited = node
    if type(function) is External:
        if function.path == "builtins.super" and not args:
            args = [_super(w)]
        return library.call(w, function.path, args, keywords, node)
    return call(w, function, args, keywords, node)


def _super(w: Walker) -> Value:
    receiver = w.scope.lookup("self")
    return receiver if receiver is not None else Unknown()


def call(w: Walker, function: Value, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """What calling a value with these arguments gives.

    Threads: the reader's own; does not block.
    """
    if isinstance(function, External):
        return library.call(w, function.path, args, keywords, node)
    if isinstance(function, Unknown):
        if function.name == "__new__" and args and isinstance(args[0], ClassValue):
            return next(iter(w.world.instances.get(id(args[0].node), ())), Unknown())
        if args and function.name.rsplit(".", 1)[-1] in {"write", "write_text"}:
            w.world.scripts.extend(text for text in [text_of(args[0])] if text and "\n" in text)
        for value in [*args, *keywords.values()]:
            w.world.escape(value)
        return Unknown(loops=(*function.loops, *_spread(args, keywords)))
    if isinstance(function, Function):
        if function.memory is not None:
            return _remembered(w, function, args, keywords, node)
        return call_function(w, function, args, keywords, node)
    if isinstance(function, Bound):
        return _bound(w, function, args, keywords, node)
    if isinstance(function, Choice):
        if not args and all(isinstance(o, Bound) and o.name == "acquire" for o in function.options):
            args = [o.receiver for o in function.options if isinstance(o, Bound)]
        return choose([call(w, o, args, keywords, node) for o in function.options])
    if isinstance(function, ClassValue):
        return instantiate(w, function, args, keywords, node)
    if isinstance(function, Partial):
        return call(w, function.function, [*function.args, *args], {**function.keywords, **keywords}, node)
    if isinstance(function, Native):
        return function.run(args, keywords)
    if isinstance(function, Instance):
        return call_method(w, function, "__call__", args, keywords, node)
    if isinstance(function, Obj):
        return handovers.call_object(w, function, args, keywords, node)
    return Unknown(loops=_spread(args, keywords))


def _spread(args: list[Value], keywords: dict[str, Value]) -> tuple[int, ...]:
    """The loops of whose turn the arguments tell: what a call makes of them differs each turn too."""
    found: tuple[int, ...] = ()
    for value in [*args, *keywords.values()]:
        if isinstance(value, Unknown):
            found = (*found, *value.loops)
    return found


def call_method(
    w: Walker, receiver: Value, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
) -> Value:
    """What a method gives; unknown where there is none.

    Threads: the reader's own; does not block.
    """
    return call(w, attributes.read(w, receiver, name, node), args, keywords, node)


def _bound(w: Walker, bound: Bound, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    receiver = bound.receiver
    if isinstance(receiver, Obj):
        if receiver.kind in attributes.TABLES:
            return on_table(w, receiver, bound.name, args, keywords, node)
        return handovers.on_object(w, receiver, bound.name, args, keywords, node)
    if isinstance(receiver, (Collection, Const)):
        return containers.on_collection(w, receiver, bound.name, args, keywords, node)
    return Unknown()


def on_table(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """A method of Paramiko or of a wrapper: notes the operation, gives what it hands out.

    Threads: the reader's own; does not block.
    """
    entry = attributes.TABLES[obj.kind].get(name)
    if entry is None:
        return Unknown()
    effects = entry.effects
    if "whole" in effects and name in {"read", "readlines"} and _has_size(args, keywords):
        effects = effects - {"whole"}
    held = len(w.locks)
    if obj.kind == "sftp" and obj.root.instance is not None and name in api.ONE_REQUEST:
        w.locks.extend(_locks_of_requests(w, obj.root, obj.root.instance, node))
    operation = w.record(obj, name, effects, node, args=args, keywords=keywords)
    del w.locks[held:]
    result = library.handed_out(w, obj, name, entry.returns, operation, node)
    operation.result = result
    callbacks.callbacks(w, obj, name, args, keywords, node)
    return result


def _locks_of_requests(w: Walker, sftp: Obj, instance: Instance, node: ast.AST) -> list[Obj]:
    """The locks under which a subclass of SFTPClient sends its requests: those that its ``_request`` takes."""
    known = sftp.parts.get("__request_locks")
    if not isinstance(known, Collection):
        own = instance.cls.find("_request")
        since = len(w.world.operations)
        if isinstance(own, Function):
            call_function(w, own.bind(instance), [Unknown("type")], {}, node)
        taken = [o.obj for o in w.world.operations[since:] if o.has("acquire") and not o.has("tried")]
        known = sftp.parts["__request_locks"] = Collection([*taken])
    return [lock for lock in known.items if isinstance(lock, Obj)]


def call_function(w: Walker, fn: Function, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """Reads the body of a function of the tree with these arguments.

    Threads: the reader's own; does not block.
    """
    world = w.world
    key = (id(fn.node), id(w.context), world.episode)
    times = world.calls.get(key, 0)
    last = world.readings.get(id(fn.node))
    if len(w.stack) >= DEEPEST or any(n is fn.node for n in w.stack):
        return repetition.once_more(w, last, fn.bound) if last is not None else Unknown()
    if (
        last is not None
        and (fn.kind != "context" or times >= MOST_ENTERED)
        and (times >= repetition.oftenest(last.cost) or repetition.adds_nothing(w, last, fn, args, keywords))
    ):
        return repetition.once_more(w, last, fn.bound)
    world.calls[key] = times + 1
    since, steps, deeds = world.next_moment(), world.steps, world.deeds()
    world.entered.add(id(fn.node))
    if world.episode_name == "the module":
        world.called_by_module.add(id(fn.node))
    scope = Scope(fn.scope)
    scope.loops = w.loops
    _bind_arguments(w, fn, scope, args, keywords)
    is_coroutine = isinstance(fn.node, ast.AsyncFunctionDef)
    waited, w.awaited = w.awaited is node, None
    before = (w.returns, w.on_yield, w.path, w.on_loop, w.guards, w.in_finally, w.in_handler, w.task_base, w.at_import)
    coroutine = w.coroutine
    collected: list[Value] = []
    # A function called in one thread continues that thread's branches, so that exclusive arms stay exclusive.
    w.returns, w.path = [], list(w.path)
    w.on_yield = collected.append if fn.kind != "context" else w.on_yield
    if is_coroutine:
        w.coroutine = f"{owner_name(fn)} of {fn.module.source.path}"
        w.on_loop = True
        if not waited:
            w.task_base = len(w.loops)
    w.stack.append(fn.node)
    w.trail.append(w.site(node))
    locked = fn.kind == "locked"
    if locked:
        w.locks.append(library.pseudo_lock(w, f"decorator of {fn.name}", node))
    outside = (w.scope, w.module, w.function, w.statement)
    w.scope, w.module, w.function = scope, fn.module, owner_name(fn)
    try:
        if isinstance(fn.node, ast.Lambda):
            w.returns.append(w.evaluate(fn.node.body))
        else:
            with carried.call(w, fn.node):
                w.block(fn.node.body)
    finally:
        w.scope, w.module, w.function, w.statement = outside
        if locked:
            w.locks.pop()
        w.trail.pop()
        w.stack.pop()
        returned = w.returns
        (w.returns, w.on_yield, w.path, w.on_loop, w.guards, w.in_finally, w.in_handler, w.task_base, w.at_import) = (
            before
        )
        w.coroutine = coroutine
    if is_coroutine and not waited:
        w.begun = (node, since)  # for who makes it a task
        world.coroutines[id(node)] = (since, world.next_moment())
    if collected:
        result: Value = Collection(rest=collected)
    else:
        result = choose(returned) if returned else Const(None)
    if not isinstance(fn.node, ast.Lambda) and not is_coroutine:
        result = definitions.promised(w, fn, fn.node.returns, result, node)
    world.readings[id(fn.node)] = repetition.Reading(
        result=result, since=since, cost=steps - world.steps, idle=deeds == world.deeds(), bound=fn.bound
    )
    return result


def _remembered(w: Walker, fn: Function, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """What a function gives that keeps its results: the same for the same arguments, where those are known."""
    memory = fn.memory
    given = [*([fn.bound] if fn.bound is not None else []), *args, *keywords.values()]
    if memory is None or any(isinstance(v, Unknown) or (isinstance(v, Const) and v.partial) for v in given):
        made = call_function(w, fn, args, keywords, node)
        for obj in objects_in(made):
            for one in obj.lineage():
                one.root.parts["__kept"] = Collection()
        return made
    key = (id(w.world), *(value.value if isinstance(value, Const) else id(value) for value in given))
    if key not in memory:
        made = memory[key] = call_function(w, fn, args, keywords, node)
        attributes.share(w, made, ())
    for obj in objects_in(memory[key]):
        for one in obj.lineage():
            one.root.parts["__kept"] = Collection()
    return memory[key]


def owner_name(fn: Function) -> str:
    """The name of a function with that of its class.

    Threads: pure.
    """
    return f"{fn.owner.name}.{fn.name}" if fn.owner is not None else fn.name


def _has_size(args: list[Value], keywords: dict[str, Value]) -> bool:
    size = args[0] if args else keywords.get("size")
    return size is not None and not (isinstance(size, Const) and size.value in (None, -1))


def _bind_arguments(w: Walker, fn: Function, scope: Scope, args: list[Value], keywords: dict[str, Value]) -> None:
    arguments = fn.node.args
    given = [fn.bound, *args] if fn.bound is not None else list(args)
    plain = [*arguments.posonlyargs, *arguments.args]
    for position, argument in enumerate(plain):
        if position < len(given):
            value: Value = given[position]
        elif argument.arg in keywords:
            value = keywords[argument.arg]
        elif argument.arg in fn.defaults:
            value = fn.defaults[argument.arg]
            if isinstance(value, Const) and value.value is None:
                value = choose([value, definitions.annotated(w, fn.scope, fn.module, argument.annotation) or value])
        else:
            value = definitions.annotated(w, fn.scope, fn.module, argument.annotation) or Unknown(argument.arg)
        if isinstance(value, Unknown) and value.became is None and not value.name:
            turns, same = value.loops, Unknown(argument.arg, value.loops, value.rank)
            value = definitions.annotated(w, fn.scope, fn.module, argument.annotation) or same
            if isinstance(value, Obj):
                value.loops = turns  # each turn got another one
        scope.assign(argument.arg, value)
    if arguments.vararg is not None:
        extra = given[len(plain) :]
        scope.assign(arguments.vararg.arg, Collection(extra, length=len(extra)))
    for argument in arguments.kwonlyargs:
        value = keywords.get(argument.arg) or fn.defaults.get(argument.arg) or Unknown(argument.arg)
        if isinstance(value, Unknown) and not value.became:
            value = definitions.annotated(w, fn.scope, fn.module, argument.annotation) or value
        scope.assign(argument.arg, value)
    if arguments.kwarg is not None:
        named = {a.arg for a in [*plain, *arguments.kwonlyargs]}
        rest: dict[object, Value] = {k: v for k, v in keywords.items() if k not in named and k != "**"}
        scope.assign(arguments.kwarg.arg, Collection(keyed=rest))


def instantiate(w: Walker, cls: ClassValue, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """A new instance of a class of the tree, after its ``__init__``.

    Threads: the reader's own; does not block.
    """
    known = w.world.instances.get(id(cls.node)) if cls.single else None
    if known:
        return known[0]
    made = Instance(cls, () if cls.single else w.loops, born=w.world.next_moment())
    w.world.instances.setdefault(id(cls.node), []).append(made)
    new = cls.find("__new__")
    if cls.single and isinstance(new, Function):
        call_function(w, new, [cls, *args], keywords, node)
    for path in cls.external_bases():
        kind = classes.kind_of_class(path)
        if kind is not None:
            made.native = w.make(kind, node)
            made.native.instance = made
            break
        if path.rsplit(".", 1)[-1] in {"Enum", "IntEnum", "StrEnum"}:
            return Unknown()
    init = cls.find("__init__")
    if isinstance(init, Function):
        call_function(w, init.bind(made), args, keywords, node)
    elif cls.is_record:
        _fill_record(w, made, args, keywords, node)
    elif made.native is not None:
        library.construct_native(w, made.native, args, keywords, node)
    if cls.single:
        # Until here nobody else has it: what __init__ did, it did alone.
        for held in (o for values in made.ever.values() for v in values for o in alternatives(v)):
            if isinstance(held, Obj) and held.published:
                held.published = w.world.next_moment()
    return made


def replaced(w: Walker, value: Value, changes: dict[str, Value], node: ast.AST) -> Value:
    """``dataclasses.replace(record, field=…)``: another one, which shares with the first what is not replaced.

    Threads: the reader's own; does not block.
    """
    if not isinstance(value, Instance) or not value.cls.is_record:
        return value
    kept = {name: attributes.read(w, value, name, node) for name, _ in value.cls.fields if name not in changes}
    return instantiate(w, value.cls, [], {**kept, **changes}, node)


def _fill_record(w: Walker, made: Instance, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> None:
    """The ``__init__`` that dataclasses, attrs and NamedTuple write."""
    for position, (name, default) in enumerate(made.cls.fields):
        if position < len(args):
            value: Value = args[position]
        elif name in keywords:
            value = keywords[name]
        elif isinstance(default, ast.Call) and ast.unparse(default.func).rsplit(".", 1)[-1] in {
            "field",
            "ib",
            "attrib",
        }:
            factory = next((k.value for k in default.keywords if k.arg in {"default_factory", "factory"}), None)
            given = next((k.value for k in default.keywords if k.arg == "default"), None)
            scope = made.cls.scope or made.cls.module.scope
            with w.inside(scope, made.cls.module, w.function):
                if factory is not None:
                    value = call(w, w.evaluate(factory), [], {}, node)
                else:
                    value = w.evaluate(given) if given is not None else Unknown(name)
        else:
            value = made.cls.members.get(name) or Unknown(name)
        made.attrs[name] = value
        made.ever.setdefault(name, []).append(value)
    after = made.cls.find("__post_init__")
    if isinstance(after, Function):
        call_function(w, after.bind(made), [], {}, node)


def stand_in(w: Walker, cls: ClassValue, node: ast.AST) -> Instance:
    """An instance of a class whose making is not seen: the first one that is, else one made with unknown arguments.

    Threads: the reader's own; does not block.
    """
    known = w.world.instances.get(id(cls.node))
    if known:
        return known[0]
    if any(n is cls.node for n in w.stack) or len(w.stack) >= DEEPEST:
        return Instance(cls, ())
    init = cls.find("__init__")
    sister = w.world.stand_ins.get(id(init.node)) if isinstance(init, Function) else None
    w.stack.append(cls.node)
    before, w.loops = w.loops, ()
    try:
        if sister is not None:
            made: Value = repetition.sister_of(w, sister, cls)
        else:
            made = instantiate(w, cls, [], {}, cls.node)
    finally:
        w.loops = before
        w.stack.pop()
    if not isinstance(made, Instance):
        return Instance(cls, ())
    if isinstance(init, Function):
        w.world.stand_ins[id(init.node)] = made
    w.world.instances.setdefault(id(cls.node), []).append(made)
    return made
