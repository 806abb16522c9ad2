"""What happened: one fixed-size event, and the words that recordings use for it.

An event never says what something means; `paramedic.analysis` derives facts, the hazards judge them.
"""

from __future__ import annotations

from paramedic.model.named_tuple import NamedTuple


class Kind:
    """What an event says. The comments give ``obj``, ``a`` and ``b`` where they carry something.

    The numbers are the wire form: never renumber, only add.
    """

    EMPTY = 0  # a row that was reserved and not (yet) written
    CHUNK = 1  # first row of a chunk: a = generation, b = role (0 rows, 1 texts)
    OWNER = 2  # the rows that follow belong to thread `a`
    TEXT = 3  # a piece of a text; another layout, see `paramedic.trace.layout`
    CALL = 4  # a call of operation `op` on `obj` began: a = argument (a timeout in ms, or -1), b = text
    RETURN = 5  # … returned: a = measure of the result (bytes, status), where there is one
    RAISE = 6  # … raised: b = text "Type: message", a = its code, where it has one
    NEW = 7  # `obj` came to be: op = its class's __init__, a = parent object, b = number, stream; 1: logging's lock;
    # `BINARY` of a semaphore: one of which there is one
    FINAL = 8  # the finalizer of `obj` began (a = 0) or ended (a = 1)
    LINK = 9  # `obj` belongs to object `a` from now on; b = number that the relation carries; op: see `BY_PEER`
    WAIT = 10  # is about to block for lock `obj`
    GOT = 11  # took lock `obj`; a = 2 if it was only tried, or with a timeout
    GAVE_UP = 12  # did not get lock `obj`: timeout
    FREE = 13  # is about to let go of lock `obj`
    POST = 14  # handed something over through `obj`: a = token (1: a task was submitted, with its site), b = id of the
    # thing if it is one of Paramiko's, or of the task's pool
    TAKE = 15  # received what was handed over through `obj`: a = token
    START = 16  # is about to start thread `a`: b = text: its class, where that is not Thread itself; op = 1: a daemon,
    # + `ENDS_PROGRAM`: a Timer that does nothing but end the program
    BEGIN = 17  # the thread runs: a = its native id, obj and b = its name's number and text (`model.thread_name`)
    END = 18  # the thread is about to end: b = text of the exception that ends it
    JOINED = 19  # learned that thread `a` has ended
    FEED = 20  # data for channel `obj` came: op = stream, a = unread bytes after it, b = receive window size
    WIRE = 21  # message on transport `obj`: op = its number, a = channel number at the receiver, b = 1 if received
    FORK = 22  # a = process id of the child (in the parent) or of the parent (in the child)
    GAP = 23  # something was not recorded: b = text: slug and detail
    STATE = 24  # `obj` changed: op = which state, a = its value, b = text
    OPENED = 25  # channel `obj` is open: a = its transport | the peer's number for it << 32, b = its number, site = our
    # window, op as of LINK. Only in files: a reader makes NEW, LINK and two STATE of it, and NEW of a `RETURN` that
    # brings new streams
    SPAN = (
        26  # a CALL with b = 0 began, its a as the flags say: a = when it returned, 0 if it has not, 1 if another row
    )
    # tells how it ended; b = measure of its result. Only in files: a reader makes CALL of it, and RETURN at that time
    LATER = 27  # as SPAN, of a call that has a row of its own: a reader makes RETURN of it


KINDS = {number: name for name, number in vars(Kind).items() if name.isupper()}
"""All of them, and what they are called."""

Row = tuple[int, int, int, int, int, int, int, int]
"""The fields of an `Event`, in their order, as a plain tuple: those are made and taken apart much faster."""


class Event(NamedTuple):
    """One event.

    Attributes:
        t_ns: CLOCK_MONOTONIC, comparable between processes of one machine.
        a: see `Kind`.
        obj: id of the object; 0 for none. Ids are given once per process and not used again.
        site: text id of the stack of user frames; 0 for none.
        b: see `Kind`.
        op: index into the operation table of the recording's header.
        thread: our number of the thread, 1 for the first that was seen.
        kind: see `Kind`.
    """

    t_ns: int
    a: int
    obj: int
    site: int
    b: int
    op: int
    thread: int
    kind: int


