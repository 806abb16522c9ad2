"""Pools and what else programs do: status, output and tracebacks are to the letter those of plain Python."""

from __future__ import annotations

from pathlib import Path

import pytest
from twice import Run

POOLS = {
    "futures": """
import concurrent.futures as cf, threading
def f(x): return 10 // x
def init(n): threading.current_thread().n = n
class Pool(cf.ThreadPoolExecutor):
    def submit(self, fn, *a, **k): return super().submit(fn, *a, **k)
with Pool(3, thread_name_prefix="P", initializer=init, initargs=(7,)) as p:
    fs = [p.submit(f, x) for x in (1, 2, 0)]
    print(sorted(str(x.exception() or x.result()) for x in cf.as_completed(fs)))
    print(list(p.map(f, [1, 5])), p.submit(lambda: threading.current_thread().n).result())
    done, rest = cf.wait(fs, return_when=cf.ALL_COMPLETED); print(len(done), len(rest))
    got = []
    fs[0].add_done_callback(lambda fut: got.append(fut is fs[0])); print(got)
    try: p.submit(f, 0).result(timeout=20)
    except ZeroDivisionError as e: print(e)
f = cf.Future(); print(f.cancel(), f.cancelled(), repr(f)[:10])
try: p.submit(print)
except RuntimeError as e: print(e)
f = cf.Future()
try: f.result(timeout=0.01)
except TimeoutError: print("timeout")
f.set_exception(ValueError("v")); f.result()
""",
    "a broken initializer": """
import concurrent.futures as cf, logging
logging.disable(logging.CRITICAL)
def init(): raise ValueError("init")
p = cf.ThreadPoolExecutor(1, initializer=init)
try: p.submit(print, 1).result()
except cf.BrokenExecutor as e: print(type(e).__name__)
""",
    "an uncaught error of a future": """
import concurrent.futures as cf
def f(): raise KeyError("deep")
with cf.ThreadPoolExecutor() as p:
    p.submit(f).result()
""",
    "processes": """
import concurrent.futures as cf, multiprocessing as mp, os, sys, threading
def f(x):
    with threading.Lock(): return x * 2
def init(): print("init", flush=True)
if __name__ == "__main__":
    mp.set_start_method("%(method)s")
    with cf.ProcessPoolExecutor(1, initializer=init) as p: print(list(p.map(f, range(4))))
    q, r = mp.Queue(), mp.SimpleQueue()
    def g(): pass
    ps = [mp.Process(target=f, args=(1,)), mp.Process(target=sys.exit, args=(3,))]
    for x in ps: x.start()
    for x in ps: x.join()
    print([x.exitcode for x in ps])
    q.put([1]); print(q.get()); r.put(2); print(r.get())
    with mp.Pool(2) as pool: print(pool.map(f, [5, 6]))
    with mp.Manager() as m: d = m.dict(a=1); print(dict(d))
    l, e = mp.Lock(), mp.Event()
    with l: e.set()
    print(e.is_set())
    x = mp.Process(target=os.kill, args=(os.getpid(), 0)); x.start(); x.join(); print(x.exitcode)
""",
    "queues": """
import queue, threading
class Q(queue.Queue):
    def _init(self, maxsize): self.queue = []
    def _put(self, item): self.queue.append(item); self.queue.sort()
    def _get(self): return self.queue.pop(0)
    def _qsize(self): return len(self.queue)
q = Q(maxsize=5)
for i in (3, 1, 2): q.put(i)
print(q.get(), q.get_nowait(), q.qsize(), q.full()); q.put_nowait(0); print(q.get())
for cls in (queue.LifoQueue, queue.PriorityQueue): x = cls(); x.put(1); x.put(2); print(x.get())
q.task_done(); q.get(); [q.task_done() for _ in range(3)]; q.join()
try: q.task_done()
except ValueError as e: print(e)
try: queue.Queue(1).get(timeout=0.01)
except queue.Empty: print("empty")
full = queue.Queue(1); full.put(1)
try: full.put(2, timeout=0.01)
except queue.Full: print("full")
class S(queue.SimpleQueue):
    def put(self, item, *a, **k): super().put((item, "mine"), *a, **k)
s = S(); s.put(1); print(s.get(), s.empty(), s.qsize()); s.put(2, block=False); print(s.get(timeout=1))
try: s.get(timeout=-1)
except ValueError as e: print(e)
try: s.get(False)
except queue.Empty as e: print(repr(e))
q.get(block=False)
""",
    "a simple queue that is empty": """
import queue
def wait(): return queue.SimpleQueue().get(timeout=0.01)
wait()
""",
    "a simple queue with wrong arguments": """
import queue
q = queue.SimpleQueue()
try: q.get(True, "x")
except TypeError as e: print(e)
""",
    "asyncio": """
import asyncio, threading, time
async def tick(n): await asyncio.sleep(0); return n
async def main():
    loop = asyncio.get_running_loop()
    print(await asyncio.gather(*(tick(i) for i in range(3))))
    print(await asyncio.to_thread(lambda: threading.current_thread() is threading.main_thread()))
    f = loop.create_future()
    threading.Thread(target=lambda: loop.call_soon_threadsafe(f.set_result, 5)).start()
    print(await f)
    print(await loop.run_in_executor(None, lambda: 7))
    q = asyncio.Queue(); await q.put(1); print(await q.get())
    async with asyncio.Lock(), asyncio.timeout(20): print("in")
    try:
        async with asyncio.timeout(0.01): await asyncio.sleep(10)
    except TimeoutError: print("timeout")
    c = asyncio.run_coroutine_threadsafe(tick(9), loop); print(await asyncio.wrap_future(c))
    task = asyncio.create_task(asyncio.sleep(100)); await asyncio.sleep(0); task.cancel()
    try: await task
    except asyncio.CancelledError: print("cancelled")
    raise ValueError("from main")
asyncio.run(main())
""",
}

