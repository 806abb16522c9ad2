"""Constructors by dotted name, of Paramiko, its wrappers, the standard library and frameworks: what each makes."""

from __future__ import annotations

from paramedic.lint import api, wrappers

CLASSES: dict[str, str] = {
    **api.CONSTRUCTORS,
    **wrappers.CONSTRUCTORS,
    "flask.Flask": "webapp",
    "flask.Blueprint": "webapp",
    "flask.app.Flask": "webapp",
    "fastapi.FastAPI": "webapp",
    "fastapi.APIRouter": "webapp",
    "fastapi.routing.APIRouter": "webapp",
    "bottle.Bottle": "webapp",
    "celery.Celery": "taskapp",
    "apscheduler.schedulers.background.BackgroundScheduler": "scheduler",
    "apscheduler.schedulers.blocking.BlockingScheduler": "scheduler",
    **{f"{qt}.QtCore.QThread": "thread" for qt in ("PyQt5", "PyQt6", "PySide2", "PySide6")},
    "threading.Thread": "thread",
    "threading.Timer": "thread",
    "multiprocessing.Process": "thread",
    "multiprocessing.context.Process": "thread",
    **{f"multiprocessing.context.{how}Process": "thread" for how in ("Fork", "Spawn", "ForkServer")},
    "multiprocessing.process.BaseProcess": "thread",
    "threading.Lock": "lock",
    "threading.RLock": "lock",
    "_thread.allocate_lock": "lock",
    "threading.Condition": "lock",
    "asyncio.Lock": "lock",
    "asyncio.Condition": "lock",
    "multiprocessing.Lock": "lock",
    "multiprocessing.RLock": "lock",
    "filelock.FileLock": "lock",
    "filelock.SoftFileLock": "lock",
    "fasteners.InterProcessLock": "lock",
    "portalocker.Lock": "lock",
    "portalocker.RLock": "lock",
    "lockfile.LockFile": "lock",
    "oslo_concurrency.lockutils.lock": "lock",
    "threading.Semaphore": "semaphore",
    "threading.BoundedSemaphore": "semaphore",
    "asyncio.Semaphore": "semaphore",
    "asyncio.BoundedSemaphore": "semaphore",
    "multiprocessing.Semaphore": "semaphore",
    "gevent.lock.BoundedSemaphore": "semaphore",
    "gevent.lock.Semaphore": "semaphore",
    "threading.Event": "event",
    "multiprocessing.Event": "event",
    "asyncio.Event": "event",
    "trio.Event": "event",
    "anyio.Event": "event",
    "threading.Barrier": "barrier",
    "asyncio.Barrier": "barrier",
    "threading.local": "local",
    "contextvars.ContextVar": "contextvar",
    "queue.Queue": "queue",
    "queue.LifoQueue": "queue",
    "queue.SimpleQueue": "queue",
    "queue.PriorityQueue": "queue",
    "Queue.Queue": "queue",
    "asyncio.Queue": "queue",
    "asyncio.LifoQueue": "queue",
    "asyncio.PriorityQueue": "queue",
    "multiprocessing.Queue": "queue",
    "multiprocessing.JoinableQueue": "queue",
    "multiprocessing.SimpleQueue": "queue",
    "gevent.queue.Queue": "queue",
    **{f"collections.{name}": "container" for name in ("deque", "OrderedDict", "defaultdict", "UserDict", "UserList")},
    **{f"weakref.{name}": "container" for name in ("WeakValueDictionary", "WeakKeyDictionary", "WeakSet")},
    **{f"cachetools.{name}": "container" for name in ("Cache", "FIFOCache", "LFUCache", "LRUCache", "TTLCache")},
    "types.SimpleNamespace": "namespace",
    "argparse.Namespace": "namespace",
    "concurrent.futures.ThreadPoolExecutor": "executor",
    "concurrent.futures.thread.ThreadPoolExecutor": "executor",
    "concurrent.futures.ProcessPoolExecutor": "executor",
    "concurrent.futures.process.ProcessPoolExecutor": "executor",
    "concurrent.futures.Future": "promise",
    "concurrent.futures._base.Future": "promise",
    "asyncio.Future": "promise",
    "twisted.internet.defer.Deferred": "promise",
    "multiprocessing.Pool": "executor",
    "multiprocessing.pool.Pool": "executor",
    "multiprocessing.pool.ThreadPool": "executor",
    "multiprocessing.dummy.Pool": "executor",
    "gevent.pool.Pool": "executor",
    "gevent.pool.Group": "executor",
    "gevent.threadpool.ThreadPool": "executor",
    "eventlet.GreenPool": "executor",
    "asyncio.TaskGroup": "taskgroup",
    "anyio.create_task_group": "taskgroup",
    "trio.open_nursery": "taskgroup",
    "contextlib.ExitStack": "exitstack",
    "contextlib.AsyncExitStack": "exitstack",
    "sched.scheduler": "sched",
    "logging.handlers.QueueListener": "listener",
    "logging.Handler": "loghandler",
    "logging.StreamHandler": "loghandler",
    "paramiko.ServerInterface": "serverinterface",
    "paramiko.server.ServerInterface": "serverinterface",
    "http.server.ThreadingHTTPServer": "server",
    "socketserver.ThreadingMixIn": "server",
    **{f"socketserver.Forking{what}": "server" for what in ("MixIn", "TCPServer", "UDPServer", "UnixStreamServer")},
    "socketserver.ThreadingTCPServer": "server",
    "socketserver.ThreadingUDPServer": "server",
    "socketserver.ThreadingUnixStreamServer": "server",
    "socketserver.BaseRequestHandler": "requesthandler",
    "socketserver.StreamRequestHandler": "requesthandler",
    "http.server.BaseHTTPRequestHandler": "requesthandler",
    "http.server.SimpleHTTPRequestHandler": "requesthandler",
}
"""Constructors by dotted name; a class of the tree that inherits from one has such an object as its native side."""

