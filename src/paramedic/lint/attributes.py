"""Attributes: reading and writing them on instances, classes, modules and known objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramedic.lint import api, calls, classes, loops, repetition, wrappers
from paramedic.lint.values import (
    Bound,
    ClassValue,
    Collection,
    Const,
    External,
    Function,
    Instance,
    ModuleValue,
    Native,
    Obj,
    Partial,
    Unknown,
    Value,
    alternatives,
    choose,
    number_of,
)

if TYPE_CHECKING:
    import ast

    from paramedic.lint.walker import Walker

_SUBMITTING = frozenset({"submit", "map", "apply_async", "imap", "imap_unordered", "starmap", "map_async"})
TABLES = {**api.METHODS, **wrappers.METHODS}


def read(w: Walker, holder: Value, name: str, node: ast.AST) -> Value:
    """What ``holder.name`` may be.

    Threads: the reader's own; does not block.
    """
    if type(holder) is Instance:
        return of_instance(w, holder, name, node)
    options = alternatives(holder)
    if len(options) == 1:
        return _read_one(w, options[0], name, node) or Unknown(name)
    found = []
    for option in options:
        value = _read_one(w, option, name, node)
        if value is not None:
            found.append(value)
    return choose(found) if found else Unknown(name)


def _read_one(w: Walker, holder: Value, name: str, node: ast.AST) -> Value | None:
    if isinstance(holder, External):
        return External(f"{holder.path}.{name}")
    if isinstance(holder, Instance):
        return of_instance(w, holder, name, node)
    if isinstance(holder, Obj):
        return of_object(w, holder, name, node)
    if isinstance(holder, ModuleValue):
        return of_module(w, holder, name)
    if isinstance(holder, ClassValue):
        member = holder.find(name)
        if isinstance(member, Function) and member.kind == "class":
            return member.bind(holder)
        if member is None and name == "__init__":
            return None
        if member is None:
            for base in holder.external_bases():
                path = f"{base}.{name}"
                return _made_by_subclass(w, holder, path, node) if path in api.MAKERS else External(path)
        return member
    if isinstance(holder, Const) and holder.value is None:
        return None
    if isinstance(holder, (Collection, Const, Partial)):
        return Bound(holder, name)
    if isinstance(holder, Unknown):
        kind = api.TELLING.get(name) if w.module.knows_paramiko else None
        last = holder.name.rsplit(".", 1)[-1].lower()
        if name in _SUBMITTING and ("pool" in last or "executor" in last):
            kind = "executor"
        if kind is not None:
            holder.became = w.make(kind, node)
            holder.became.loops = holder.loops
            holder.became.born = 0
            holder.became.label = holder.name
            w.world.escaped.add(id(holder.became))
            if kind == "executor":
                module = "multiprocessing" if "proc" in last else "concurrent.futures.ThreadPoolExecutor"
                holder.became.parts["__path"] = Const(module)
            return of_object(w, holder.became, name, node)
        return Unknown(f"{holder.name}.{name}" if holder.name else name, holder.loops)
    return None


def _made_by_subclass(w: Walker, cls: ClassValue, path: str, node: ast.AST) -> Value:
    """``from_transport`` of a class of the tree: it opens a channel and gives it to that class."""

    def run(args: list[Value], keywords: dict[str, Value]) -> Value:
        plain = calls.call(w, External(path), args, keywords, node)
        made = calls.instantiate(w, cls, [Unknown("channel")], {}, node)
        if isinstance(made, Instance) and made.native is not None and isinstance(plain, Obj):
            made.native.parent = plain.parent
        return made

    return Native(path, run)


def of_module(w: Walker, holder: ModuleValue, name: str) -> Value | None:
    """A global of a module of the tree, or one of its submodules.

    Threads: the reader's own; does not block.
    """
    from paramedic.lint import definitions

    definitions.run_module(w, holder.module)
    found = holder.module.scope.lookup(name)
    if found is None:
        below = w.world.find_module(f"{holder.module.name}.{name}", holder.module.source.path)
        if below is not None:
            return ModuleValue(below)
    return found


def of_instance(w: Walker, holder: Instance, name: str, node: ast.AST) -> Value:
    """An attribute of an instance: its own, its class's, or its native side's.

    Threads: the reader's own; does not block.
    """
    if holder.native is not None and holder.native.kind == "local":
        own = of_local(w, holder.native, name, node)
        if own is not None:
            return own
    own = _own(w, holder, name)
    if w.context.parent is not None and (own is None or not repetition.matters(own)):
        _look_again(w, holder, name)
    if own is not None:
        return own
    member = holder.cls.find(name)
    if isinstance(member, Function):
        if member.kind == "static":
            return member
        bound = member.bind(holder.cls if member.kind == "class" else holder)
        if member.kind in {"property", "kept property"}:
            made = calls.call(w, bound, [], {}, node)
            if member.kind == "kept property":
                write(w, holder, name, made)
            return made
        return bound
    if member is not None:
        return member
    if holder.native is not None:
        return of_object(w, holder.native, name, node)
    fallback = holder.cls.find("__getattr__")
    if isinstance(fallback, Function) and not name.startswith("__"):
        return calls.call(w, fallback.bind(holder), [Const(name)], {}, node)
    fresh = Unknown(f"self.{name}", holder.loops)
    root = holder
    while root.base is not None:
        root = root.base
    kept = root.attrs.setdefault(name, fresh)
    return kept


def _look_again(w: Walker, holder: Instance, name: str) -> None:
    """Notes that a thread found nothing in an attribute that some other method may fill."""
    root = holder
    while root.base is not None:
        root = root.base
    if isinstance(root.cls.find(name), Function):
        return
    w.world.came_for(lambda: sum(map(repetition.matters, root.ever.get(name, ()))), w.context)


def _own(w: Walker, holder: Instance, name: str) -> Value | None:
    found = holder.attrs.get(name)
    if found is not None:
        if isinstance(found, (Const, Unknown)) and len(holder.ever.get(name, ())) > 1:
            if w.world.put_instead.get(id(found)) == (w.world.episode, id(w.context)):
                return found  # the same run has just put something else there
            return choose([found, *holder.ever[name]])
        return _earlier(w, holder, name, found) if isinstance(found, Obj) else found
    if holder.base is None:
        return None
    inherited = _own(w, holder.base, name)
    if inherited is None:
        return None
    others: set[int] = set()
    for sibling in holder.siblings:
        if isinstance(sibling, Instance):
            others.update(id(v) for v in sibling.attrs.values())
    options = []
    for option in alternatives(inherited):
        made_with_it = not holder.spread or bool(holder.spread & set(getattr(option, "loops", ()))) or holder.owned
        if isinstance(option, (Obj, Instance)) and made_with_it and id(option) not in others:
            options.append(loops.as_one_of(option, holder.tag, holder.loops, distinct=True, owned=holder.owned))
        else:
            options.append(option)
    return choose(options)


def of_local(w: Walker, holder: Obj, name: str, node: ast.AST) -> Value | None:
    """An attribute of a threading.local: each thread has its own.

    Threads: the reader's own; does not block.
    """
    values = holder.root.ever.get(name)
    if not values:
        return None
    tag = ("local", id(w.context))
    return choose([loops.as_one_of(v, tag, w.loops, distinct=True, owned=True) for v in values])


def of_object(w: Walker, holder: Obj, name: str, node: ast.AST) -> Value:
    """An attribute of a known object: a part, a method of its table, or something that was stored on it.

    Threads: the reader's own; does not block.
    """
    if holder.kind == "local":
        return of_local(w, holder, name, node) or Unknown(name)
    if name in holder.parts:
        return holder.parts[name]
    if holder.kind in api.STREAMS and name == "channel":
        return holder.parent if holder.parent is not None else Unknown(name)
    if holder.kind == "channel" and name == "status_event":
        return part(w, holder, "statusevent", node)
    if holder.kind == "client" and name == "_transport":
        return part(w, holder, "transport", node)
    if holder.kind == "fabric" and name in {"client", "transport"}:
        return part(w, holder, name, node)
    if holder.kind == "pysftp" and name == "sftp_client":
        return part(w, holder, "sftp", node)
    if holder.kind == "netmiko" and name in {"remote_conn", "remote_conn_pre"}:
        return part(w, holder, "channel" if name == "remote_conn" else "client", node)
    if holder.kind == "sftpfile" and name == "sftp":
        return holder.parent if holder.parent is not None else Unknown(name)
    if name in TABLES.get(holder.kind, {}) or holder.kind in classes.KINDS:
        return Bound(holder, name)
    if holder.kind in TABLES:
        return Unknown(name)
    return Bound(holder, name)


def part(w: Walker, holder: Obj, kind: str, node: ast.AST) -> Obj:
    """What an object hands out again and again, such as a client's transport.

    Threads: the reader's own; does not block.
    """
    key = f"part:{kind}"
    found = holder.parts.get(key)
    if isinstance(found, Obj):
        return found
    if holder.base is not None:
        below = part(w, holder.base, kind, node)
        made = below.view(holder.tag, holder.loops, owned=holder.owned, uncertain=holder.uncertain)
        made.parent = holder
    else:
        made = w.make(kind, node, holder)
        made.loops = holder.loops
        made.maker = holder.maker
        made.born = holder.born
    holder.parts[key] = made
    return made


def _keep_local(w: Walker, holder: Obj, name: str, value: Value) -> None:
    holder.root.ever.setdefault(name, []).append(value)
    for kept in alternatives(value):
        if isinstance(kept, Obj):
            kept.root.parts["__local"] = holder.root
        elif isinstance(kept, Collection):
            kept.local = holder.root
        elif isinstance(kept, Instance) and not any(True for _ in kept.cls.external_bases()):
            if kept.cls.find("__del__") is None:  # else it may close what it has when its thread ends
                w.world.in_locals.add(id(kept.root))


def share(w: Walker, value: Value, holder: tuple[int, ...]) -> None:
    """What one of several threads makes and puts where all of them look is not that thread's own any more.

    Threads: the reader's own; does not block.
    """
    turns = w.context.turns() - set(holder)
    if not turns:
        return
    for option in alternatives(value):
        if isinstance(option, Obj):
            # With a key, its agent; with a channel, its connection.
            for one in option.lineage():
                if one.base is None and turns & set(one.loops):
                    one.loops = tuple(n for n in one.loops if n not in turns)
                    one.published = w.world.next_moment()
        elif isinstance(option, Collection):
            for held in option.everything():
                if not isinstance(held, Collection):
                    share(w, held, holder)
        elif isinstance(option, Instance) and option.base is None and turns & set(option.loops):
            option.loops = tuple(n for n in option.loops if n not in turns)
            for held in [v for values in option.ever.values() for v in values]:
                share(w, held, holder)


def _replaced(w: Walker, old: Value | None, new: Value) -> None:
    """Notes when an object was taken out of an attribute: threads that began before may have had it from there."""
    if isinstance(old, Obj) and old is not new:
        old.root.parts["__replaced"] = Const(w.world.next_moment())


def _earlier(w: Walker, holder: Instance, name: str, found: Value) -> Value:
    """What a thread may find in an attribute: also what was put in its place after the thread began."""
    known = holder.ever.get(name, ())
    if w.context.parent is None or len(known) < 2:
        return found
    others = [
        one
        for one in known
        if isinstance(one, Obj) and one is not found
        if (number_of(one.root.parts.get("__replaced", Const(0))) or 0) > w.context.start
    ]
    return choose([found, *others]) if others else found


def _shown(w: Walker, value: Value) -> None:
    """Notes when the maker of an object first put it where others look: until then it had it alone."""
    for option in alternatives(value):
        if isinstance(option, Obj) and option.base is None and option.published == 0 and option.born:
            option.published = w.world.next_moment()


def _is_one_each(element: Instance, value: Value) -> None:
    """What one element of several makes for itself (a client at its first use) is another one in each element.

    It is made in the turn of a loop that has the element, or by the element's own methods.
    """
    if not element.spread:
        return
    turns = set(element.loops) - element.spread
    for one in alternatives(value):
        if isinstance(one, Obj) and (turns <= set(one.loops) if turns else _is_made_by(one, element)):
            one.loops = (*one.loops, *(n for n in element.loops if n not in one.loops))


def _is_made_by(made: Obj, element: Instance) -> bool:
    """Whether the code of the element's classes makes it."""
    site = made.root.site
    classes = (c for c in element.cls.lineage() if str(c.module.source.path) == site.file)
    return any(c.node.lineno <= site.line <= (c.node.end_lineno or 0) for c in classes)


