"""What happened before what: vector clocks, and epochs instead of them where one number will do.

An access is an *epoch*: thread ``u`` at its own clock ``c``. It happened before now of thread ``t`` if ``t`` knows
``u`` at ``c`` or later (FastTrack, Flanagan and Freund, PLDI 2009). A thread's knowledge of others is a dictionary
that is replaced, never changed, so that handing it over costs nothing; its own clock goes up after each hand-over.

There are two orders. The *full* one has edges for locks too: accesses that it leaves unordered can be swapped. The
*weak* one has only deliberate hand-overs (start, join, queue, future, event …): lock-order cycles are judged by it,
because two critical sections of one lock are always in the full order.

What is remembered is bounded. Threads that ended long ago count as known to all, and so does what was handed over
through objects that nobody has touched for long: that can hide a conflict, and never makes one up.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from collections import deque

KEPT_ENDED_THREADS = 60
"""So many threads that have ended are told apart; those that ended before them are known to all."""
_MOST_NEWS = 48
"""With more news than this, they become part of the past, without the threads that have retired."""
_NOTHING: dict[int, int] = {}
_MOST_POSTERS = 600
_KEPT_OBJECTS = 2_000
_NEVER = 1 << 62
_NOBODY = -1


class Known:
    """How much is known of each thread; replaced, never changed.

    It is what was known at some moment of the past, which many share, and what has come since: where two threads have
    the same past, one learns from the other by what is new alone.

    Attributes:
        past: by thread, the latest moment of it that was known then.
        news: the same for what has come since, or is later than in the past.
        retired: for each thread that is known to all: the how-manieth it was. Shared by all clocks of a recording.
        floor: the first so many of them are not among the clocks any more.
    """

    __slots__ = ("floor", "news", "past", "retired")

    def __init__(self, past: dict[int, int], news: dict[int, int], floor: int, retired: dict[int, int]) -> None:
        self.past = past
        self.news = news
        self.floor = floor
        self.retired = retired

    def has(self, epoch: Epoch) -> bool:
        """Whether that moment is known."""
        thread, clock = epoch
        return self.of(thread) >= clock or self.retired.get(thread, _NEVER) <= self.floor

    def of(self, thread: int) -> int:
        """The latest moment of that thread that is known; 0 if none is, or the thread has retired."""
        return self.news.get(thread) or self.past.get(thread, 0)

    def told_by(self, other: int, clock: int, me: int) -> Known:
        """All that this says, and ``other`` at ``clock``, for ``me``, who knew nothing beyond it."""
        news = self.news.copy()
        news.pop(me, None)
        news[other] = clock
        known = Known(self.past, news, self.floor, self.retired)
        if len(news) > _MOST_NEWS:
            known._shorten()
        return known

    def joined(self, theirs: Known, other: int, clock: int, me: int) -> Known:
        """This, all that ``theirs`` says, and ``other`` at ``clock``; of ``me`` nothing new is said."""
        past, news = self.past, self.news.copy()
        get, before = news.get, past.get
        if past is theirs.past:
            for thread, known in theirs.news.items():
                if get(thread, 0) < known:
                    news[thread] = known
        elif not past and not news:
            past, news = theirs.past, theirs.news.copy()
        else:
            for clocks in (theirs.past, theirs.news):
                for thread, known in clocks.items():
                    if (get(thread) or before(thread, 0)) < known:
                        news[thread] = known
        news.pop(me, None)
        news[other] = clock
        whole = Known(past, news, self.floor if self.floor >= theirs.floor else theirs.floor, self.retired)
        if len(news) > _MOST_NEWS:
            whole._shorten()
        return whole

    def _shorten(self) -> None:
        """Of what was just made the news become part of the past: there are too many to copy them each time."""
        self.floor = len(self.retired)
        self.past = {t: c for t, c in {**self.past, **self.news}.items() if t not in self.retired}
        self.news = {}


Epoch = tuple[int, int]
"""A moment: a thread, and that thread's own clock."""

Stamp = tuple[int, int, Known, Known | None]
"""What is handed over: a moment, and what its thread knew of others in the full order and in the weak one.

None is handed over in the weak order where there is None.
"""


