"""Work on many files, shared with forked processes: one function, many items, each result as soon as it is there."""

from __future__ import annotations

import os
import pickle
import select
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

CAN_FORK = hasattr(os, "fork") and sys.platform != "darwin"  # macOS' own libraries do not survive a fork
_HEAD_BYTES = 4


def in_processes(
    work: Callable[[Item], Result], items: Sequence[Item], jobs: int, weigh: Callable[[Item], int]
) -> Iterator[tuple[Item, Result]]:
    """Does the work on every item, this process a share of it and each child another.

    A pool of workers costs as much as reading a dozen files: its modules, its threads, its queues. Here a child
    inherits everything, answers through a pipe and goes. What a child that was killed did not answer, this process
    does itself.

    Args:
        work: what to do with an item; its results are pickled.
        items: what to do it with.
        jobs: processes, this one included.
        weigh: how much work an item is, beside the others.

    Yields:
        Each item with its result, in any order.

    Threads: main thread; forks, and waits for its children.
    """
    shares = _shares(items, jobs, weigh) if CAN_FORK else [list(range(len(items)))]
    left = set(range(len(items)))
    children: list[_Child] = []
    try:
        for share in shares[1:]:
            children.append(_Child(work, items, share, [child.pipe for child in children]))
        for number in shares[0]:
            left.discard(number)
            yield items[number], work(items[number])
            for number, result in _heard(children, wait=False):
                left.discard(number)
                yield items[number], result
        while any(child.pipe >= 0 for child in children):
            for number, result in _heard(children, wait=True):
                left.discard(number)
                yield items[number], result
    finally:
        for child in children:
            child.hang_up()
        for child in children:
            child.wait()
    for number in sorted(left):
        yield items[number], work(items[number])


def _shares(items: Sequence[Item], jobs: int, weigh: Callable[[Item], int]) -> list[list[int]]:
    """Numbers of the items, as evenly as weights tell: the heaviest first, each to whom has least."""
    weights = [weigh(item) for item in items]
    shares: list[list[int]] = [[] for _ in range(max(1, min(jobs, len(items))))]
    totals = [0] * len(shares)
    for number in sorted(range(len(items)), key=lambda n: -weights[n]):
        least = totals.index(min(totals))
        shares[least].append(number)
        totals[least] += weights[number]
    return shares


def _heard(children: list[_Child], *, wait: bool) -> Iterator[tuple[int, Any]]:
    speaking = {child.pipe: child for child in children if child.pipe >= 0}
    ready = select.select(list(speaking), [], [], None if wait else 0)[0] if speaking else []
    for pipe in ready:
        yield from speaking[pipe].hear()


class _Child:
    """One forked process and its share."""

    def __init__(
        self, work: Callable[[Item], Result], items: Sequence[Item], share: list[int], others: Sequence[int]
    ) -> None:
        self._heard = bytearray()
        self.pipe, theirs = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                for inherited in (self.pipe, *others):  # else nobody's end closes them, and writers wait for ever
                    os.close(inherited)
                with open(theirs, "wb", buffering=0) as pipe:
                    for number in share:
                        answer = pickle.dumps((number, work(items[number])), pickle.HIGHEST_PROTOCOL)
                        _write(pipe.fileno(), len(answer).to_bytes(_HEAD_BYTES, "little") + answer)
            finally:
                os._exit(0)  # whatever went wrong, the parent does what was not answered
        os.close(theirs)

    def hear(self) -> Iterator[tuple[int, Any]]:
        """The answers that are there whole; at the end of the pipe, it is closed."""
        data = os.read(self.pipe, 1 << 20)
        if not data:
            os.close(self.pipe)
            self.pipe = -1
        self._heard += data
        while len(self._heard) >= _HEAD_BYTES:
            end = _HEAD_BYTES + int.from_bytes(self._heard[:_HEAD_BYTES], "little")
            if len(self._heard) < end:
                break
            answer = bytes(self._heard[_HEAD_BYTES:end])
            del self._heard[:end]
            yield pickle.loads(answer)

    def hang_up(self) -> None:
        """Closes the pipe, upon which a child that still works ends with its next answer."""
        if self.pipe >= 0:
            os.close(self.pipe)
            self.pipe = -1

    def wait(self) -> None:
        """Waits for the child's end."""
        os.waitpid(self._pid, 0)


def _write(pipe: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(pipe, view) :]