OTHER = {
    "its own excepthook": """
import sys
sys.excepthook = lambda *a: print("mine", a[0].__name__, a[2].tb_frame.f_code.co_name)
1 / 0
""",
    "replaced streams": """
import io, sys, threading
real, sys.stdout, sys.stderr = sys.stdout, io.StringIO(), io.StringIO()
t = threading.Thread(target=lambda: print("caught", 1 / 0)); t.start(); t.join()
text = sys.stderr.getvalue(); sys.stdout = real; print(len(text), "paramedic" in text)
sys.stderr = None
t = threading.Thread(target=lambda: print(1 / 0)); t.start(); t.join()
""",
    "logging": """
import logging, logging.handlers, queue, threading
words = "%(levelname)s %(threadName)s %(funcName)s %(filename)s %(lineno)d %(message)s"
logging.basicConfig(format=words, level="DEBUG")
logging.info("hello")
t = threading.Thread(target=lambda: logging.warning("in", stack_info=True), name="W"); t.start(); t.join()
q = queue.SimpleQueue(); h = logging.handlers.QueueHandler(q)
l = logging.handlers.QueueListener(q, logging.StreamHandler()); l.start()
log = logging.getLogger("x"); log.addHandler(h); log.propagate = False; log.error("queued"); l.stop()
try: 1 / 0
except ZeroDivisionError: logging.exception("bad")
""",
    "what is imported": """
import sys
kept = "paramiko threading asyncio logging queue concurrent.futures signal".split()
print(sorted(name for name in kept if name in sys.modules))
print([p for p in sys.path if "paramedic" in p and "site-packages" not in p and not p.endswith("src")])
""",
    "globals of the program": """
print(sorted(globals()), __name__, __spec__, __package__, __doc__)
import __main__; print(vars(__main__) is globals())
""",
    "__main__": """
import sys, os
print(__name__, os.path.basename(globals().get("__file__", "none")), sys.argv, sys.orig_argv[1:], sys.path[0])
print(__builtins__.__name__, sys.executable, sys.flags)
""",
    "warnings": """
import warnings
warnings.warn("old", DeprecationWarning, stacklevel=1)
warnings.warn("user")
open("/dev/null")
""",
    "random numbers and hashes": """
import random, os
random.seed(1); print(random.random(), random.choice("abc"))
""",
    "file descriptors": """
import os
fds = set(os.listdir("/proc/self/fd")); print(sorted(fds, key=int))
f = open("/dev/null"); print(f.fileno())
import threading
ts = [threading.Thread(target=lambda: [threading.Lock() for _ in range(1000)]) for _ in range(20)]
[t.start() for t in ts]; [t.join() for t in ts]
print(sorted(os.listdir("/proc/self/fd"), key=int))
""",
    "threads of the process": """
import os, threading
print(len(os.listdir("/proc/self/task")), threading.active_count())
""",
    "signals": """
import signal
print([(s.name, signal.getsignal(s)) for s in (signal.SIGTERM, signal.SIGPIPE, signal.SIGHUP, signal.SIGALRM)])
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
print(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])))
old = signal.signal(signal.SIGTERM, lambda *a: print("term")); print(old); signal.raise_signal(signal.SIGTERM)
signal.signal(signal.SIGINT, signal.SIG_IGN)
try: signal.signal(signal.SIGKILL, print)
except OSError as e: print(e)
signal.signal(1000, print)
""",
    "audit hooks": """
import sys, threading
seen = []
sys.addaudithook(lambda e, a: seen.append(e) if e.startswith(("_thread", "socket")) else None)
t = threading.Thread(target=lambda: threading.Lock().acquire()); t.start(); t.join()
print(seen)
""",
    "exceptions with a context": """
import threading
e = threading.Event()
def f():
    try: e.wait(0.001); raise KeyError(1)
    except KeyError:
        try: threading.Lock().release()
        except RuntimeError as x: print(repr(x.__context__), repr(x.__cause__)); raise
f()
""",
    "gc": """
import gc, threading
gc.disable(); gc.collect()
class Node:
    def __init__(self): self.me, self.lock = self, threading.Lock()
    def __del__(self):
        with self.lock: done.append(1)
done = []
for _ in range(10): Node()
print(gc.collect() >= 10, len(done), gc.garbage)
""",
    "finalizers at the very end": """
import threading
class Late:
    def __init__(self): self.lock, self.rlock, self.event = threading.Lock(), threading.RLock(), threading.Event()
    def __del__(self):
        with self.lock, self.rlock: self.event.set()
        print("late", self.event.is_set())
late = Late(); late.me = late
""",
    "subinterpreters' neighbour: sys.setswitchinterval": """
import sys, threading
sys.setswitchinterval(1e-5)
n, lock = [0], threading.Lock()
def f():
    for _ in range(500):
        with lock: n[0] += 1
ts = [threading.Thread(target=f) for _ in range(4)]; [t.start() for t in ts]; [t.join() for t in ts]; print(n)
""",
}

TABLES = {"pools": POOLS, "other": OTHER}
NAMES = [(table, name) for table, programs in TABLES.items() for name in programs if name != "processes"]


@pytest.mark.parametrize(("table", "name"), NAMES)
def test_it_runs_the_same(table: str, name: str, plain: Run, recorded: Run, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(TABLES[table][name])
    expected = plain("app.py", cwd=tmp_path)
    done = recorded("app.py", cwd=tmp_path)
    assert not done.unlike(expected)
    assert expected.out or expected.err, "the program shows what it sees"
    assert not done.gaps()


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes(method: str, plain: Run, recorded: Run, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(POOLS["processes"] % {"method": method})
    expected = plain("app.py", cwd=tmp_path)
    assert expected.status == 0, expected.err
    done = recorded("app.py", cwd=tmp_path)
    assert not done.unlike(expected)
    assert not done.gaps()
    # A forked child that has nothing to record leaves no file. The two workers of the pool may be one's work.
    least = {"fork": 5, "spawn": 8, "forkserver": 7}[method]
    assert len(done.traces()) >= least, "the children are recorded, too"