class ThreadClock:
    """One thread's clock.

    Attributes:
        thread: its number.
        now: the present moment.
        full_known: what it knows of others.
        weak_known: what it knows of them by deliberate hand-overs.
        task: the executor's task that it runs, if others of its kind may run at the same time; else 0.
        own_known: the latest moment of its own that it was told of: its earlier tasks up to then were over before the
            present one began, and not only because one thread happened to run them all.
        own_full: the same in the full order.
        told_itself: the latest moment of which it told itself, through an object that others may use, too.
    """

    __slots__ = (
        "_clock", "_full_since", "_task_since", "_weak_since", "full_known", "now", "own_full", "own_known", "task",
        "thread", "told_itself", "weak_known",
    )  # fmt: skip

    def __init__(self, thread: int, retired: dict[int, int]) -> None:
        self.thread = thread
        self._clock = 1
        self.full_known = self.weak_known = Known(_NOTHING, _NOTHING, 0, retired)
        self.now: Epoch = (thread, 1)
        self.task = self.own_known = self.own_full = self.told_itself = self._task_since = 0
        # its own moments since which it has learned nothing: whoever knows of them knows all that it knows
        self._full_since = self._weak_since = 0

    def begins(self, task: int) -> None:
        """It begins a task; 0 where no other may run at the same time. What it did before the first is no task's."""
        if not self.task:
            self.own_known = self.own_full = self.stamp()[1]
        self.task, self._task_since = task, self._clock

    def is_by_luck(self, clock: int) -> bool:
        """Whether a moment of its own is of a task that only luck has put before the present one."""
        return self.own_full < clock < self._task_since

    def stamp(self) -> Stamp:
        """Hand over all that is known now; what comes later is not part of it."""
        clock = self._clock
        self._clock = clock + 1
        self.now = (self.thread, clock + 1)
        return (self.thread, clock, self.full_known, self.weak_known)

    def lock_stamp(self) -> Stamp:
        """As `stamp`, for a lock: it does not count in the weak order."""
        clock = self._clock
        self._clock = clock + 1
        self.now = (self.thread, clock + 1)
        return (self.thread, clock, self.full_known, None)

    def learn(self, stamp: Stamp) -> None:
        """Receive what another thread handed over."""
        other, clock, full, weak = stamp
        if other == self.thread:
            if weak is not None:
                self.told_itself = clock
            if clock > self.own_full:
                self.own_full = clock
            return
        if self.task:
            mine = full.of(self.thread)
            if mine > self.own_full:
                self.own_full = mine
            if weak is not None and (mine := weak.of(self.thread)) > self.own_known:
                self.own_known = mine
        full_before, weak_before = self.full_known, self.weak_known
        if (full_before.news.get(other) or full_before.past.get(other, 0)) < clock:
            me = self.thread
            if full.of(me) >= self._full_since:
                self.full_known = full.told_by(other, clock, me)
            else:
                self.full_known = full_before.joined(full, other, clock, me)
            self._full_since = self._clock
        if weak is not None and weak_before.of(other) < clock:
            if weak_before is full_before and weak is full:  # no lock has come between
                self.weak_known = self.full_known
            elif weak.of(self.thread) >= self._weak_since:
                self.weak_known = weak.told_by(other, clock, self.thread)
            else:
                self.weak_known = weak_before.joined(weak, other, clock, self.thread)
            self._weak_since = self._clock

    def knows(self, epoch: Epoch) -> bool:
        """Whether that moment happened before now, in the full order."""
        return epoch[0] == self.thread or self.full_known.has(epoch)


