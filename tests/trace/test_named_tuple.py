"""The named tuples of the observed program are those of `typing`."""

from __future__ import annotations

import pickle
import subprocess
import sys
import typing
from copy import copy

import pytest

from paramedic.model.event import KINDS, Event, Kind, State
from paramedic.model.named_tuple import NamedTuple


class Ours(NamedTuple):
    """Something."""

    one: int
    two: tuple[int, str] | None = None
    three: str = "three"

    def both(self) -> str:
        return f"{self.one} {self.three}"


class Theirs(typing.NamedTuple):
    """Something."""

    one: int
    two: tuple[int, str] | None = None
    three: str = "three"

    def both(self) -> str:
        return f"{self.one} {self.three}"


def test_they_are_alike() -> None:
    assert Ours._fields == Theirs._fields and Ours._field_defaults == Theirs._field_defaults
    assert Ours(1) == Theirs(1) == (1, None, "three")
    assert Ours(1).both() == Theirs(1).both() == "1 three"
    assert repr(Ours(1)) == repr(Theirs(1)).replace("Theirs", "Ours")
    assert (Ours.__doc__, Ours.__module__) == (Theirs.__doc__, __name__)
    assert Ours(1)._replace(two=(2, "")) == Ours(three="three", one=1, two=(2, "")) == (1, (2, ""), "three")
    assert Ours._make((1, None, "")) == Ours(1, three="") and Ours(1)._asdict() == Theirs(1)._asdict()
    assert pickle.loads(pickle.dumps(Ours(1))) == copy(Ours(1)) == Ours(1)
    assert not hasattr(Ours(1), "__dict__")


@pytest.mark.parametrize("kind", [Ours, Theirs])
def test_what_they_do_not_take(kind: typing.Any) -> None:
    for values, named in (((), {}), ((1, None, "", 4), {}), ((1,), {"one": 1}), ((1,), {"four": 4})):
        with pytest.raises(TypeError):
            kind(*values, **named)
    with pytest.raises((ValueError, TypeError)):  # the one before Python 3.13, the other from it on
        kind(1)._replace(four=4)
    with pytest.raises(AttributeError):
        kind(1).one = 2


def test_numbers_are_given_once() -> None:
    for numbers in (Kind, State):
        given = [number for name, number in vars(numbers).items() if name.isupper()]
        assert len(given) == len(set(given)) > 20 and all(type(number) is int for number in given)
    assert len(Event._fields) == 8 and {Kind.EMPTY, Kind.CALL, Kind.LATER} < KINDS.keys()


def test_the_recorder_imports_nothing_that_takes_long() -> None:
    heavy = {"dataclasses", "inspect", "ast", "tokenize", "asyncio", "logging", "subprocess"}
    program = "import sys; import paramedic.record.launch; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not heavy & set(done.stdout.split())
