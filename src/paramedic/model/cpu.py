"""Which thread used how much CPU when, as somebody outside the program has seen it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuSlice:
    """What the threads of one process used between two looks.

    Attributes:
        process: its id.
        begin_ns: on the recording's clock.
        end_ns: likewise.
        used: by native thread id: ns that it ran, ns that it was ready and the machine had no CPU for it.
        looks: by native thread id: how often it was found waiting for a lock (a futex), and for something else.
    """

    process: int
    begin_ns: int
    end_ns: int
    used: dict[int, tuple[int, int]]
    looks: dict[int, tuple[int, int]]
