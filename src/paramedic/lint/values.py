"""What a variable may hold while a program is read: objects by the place that made them, never by their content.

The reader executes a program with these instead of real values. An `Obj` stands for everything that one expression
makes in one run of its function, so two calls of a factory make two `Obj`; a loop body runs once, and `Obj.loops` says
of which loops there is one object per turn.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from paramedic.model.finding import Site

if TYPE_CHECKING:
    from paramedic.lint.contexts import Context
    from paramedic.lint.modules import Module
    from paramedic.lint.ranks import Rank
    from paramedic.lint.scope import Scope

_numbers = itertools.count(1)

Loops = tuple[int, ...]

HAND_OVER = "hand-over"
"""Begins the tag of the views that those have who take things from a queue."""


class Value:
    """Anything that an expression may evaluate to. Two values are the same only if they are one object."""

    __slots__ = ()


class Unknown(Value):
    """Nothing is known, but it keeps its identity: once it is used as a client everywhere it is that client.

    Attributes:
        name: how the program spells it (``self.lock``), for guesses about locks; "" where it has no name.
        became: what its use has shown it to be.
        rank: where each thread has another value, what that says.
    """

    __slots__ = ("name", "became", "loops", "rank")

    def __init__(self, name: str = "", loops: Loops = (), rank: Rank | None = None) -> None:
        self.name = name
        self.became: Obj | None = None
        self.loops = loops
        self.rank = rank


@dataclass(slots=True, eq=False)
class Const(Value):
    """A literal, or what arithmetic on literals gives. ``partial`` marks text of which only the known part is here."""

    value: object
    partial: bool = False


@dataclass(slots=True, eq=False)
class External(Value):
    """Something that another distribution or the standard library defines, by its dotted name."""

    path: str


@dataclass(slots=True, eq=False)
class ModuleValue(Value):
    """A module of the tree that is read."""

    module: Module


@dataclass(slots=True, eq=False)
class Function(Value):
    """A function of the tree with what it closes over."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    module: Module
    scope: Scope
    bound: Value | None = None
    owner: ClassValue | None = None
    kind: str = ""
    """``static``, ``class``, ``property``, ``context`` (a @contextmanager), ``locked`` (an unknown lock decorator)."""
    defaults: dict[str, Value] = field(default_factory=dict)
    loops: Loops = ()
    """The loops of which each turn defines it anew."""
    memory: dict[tuple[object, ...], Value] | None = None
    """For one that remembers its results (lru_cache): by arguments, what it gave."""

    @property
    def name(self) -> str:
        """Bare name; ``<lambda>`` for a lambda.

        Threads: pure.
        """
        return "<lambda>" if isinstance(self.node, ast.Lambda) else self.node.name

    def bind(self, receiver: Value) -> Function:
        """The same function as a method of the receiver.

        Threads: pure.
        """
        return Function(
            self.node, self.module, self.scope, receiver, self.owner, self.kind, self.defaults, self.loops, self.memory
        )


@dataclass(slots=True, eq=False)
class ClassValue(Value):
    """A class of the tree."""

    name: str
    node: ast.ClassDef
    module: Module
    members: dict[str, Value] = field(default_factory=dict)
    bases: list[Value] = field(default_factory=list)
    fields: list[tuple[str, ast.expr | None]] = field(default_factory=list)
    is_record: bool = False
    scope: Scope | None = None
    single: bool = False
    """Whether all calls give one object."""
    order: list[ClassValue] | None = None
    """The lineage, once somebody asked."""

    def lineage(self) -> Iterable[ClassValue]:
        """Itself and its ancestors of this tree, nearest first.

        Threads: pure.
        """
        if self.order is None:
            found: dict[int, ClassValue] = {}
            waiting: list[ClassValue] = [self]
            while waiting:
                one = waiting.pop(0)
                if id(one) not in found:
                    found[id(one)] = one
                    waiting.extend(b for b in one.bases if isinstance(b, ClassValue))
            self.order = list(found.values())
        return self.order

    def external_bases(self) -> Iterable[str]:
        """Dotted names of the ancestors that the tree does not define.

        Threads: pure.
        """
        for one in self.lineage():
            for base in one.bases:
                if isinstance(base, External):
                    yield base.path

    def find(self, name: str) -> Value | None:
        """The member of that name, as inheritance finds it.

        Threads: pure.
        """
        for one in self.order or self.lineage():
            found = one.members.get(name)
            if found is not None:
                return found
        return None


