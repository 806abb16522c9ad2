"""What a program can ask of the watched objects is answered as without us; afterwards the very same are back."""

from __future__ import annotations

import json

import pytest
from twice import Run

LOOK = r"""
import copy, functools, inspect, json, pickle, queue, sys, threading, _thread, concurrent.futures.thread, signal
import asyncio.base_events
import paramiko

def asked(question):
    try:
        return repr(question())
    except BaseException as e:
        return type(e).__name__ + ": " + str(e)

def functions():
    from paramiko import agent, channel, file, hostkeys, proxy, sftp_client, sftp_file
    homes = [threading, queue, concurrent.futures.thread, concurrent.futures._base, signal, asyncio.base_events,
             asyncio.events, paramiko.transport, paramiko.client, agent, channel, file, hostkeys, proxy, sftp_client,
             sftp_file]
    for home in homes:
        for cls in [home] + [c for c in vars(home).values() if isinstance(c, type) and c.__module__ == home.__name__]:
            for name, function in sorted(vars(cls).items()):
                if inspect.isfunction(function) and function.__module__ == home.__name__:
                    yield f"{cls.__module__ if inspect.ismodule(cls) is False else ''}.{cls.__name__}.{name}", function

def of_functions():
    return {where: [asked(lambda: str(inspect.signature(f))), f.__name__, f.__qualname__, f.__module__, f.__doc__,
                    asked(lambda: f.__defaults__), asked(lambda: sorted(f.__annotations__)),
                    f.__code__.co_filename, f.__code__.co_firstlineno, asked(lambda: inspect.getsource(f)),
                    asked(lambda: pickle.dumps(f)), asked(lambda: len({f.__code__}))]
            for where, f in functions()}

class Box:
    make_lock = threading.Lock

def address_free(words):
    import re
    return re.sub(r"0x[0-9a-f]+|\b\d{9,}\b", "0x", words)

@functools.singledispatch
def dispatch(thing):
    return "other"

LOCK, RLOCK = type(_thread.allocate_lock()), type(_thread.RLock())
dispatch.register(LOCK, lambda thing: "lock")
dispatch.register(RLOCK, lambda thing: "rlock")


def of_types():
    lock, rlock, simple = threading.Lock(), threading.RLock(), queue.SimpleQueue()
    held = threading.Lock(); held.acquire()
    class MyThread(threading.Thread):
        def run(self): self.ran = True
    class MyEvent(threading.Event): pass
    class MyQueue(queue.Queue):
        def _put(self, item): self.queue.append([item])
    class MySimple(queue.SimpleQueue):
        def __init__(self, a, b=2): self.c = a + b
    class MyClient(paramiko.SSHClient):
        def __init__(self, *a): super().__init__(); self.mine = 1
    class MyRLock(type(rlock)):
        def __init__(self, name):
            super().__init__()
            self.name = name
    thread, event, own = MyThread(name="mine"), MyEvent(), MyQueue()
    thread.start(); thread.join(); event.set(); own.put(1)
    questions = {name: asked(question) for name, question in {
        "isinstance": lambda: (isinstance(lock, LOCK), isinstance(rlock, RLOCK), isinstance(lock, RLOCK)),
        "isinstance of type": lambda: (isinstance(lock, type(threading.Lock())),
                                       isinstance(_thread.allocate_lock(), type(lock))),
        "class": lambda: (lock.__class__ is LOCK, rlock.__class__ is RLOCK),
        "names": lambda: [(t.__module__, t.__qualname__, t.__name__, t.__doc__)
                          for t in (threading.Lock, threading.RLock, queue.SimpleQueue)],
        "equal": lambda: (threading.Lock == _thread.allocate_lock, type(lock) == LOCK, RLOCK == type(rlock),
                          type(lock) != LOCK, type(lock) == type(rlock), threading.Lock == threading.RLock,
                          threading.Lock == type(lock), hash(type(lock)) == hash(LOCK), type(lock) == type(lock)),
        "looked up": lambda: ({LOCK: 1}.get(type(lock)), {type(rlock): 2}.get(RLOCK), {type(lock): 3}.get(RLOCK)),
        "kind of maker": lambda: (inspect.isbuiltin(threading.Lock), inspect.isroutine(threading.Lock),
                                  inspect.isclass(threading.Lock), isinstance(threading.Lock, type(len)),
                                  callable(threading.Lock), getattr(threading.Lock, "__self__", None)),
        "dispatch": lambda: [dispatch(t) for t in (lock, rlock, 1)],
        "names of types": lambda: [(type(t).__module__, type(t).__qualname__) for t in (lock, rlock, simple)],
        "repr of makers": lambda: [repr(t) for t in (threading.Lock, queue.SimpleQueue)],
        "repr": lambda: [repr(lock), repr(held), repr(rlock)],
        "repr held": lambda: (rlock.acquire(), repr(rlock), rlock.release()),
        "dir": lambda: [[name for name in dir(t) if not name.startswith("__")] for t in (lock, rlock, simple)],
        "subclass of a lock": lambda: type("L", (type(lock),), {}),
        "subclass of Lock": lambda: type("L", (threading.Lock,), {}) if isinstance(threading.Lock, type) else None,
        "own rlock": lambda: (MyRLock(1).name, isinstance(MyRLock(2), RLOCK), isinstance(MyRLock(2), type(rlock)),
                              issubclass(MyRLock, type(rlock)), MyRLock.__mro__[1:], MyRLock(3).acquire()),
        "issubclass": lambda: (issubclass(LOCK, type(lock)), issubclass(RLOCK, type(rlock)),
                               issubclass(int, type(lock))),
        "with a class": lambda: [type(t).__init_subclass__() for t in (lock, rlock)],
        "attribute": lambda: setattr(lock, "x", 1),
        "no attribute": lambda: rlock.x,
        "sum": lambda: lock + rlock,
        "order": lambda: lock < rlock,
        "call": lambda: lock(),
        "items": lambda: lock[0],
        "bad arguments": lambda: asked(lambda: lock.acquire(1, 2, 3)).partition(":")[0],
        "truth": lambda: bool(lock),
        "enter": lambda: (lock.__enter__(), lock.locked(), lock.__exit__(None, None, None), lock.locked()),
        "format": lambda: f"{rlock}",
        "weak": lambda: __import__("weakref").ref(lock)() is lock,
        "hash": lambda: hash(lock) == hash(lock),
        "instance of the type": lambda: type(lock)().locked(),
        "bad timeout": lambda: lock.acquire(True, -2),
        "too big a timeout": lambda: lock.acquire(timeout=1e100),
        "no number": lambda: held.acquire(True, None),
        "timeout without blocking": lambda: lock.acquire(False, 1),
        "arguments": lambda: threading.Lock(1),
        "not locked": lambda: threading.Lock().release(),
        "not owned": lambda: threading.RLock().release(),
        "in a class": lambda: isinstance(Box().make_lock(), LOCK),
        "union": lambda: isinstance(threading.Lock, type) and str(threading.Lock | None),
        "thread": lambda: (thread.ran, event.is_set(), own.get()),
        "client": lambda: MyClient().mine,
        "simple": lambda: MySimple(1, b=3).c,
        "simple isinstance": lambda: isinstance(concurrent.futures.ThreadPoolExecutor()._work_queue,
                                                queue.SimpleQueue),
        "simple generic": lambda: queue.SimpleQueue[int],
        "same after pickle": lambda: [pickle.loads(pickle.dumps(t)) is t
                                      for t in (threading.Lock, threading.RLock, queue.SimpleQueue)],
        "deepcopy of makers": lambda: [copy.deepcopy(t) is t for t in (threading.RLock, queue.SimpleQueue)],
        **{f"{how.__name__} {thing!r:.12}": lambda how=how, thing=thing: how(thing)
           for how in (pickle.dumps, copy.copy, copy.deepcopy)
           for thing in (lock, rlock, simple, threading.Event(), threading.Condition(), queue.Queue(), thread)},
        **{f"signature {number}": lambda t=t: str(inspect.signature(t))
           for number, t in enumerate((threading.Lock, threading.RLock, queue.SimpleQueue, MySimple, MyThread,
                                       simple.put, simple.get, simple.get_nowait, simple.put_nowait))},
    }.items()}
    return {address_free(k): address_free(v) for k, v in questions.items()}

def of_identity():
    return {**{where: (id(f), id(f.__code__)) for where, f in functions()},
            "Lock": id(threading.Lock), "RLock": id(threading.RLock), "SimpleQueue": id(queue.SimpleQueue)}

def look():
    return of_functions(), of_types()
"""

RECORD = """
from paramedic.record.session import Options, Session
kept = [f.__code__ for _, f in functions()]  # so that no id is given again
identity = of_identity()
before = look()
session = Session(Options(directory=sys.argv[1], level=sys.argv[2]))
session.start()
during = look()
watched = of_identity()
session.stop()
after = look()
json.dump([before, during, after, identity == of_identity(), sum(identity[n] != watched[n] for n in identity),
           any(type(f).__module__.startswith("paramedic") for f in sys.meta_path)], sys.stdout)
"""


@pytest.mark.parametrize("level", ["watch", "check"])
def test_answers_are_the_same_before_while_and_after(level: str, plain: Run, tmp_path: object) -> None:
    done = plain("-c", LOOK + RECORD, f"{tmp_path}/recording", level)
    assert done.status == 0, done.err
    (functions, types), during, after, restored, replaced, watching = json.loads(done.out)
    assert len(functions) > 400
    for name, answers in functions.items():
        assert during[0][name] == answers, name
        assert after[0][name] == answers, name
    for question, answer in types.items():
        assert during[1][question] == answer, question
        assert after[1][question] == answer, question
    assert replaced > (60 if level == "watch" else 100), "the recorder was on"
    assert restored, "the very same objects are back"
    assert not watching