KINDS = frozenset(
    """thread lock semaphore event barrier local contextvar queue executor future exitstack eventloop mpcontext
    iterator results completed loghandler logger serverinterface requesthandler server timer world parallel
    group taskgroup promise namespace selector statusevent writer webapp taskapp scheduler sched listener""".split()
)
"""Kinds whose methods the reader itself knows."""

TOPS = frozenset(
    [c.partition(".")[0] for c in (*CLASSES, *api.MAKERS)]
    + """builtins anyio trio starlette asgiref thread twisted signal atexit os joblib functools copy typing weakref
    itertools time getpass subprocess socket requests urllib importlib select selectors socketserver dramatiq
    fcntl shutil textwrap json pickle csv yaml tomllib io tarfile gzip dataclasses""".split()
)
"""Packages of which some function matters; calls into all others only pass their arguments on."""

PACKAGES = frozenset(c.rsplit(".", 1)[0] for c in CLASSES)

BUILTINS = frozenset(
    """list tuple set dict frozenset sorted reversed iter next enumerate zip map filter range len min max sum open
    getattr setattr hasattr isinstance super print input type object str bytes int float bool vars id any all abs
    __import__ exec eval callable repr round divmod hash Exception""".split()
)


def star_member(package: str, name: str) -> str | None:
    """The dotted name that ``from package import *`` makes of a bare one, where a table knows it.

    Threads: the reader's own; does not block.
    """
    path = f"{package}.{name}"
    return path if path in CLASSES or path in api.MAKERS else None


def kind_of_class(path: str) -> str | None:
    """The kind of what a class of another distribution makes.

    Threads: the reader's own; does not block.
    """
    kind = CLASSES.get(path)
    if kind is None and path.startswith("netmiko."):
        last = path.rsplit(".", 1)[-1]
        return "netmiko" if last.endswith(("SSH", "Base", "BaseConnection")) else None
    return kind