@dataclass(slots=True, eq=False)
class Instance(Value):
    """An object of a class of the tree.

    Attributes:
        native: where the class inherits from something we know (Thread, SSHClient), that side of it.
        base: set on a view: the instance that this is one turn's, thread's or owner's way to see.
        spread: for a view of an element: the loops that made the elements, so that what each made is its own.
        siblings: for a view of an element: the other elements; what they hold too is shared.
        ever: everything that an attribute held at any time: what another thread may find in it.
    """

    cls: ClassValue
    loops: Loops
    attrs: dict[str, Value] = field(default_factory=dict)
    ever: dict[str, list[Value]] = field(default_factory=dict)
    native: Obj | None = None
    base: Instance | None = None
    tag: object = None
    owned: bool = False
    spread: frozenset[int] = frozenset()
    siblings: tuple[Value, ...] = ()
    born: int = 0
    views: dict[object, Instance] = field(default_factory=dict)

    @property
    def root(self) -> Instance:
        """The instance itself, where this is a view.

        Threads: pure.
        """
        one = self
        while one.base is not None:
            one = one.base
        return one

    def view(
        self, tag: object, loops: Loops, spread: frozenset[int], siblings: tuple[Value, ...], *, owned: bool = False
    ) -> Instance:
        """The instance as one turn, thread or owner has it; the same one for the same tag.

        Threads: pure.
        """
        found = self.views.get(tag)
        if found is None:
            native = self.native.view(tag, loops, owned=owned) if self.native is not None else None
            found = Instance(
                self.cls,
                loops,
                native=native,
                base=self,
                tag=tag,
                owned=owned or self.owned,
                spread=spread,
                siblings=siblings,
            )
            self.views[tag] = found
        return found


@dataclass(slots=True, eq=False)
class Obj(Value):
    """An object whose behaviour a table knows: of Paramiko, of a wrapper, or of the standard library's threading.

    Attributes:
        kind: key of the table: ``client``, ``channel``, ``sftp``, ``lock`` …
        site: the expression that made it.
        loops: the loops of which each turn makes one.
        maker: the thread that made it.
        parent: what it lives on: the transport of a channel, the SFTP client of a file.
        parts: what it hands out again and again (a client's transport, a stream's channel), and its attributes.
        base: set on a view, the object of one turn of a loop, thread or hand-over: the object that it is a view of.
        owned: a view that belongs to whoever took it: a hand-over, a thread-local.
        published: the moment when the thread that made it put it where others look; 0 where that is not so.
        uncertain: a view of which nobody can say whether it is one or many: ``clients[host]``.
        instance: the object of the tree whose native side this is.
    """

    kind: str
    site: Site
    loops: Loops
    maker: Context
    parent: Obj | None = None
    parts: dict[str, Value] = field(default_factory=dict)
    ever: dict[str, list[Value]] = field(default_factory=dict)
    base: Obj | None = None
    tag: object = None
    owned: bool = False
    uncertain: bool = False
    instance: Instance | None = None
    views: dict[object, Obj] = field(default_factory=dict)
    number: int = field(default_factory=lambda: next(_numbers))
    born: int = 0
    published: int = 0
    label: str = ""

    @property
    def root(self) -> Obj:
        """The object itself, where this is a view.

        Threads: pure.
        """
        one = self
        while one.base is not None:
            one = one.base
        return one

    def view(self, tag: object, loops: Loops, *, owned: bool = False, uncertain: bool = False) -> Obj:
        """The object as one turn, thread or owner has it; the same one for the same tag.

        Threads: pure.
        """
        found = self.views.get(tag)
        if found is None:
            parent = self.parent
            if parent is not None and (parent.loops == self.loops or owned) and parent.kind != "agent":
                # Keys may be one for each thread, their agent is one for all. Else what one expression made
                # together belongs together: the channel of the streams of one exec_command.
                parent = parent.view(tag, loops, owned=owned, uncertain=uncertain)
            found = Obj(
                self.kind,
                self.site,
                loops,
                self.maker,
                parent,
                dict(self.parts),
                dict(self.ever),
                self,
                tag,
                owned or self.owned,
                uncertain or self.uncertain,
                self.instance,
                born=self.born,
                label=self.label,
            )
            self.views[tag] = found
        return found

    def lineage(self) -> Iterable[Obj]:
        """Itself, what it lives on, and so on.

        Threads: pure.
        """
        one: Obj | None = self
        for _ in range(12):
            if one is None:
                return
            yield one
            one = one.parent


