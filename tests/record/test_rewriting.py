"""A function with probes does what it did, and is rewritten whatever it looks like."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import pytest

from paramedic.record.patches import FIND_CALLER, CannotRewrite, Guard, Patch, Span, Stored, Target
from paramedic.record.rewrite import prepare
from paramedic.trace import native

SOURCE = '''
import contextlib, functools

class Base:
    def hello(self, name="base"): return f"hello {name}"
    def __private(self): return "private"
    def calls_private(self): return self.__private()

class _Hidden(Base):
    def hello(self, name="hidden", *more, key=3, **rest):
        """Its words."""
        return super(_Hidden, self).hello(name) + str((more, key, rest))
    def short_super(self): return super().hello("short")
    @property
    def x(self): return 1
    @classmethod
    def made(cls): return cls.__name__
    def nested(self):
        def inner(): return self.hello("inner")
        return [inner() for _ in range(2)], (lambda: self)() is self
    def recursive(self, n): return 0 if not n else 1 + self.recursive(n - 1)
    def own_name(self): return _Hidden.__name__, __class__.__name__, __name__

def nothing(): pass
def scope(): return [str(n) for n in range(2)]
def only_words():
    """Only words."""
def falls_through(x):
    if x: return "early"
    y = x
def raises(x):
    try: return 1 / x
    except ZeroDivisionError as e: raise KeyError("k") from e
    finally: seen.append("finally")
def loops(n):
    for i in range(n):
        try:
            if i == 2: continue
            if i == 4: break
        finally: seen.append(i)
    else: return "else"
    return "broken"
def with_block():
    with contextlib.suppress(ValueError):
        raise ValueError
    return "after"
def returns_in_finally():
    try: raise ValueError
    finally: return "swallowed"
def closure(a):
    def made(b): return a + b
    return made
made = closure(1)
def multi(a, b,
          c=(1,
             2),
          ): return (a,
                     b, c)
def matched(x):
    match x:
        case [a, *b]: return a, b
        case {"k": v}: return v
        case _: return
def walrus(x): return (y := x + 1) * y
def lines():
    import sys
    return sys._getframe().f_lineno, sys._getframe().f_code.co_firstlineno
@functools.lru_cache
def cached(x): return x
def one(x): seen.append(x); return (
    x
)
seen = []
'''
CALLS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "super of a class by name": ("_Hidden.hello", lambda m: m._Hidden().hello("a", "b", key=1, other=2)),
    "super without arguments": ("_Hidden.short_super", lambda m: m._Hidden().short_super()),
    "a name that is mangled": ("Base.calls_private", lambda m: m._Hidden().calls_private()),
    "a mangled function": ("Base._Base__private", lambda m: m.Base().calls_private()),
    "functions in it": ("_Hidden.nested", lambda m: m._Hidden().nested()),
    "a function that calls itself": ("_Hidden.recursive", lambda m: m._Hidden().recursive(50)),
    "names of the class": ("_Hidden.own_name", lambda m: m._Hidden().own_name()),
    "the name of a scope": ("scope", lambda m: m.scope()),
    "nothing in it": ("nothing", lambda m: m.nothing()),
    "only words in it": ("only_words", lambda m: (m.only_words(), m.only_words.__doc__)),
    "an end without a return": ("falls_through", lambda m: (m.falls_through(0), m.falls_through(1))),
    "exceptions": ("raises", lambda m: (m.raises(1), m.seen)),
    "loops": ("loops", lambda m: (m.loops(3), m.loops(9), m.seen)),
    "a with statement": ("with_block", lambda m: m.with_block()),
    "a return in finally": ("returns_in_finally", lambda m: m.returns_in_finally()),
    "a closure": ("made", lambda m: m.made(2)),
    "many lines": ("multi", lambda m: m.multi(1, b=2)),
    "a match statement": ("matched", lambda m: (m.matched([1, 2]), m.matched({"k": 3}), m.matched(5))),
    "an assignment expression": ("walrus", lambda m: m.walrus(2)),
    "its own lines": ("lines", lambda m: m.lines()),
    "a return over lines": ("one", lambda m: (m.one(4), m.seen)),
}


@pytest.fixture
def module(tmp_path: Path) -> ModuleType:
    """The source above, imported anew."""
    path = tmp_path / "rewritten_sample.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("rewritten_sample", path)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def found(module: ModuleType, path: str) -> FunctionType:
    thing: Any = module
    for name in path.split("."):
        thing = vars(thing)[name]
    assert isinstance(thing, FunctionType)
    return thing


def watched(function: FunctionType, log: list[object]) -> Patch:
    def enter(*values: object) -> str:
        log.append("enter")
        return "token"

    def leave(token: object, result: object) -> object:
        log.append("leave")
        return result

    def fail(token: object, error: BaseException) -> None:
        log.append(type(error).__name__)

    return prepare(function, Target(None, function.__name__, enter, leave, fail))


@pytest.mark.parametrize("name", CALLS)
def test_it_does_what_it_did(name: str, module: ModuleType, tmp_path: Path) -> None:
    path, call = CALLS[name]
    function = found(module, path)
    expected, log = call(module), []  # type: list[object]
    module.seen.clear()
    original = function.__code__
    patch = watched(function, log)
    patch.apply()
    assert call(module) == expected
    assert log and log.count("enter") == log.count("leave")
    rewritten = function.__code__
    for attribute in ("co_name", "co_qualname", "co_filename", "co_firstlineno", "co_freevars"):
        assert getattr(rewritten, attribute) == getattr(original, attribute), attribute
    patch.undo()
    assert function.__code__ is original


def test_an_exception_goes_through_with_its_own_lines(module: ModuleType) -> None:
    log: list[object] = []

    def trace() -> list[tuple[str, int]]:
        try:
            module.raises(0)
        except KeyError as e:
            assert isinstance(e.__cause__, ZeroDivisionError)
            lines, tb = [], e.__traceback__
            while tb is not None:
                lines.append((tb.tb_frame.f_code.co_name, tb.tb_lineno))
                tb = tb.tb_next
            return lines[1:]
        raise AssertionError

    expected = trace()
    patch = watched(module.raises, log)
    patch.apply()
    assert trace() == expected
    assert log == ["enter", "KeyError"]


@pytest.mark.parametrize("code", ["def f():\n    yield 1\n", "async def f():\n    pass\n", "f = lambda: 1\n"])
def test_what_cannot_be_rewritten_is_said_and_left(code: str, tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text(code)
    space: dict[str, Any] = {}
    exec(compile(code, str(path), "exec"), space)
    with pytest.raises(CannotRewrite):
        watched(space["f"], [])


def test_a_source_that_was_replaced_meanwhile_is_not_used(module: ModuleType) -> None:
    Path(module.__file__ or "").write_text(SOURCE.replace("def walrus(x): return", "def walrus(x, z): return z,"))
    with pytest.raises(CannotRewrite):
        watched(module.walrus, [])
    assert module.walrus(2) == 9
    assert sys.modules.get("rewritten_sample") is None


LOCKS = """
import threading
from threading import Lock
def by_module(): return threading.Lock()
def by_name(): return Lock()
"""


@pytest.mark.parametrize("name", ["by_module", "by_name"])
def test_a_lock_of_inner_code_is_made_by_the_real_function_while_ours_stands_there(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, space = tmp_path / "x.py", {}  # type: Path, dict[str, Any]
    path.write_text(LOCKS)
    exec(compile(LOCKS, str(path), "exec"), space)
    ours, real = (lambda: "ours"), (lambda: "real")
    function = space[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepare(function, Target(None, name, makers={"Lock": (ours, real)}, only=True)).apply()

    def made(stands_there: object) -> object:
        space["Lock"] = stands_there
        monkeypatch.setattr("threading.Lock", stands_there)
        return function()

    assert made(ours) == "real"
    assert made(lambda: "the program's") == "the program's"


class _Sites:
    """Knows the stack of every place."""

    def __getitem__(self, _: int) -> int:
        return 5

    @property
    def sites(self) -> _Sites:
        return self

    def __call__(self, *_: object) -> None:
        return None


def test_what_interrupts_a_call_that_has_just_been_stored_ends_it(module: ModuleType) -> None:
    """Ctrl-C may come between any two instructions of ours: the call would be under way for ever."""
    log: list[object] = []

    def stores(*_: object) -> None:
        log.append("stored")
        raise KeyboardInterrupt

    def fail(*told: Any) -> None:
        log.append(told[0])

    chunk = SimpleNamespace(mapping=None, rows=iter([7]), ends={})
    values = {
        "_current": SimpleNamespace(local=SimpleNamespace(chunk=chunk)), "_pack": stores, "_now": lambda: 0,
        "_id_of": id, "_begins": 0, "_len": len,
    }  # fmt: skip
    guard = Guard(f"{FIND_CALLER} is None", {"_getframe": sys._getframe})
    function = found(module, "Base.hello")
    sys._getframe().f_trace = _Sites()
    Base = module.Base
    patch = prepare(
        function, Target(Base, "hello", fail=fail, guard=guard, span=Span("_first._paramedic_id_", "", values))
    )
    Base._paramedic_id_ = 3
    patch.apply()
    with pytest.raises(KeyboardInterrupt):
        Base().hello()
    assert log == ["stored", (chunk, 7)]


BEGINS = '''
class Channel:
    number, _paramedic_id_ = 7, 0
    def comes(self, message):
        """Its words."""
        handled.append(message)
        return self, message
'''


def channel_that_stores(tmp_path: Path, told: list[object], rows: Any) -> Any:
    path, space = tmp_path / "y.py", {"handled": []}  # type: Path, dict[str, Any]
    path.write_text(BEGINS)
    exec(compile(BEGINS, str(path), "exec"), space)
    Channel = space["Channel"]
    chunk = SimpleNamespace(mapping="mapping", rows=rows)
    values = {
        "_current": SimpleNamespace(local=SimpleNamespace(chunk=chunk)), "_now": lambda: 9,
        "_pack": lambda *fields: told.append(fields),
    }  # fmt: skip
    stored = Stored(
        "message > 10", "_first.number, 1 / (message - 12)", values, "_first._paramedic_id_ = 5", "message == 3"
    )

    def enter(*arguments: object) -> None:
        told.append(("probe", *arguments))

    prepare(Channel.comes, Target(Channel, "comes", enter, parameters=("message",), stored=stored)).apply()
    return Channel


def test_a_row_is_stored_as_a_function_begins(tmp_path: Path) -> None:
    told: list[object] = []
    channel = channel_that_stores(tmp_path, told, iter([2]))()
    assert channel.comes(11) == (channel, 11)
    assert told == [("mapping", 64, 9, 7, -1.0)]
    assert channel._paramedic_id_ == 5


@pytest.mark.parametrize(
    ("message", "asked"), [(11, True), (12, True), (3, True), (4, False)], ids=["full", "error", "otherwise", "nothing"]
)
def test_the_probe_is_called_for_a_row_that_could_not_be_stored(tmp_path: Path, message: int, asked: bool) -> None:
    told: list[object] = []
    channel = channel_that_stores(tmp_path, told, iter([2] if message == 12 else []))()
    assert channel.comes(message) == (channel, message)
    assert told == ([("probe", channel, message)] if asked else [])
    assert channel._paramedic_id_ == 0


def test_what_interrupts_as_a_row_is_stored_goes_on_to_the_program(tmp_path: Path) -> None:
    told: list[object] = []
    Channel = channel_that_stores(tmp_path, told, iter([2]))

    def interrupts(self: object) -> int:
        raise KeyError("the program's")

    Channel.number = property(interrupts)
    with pytest.raises(KeyError, match="the program's"):
        Channel().comes(11)
    assert told == []


class Looks:
    """What rewritten code looks something up in, and how often."""

    def __init__(self, answer: object) -> None:
        self.answer, self.asked = answer, 0

    def __getitem__(self, _: object) -> object:
        self.asked += 1
        return self.answer


class NoCall:
    """A call that is not recorded."""

    def __getitem__(self, result: object) -> object:
        return result


@pytest.mark.skipif(native.rows is None, reason="built without a compiler")
@pytest.mark.parametrize("passes_over", [False, True])
def test_what_is_often_passed_over_runs_as_if_nobody_watched(module: ModuleType, passes_over: bool) -> None:
    Base = module.Base
    inner, begin = Looks(passes_over), Looks(NoCall())
    guard = Guard("not _inside[_first]", {"_inside": inner}, often=True)
    span = Span("True", "", {"_begin": None}, (None, None, 0), lambda _: begin)
    prepare(found(module, "Base.hello"), Target(Base, "hello", guard=guard, span=span)).apply()
    assert Base().hello() == "hello base"
    assert (inner.asked, begin.asked) == (1, 0 if passes_over else 1)


def test_what_is_defined_inside_keeps_its_name(tmp_path: Path) -> None:
    """`HostKeys.lookup` returns an object of a class that it defines itself."""
    source = "class Keys:\n  def lookup(self):\n    class Found:\n      def get(self): pass\n    return Found\n"
    path = tmp_path / "keys.py"
    path.write_text(source)
    space: dict[str, Any] = {"__name__": "keys"}
    exec(compile(source, str(path), "exec"), space)
    plain = space["Keys"]().lookup()
    prepare(space["Keys"].lookup, Target(space["Keys"], "lookup")).apply()
    found = space["Keys"]().lookup()
    assert (found.__qualname__, found.get.__qualname__) == (plain.__qualname__, plain.get.__qualname__)
    assert found.get.__code__.co_qualname == plain.get.__code__.co_qualname


COUNTS = """
total = 0
def counts(by):
    global total
    for _ in range(by):
        total += 1
    def inner():
        global total
        total += 10
    inner()
    try:
        return total
    finally:
        total += 100
def outer():
    here = 0
    def counts(by):
        nonlocal here
        here += by
        return here
    return counts
"""


@pytest.mark.parametrize("asks", ["True", "False", "_flip()"])
def test_what_is_passed_over_and_what_is_watched_share_their_declarations(tmp_path: Path, asks: str) -> None:
    """Both are in one function, in which a name is declared once, before it is used."""
    path = tmp_path / "counting.py"
    path.write_text(COUNTS)
    space: dict[str, Any] = {"__name__": "counting"}
    exec(compile(COUNTS, str(path), "exec"), space)
    turns, left = iter([True, False] * 9), []  # type: Any, list[object]

    def leave(token: object, result: object) -> object:
        left.append(result)
        return result

    for function in (space["counts"], space["outer"]()):
        guard = Guard(asks, {"_flip": turns.__next__})
        target = Target(space, function.__name__, lambda first: "token", leave, guard=guard)
        prepare(function, target).apply()
        by_nonlocal = function is not space["counts"]
        results = [function(2), function(2)]
        assert results == ([2, 4] if by_nonlocal else [12, 124])
    assert len(left) == {"True": 4, "False": 0, "_flip()": 2}[asks]
    assert space["total"] == 224
