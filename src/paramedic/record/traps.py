"""Short delays at chosen places of the observed program, so that what could overlap does (TSVD's traps, SOSP 2019).

Only a run that is asked to confirm or to fuzz has them. A delay comes in the middle of a call, with a lock just
taken, between Paramiko's composing an EOF and its sending it, while it sends anything with its lock held, or between
its looking whether a channel's wake-up pipe is to be emptied and its emptying it. Where a finalizer can do harm, the
garbage is collected at the worst of the moments at which the interpreter may do that.
"""

from __future__ import annotations

import _thread
import gc
import threading
import time
from collections.abc import Sequence
from itertools import count
from sys import _getframe
from zlib import crc32

from paramedic.model.event import Kind
from paramedic.model.operations import NUMBER
from paramedic.record.frames import USER, owner_of
from paramedic.record.hand_overs import SUBMITTED
from paramedic.record.probe import CLOSE, EOF, PIPE, SEND
from paramedic.trace.writer import Row

CALL, LOCK, SIGN, TASK, COLLECT, ANYWHERE = "call", "lock", "sign", "task", "collect", "anywhere"
"""Kinds of traps beside those of `paramedic.record.probe`: in a call, with a lock just taken; while an agent's key
signs; as a pool's worker begins a task; collecting garbage with Paramiko's locks held; at any call and lock when
fuzzing."""

WITHIN = "within:"
"""With a function's name after it: in any call of that function's, in whatever line."""
FREED = "freed:"
"""With a function's name after it: when it has just let go of a lock."""
_SHARE = {CALL: 0.4, LOCK: 1.0, SIGN: 1.0, TASK: 1.0, FREED: 1.0, EOF: 1.0, SEND: 1.0, PIPE: 0.05}
"""Of the delay, by kind: an EOF is held back for longer than the call that closes its channel, so that CLOSE
overtakes it. More output comes soon, and whoever waits for it must not be late."""
_IN_FUNCTIONS = {CALL: WITHIN, FREED: FREED}
_LONGEST_S = 4.0
"""What stands still for longer is taken for a hang (`paramedic.check.DEFAULT_STALL_S`)."""
_MOST_S = 10.0
"""How long all the delays of one place may take together."""
_DROPPED_S = 0.05
"""With the lock of a channel held as it is closed: whoever has just read its end may drop what is left of it."""
_LINGERS_S = 0.3
"""For what was delayed to come to its end after that, before the process ends and takes all threads with it."""
_SLOW_S, _MOST_SLOW_S = 1.0, 3.0
"""When fuzzing: the longest delay of a slow thread, and how long all of them may take together."""
_sleep = time.sleep  # the program may replace it


