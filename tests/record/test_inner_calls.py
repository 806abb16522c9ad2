"""Whether Paramiko itself makes a call is told without the caller's frame object, and as that would tell it."""

from __future__ import annotations

import _thread
import asyncio
import functools
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from types import FrameType
from typing import Any

import paramiko
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramedic.model.operations import OPERATIONS
from paramedic.record.inner_calls import _LOCKS, OFTEN, with_real_locks
from paramedic.record.patches import Target
from paramedic.trace import native

in_c = pytest.mark.skipif(native.rows is None, reason="built without a compiler")
WAYS = """
import functools

def directly(f): return f()
def by_a_lambda(f): return (lambda: f())()
def by_a_generator(f): return next(x for x in [0] if True) or next(each(f))
def each(f): yield f()
def resumed(f):
    run = waits(f)
    next(run)
    return run.send(None)
def waits(f):
    yield
    yield f()
def closed(f):
    said = []
    def run():
        try: yield
        finally: said.append(f())
    it = run()
    next(it)
    it.close()
    return said[0]
def thrown(f):
    def run():
        try: yield
        except KeyError: yield f()
    it = run()
    next(it)
    return it.throw(KeyError())
def in_a_list(f): return [f() for _ in range(1)][0]
def by_map(f): return next(map(lambda _: f(), [0]))
def from_c(f): return next(map(f, [0]))
def by_a_key(f):
    said = []
    sorted([1, 2], key=lambda _: said.append(f()) or 0)
    return said[0]
def by_partial(f): return functools.partial(f, 1)()
def by_reduce(f): return functools.reduce(lambda a, b: f(), [1, 2])
def in_a_class(f):
    class Body:
        said = f()
    return Body.said
def by_a_property(f):
    class Has:
        @property
        def it(self): return f()
    return Has().it
def by_a_missing_attribute(f):
    class Has:
        def __getattr__(self, name): return f()
    return Has().it
def as_a_method(f):
    class Has:
        def __call__(self, *_): return f(self)
    return Has()()
def made(f):
    said = []
    class New:
        def __init__(self): said.append(f())
    New()
    return said[0]
def finalized(f):
    said = []
    class Ends:
        def __del__(self): said.append(f())
    Ends()
    return said[0]
def by_eval(f): return eval("f()", {"f": f})
def by_exec(f):
    space = {"f": f}
    exec(compile("said = f()", __file__, "exec"), space)
    return space["said"]
def deep(f, left=30): return deep(f, left - 1) if left else f()
def while_it_raises(f):
    try: raise KeyError
    except KeyError: return f()
    finally: f()
def after_an_error(f):
    def fails(): raise KeyError
    try: fails()
    except KeyError: pass
    return f()
def with_many(f, *args, **kwargs): return f(*range(3), **{"x": 1}) if args else with_many(f, 1, b=2)
def as_a_coroutine(f):
    async def runs(): return f()
    try: runs().send(None)
    except StopIteration as e: return e.value
"""
NAMES = [line.partition("(")[0][4:] for line in WAYS.splitlines() if line.startswith("def ")]
CALLERS = [name for name in NAMES if name not in ("each", "waits")]


def loaded(path: Path) -> dict[str, Any]:
    path.write_text(WAYS)
    space: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    exec(compile(WAYS, str(path), "exec"), space)
    return space


class Asks:
    """Two files with the same functions, one of which is inside; a function that asks, and what the frame says."""

    def __init__(self, folder: Path) -> None:
        self.spaces = {name: loaded(folder / f"{name}.py") for name in ("inner", "outer")}
        self.files = {str(folder / "inner.py")}
        inside = native.rows.Inside(self.files, set())

        def asks(*_: object, **__: object) -> tuple[bool, bool]:
            answer = inside[None]
            return answer, sys._getframe(1).f_code.co_filename in self.files

        self.asks = asks


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Asks:
    return Asks(tmp_path_factory.mktemp("callers"))