class State:
    """What changed, in a `Kind.STATE` event."""

    REMOTE_CHANNEL = 1  # channel: a = the peer's number for it, b = the peer's receive window
    WINDOW = 2  # channel: a = our receive window in bytes
    EXIT_STATUS = 3  # channel: a = the status that came
    COMBINED = 4  # channel: a = 1 if stderr goes into stdout's buffer
    OUT_WINDOW = 5  # channel: a = how much we may still send
    HOST_KEY_POLICY = 6  # client: b = text, the class's name
    FAILED = 7  # future: b = text of the exception that its task ended with
    NO_DELAY = 8  # transport: a = 1 if TCP_NODELAY is set on its socket, + 2 if SO_KEEPALIVE or TCP_USER_TIMEOUT is
    PROXY_STDERR = 9  # proxy command: a = bytes in its stderr pipe that nobody has read, b = its size, 0: the usual one
    GEVENT = 10  # client: a = 1 if gevent has patched sockets but not threads
    EXIT = 11  # the interpreter ends in an orderly way: a = 1 if after an exception that the main thread did not catch
    SIGNAL = 12  # a signal handler is set: a = the signal's number, b = text: file and qualified name of the handler
    BEFORE = 13  # `obj`, or where that is 0 the thread, was there before the recording began
    CONNECTED = 14  # client: a = id of its transport, b = text: the peer's address; both were made before
    PROXY_LEFT = 15  # proxy command: at the end of the program nobody had waited for its process
    LEAVES = 16  # the process ends at once, by os._exit; only where nobody outside sees when it ends
    WORKER = 17  # pool: a thread is one of its workers: a = how many it may have, 0: not told, b = its number
    UNRETRIEVED = 18  # future: an event loop got the exception of its task, and nobody asked the loop for it
    WAKE_UP_LOST = 19  # channel: data is there, and its wake-up pipe, by which select() would tell, is empty
    ASKED_AHEAD = 20  # SFTP file: a = how many bytes prefetch() or readv() have asked for
    ASYNC_QUEUE = 21  # queue of an event loop: a = token of the item, b = what a task does with it: see `ASYNC_KIND`
    LOOP_RESTS = 22  # the thread's event loop has nothing to do, and no timer: a = how many tasks it has, of each of
    # which a TASK_WAITS follows, b = 1; b = `TICKS`: no timer but those of tasks that sleep; or b = 0: it goes on
    FOR_TASK = 24  # future: the task of an event loop's that has given it to an executor: a = its number, and above its
    # lowest 32 bits that of the task that made it; tasks are numbered once per process
    GATHERED = 25  # future: ``gather(…, return_exceptions=True)`` has put its exception among the results; site = where
    OWN_STEP = 26  # SFTP client, transport: its class has a step of `OWN_STEPS` of the program's own, or of another
    # library's; b = text: file, first line and qualified name of that
    OF_COROUTINE = 27  # future: run_coroutine_threadsafe() has made it: a = the event loop that its coroutine runs on
    TASK_WAITS = 23  # a task waits for `obj` or, where that is 0, for no object that we know: a = what tells the task
    # from others, and above that the task that it waits for, b = what for: see `TaskWait`; site = where the task is


OWN_STEPS = {"SFTPClient": "_request", "Transport": "global_request"}
"""Steps of which Paramiko's calls of a class consist, and which a class of the program's own may keep apart."""

OUT, ERR, IN = 0, 1, 2
"""Streams of a channel, as `Kind.FEED` and `Kind.NEW` of a channel file number them."""

ASYNC_KIND = 3
"""Bits of ``b`` of a `State.ASYNC_QUEUE` that say what is done: the numbers that follow."""
ASYNC_PUT, ASYNC_TOOK, ASYNC_WAITS = 1, 2, 3
ASYNC_OURS = 4
"""The bit that says that the item is one of Paramiko's objects."""
ASYNC_TASK_SHIFT = 3
"""The bits from here on tell the task from others."""

TICKS = 2
"""``b`` of a `State.LOOP_RESTS`."""
TASK_BITS = 28
"""So many bits tell a task from others."""


class TaskWait:
    """``b`` of a `State.TASK_WAITS`: what a task waits for, by the method of asyncio's that it is in."""

    OTHER = 0
    GET, PUT, JOIN = 1, 2, 3  # of a queue
    LOCK = 4
    SLOT = 5  # of a semaphore, by ``async with``
    ASKED = 6  # … by acquire()
    EVENT, CONDITION, BARRIER = 7, 8, 9
    TASKS = 10  # other tasks, by ``await task``, gather(), wait() or a TaskGroup
    TIMER = 11  # a time, by ``asyncio.sleep()``; or anything, but no longer


BINARY = 2
"""``b`` of a `Kind.NEW` of a semaphore that is made with 1."""
ENDS_PROGRAM = 2
"""Bit of ``op`` of a `Kind.START`."""

BY_PEER = 1
"""``op`` of a `Kind.LINK` of a channel that the peer has asked for."""

FIRST_STREAM = 1 << 31
"""The files of a command get their ids from here on: one number for OUT, the next for ERR, the next for IN."""