class Traps:
    """The traps of one run.

    Args:
        traps: kind, file and line of each.
        seed: decides which hits are delayed, and in a fuzzed run for how long.
        delay_s: how long a delay lasts.

    Threads: any.
    """

    def __init__(self, traps: Sequence[tuple[str, str, int]], seed: int, delay_s: float) -> None:
        self._delay_s = delay_s
        self._places = {(kind, file, line) for kind, file, line in traps}
        self._anywhere = any(kind == ANYWHERE for kind, _, _ in traps)
        self._collects = any(kind == COLLECT for kind, _, _ in traps)
        self._collected_s = 0.0
        self._seed = seed
        self._own = _thread._local()
        self._known: dict[tuple[str, int], bool] = {}
        self._hits: dict[tuple[str, int], int] = {}
        self._delayed: dict[int, None] = {}
        self._numbers = count(1)

    def linger(self) -> None:
        """Called when the program is done: threads that nobody joined may be in the middle of a delayed call.

        Threads: the main thread, which it keeps waiting for no longer than a delay takes.
        """
        slept_s = 0.0
        while self._delayed and slept_s < _LONGEST_S:
            _sleep(_LINGERS_S)
            slept_s += _LINGERS_S
        if slept_s:
            _sleep(_LINGERS_S)

    def around(self, row: Row) -> Row:
        """The recorder's row function, with the delays behind it."""
        call, got, take, signs = int(Kind.CALL), int(Kind.GOT), int(Kind.TAKE), NUMBER["AgentKey.sign_ssh_data"]

        def trapped(kind: int, op: int, obj: int, site: int, a: int, b: int) -> None:
            row(kind, op, obj, site, a, b)
            if kind == call:
                self.called(site)
                if op == signs:  # on a transport's thread, where no line of the program's is
                    self._delay(SIGN, 0)
            elif kind == got and site:
                self._delay(LOCK, site)
            elif kind == take and a == SUBMITTED and not self._anywhere:
                self._delay(TASK, 0)
            elif kind == take and not a and not self._anywhere:
                self._delay(LOCK, 0)  # a semaphore is taken, perhaps as a lock is

        return trapped

    def called(self, site: int) -> None:
        """After it was recorded that a call begins."""
        if site:
            self._delay(CALL, site)

    def hold_back(self, kind: str) -> None:
        """At an inner point of Paramiko; before an EOF goes out no lock of Paramiko's is held, elsewhere one is."""
        if kind in (SEND, CLOSE) and (self._collects or self._anywhere and self._random() % 64 == 0):
            self._collect(_DROPPED_S if kind == CLOSE else 0.0)
        if kind != CLOSE and not (kind == FREED and self._anywhere):
            self._delay(kind, 0)

    def _collect(self, after_s: float) -> None:
        if self._collected_s > _MOST_S or not gc.isenabled():  # what the interpreter never does proves nothing
            return
        began_s = time.monotonic()
        if after_s:
            _sleep(after_s)
        gc.collect()
        self._collected_s += time.monotonic() - began_s

    def _delay(self, kind: str, site: int) -> None:
        if self._anywhere:
            self._explore()
            return
        known = self._known.get((kind, site)) if site else None
        if known is None:
            known = self._is_place(kind)
            self._known[(kind, site)] = known
        if not known or kind == CALL and self._seed % 4 == 1 < self._seed and self._is_second():
            return
        hits = self._hits[(kind, site)] = self._hits.get((kind, site), 0) + 1
        # The first hits always, later ones by lot, so that one loop is not in step with another; every second run all,
        # for the one that matters may be the last.
        delay = min(self._delay_s * _SHARE[kind], _LONGEST_S)
        if hits * delay <= _MOST_S and (hits <= 2 or self._seed % 2 == 0 or self._random() % 2):
            self._late(delay)

    def _late(self, delay_s: float) -> None:
        me = _thread.get_ident()
        self._delayed[me] = None
        _sleep(delay_s)
        self._delayed.pop(me, None)

    def _is_second(self) -> bool:
        """Whether this is the second, the fourth … thread that came to any of the places.

        Where all who come are late by as much, none is late for another: who closes what the first one uses may have to
        come by the same line.
        """
        number: int = getattr(self._own, "number", 0)
        if not number:
            self._own.number = number = next(self._numbers)
        return number % 2 == 0

    def _explore(self) -> None:
        """One thread in two is slow, at each call and lock, until it has been so for a while; the others now and then.

        Which are, the seed and their names say. (PCT, Burckhardt et al., ASPLOS 2010: who has the lower priority comes
        last everywhere, which tries more than small delays by lot do.)
        """
        number = self._random()
        left_s: float | None = getattr(self._own, "left_s", None)
        if left_s is None:
            left_s = _MOST_SLOW_S if number >> 16 & 1 else 0.0
        delay_s = min(self._delay_s / 2, _SLOW_S) if left_s > 0 else 0.0
        self._own.left_s = left_s - delay_s
        if number % 8 == 0:
            _sleep((number >> 8) % 20 / 1000)
        if delay_s:
            self._late(delay_s)

    def _is_place(self, kind: str) -> bool:
        if (kind, "", 0) in self._places:  # wherever it is; what a signal can interrupt is in the main thread
            return kind != SEND or _thread.get_ident() == threading.main_thread().ident
        frame = _getframe(3)
        while frame is not None:
            if owner_of(frame.f_code) == USER:
                code = frame.f_code
                name = getattr(code, "co_qualname", code.co_name)
                within = _IN_FUNCTIONS.get(kind, "") + name
                return (kind, code.co_filename, frame.f_lineno) in self._places or (
                    (within, code.co_filename, 0) in self._places
                )
            frame = frame.f_back  # type: ignore[assignment]
        return False

    def _random(self) -> int:
        # xorshift: the program's own random numbers must not change. Each thread has a row of its own, which its name
        # begins: so a seed does the same again whatever the order in which threads come by.
        state: int = getattr(self._own, "state", 0)
        if not state:
            me = threading._active.get(_thread.get_ident())  # type: ignore[attr-defined]
            name = me.name if me is not None else ""
            state = (self._seed * 2654435761 ^ crc32(name.encode("utf-8", "replace"))) & 0xFFFFFFFF or 1
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        self._own.state = state
        return state