@in_c
@pytest.mark.parametrize("where", ["inner", "outer"])
@pytest.mark.parametrize("name", CALLERS)
def test_every_way_to_be_called_is_told_as_by_the_frame(asking: Asks, name: str, where: str) -> None:
    answer, expected = asking.spaces[where][name](asking.asks)
    assert answer == expected
    if name != "by_partial" and name != "by_eval":
        assert answer == (where == "inner")


@contextmanager
def traced() -> Iterator[None]:
    def trace(frame: FrameType, event: str, _: object) -> Any:
        frame.f_trace_opcodes = True
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


@in_c
@given(st.lists(st.tuples(st.sampled_from(["inner", "outer"]), st.sampled_from(CALLERS)), max_size=4), st.booleans())
def test_chains_of_callers(asking: Asks, chain: list[tuple[str, str]], is_traced: bool) -> None:
    call: Callable[..., Any] = asking.asks
    for where, name in chain:
        call = lambda *_, way=asking.spaces[where][name], inner=call, **__: way(inner)  # noqa: E731
    if is_traced:
        with traced():
            answer, expected = call()
    else:
        answer, expected = call()
    assert answer == expected


@in_c
def test_what_c_alone_calls_is_from_nowhere() -> None:
    inside, answers, done = native.rows.Inside({__file__, threading.__file__}, set()), [], threading.Event()

    def asks() -> None:
        try:
            sys._getframe(1)
        except ValueError:
            answers.append(inside[None])
        done.set()

    _thread.start_new_thread(asks, ())
    assert done.wait(10)
    assert answers == [False]
    thread = threading.Thread(target=lambda: answers.append(inside[None]))  # by threading's run()
    thread.start()
    thread.join()
    assert answers == [False, True]


@in_c
def test_a_callback_belongs_to_where_it_strikes(asking: Asks) -> None:
    said: list[tuple[bool, bool]] = []

    class Thing:
        pass

    thing = Thing()
    dies = weakref.ref(thing, lambda _: said.append(asking.asks()))
    del thing
    assert dies() is None and said == [(False, False)]

    async def later() -> None:
        asyncio.get_running_loop().call_soon(lambda: said.append(asking.spaces["inner"]["directly"](asking.asks)))
        await asyncio.sleep(0)

    asyncio.run(later())
    assert said[1] == (True, True)


@in_c
def test_greenlets_have_callers_of_their_own(asking: Asks) -> None:
    greenlet = pytest.importorskip("greenlet")
    parent, said = greenlet.getcurrent(), []

    def asks() -> None:
        said.append(inside[None])
        parent.switch()
        said.append(inside[None])  # and has others beside it now

    inside = native.rows.Inside(asking.files, set())
    running = [greenlet.greenlet(functools.partial(asking.spaces[w]["directly"], asks)) for w in ("inner", "outer")]
    for one in (*running, *reversed(running)):
        one.switch()
    assert said == [True, False, False, True]


PASSES = """
class Closing:
    def __init__(self, asks): self.asks = asks
    def __enter__(self): return self
    def __exit__(self, *_): self.said = self.asks()
    def close(self): self.said = self.asks()
def uses(made):
    with made: pass
    return made.said
"""


@in_c
def test_an_exit_closes_for_whoever_leaves_the_block(tmp_path: Path) -> None:
    spaces: dict[str, dict[str, Any]] = {name: {} for name in ("inner", "outer", "util")}
    for name, space in spaces.items():
        exec(compile(PASSES, str(tmp_path / name), "exec"), space)
    inside = native.rows.Inside({str(tmp_path / "inner")}, {str(tmp_path / "util")})

    def asks() -> bool:
        return inside[None]  # type: ignore[no-any-return]

    closing = spaces["util"]["Closing"](asks)
    assert (spaces["inner"]["uses"](closing), spaces["outer"]["uses"](closing)) == (True, False)
    closing.close()
    assert closing.said is False  # its other functions are not passed through
    assert spaces["inner"]["uses"](spaces["outer"]["Closing"](asks)) is False


