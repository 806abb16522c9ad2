"""What the lenses ask: which operations may meet, what they have in common, and how to tell it."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from paramedic.lint import api, classes
from paramedic.lint.contexts import Context, branch_from, one_after_another
from paramedic.lint.keepers import globals_of, keepers
from paramedic.lint.meetings import Meetings
from paramedic.lint.modules import Module
from paramedic.lint.operations import Operation, exclusive
from paramedic.lint.values import (
    Collection,
    Const,
    External,
    Instance,
    Obj,
    Unknown,
    Value,
    alternatives,
    number_of,
    text_of,
)
from paramedic.lint.world import World
from paramedic.model.finding import Confidence, Edit, Finding, Site, Step
from paramedic.model.hazard import Hazard


class SourceFacts(Meetings):
    """Facts of one program, read from one root module.

    Attributes:
        operations: every call on a known object, in the order in which it was read.
        contexts: every thread, process and callback that the source starts.
        anywhere: stands for what all threads share: a file, the process.
        incomplete: whether the reading was given up because it took too long.
    """

    def __init__(self, world: World, modules: Sequence[Module]) -> None:
        super().__init__(world)
        self.modules = modules
        self.operations: list[Operation] = world.operations
        self.contexts: list[Context] = world.contexts
        self.incomplete = world.exhausted
        self.anywhere = Obj("world", Site(file=str(modules[0].source.path), line=0), (), world.main)
        self._by_effects: dict[tuple[str, ...], list[Operation]] = {}
        self._by_object: dict[int, list[Operation]] = {}
        self._below: dict[int, list[Operation]] = {}
        self._chosen: dict[tuple[int, tuple[str, ...]], list[Operation]] = {}
        for operation in world.operations:
            self._by_object.setdefault(id(operation.obj.root), []).append(operation)
            for root in {id(one.root) for one in operation.obj.lineage()}:
                self._below.setdefault(root, []).append(operation)

    def says(self, *words: str) -> bool:
        """Whether the source of any module that was read has one of these words.

        Threads: pure.
        """
        return any(word in m.source.text for m in self.world.modules.values() for word in words)

    # ------------------------------------------------------------ operations

    def having(self, *effects: str, kinds: Iterable[str] | None = None) -> list[Operation]:
        """Operations with any of the effects, on objects of these kinds.

        Threads: pure.
        """
        found = self._by_effects.get(effects)
        if found is None:
            if not self._by_effects:
                for operation in self.operations:
                    for effect in operation.effects:
                        self._by_effects.setdefault((effect,), []).append(operation)
            wanted = frozenset(effects)
            known = len(effects) > 1 and any((effect,) in self._by_effects for effect in effects)
            found = [o for o in self.operations if not wanted.isdisjoint(o.effects)] if known else []
            found = self._by_effects.setdefault(effects, found)
        if kinds is None:
            return found
        allowed = frozenset(kinds)
        return [o for o in found if o.obj.kind in allowed]

    def of(self, obj: Obj, *effects: str) -> list[Operation]:
        """Operations on one object, on any view of it.

        Threads: pure.
        """
        return self._having(self._by_object, obj, effects)

    def below(self, obj: Obj, *effects: str) -> list[Operation]:
        """Operations on an object and on all that lives on it.

        Threads: pure.
        """
        return self._having(self._below, obj, effects)

    def _having(self, index: dict[int, list[Operation]], obj: Obj, effects: tuple[str, ...]) -> list[Operation]:
        found = index.get(id(obj.root))
        if found is None:
            return []
        if not effects:
            return found
        # One client may have thousands of operations, and each of them asks for those that close it.
        key = (id(found), effects)
        chosen = self._chosen.get(key)
        if chosen is None:
            wanted = frozenset(effects)
            chosen = self._chosen[key] = [o for o in found if not wanted.isdisjoint(o.effects)]
        return chosen

    @staticmethod
    def channel(obj: Obj) -> Obj | None:
        """The channel that an object is or is a stream of.

        Threads: pure.
        """
        return next((one for one in obj.lineage() if one.kind == "channel"), None)

    @staticmethod
    def channel_of(operation: Operation) -> Obj | None:
        """The channel on which an operation acts, directly or through a stream: a key for `conflicts`.

        Threads: pure.
        """
        return SourceFacts.channel(operation.obj)

    @staticmethod
    def connection(obj: Obj) -> Obj:
        """The connection that an object lives on: the client where there is one.

        Threads: pure.
        """
        return list(obj.lineage())[-1]

    @staticmethod
    def command(channel: Obj) -> str | None:
        """The text of the command that a channel runs, as far as the source shows it.

        Threads: pure.
        """
        value = channel.root.parts.get("__exec_command")
        return text_of(value) if value is not None else None

    @staticmethod
    def command_is_known(channel: Obj) -> bool:
        """Whether the command's whole text is in the source.

        Threads: pure.
        """
        value = channel.root.parts.get("__exec_command")
        options = alternatives(value) if value is not None else ()
        return len(options) == 1 and isinstance(options[0], Const) and not options[0].partial

    @staticmethod
    def has_timeout(channel: Obj) -> bool:
        """Whether a timeout was set on the channel anywhere.

        Threads: pure.
        """
        value = channel.root.parts.get("__settimeout")
        return value is not None and not (isinstance(value, Const) and value.value is None)

    @staticmethod
    def timeout_s(channel: Obj) -> float:
        """The timeout that was set on the channel, in seconds; infinity where none or an unknown one was.

        Threads: pure.
        """
        number = number_of(channel.root.parts.get("__settimeout", Unknown()))
        return number if number is not None else math.inf

    def combined(self, channel: Obj, read: Operation) -> bool:
        """Whether the channel's stderr comes out of its stdout, in every run that comes to this read.

        Threads: pure.
        """
        if "__invoke_shell" in channel.root.parts:
            return True
        merging = [o for o in self.of(channel) if o.method in {"set_combine_stderr", "get_pty", "invoke_shell"}]
        if any(set(o.path) <= set(read.path) for o in merging):
            return True
        return "__get_pty" in channel.root.parts and not merging

    def is_there(self, wait: Operation) -> bool:
        """Whether a read is made only where there is something to read: below ``if channel.recv_ready():``.

        Threads: pure.
        """
        channel = self.channel(wait.obj)
        if channel is None:
            return False
        inner = set(wait.loops) - set(wait.context.loops)
        for asked in self.of(channel, "select", "poll", "poll-status"):
            if asked.context is wait.context and asked.moment < wait.moment:
                # select() has said so in this turn of the loop, or the branch around it has.
                if (asked.has("select") and inner & set(asked.loops)) or _is_around(asked.test, wait):
                    return True
        return False

    def in_order(self, first: Operation, second: Operation) -> bool:
        """Whether one run of one thread may do the first and later the second.

        Threads: pure.
        """
        if not one_after_another(first.context, second.context) or exclusive(first, second):
            return False
        if first.context.strand is second.context.strand:
            return first.moment < second.moment
        return first.context.strand.start < second.context.strand.start

    def comes_after(self, first: Operation, second: Operation) -> bool:
        """Whether an operation follows another one: in its thread, in one that has waited for that, or begins later.

        Threads: pure.
        """
        if one_after_another(first.context, second.context):
            return self.in_order(first, second)
        if exclusive(first, second):
            return False
        begun = branch_from(first.context, second.context)
        if begun is not None:
            again = set(first.loops) & set(begun.loops) - set(first.obj.root.loops)
            return begun.episode == first.episode and begun.start > first.moment and not again
        ended = branch_from(second.context, first.context)
        return ended is not None and ended.ends_before(second.moment, second.episode)

    @staticmethod
    def kinds(values: Iterable[Value]) -> list[str]:
        """Kinds of the objects, or of the classes whose objects they become, in the order of the values.

        Threads: pure.
        """
        found = []
        for value in values:
            for option in alternatives(value):
                if isinstance(option, Obj):
                    found.append(option.kind)
                elif isinstance(option, External):
                    found.append(classes.kind_of_class(option.path) or "")
        return found

    def passed_on(self, obj: Obj) -> bool:
        """Whether somebody whom the source does not show holds the object too.

        Threads: pure.
        """
        return id(obj.root) in self.world.escaped

    def closed_anywhere(self, obj: Obj, *, outside: Context | None = None) -> bool:
        """Whether any code closes the object, or the connection that it lives on.

        Threads: pure.
        """
        return any(
            o.context is not outside and (o.obj.root is obj.root or self.connection(o.obj).root is obj.root)
            for o in self.having("close")
            if o.context.kind != "atexit" or outside is None  # such a handler waits for threads, too
            if o.obj.kind not in {"channel", "sftp"} or o.obj.root is obj.root
        )

    def held_by_instance(self, obj: Obj) -> bool:
        """Whether an object of the tree, or a module, keeps it.

        Threads: pure.
        """
        return bool(self.keepers(obj)) or id(obj.root) in self._globals

    def keepers(self, obj: Obj) -> list[Instance]:
        """The objects of the tree that have an object as an attribute, or in one.

        Threads: pure.
        """
        return self._keepers.get(id(obj.root), [])

    def is_in_locals(self, obj: Obj) -> bool:
        """Whether only objects of the tree keep it that each thread has for itself.

        Threads: pure.
        """
        mine = self.keepers(obj)
        return bool(mine) and all(id(one.root) in self.world.in_locals for one in mine) and not self.passed_on(obj)

    @cached_property
    def _keepers(self) -> dict[int, list[Instance]]:
        return keepers(self.world)

    @cached_property
    def _globals(self) -> frozenset[int]:
        return globals_of(self.world)

    def carrier(self, obj: Obj) -> Obj | None:
        """The channel of another connection through which this one runs.

        Threads: pure.
        """
        for one in obj.lineage():
            found = one.root.parts.get("__carrier")
            if isinstance(found, Obj) and found.kind == "channel":
                return found
        return None

    def submitted(self) -> list[tuple[Obj, Context]]:
        """Futures and the contexts of their work.

        Threads: pure.
        """
        return self.world.submissions

    def may_fail(self, future: Obj, context: Context) -> list[Operation]:
        """What may raise in the work of a future: calls that wait for a server; in a task, also what it awaits.

        Threads: pure.
        """
        waits = [o for o in self.having("waits") if not self.never_fails(o)]
        since, until = (number_of(future.parts.get(name, Unknown())) for name in ("__since", "__until"))
        if since is None or until is None:
            return [o for o in waits if o.context is context]
        found = [o for o in waits if o.context is context and since < o.moment < until and o.on_loop]
        for wait in self.having("awaits"):
            if wait.context is context and since < wait.moment < until and not wait.guarded:
                work = [c for one, c in self.world.submissions if one.root is wait.obj.root]
                found += [o for o in waits if any(o.context is c for c in work)]
        return found

    def never_fails(self, wait: Operation) -> bool:
        """Whether a wait ends without an error whatever the server does (channel.py, recv and recv_exit_status).

        Threads: pure.
        """
        channel = self.channel(wait.obj)
        if channel is None or wait.has("status"):
            return channel is not None
        return bool(wait.effects & {"read:stdout", "read:stderr"}) and not self.has_timeout(channel)

    def never_read(self, future: Obj) -> bool:
        """Whether a collection keeps the future and nobody ever looks into it.

        Threads: pure.
        """
        return isinstance(future.parts.get("__kept"), Collection)

    @staticmethod
    def collection_is_read(value: Value) -> bool:
        """Whether somebody iterates over a collection or takes items from it.

        Threads: pure.
        """
        return isinstance(value, Collection) and value.read

    def is_script(self, file: str) -> bool:
        """Whether nothing in the trees that were read imports the file.

        Threads: pure.
        """
        return Path(file) not in self.world.index.imported and Path(file) in self.world.roots

    def never_called(self, done: Operation, other: Operation) -> bool:
        """Whether a script does one thing, and the other is in a function that nothing in its tree names.

        Threads: pure.
        """
        if other.root in {"", "the module"} or other.root.startswith("__") or done.root != "the module":
            return False
        named = re.compile(rf"\b{re.escape(other.root)}\b")
        texts = [m.source.text for m in self.world.modules.values()]
        return (
            self.is_script(str(self.world.episode_root[done.episode]))
            and sum(len(named.findall(t)) for t in texts) <= 1
        )

    # ------------------------------------------------------------ words

    @staticmethod
    def name(obj: Obj) -> str:
        """What a finding calls an object: its kind and where it was made.

        Threads: pure.
        """
        words = api.KIND_WORDS.get(obj.kind, obj.kind)
        site = obj.root.site
        if obj.root.parts.get("__guessed") is not None or not site.line:
            return f"{words} {obj.label}".rstrip()
        return f"{words} (made at {Path(site.file).name}:{site.line})"

    @staticmethod
    def step(operation: Operation, what: str = "") -> Step:
        """One operation as a step of a story.

        Threads: pure.
        """
        stack = tuple(s for s in operation.trail if s.line)
        return Step(
            thread=operation.context.name,
            what=what or (f"calls {operation.method}()" if operation.method != "__iter__" else "reads it line by line"),
            site=operation.site,
            stack=stack,
            locks=tuple(SourceFacts.name(lock) for lock in operation.locks),
        )

    @staticmethod
    def called(operation: Operation) -> str:
        """A call as a noun: ``read()``; for a loop over a stream nobody has written a call.

        Threads: pure.
        """
        return f"{operation.method}()" if operation.method != "__iter__" else "a loop over its lines"

    def steps_of(self, a: Operation, b: Operation) -> tuple[Step, ...]:
        """A pair as a story; where one line does both, two threads of one kind.

        Threads: pure.
        """
        if a is b or (a.site == b.site and a.context is b.context):
            first = self.step(a)
            return (first, Step(thread=f"another {a.context.name}", what=first.what, site=a.site, stack=first.stack))
        if not a.context.parent and b.context.parent:
            a, b = b, a
        return (self.step(a), self.step(b))

    @staticmethod
    def finding(
        hazard: Hazard,
        message: str,
        steps: Iterable[Step],
        *,
        confidence: Confidence = Confidence.POSSIBLE,
        objects: Iterable[Obj] = (),
        fix: str = "",
        edits: Iterable[Edit] = (),
    ) -> Finding:
        """A finding of this lens; its words beyond the message are the hazard's page.

        Threads: pure.
        """
        return Finding(
            hazard=hazard.name,
            code=hazard.code,
            confidence=confidence,
            message=message,
            steps=tuple(steps),
            objects=tuple(dict.fromkeys(SourceFacts.name(o) for o in objects)),
            fix=fix,
            edits=tuple(edits),
        )

    def step_at(self, site: Site, what: str) -> Step:
        """Something that the main thread does at a place.

        Threads: pure.
        """
        return Step(thread=self.world.main.name, what=what, site=site)

    def step_on(self, module: Module, node: ast.AST, what: str) -> Step:
        """Something that a module's body does.

        Threads: pure.
        """
        site = Site(file=str(module.source.path), line=getattr(node, "lineno", 0), function="<module>")
        return self.step_at(site, what)

    def line(self, site: Site) -> str:
        """The source line of a site of a module that was read; "" for others.

        Threads: pure.
        """
        for path, module in self.world.modules.items():
            if str(path) == site.file:
                return module.lines[site.line - 1] if 0 < site.line <= len(module.lines) else ""
        return ""


def _is_around(test: ast.If | ast.While | None, operation: Operation) -> bool:
    """Whether an operation stands in the body of a branch."""
    if test is None:
        return False
    return test.body[0].lineno <= operation.site.line <= (test.body[-1].end_lineno or test.body[-1].lineno)


def values_in(value: Value | None) -> list[Value]:
    """The members of a collection, else the alternatives of a value.

    Threads: pure.
    """
    found: list[Value] = []
    for option in alternatives(value) if value is not None else ():
        found.extend(option.everything() if isinstance(option, Collection) else [option])
    return found
