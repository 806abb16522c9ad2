"""A wake-up pipe that is empty though data is there is noted, and one that is as it should be is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import paramiko
import pytest
from paramiko import pipe as pipes

from paramedic.model.event import State
from paramedic.record.wake_ups import wake_ups


class Noted:
    """What the probes write."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, ...]] = []
        self.hold_back = None

    def row(self, *row: int) -> None:
        self.rows.append(row)

    def id_of(self, thing: object) -> int:
        return 7

    def trouble(self, where: str, error: BaseException) -> None:
        raise AssertionError(where) from error


class Reader:
    """Stands for the channel whose method the reader is in."""

    def __init__(self, out: Any, probes: dict[str, Any]) -> None:
        self.out, self.probes = out, probes

    def recv(self, meanwhile: Callable[[], None]) -> None:
        """OrPipe.clear, with something between its looking and its doing."""
        token = self.probes["clear"].enter(self.out)
        self.out._set = False
        if not self.out._partner._set:
            meanwhile()
            self.out._pipe.clear()
        self.probes["clear"].leave(token, None)


def told(pipe: Any, probes: dict[str, Any]) -> None:
    """OrPipe.set, as it is watched."""
    assert probes["set"].enter is None  # then the token is the pipe
    pipe.set()
    probes["set"].leave(pipe, None)


@pytest.mark.parametrize("comes", [True, False])
def test_data_of_the_other_stream_that_comes_while_the_pipe_is_emptied(comes: bool) -> None:
    noted = Noted()
    probes = {t.name: t for t in wake_ups(paramiko, {"Channel": Reader}, noted)}  # type: ignore[arg-type]
    both = pipes.make_pipe()
    out, err = pipes.make_or_pipe(both)
    told(out, probes)
    Reader(out, probes).recv(lambda: told(err, probes) if comes else None)
    assert [row[1] for row in noted.rows] == ([State.WAKE_UP_LOST] if comes else [])
    both.close()