class HandOver:
    """What was posted to one object and not yet forgotten: per token the latest stamp of each thread.

    A token that names one item (a queue's) is gone once it is taken as often as it was put in: the same object, say
    None, may be in a queue many times. Token 0, -1 and a future's result stay.
    """

    __slots__ = ("_again", "_posted")

    def __init__(self) -> None:
        # one stamp, or those of several threads by their numbers
        self._posted: dict[int, Stamp | dict[int, Stamp]] = {}
        self._again: dict[int, int] | None = None

    def post(self, token: int, stamp: Stamp) -> None:
        """Something is handed over under this token."""
        known = self._posted.get(token)
        if known is None:
            self._posted[token] = stamp
            return
        if isinstance(known, dict):
            known[stamp[0]] = stamp
            if len(known) > _MOST_POSTERS:
                self._posted[token] = dict(list(known.items())[-_MOST_POSTERS // 2 :])
        elif known[0] == stamp[0]:
            self._posted[token] = stamp
        else:
            self._posted[token] = {known[0]: known, stamp[0]: stamp}
        if token > 2:
            if self._again is None:
                self._again = {}
            self._again[token] = self._again.get(token, 0) + 1

    def take(self, token: int, clock: ThreadClock) -> None:
        """It is received: the receiver learns what every poster knew."""
        if -1 <= token <= 2:
            known = self._posted.get(token)
        elif self._again and token in self._again:
            known = self._posted.get(token)
            self._again[token] -= 1
            if not self._again[token]:
                del self._again[token]
        else:
            known = self._posted.pop(token, None)
        if known is None:
            return
        if isinstance(known, dict):
            for stamp in known.values():
                clock.learn(stamp)
        else:
            clock.learn(known)

    def copy(self, token: int, other: int) -> None:
        """What is posted under one token is posted under the other, too."""
        known, there = self._posted.get(token), self._posted.get(other)
        if known is None or known is there:
            return
        if isinstance(known, dict) or there is not None and (isinstance(there, dict) or there[0] != known[0]):
            known = {**_by_thread(there), **_by_thread(known)}
        self._posted[other] = known

    def latest(self, stamps: dict[int, Stamp]) -> None:
        """Put the latest of each thread there."""
        for posted in self._posted.values():
            for stamp in posted.values() if isinstance(posted, dict) else (posted,):
                _note_later(stamps, stamp)


def _by_thread(posted: Stamp | dict[int, Stamp] | None) -> dict[int, Stamp]:
    if posted is None or isinstance(posted, dict):
        return posted or {}
    return {posted[0]: posted}


def _note_later(stamps: dict[int, Stamp], stamp: Stamp) -> None:
    known = stamps.get(stamp[0])
    if known is None or known[1] < stamp[1]:
        stamps[stamp[0]] = stamp


class _AllRetired(dict[int, int]):
    """As if each thread had retired before everything else."""

    def get(self, thread: int, default: int = 0, /) -> int:  # type: ignore[override]
        return 0


class Clocks:
    """The clocks of all threads and what lies between them."""

    def __init__(self) -> None:
        self.threads: dict[int, ThreadClock] = {}
        # objects that were touched lately, and those that were not: see `_turn`
        self._hand_overs: dict[int, HandOver] = {}
        self._older_hand_overs: dict[int, HandOver] = {}
        self._locks: dict[int, Stamp | dict[int, Stamp]] = {}  # of several threads: who only notes, learns nothing
        self._older_locks: dict[int, Stamp | dict[int, Stamp]] = {}
        self._long_ago: dict[int, Stamp] = {}
        # ids go up: what has a higher one than all that were forgotten was not among them
        self._forgotten = self._forgotten_locks = 0
        self._starts: dict[int, Stamp] = {}
        self._ends: dict[int, Stamp] = {}
        self._locks_order = True
        self._held_before: set[int] = set()
        self._unjoined: dict[int, Stamp] = {}
        self._ended: deque[int] = deque()
        self._retired: dict[int, int] = {}
        # all that was known to those who retired before anybody had joined them
        self._of_retired = ThreadClock(_NOBODY, self._retired)

    def take_order_for_granted(self) -> None:
        """Nothing of locks and hand-overs was recorded: whatever came before is taken to have been waited for.

        To be called before any event. What uses overlap is seen without clocks.
        """
        self._retired = _AllRetired()
        self._of_retired = ThreadClock(_NOBODY, self._retired)

    def take_locks_for_accidents(self) -> None:
        """Who came through a lock first is taken for luck, except where it was polled."""
        self._locks_order = False

    @property
    def locks_order(self) -> bool:
        """Whether who came through a lock first is taken for what had to be so."""
        return self._locks_order

    def of(self, thread: int) -> ThreadClock:
        """That thread's clocks."""
        clock = self.threads.get(thread)
        if clock is None:
            clock = self.threads[thread] = ThreadClock(thread, self._retired)
        return clock

    def start(self, parent: int, child: int) -> Epoch:
        """``parent`` starts ``child``; returns that moment."""
        stamp = self._starts[child] = self.of(parent).stamp()
        return stamp[:2]

    def begin(self, thread: int) -> None:
        """The thread runs: it knows what its starter knew."""
        stamp = self._starts.pop(thread, None)
        if stamp is not None:
            self.of(thread).learn(stamp)

    def end(self, thread: int) -> None:
        """The thread's last moment."""
        if thread in self._ends or thread in self._retired:
            return
        self._ends[thread] = self._unjoined[thread] = self.of(thread).stamp()
        self._ended.append(thread)
        if len(self._ended) > KEPT_ENDED_THREADS:
            oldest = self._ended.popleft()
            self._retired[oldest] = len(self._retired) + 1
            self._ends.pop(oldest, None)
            self.threads.pop(oldest, None)
            self._long_ago.pop(oldest, None)
            unjoined = self._unjoined.pop(oldest, None)
            if unjoined is not None:
                self._of_retired.learn(unjoined)

    def goes_on(self, thread: int, ended: int) -> None:
        """``thread`` is what became of ``ended``: the same thread of the system's, after its end."""
        stamp = self._ends.get(ended)
        if stamp is not None:
            self.of(thread).learn(stamp)

    def joined(self, thread: int, ended: int) -> None:
        """``thread`` learned that ``ended`` has ended."""
        self._unjoined.pop(ended, None)
        stamp = self._ends.get(ended)
        if stamp is None:
            if ended in self._retired:
                self.of(thread).learn(self._of_retired.stamp())
                return
            # its END row comes a moment after others see it dead, or it was cut off: its present is its end
            stamp = self.of(ended).stamp()
        self.of(thread).learn(stamp)

    def post(self, thread: int, obj: int, token: int) -> None:
        """Hand something over through an object."""
        hand_over = self._hand_overs.get(obj)
        if hand_over is None:
            hand_over = self._older_hand_overs.pop(obj, None) or HandOver()
            self._hand_overs[obj] = hand_over
            if len(self._hand_overs) > _KEPT_OBJECTS:
                self._turn()
        hand_over.post(token, (self.threads.get(thread) or self.of(thread)).stamp())

    def take(self, thread: int, obj: int, token: int) -> None:
        """Receive it."""
        hand_over = self._hand_overs.get(obj) or self._older_hand_overs.get(obj)
        if hand_over is not None:
            hand_over.take(token, self.threads.get(thread) or self.of(thread))
        elif obj <= self._forgotten:
            self._learn_all(thread)

    def answered(self, obj: int, sent: int, answer: int) -> None:
        """What was handed to the peer under one token may have come back under the other.

        The transport's thread that brings it learns nothing, or all who use the connection would be in one order.
        """
        hand_over = self._hand_overs.get(obj) or self._older_hand_overs.get(obj)
        if hand_over is not None:
            hand_over.copy(sent, answer)

    def forget(self, obj: int) -> None:
        """The object is gone."""
        self._hand_overs.pop(obj, None)
        self._older_hand_overs.pop(obj, None)

    def locked(self, thread: int, lock: int, looks: bool = False) -> None:
        """The thread took the lock: it learns what the last holder knew; deliberately where it looks for it to change
        something (see `paramedic.analysis.polls`)."""
        last = self._locks.get(lock) or self._older_locks.get(lock)
        if not self._locks_order and not looks and lock not in self._held_before:
            return
        if last is not None:
            for stamp in last.values() if isinstance(last, dict) else (last,):
                if looks != (stamp[3] is not None):
                    # where nobody was known to look when it was let go, all that was known then counts as handed over
                    stamp = (*stamp[:3], stamp[2] if looks else None)
                self.of(thread).learn(stamp)
        elif lock in self._held_before:
            self._held_before.discard(lock)
            self.learns_everything(thread)
        elif lock <= self._forgotten_locks:
            self._learn_all(thread)

    def locked_by(self, thread: int, lock: int, holder: int) -> None:
        """The thread took the lock and had known that this other one had it: it learns what that one knew."""
        last = self._locks.get(lock) or self._older_locks.get(lock)
        stamp = last.get(holder) if isinstance(last, dict) else last
        if stamp is not None:
            self.of(thread).learn(stamp)

    def held_before(self, lock: int) -> None:
        """Somebody held the lock when the recording began: whoever takes it next comes after all that there was."""
        self._held_before.add(lock)

    def learns_everything(self, thread: int) -> None:
        """The thread comes after all that anybody has done: it is not known what it waited for."""
        clock = self.of(thread)
        for other in list(self.threads.values()):
            clock.learn(other.stamp())
        clock.learn(self._of_retired.stamp())

    def unlocked(self, thread: int, lock: int, polled: bool = False) -> None:
        """The thread lets go of it, perhaps of one that others look at again and again."""
        clock = self.of(thread)
        self._locks[lock] = clock.stamp() if polled else clock.lock_stamp()
        if len(self._locks) > _KEPT_OBJECTS:
            self._turn_locks()

    def noted(self, thread: int, lock: int, polled: bool = False) -> None:
        """The thread lets go of it, and has not learned what those before it knew: who comes next learns from all."""
        last = self._locks.get(lock) or self._older_locks.get(lock)
        known = last if isinstance(last, dict) else {last[0]: last} if last is not None else {}
        if len(known) >= _MOST_POSTERS:
            self.locked(thread, lock)
            known = {}
        clock = self.of(thread)
        known[thread] = clock.stamp() if polled else clock.lock_stamp()
        self._locks[lock] = known
        if len(self._locks) > _KEPT_OBJECTS:
            self._turn_locks()

    def _turn_locks(self) -> None:
        self._forgotten_locks = max(self._forgotten_locks, max(self._older_locks, default=0))
        for last in self._older_locks.values():
            for stamp in last.values() if isinstance(last, dict) else (last,):
                _note_later(self._long_ago, stamp)
        self._older_locks, self._locks = self._locks, {}

    def _turn(self) -> None:
        """Objects that were not touched since the last turn go: nobody says when a future or an event is freed."""
        self._forgotten = max(self._forgotten, max(self._older_hand_overs, default=0))
        for hand_over in self._older_hand_overs.values():
            hand_over.latest(self._long_ago)
        self._older_hand_overs, self._hand_overs = self._hand_overs, {}

    def _learn_all(self, thread: int) -> None:
        clock = self.of(thread)
        for stamp in self._long_ago.values():
            clock.learn(stamp)
