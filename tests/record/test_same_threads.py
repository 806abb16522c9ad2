"""Locks and threads: status, output and tracebacks are to the letter those of plain Python."""

from __future__ import annotations

from pathlib import Path

import pytest
from twice import Run

LOCKS = {
    "a class of the type of a lock": """
import threading, _thread
print(type(threading.Lock()) is type(threading.Lock()), isinstance(threading.Lock(), type(threading.Lock())))
print(isinstance(_thread.allocate_lock(), type(threading.Lock())), isinstance(threading.Lock(), _thread.LockType))
class Mine(type(threading.RLock())):
    def __init__(self, name): self.name = name
with Mine("x") as got: print(got)
print(Mine("y").name)
try:
    class No(type(threading.Lock())): pass
except TypeError as e: print(e)
""",
    "a factory that is chosen by the program": """
import threading
class Base:
    factory = threading.Lock
    rfactory = staticmethod(threading.RLock)
    def __init__(self): self.lock, self.rlock = self.factory(), self.rfactory()
    def __enter__(self): self.lock.acquire(); self.rlock.acquire(); return self
    def __exit__(self, *e): self.rlock.release(); self.lock.release()
with Base() as b: print(b.lock.locked())
def make(kind=threading.Lock, *, other=threading.RLock): return kind(), other()
for lock in make():
    with lock: print(lock.acquire(False))
    try: lock.release()
    except RuntimeError as e: print(e)
""",
    "the lock in Python": """
import threading
lock = threading._RLock()
with lock:
    print(lock._is_owned(), lock._recursion_count() if hasattr(lock, "_recursion_count") else 1)
    c = threading.Condition(lock)
    print(c.wait(0.01))
print(repr(lock)[:20])
""",
    "a Condition on a lock of the program's own class": """
import threading
class Lock:
    def __init__(self): self._l = threading.Lock(); self.log = []
    def acquire(self, *a): self.log.append("a"); return self._l.acquire(*a)
    def release(self): self.log.append("r"); self._l.release()
    def __enter__(self): return self.acquire()
    def __exit__(self, *a): self.release()
lock = Lock()
c = threading.Condition(lock)
ready = []
def consume():
    with c:
        while not ready: c.wait()
        ready.pop()
t = threading.Thread(target=consume); t.start()
with c: ready.append(1); c.notify()
t.join()
print(ready, lock.log.count("a") == lock.log.count("r"))
try: c.notify()
except RuntimeError as e: print(e)
""",
    "errors of locks, uncaught": """
import threading
lock = threading.Lock()
def fails(): lock.release()
t = threading.Thread(target=fails, name="T"); t.start(); t.join()
r = threading.RLock()
def foreign(): r.release()
r.acquire()
t = threading.Thread(target=foreign, name="R"); t.start(); t.join()
def nested():
    try: lock.acquire(timeout=-5)
    finally: r.acquire(True, "soon")
nested()
""",
    "an error with a lock held": """
import threading
lock, other = threading.Lock(), threading.RLock()
def inner(x):
    with lock, other:
        return 1 / x
try: inner(0)
except ZeroDivisionError: print(lock.locked())
with other: raise SystemError("at the end")
""",
    "too many arguments": """
import threading
threading.Lock(1)
""",
    "a type of lock called": """
import threading
print(type(threading.RLock())().acquire())
type(threading.Lock())(1)
""",
    "a deprecated way": """
import threading, warnings
warnings.simplefilter("always")
try: print(bool(threading.RLock(1, 2)))
except TypeError as e: print(e)
""",
    "weak references and finalizers": """
import threading, weakref, gc
lock = threading.Lock()
gone = []
ref = weakref.ref(lock, lambda r: gone.append(1))
weakref.finalize(lock, gone.append, 2)
print(ref() is lock); del lock; gc.collect(); print(sorted(gone), ref())
ws = weakref.WeakSet([threading.RLock()]); gc.collect(); print(len(ws))
d = {threading.Lock(): 1}; print(list(d.values()))
""",
    "locks that cannot be copied": """
import copy, pickle, threading
class Thing:
    def __init__(self): self.lock = threading.Lock()
for f in (copy.deepcopy, pickle.dumps, copy.copy):
    for x in (Thing(), threading.RLock(), threading.Event(), {"l": threading.Lock()}):
        try: print(type(f(x)).__name__)
        except TypeError as e: print(f.__name__, e)
copy.deepcopy(Thing())
""",
    "a lock in a signal handler's with statement": """
import os, signal, threading
lock, seen = threading.RLock(), []
def handler(*_):
    with lock: seen.append(lock.acquire(False)); lock.release()
signal.signal(signal.SIGUSR1, handler)
for _ in range(50):
    with lock: os.kill(os.getpid(), signal.SIGUSR1)
print(len(seen), all(seen))
""",
    "a lock let go by another thread": """
import threading
lock = threading.Lock(); lock.acquire()
threading.Timer(0.01, lock.release).start()
print(lock.acquire(timeout=10), lock.acquire(timeout=0.01), lock.acquire(blocking=False), lock.acquire(False))
print(lock.locked(), repr(lock)[:15])
""",
    "semaphores and barriers": """
import threading
s = threading.BoundedSemaphore(2)
with s: print(s.acquire(blocking=False), s.acquire(False), s._value)
s.release()
b = threading.Barrier(3, action=lambda: print("action"), timeout=20)
out = []
ts = [threading.Thread(target=lambda: out.append(b.wait())) for _ in range(3)]
[t.start() for t in ts]; [t.join() for t in ts]
print(sorted(out), b.n_waiting, b.broken)
b.abort()
try: b.wait()
except threading.BrokenBarrierError: print("broken")
s.release()
""",
    "locks made before the program's threading was imported": """
import _thread
l = _thread.allocate_lock(); r = _thread.RLock()
import threading
print(type(l) is type(_thread.allocate_lock()), isinstance(l, type(threading.Lock())))
print(isinstance(r, type(threading.RLock())))
""",
    "from threading import": """
from threading import Lock, RLock, Condition, Event, Thread
import threading
print(Lock is threading.Lock, RLock is threading.RLock, Lock.__name__, RLock.__name__, RLock.__module__, callable(Lock))
def typed(x: "Lock | None" = None) -> RLock: return RLock()
print(typed.__annotations__["return"].__name__)
""",
    "a lock as a default and in a dataclass": """
import threading
from dataclasses import dataclass, field
@dataclass
class D:
    lock: object = field(default_factory=threading.Lock, repr=False)
    rlock: object = field(default_factory=threading.RLock, repr=False)
    event: threading.Event = field(default_factory=threading.Event, repr=False)
print(D(), D().lock.locked())
""",
    "mocks": """
import threading
from unittest import mock
with mock.patch("threading.Lock") as fake: threading.Lock(); print(fake.call_count)
with mock.patch.object(threading.Thread, "start") as start: threading.Thread().start(); print(start.call_count)
m = mock.create_autospec(threading.Lock()); m.acquire(); print(m.acquire.called)
print(isinstance(mock.Mock(spec=threading.RLock()), type(threading.RLock())))
""",
}