@dataclass(slots=True, eq=False)
class Collection(Value):
    """A list, tuple, set, dict or generator: its items where they are known one by one, else what any may be.

    Attributes:
        items: known items in order.
        keyed: values under keys that are literals.
        rest: what the items may be that are not known one by one.
        length: how many there are, where that is known.
        local: the threading.local that has it.
        begun: for an empty list that is written out: the loops and branches around it.
        missing: what makes the value of a key that is not there (defaultdict).
    """

    items: list[Value] = field(default_factory=list)
    keyed: dict[object, Value] = field(default_factory=dict)
    rest: list[Value] = field(default_factory=list)
    length: int | None = None
    read: bool = False
    missing: Value | None = None
    local: Obj | None = None
    begun: tuple[Loops, tuple[tuple[int, int], ...]] | None = None

    def everything(self) -> list[Value]:
        """Every value that may come out of it, each once.

        Threads: pure.
        """
        return unique([*self.items, *self.keyed.values(), *self.rest])


@dataclass(slots=True, eq=False)
class Bound(Value):
    """A method of an `Obj`, an External's attribute taken from an object, or one of a collection."""

    receiver: Value
    name: str


@dataclass(slots=True, eq=False)
class Native(Value):
    """A function that the reader itself supplies, such as joblib's ``delayed``."""

    name: str
    run: Callable[[list[Value], dict[str, Value]], Value]


@dataclass(slots=True, eq=False)
class Partial(Value):
    """``functools.partial``, or joblib's delayed call."""

    function: Value
    args: list[Value]
    keywords: dict[str, Value]


@dataclass(slots=True, eq=False)
class Choice(Value):
    """One of several."""

    options: tuple[Value, ...]


def unique(values: Sequence[Value]) -> list[Value]:
    """The values without repetition, in order.

    Threads: pure.
    """
    seen: set[int] = set()
    result = []
    for value in values:
        if id(value) not in seen:
            seen.add(id(value))
            result.append(value)
    return result


def choose(values: Iterable[Value], *, limit: int = 8) -> Value:
    """One value that stands for any of these.

    Threads: pure.
    """
    values = list(values)
    if len(values) == 1:
        return values[0]
    if len(values) == 2:
        one, other = values
        if one is other:
            return one
        if _is_nothing(other):  # what has another value in one of the arms is no longer a number of each thread's own
            return one if getattr(one, "rank", None) is None else Unknown()
        if _is_nothing(one):
            return other
    flat: list[Value] = []
    for value in values:
        flat.extend(value.options if isinstance(value, Choice) else [value])
    flat = unique(flat)
    known = [v for v in flat if not isinstance(v, Unknown) or v.became is not None]
    if not known:
        return flat[0] if flat else Unknown()
    interesting = [v for v in known if not (isinstance(v, Const) and v.value is None)]
    if len(interesting) > limit:
        interesting = interesting[:limit]
    if len(interesting) == len(known):
        return interesting[0] if len(interesting) == 1 else Choice(tuple(interesting))
    rest = [v for v in known if isinstance(v, Const) and v.value is None][:1]
    both = [*interesting, *rest]
    return both[0] if len(both) == 1 else Choice(tuple(both))


def _is_nothing(value: Value) -> bool:
    return type(value) is Unknown and value.became is None


def alternatives(value: Value) -> tuple[Value, ...]:
    """What the value may be; unknown ones that have become something are that.

    Threads: pure.
    """
    kind = type(value)
    if kind is Unknown:
        became = value.became  # type: ignore[attr-defined]
        return (value,) if became is None else (became,)
    if kind is Choice:
        options: tuple[Value, ...] = value.options  # type: ignore[attr-defined]
        return tuple(o.became if isinstance(o, Unknown) and o.became is not None else o for o in options)
    return (value,)


def native_objects(value: Value) -> list[Obj]:
    """The table objects that a value may be, through instances whose class inherits from one.

    Threads: pure.
    """
    found = []
    for option in alternatives(value):
        if isinstance(option, Obj):
            found.append(option)
        elif isinstance(option, Instance) and option.native is not None:
            found.append(option.native)
    return found


def objects_in(value: Value) -> list[Obj]:
    """The known objects that a value is, or has as its items.

    Threads: pure.
    """
    found: list[Obj] = []
    for option in alternatives(value):
        if isinstance(option, Obj):
            found.append(option)
        elif isinstance(option, Collection):
            found.extend(o for item in option.everything() for o in alternatives(item) if isinstance(o, Obj))
    return found


def text_of(value: Value) -> str | None:
    """The text of a literal, as far as it is known.

    Threads: pure.
    """
    for option in alternatives(value):
        if isinstance(option, Const) and isinstance(option.value, (str, bytes)):
            text = option.value
            return text.decode("latin-1") if isinstance(text, bytes) else text
    return None


def number_of(value: Value) -> float | None:
    """The number of a literal; None where it is not known to be one number.

    Threads: pure.
    """
    options = alternatives(value)
    if len(options) == 1 and isinstance(options[0], Const):
        number = options[0].value
        if isinstance(number, (int, float)) and not isinstance(number, bool):
            return number
    return None