def write(w: Walker, holder: Value, name: str, value: Value) -> None:
    """``holder.name = value``.

    Threads: the reader's own; does not block.
    """
    if repetition.matters(value):
        w.world.writes += 1
        _shown(w, value)
    elif type(value) is Unknown:
        w.world.put_instead[id(value)] = (w.world.episode, id(w.context))
    for option in alternatives(holder):
        if isinstance(option, Instance):
            if option.native is not None and option.native.kind == "local":
                _keep_local(w, option.native, name, value)
                continue
            share(w, value, option.loops)
            _is_one_each(option, value)
            one: Instance | None = option
            _replaced(w, option.attrs.get(name), value)
            while one is not None:
                one.attrs[name] = value
                known = one.ever.setdefault(name, [])
                if len(known) < 12:
                    known.append(value)
                one = one.base
        elif isinstance(option, Obj):
            if option.kind == "local":
                _keep_local(w, option, name, value)
            else:
                option.parts[name] = value
                option.root.parts.setdefault(name, value)
                if isinstance(value, Obj):
                    value.root.parts["__kept_with"] = option
        elif isinstance(option, ClassValue):
            share(w, value, ())
            option.members[name] = value if name not in option.members else choose([option.members[name], value])
        elif isinstance(option, ModuleValue):
            option.module.scope.assign(name, value)
        else:
            w.world.escape(value)
