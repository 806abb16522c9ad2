"""A call that Paramiko makes itself is passed over because it is announced, and only that call."""

from __future__ import annotations

import importlib.util
import sys
import weakref
from collections.abc import Callable, Iterator
from operator import attrgetter
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import paramiko
import pytest

from paramedic.record.inner_calls import _CALLS, announcing, notices
from paramedic.record.patches import TAKES_BACK, Guard, Notice, Target, announces
from paramedic.record.rewrite import compiled, prepare

SOURCE = """
class File:
    def __init__(self): self.inner = self
    def __enter__(self): return self
    def __exit__(self, *_): self.close()
    def close(self): return "closed"
    def directly(self): self.close()
    def by_attribute(self): return self.inner.close()
    def of_a_variable(self):
        f = self.inner
        got = f.close()
        return got
    def by_class(self): File.close(self)
    def in_an_argument(self): return str(self.close())
    def after_a_block(self):
        with self.inner as f:
            f.inner
    def after_a_block_that_returns(self):
        with self.inner as f:
            return f.inner
    def after_another_call(self): return "".join(other(self)) + self.close()
    def with_arguments_that_call(self): return self.close(*other(self))

class Stdin(File):
    def close(self): return "stdin"
    def by_super(self): return super().close()

def other(file):
    file.close()
    return ()
"""
ANNOUNCED = (
    *("directly", "by_attribute", "of_a_variable", "by_class", "in_an_argument"),
    *("after_a_block", "after_a_block_that_returns"),
)
NOT_ANNOUNCED = ("after_another_call", "with_arguments_that_call")


class Watched:
    """The module, with `close` watched, and which of its calls were not passed over."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.notice = Notice()
        self.asked: list[object] = []
        guard = Guard("_asked(_first)", {"_asked": self.asked.append}, self.notice)
        prepare(module.File.close, Target(None, "close", guard=guard)).apply()

    def announces(self, function: FunctionType) -> FunctionType:
        prepare(function, Target(None, "", notices={"close": self.notice}, only=True)).apply()
        return function


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    (tmp_path / "inner_calls_subject.py").write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("inner_calls_subject", tmp_path / "inner_calls_subject.py")
    assert spec is not None and spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield Watched(module)


@pytest.mark.parametrize("name", ANNOUNCED)
def test_what_is_announced_is_passed_over(name: str, watched: Watched) -> None:
    file = watched.module.File()
    function = getattr(watched.module.File, name)
    expected = function(file)
    assert watched.asked == [file], "nobody has announced anything yet"
    watched.asked.clear()
    assert watched.announces(function)(file) == expected
    assert (watched.asked, watched.notice.who) == ([], None)
    file.close()
    assert watched.asked == [file], "the program's own call is seen"


@pytest.mark.parametrize("name", NOT_ANNOUNCED)
def test_where_something_else_is_called_in_between_nothing_is_announced(name: str, watched: Watched) -> None:
    file = watched.module.File()
    assert watched.announces(getattr(watched.module.File, name))(file) == "closed"
    assert watched.asked == [file, file]


def test_a_method_of_a_base_class_is_announced(watched: Watched) -> None:
    stdin = watched.module.Stdin()
    assert watched.announces(watched.module.Stdin.by_super)(stdin) == "closed"
    assert watched.asked == []


def _by_instance(file: Any) -> None:
    file.close = lambda: "own"


def _by_monkeypatch(file: Any) -> None:
    type(file).close = lambda self: "own"


OWN: dict[str, Callable[[Any], None]] = {"an attribute": _by_instance, "a patched class": _by_monkeypatch}


@pytest.mark.parametrize("how", OWN)
def test_what_the_program_has_put_in_its_place_is_called_and_nothing_stays_announced(
    how: str, watched: Watched
) -> None:
    file = watched.module.File()
    OWN[how](file)
    assert watched.announces(watched.module.File.by_attribute)(file) == "own"
    assert (watched.asked, watched.notice.who) == ([], None)
    gone = weakref.ref(file)
    del file.inner, file
    assert gone() is None


def test_after_an_exception_nothing_stays_announced(watched: Watched) -> None:
    file = watched.module.File()

    def fails() -> None:
        raise KeyError("own")

    file.close = fails
    with pytest.raises(KeyError, match="own"):
        watched.announces(watched.module.File.by_attribute)(file)
    assert watched.notice.who is None


def test_a_call_for_another_object_is_not_passed_over(watched: Watched) -> None:
    file, another = watched.module.File(), watched.module.File()
    watched.notice.who = another
    file.close()
    assert watched.asked == [file]


def test_all_calls_that_are_listed_and_there_are_announced() -> None:
    targets = list(announcing([], paramiko, notices()))
    assert {t.name for t in targets} > {"exec_command", "_read_all", "close"}
    for target in targets:
        function = vars(target.owner).get(target.name)
        if isinstance(function, FunctionType):
            constants = compiled(function, target).co_consts
            called = {name for name in target.notices if name in function.__code__.co_names} - {"close"}
            assert called <= {name for name in target.notices if announces(name) in constants}, target
            assert any(announces(name) in constants for name in target.notices), target


def test_every_function_that_is_listed_is_in_this_paramiko() -> None:
    assert [full for full in _CALLS if not callable(attrgetter(full)(paramiko))] == []


@pytest.mark.skipif(not TAKES_BACK, reason="built without a compiler")
def test_a_notice_is_taken_back_by_the_call_that_it_is_of() -> None:
    notice, mine, others = Notice(), object(), object()
    assert (notice.who, notice[mine]) == (None, False)
    notice.who = mine
    before = sys.getrefcount(mine)
    assert (notice[others], notice.who is mine) == (False, True)
    assert (notice[mine], notice.who) == (True, None)
    assert sys.getrefcount(mine) == before - 1
    assert notice[None] is True  # nobody is announced, and nobody asks about None
    del notice.who
    assert notice[mine] is False