THREADS = {
    "subclasses that override everything": """
import threading
class T(threading.Thread):
    def __init__(self, *a, **k): super().__init__(*a, **k); self.log = []
    def start(self): self.log.append("start"); super().start()
    def run(self): self.log.append("run"); super().run()
    def join(self, timeout=None): self.log.append("join"); super().join(timeout)
    def is_alive(self): return super().is_alive()
t = T(target=print, args=("ran",), kwargs={"end": "!\\n"}, name="N", daemon=True)
t.start(); t.join(); print(t.log, t.is_alive(), t.name, t.daemon)
class NoSuper(threading.Thread):
    def __init__(self): pass
try: NoSuper().start()
except RuntimeError as e: print(e)
t.start()
""",
    "a thread that dies": """
import sys, threading
def f(): raise ValueError("x")
def g(): sys.exit("not shown")
for h in (f, g):
    t = threading.Thread(target=h, name="worker"); t.start(); t.join()
threading.excepthook = lambda args: print("hook", args.exc_type.__name__, args.exc_value, args.thread.name)
t = threading.Thread(target=f, name="again"); t.start(); t.join()
threading.excepthook = threading.__excepthook__
t = threading.Thread(target=f, name="last"); t.start(); t.join()
class Own(threading.Thread):
    def run(self):
        try: f()
        except ValueError as e: raise KeyError("k") from e
t = Own(name="own"); t.start(); t.join()
""",
    "hooks that fail": """
import sys, threading
def hook(args): 1 / 0
threading.excepthook = hook
t = threading.Thread(target=lambda: [][0], name="t"); t.start(); t.join()
sys.excepthook = lambda kind, value, tb: print("main", kind.__name__, value, tb.tb_lineno)
raise OSError(2, "no")
""",
    "timers": """
import threading
e = threading.Event()
t = threading.Timer(0.01, e.set); t.start(); print(e.wait(20)); t.join()
u = threading.Timer(1000, print); u.start(); u.cancel(); u.join(); print(u.finished.is_set())
""",
    "thread locals and names": """
import threading
local = threading.local(); local.x = 1
out = []
def f(): out.append((hasattr(local, "x"), threading.current_thread().name, threading.active_count()))
t = threading.Thread(target=f); t.start(); t.join(); print(out, [x.name for x in threading.enumerate()])
print(threading.main_thread() is threading.current_thread(), vars(threading.main_thread()).keys() >= {"_name"})
""",
    "daemons at the end": """
import threading, time
def forever():
    while True: time.sleep(0.001)
threading.Thread(target=forever, daemon=True).start()
t = threading.Thread(target=lambda: (time.sleep(0.05), print("late"))); t.start()
import atexit
atexit.register(print, "atexit 1"); atexit.register(print, "atexit 2")
print("main ends")
""",
    "profile and trace functions": """
import sys, threading
events = []
def prof(frame, event, arg):
    if frame.f_code.co_filename == "<string>" or frame.f_code.co_name == "work": events.append(event)
threading.setprofile(prof)
def work(): pass
t = threading.Thread(target=work); t.start(); t.join(); threading.setprofile(None)
print(events)
lines = []
def trace(frame, event, arg):
    if "paramedic" in frame.f_code.co_filename: return None
    if frame.f_code.co_name == "work": lines.append(event)
    return trace
threading.settrace(trace)
t = threading.Thread(target=work); t.start(); t.join(); print(lines)
""",
    "_thread": """
import _thread, sys
done = _thread.allocate_lock(); done.acquire()
def f(): print("in"); done.release()
_thread.start_new_thread(f, ()); done.acquire()
def bad(): raise ValueError("raw")
sys.unraisablehook = lambda u: (print(u.exc_type.__name__, u.err_msg.split("<")[0]), done.release())
_thread.start_new_thread(bad, ()); done.acquire()
""",
    "stack traces": """
import threading, traceback, sys
def f(): traceback.print_stack(); print(len(sys._current_frames()))
t = threading.Thread(target=f); t.start(); t.join()
""",
    "recursion": """
import threading
def f(n): return f(n + 1)
try: f(0)
except RecursionError as e: print(e)
t = threading.Thread(target=f, args=(0,), name="deep")
threading.excepthook = lambda a: print(a.exc_type.__name__)
t.start(); t.join()
""",
}

TABLES = {"locks": LOCKS, "threads": THREADS}
NAMES = [(table, name) for table, programs in TABLES.items() for name in programs]


@pytest.mark.parametrize(("table", "name"), NAMES)
def test_it_runs_the_same(table: str, name: str, plain: Run, recorded: Run, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(TABLES[table][name])
    expected = plain("app.py", cwd=tmp_path)
    done = recorded("app.py", cwd=tmp_path)
    assert not done.unlike(expected)
    assert expected.out or expected.err, "the program shows what it sees"
    assert not done.gaps()