@in_c
def test_who_calls_by_way_of_our_own_code_has_called_himself(tmp_path: Path) -> None:
    """As Paramiko does that closes a channel of `paramedic.safe`, which then closes it as Paramiko's would."""
    spaces = {name: loaded(tmp_path / f"{name}.py") for name in ("inner", "outer")}
    (tmp_path / "safe").mkdir()
    ours = loaded(tmp_path / "safe" / "channel.py")
    inside = native.rows.Inside({str(tmp_path / "inner.py")}, set(), str(tmp_path / "safe") + "/")

    def asks(*_: object, **__: object) -> bool:
        return inside[None]  # type: ignore[no-any-return]

    for way in ("directly", "by_a_lambda", "made", "resumed"):
        by_us = functools.partial(ours[way], asks)
        for name, expected in (("inner", True), ("outer", False)):
            assert spaces[name]["directly"](by_us) is expected
            assert spaces[name]["directly"](functools.partial(spaces["outer"][way], by_us)) is False


@in_c
def test_an_override_that_passes_on_is_called_by_whoever_calls_it(tmp_path: Path) -> None:
    spaces: dict[str, dict[str, Any]] = {name: {} for name in ("inner", "outer")}
    for name, space in spaces.items():
        exec(compile("def uses(thing): return thing.close()", str(tmp_path / name), "exec"), space)

    class Watched:
        def close(self) -> bool:
            return inside[self]  # type: ignore[no-any-return]

    inside = native.rows.Inside({str(tmp_path / "inner")}, set(), str(tmp_path / "safe") + "/")
    source = (
        "class Own(Watched):\n    def close(self): return super().close()\n    def end(self): return super().close()"
    )
    space: dict[str, Any] = {"Watched": Watched}
    exec(compile(source, str(tmp_path / "outer"), "exec"), space)
    own = space["Own"]()
    assert (spaces["inner"]["uses"](own), spaces["outer"]["uses"](own)) == (True, False)
    assert spaces["inner"]["uses"](type("Other", (), {"close": lambda _: own.end()})()) is False


@in_c
def test_files_may_be_added_later() -> None:
    files: set[str] = set()
    inside = native.rows.Inside(files, set())

    def asks() -> bool:
        return inside[None]  # type: ignore[no-any-return]

    assert asks() is False
    files.add(__file__)
    assert asks() is True


@in_c
def test_called_by_one_function() -> None:
    def asks() -> bool:
        return called_by[None]  # type: ignore[no-any-return]

    def calls() -> bool:
        return asks()

    called_by = native.rows.CalledBy(calls)
    assert (calls(), asks()) == (True, False)
    calls.__code__ = calls.__code__.replace(co_name="other")  # as a probe is put in
    assert (calls(), asks()) == (True, False)
    assert native.rows.CalledBy(None)[None] is False


@in_c
def test_nothing_is_kept() -> None:
    files, here = {__file__}, sys._getframe().f_code
    inside, called_by = native.rows.Inside(files, set()), native.rows.CalledBy(test_nothing_is_kept)

    def asks() -> None:
        for _ in range(100):
            inside[None], called_by[None]

    before = sys.getrefcount(here), sys.getrefcount(files), sys.getrefcount(sys._getframe())
    asks()
    assert (sys.getrefcount(here), sys.getrefcount(files), sys.getrefcount(sys._getframe())) == before


def test_what_is_listed_is_watched_and_in_this_paramiko() -> None:
    assert OFTEN <= set(OPERATIONS)
    assert [full for full in _LOCKS if not callable(attrgetter(full)(paramiko))] == []


def test_what_makes_locks_is_a_target_once() -> None:
    makers: dict[str, tuple[object, object]] = {"Lock": (object(), object())}
    watched = [Target(paramiko.Transport, "__init__"), Target(paramiko.Transport, "close")]
    targets = list(with_real_locks(watched, paramiko, makers))
    assert len(targets) == len(_LOCKS) + 1
    assert [t.only for t in targets[:2]] == [False, False] and all(t.only for t in targets[2:])
    assert [dict(t.makers) for t in targets[:2]] == [makers, {}]
    assert list(with_real_locks(watched, paramiko, {})) == watched
