"""What threads wait for: the words, and the tables that know them from functions' names.

Written against Paramiko 2.12 to 5.1: the functions named here kept their names over that range; line numbers are not
used. Where a function differs between versions the entry says so.
"""

from __future__ import annotations

from enum import StrEnum

from paramedic.dump.native import LOCK, OTHER, QUEUE


class Wait(StrEnum):
    """What the innermost frames of a stack say that the thread waits for."""

    PACKET = "the next packet of the peer"
    BANNER = "the server's banner"
    PROXY = "the ProxyCommand"
    OUTPUT = "output of a channel"
    STDERR = "stderr of a channel"
    EXIT_STATUS = "the exit status of a command"
    SEND_WINDOW = "room in the peer's window"
    CHANNEL_OPEN = "a channel to be opened"
    REQUEST_REPLY = "the reply to a channel request"
    GLOBAL_REQUEST = "the reply to a global request"
    HANDSHAKE = "the key exchange at the start"
    AUTHENTICATION = "the answer to a login"
    CLEAR_TO_SEND = "the end of a key exchange"
    ACCEPT = "a channel that the peer opens"
    SFTP_REPLY = "an SFTP reply"
    AGENT = "the SSH agent"
    SOCKET_WRITE = "the socket to take data"
    PIPE_BYTE = "a byte in the pipe behind Channel.fileno()"
    TRANSPORT_END = "a transport thread to end"
    CONNECT = "a TCP connection"
    PARAMIKO_LOCK = "a lock inside Paramiko"
    LOCK = "a lock"
    SEMAPHORE = "a free slot of a semaphore"
    LOGGING_LOCK = "the lock of a logging handler"
    IMPORT_LOCK = "the lock of a module that is being imported"
    QUEUE = "a queue"
    FUTURE = "a future"
    JOIN = "another thread to end"
    EVENT = "an event"
    CONDITION = "a condition"
    SHUTDOWN = "the threads that are not daemons, at exit"
    POOL_WORK = "work (an idle worker)"
    TIMER = "its time (a timer)"
    SELECT = "one of several sockets"
    SOCKET = "a socket"
    PROCESS = "a child process"
    LOOP = "the event loop's next event"
    SLEEP = "some time to pass"
    OWN_CODE = "something in code of yours"
    NOTHING = "nothing that we know"


REMOTE = frozenset(
    {
        Wait.OUTPUT,
        Wait.STDERR,
        Wait.EXIT_STATUS,
        Wait.SEND_WINDOW,
        Wait.CHANNEL_OPEN,
        Wait.REQUEST_REPLY,
        Wait.GLOBAL_REQUEST,
        Wait.HANDSHAKE,
        Wait.AUTHENTICATION,
        Wait.CLEAR_TO_SEND,
        Wait.SFTP_REPLY,
        Wait.ACCEPT,
    }
)
"""Waits that only the connection's transport thread can end."""

REPLIES = frozenset(
    {
        Wait.CHANNEL_OPEN,
        Wait.REQUEST_REPLY,
        Wait.GLOBAL_REQUEST,
        Wait.HANDSHAKE,
        Wait.AUTHENTICATION,
        Wait.CLEAR_TO_SEND,
        Wait.SFTP_REPLY,
        Wait.TRANSPORT_END,
        Wait.EXIT_STATUS,
        Wait.ACCEPT,
    }
)
"""Of these, the ones where a call asked for something and waits for the answer."""

UNPOLLED = frozenset(
    {
        Wait.OUTPUT,
        Wait.STDERR,
        Wait.EXIT_STATUS,
        Wait.SEND_WINDOW,
        Wait.REQUEST_REPLY,
        Wait.SFTP_REPLY,
        Wait.PARAMIKO_LOCK,
        Wait.LOCK,
        Wait.SEMAPHORE,
        Wait.QUEUE,
        Wait.FUTURE,
        Wait.JOIN,
    }
)
"""Waits that are one sleep where they have no limit; in the others Paramiko looks again every tenth of a second."""

LOCAL_LOCKS = frozenset({Wait.LOCK, Wait.PARAMIKO_LOCK, Wait.LOGGING_LOCK, Wait.IMPORT_LOCK})
"""Waits that another thread of the same process ends by letting go."""

PARAMIKO_WAITS: dict[tuple[str, str], Wait] = {
    ("channel", "recv_exit_status"): Wait.EXIT_STATUS,
    ("channel", "_wait_for_send_window"): Wait.SEND_WINDOW,
    ("channel", "_wait_for_event"): Wait.REQUEST_REPLY,
    ("transport", "open_channel"): Wait.CHANNEL_OPEN,
    ("transport", "_send_user_message"): Wait.CLEAR_TO_SEND,
    ("transport", "global_request"): Wait.GLOBAL_REQUEST,
    ("transport", "renegotiate_keys"): Wait.GLOBAL_REQUEST,
    ("transport", "start_client"): Wait.HANDSHAKE,
    ("transport", "start_server"): Wait.HANDSHAKE,
    ("transport", "accept"): Wait.ACCEPT,
    ("transport", "ensure_session"): Wait.AUTHENTICATION,  # ServiceRequestingTransport, since 3.2
    ("transport", "stop_thread"): Wait.TRANSPORT_END,
    ("auth_handler", "wait_for_response"): Wait.AUTHENTICATION,
    ("agent", "_read_all"): Wait.AGENT,
    ("proxy", "recv"): Wait.PROXY,
    ("proxy", "send"): Wait.PROXY,
    ("packet", "write_all"): Wait.SOCKET_WRITE,
    ("packet", "read_all"): Wait.PACKET,
    ("packet", "readline"): Wait.BANNER,
    ("packet", "_read_timeout"): Wait.BANNER,
    ("pipe", "clear"): Wait.PIPE_BYTE,
    ("client", "connect"): Wait.CONNECT,
    ("client", "<lambda>"): Wait.CONNECT,  # up to 3.x, in retry_on_signal around socket.connect
    ("util", "retry_on_signal"): Wait.CONNECT,
}
"""(module, function) of the frame that calls the primitive, or of the innermost frame itself."""

CHANNEL_READS = {"recv": Wait.OUTPUT, "recv_stderr": Wait.STDERR}

PARAMIKO_LOCKS: dict[tuple[str, str], str] = {
    **{
        ("channel", f): "Channel.lock"
        for f in (
            "_send shutdown close _window_adjust _check_add_window _handle_close _handle_eof _unlink _feed_extended "
            "set_combine_stderr makefile fileno _close_internal _set_closed"
        ).split()
    },
    **{
        ("buffered_pipe", f): "the lock of a channel's buffer"
        for f in "feed read read_ready empty close set_event __len__".split()
    },
    **{
        ("transport", f): "Transport.lock"
        for f in (
            "_next_channel _queue_incoming_channel _parse_channel_open _parse_channel_open_success get_exception "
            "_parse_channel_open_failure _unlink_channel set_subsystem_handler _get_subsystem_handler"
        ).split()
    },
    **{
        ("transport", f): "Transport.clear_to_send_lock"
        for f in "_send_kex_init _negotiate_keys _parse_newkeys".split()
    },
    **{("transport", f): "the lock of the channel map" for f in "get put delete values __len__".split()},
    ("transport", "_send_user_message"): "Transport.clear_to_send_lock",
    ("packet", "send_message"): "the write lock",
    ("sftp_client", "_async_request"): "SFTPClient._lock",
    ("sftp_client", "_read_response"): "SFTPClient._lock",
    ("sftp_file", "_async_response"): "SFTPFile._prefetch_lock",
    ("sftp_file", "_prefetch_thread"): "SFTPFile._prefetch_lock",
}
"""Which lock a thread stands at that is in the function itself, in nothing that it called.

``open_channel`` takes Transport.lock too, but far more often stands between two rounds of its polling; it counts only
where the same stack is in the middle of another section under that lock (see `CRITICAL`).
"""

CRITICAL: dict[str, frozenset[tuple[str, str]]] = {
    "Channel.lock": frozenset(
        ("channel", f)
        for f in (
            "_send shutdown close _window_adjust _check_add_window _handle_close _handle_eof _feed_extended "
            "set_combine_stderr _close_internal _send_eof _set_closed _wait_for_send_window"
        ).split()
    ),
    "the lock of a channel's buffer": frozenset(
        ("buffered_pipe", f) for f in "feed read read_ready empty close set_event __len__ _buffer_frombytes".split()
    ),
    "Transport.lock": frozenset(
        ("transport", f)
        for f in (
            "open_channel _next_channel _queue_incoming_channel _parse_channel_open _parse_channel_open_success "
            "_parse_channel_open_failure _unlink_channel"
        ).split()
    ),
    "Transport.clear_to_send_lock": frozenset(
        ("transport", f) for f in "_send_user_message _send_kex_init _negotiate_keys _parse_newkeys".split()
    ),
    "the lock of the channel map": frozenset(("transport", f) for f in "get put delete values __len__".split()),
    "SFTPClient._lock": frozenset({("sftp_client", "_async_request"), ("sftp_client", "_read_response")}),
    "SFTPFile._prefetch_lock": frozenset({("sftp_file", "_async_response"), ("sftp_file", "_prefetch_thread")}),
}
"""Functions that hold the lock while they call others; ``_send_user_message`` calls with clear_to_send_lock held."""

STDLIB_WAITS: dict[tuple[str, str], Wait] = {
    ("threading", "join"): Wait.JOIN,
    ("threading", "_wait_for_tstate_lock"): Wait.JOIN,  # up to 3.12
    ("threading", "_shutdown"): Wait.SHUTDOWN,
    ("concurrent.futures.thread", "_python_exit"): Wait.SHUTDOWN,
    ("concurrent.futures.thread", "shutdown"): Wait.JOIN,
    ("concurrent.futures.thread", "_worker"): Wait.POOL_WORK,
    ("concurrent.futures._base", "result"): Wait.FUTURE,
    ("concurrent.futures._base", "exception"): Wait.FUTURE,
    ("concurrent.futures._base", "wait"): Wait.FUTURE,
    ("concurrent.futures._base", "as_completed"): Wait.FUTURE,
    ("concurrent.futures._base", "_result_or_cancel"): Wait.FUTURE,
    ("concurrent.futures._base", "result_iterator"): Wait.FUTURE,
    ("queue", "get"): Wait.QUEUE,
    ("queue", "put"): Wait.QUEUE,
    ("queue", "join"): Wait.QUEUE,
    ("multiprocessing.queues", "get"): Wait.QUEUE,
    ("multiprocessing.connection", "_recv"): Wait.SELECT,
    ("multiprocessing.connection", "wait"): Wait.SELECT,
    ("multiprocessing.connection", "_poll"): Wait.SELECT,
    ("multiprocessing.process", "join"): Wait.PROCESS,
    ("multiprocessing.popen_fork", "wait"): Wait.PROCESS,
    ("multiprocessing.popen_fork", "poll"): Wait.PROCESS,
    ("threading", "acquire"): Wait.SEMAPHORE,  # Lock.acquire is C and leaves no frame
    ("threading", "__enter__"): Wait.LOCK,
    ("contextlib", "enter_context"): Wait.LOCK,  # what else it enters is on the stack
    ("threading", "_acquire_restore"): Wait.LOCK,
    ("threading", "_wait"): Wait.CONDITION,
    ("importlib._bootstrap", "acquire"): Wait.IMPORT_LOCK,
    ("importlib._bootstrap", "__enter__"): Wait.IMPORT_LOCK,
    ("importlib._bootstrap", "_lock_unlock_module"): Wait.IMPORT_LOCK,
    ("logging", "acquire"): Wait.LOGGING_LOCK,
    ("logging", "handle"): Wait.LOGGING_LOCK,  # since 3.13 `with self.lock` in handle itself
    ("logging", "_acquireLock"): Wait.LOGGING_LOCK,
    ("selectors", "select"): Wait.SELECT,
    ("socket", "accept"): Wait.SOCKET,
    ("socket", "readinto"): Wait.SOCKET,
    ("socket", "create_connection"): Wait.CONNECT,
    ("ssl", "read"): Wait.SOCKET,
    ("subprocess", "wait"): Wait.PROCESS,
    ("subprocess", "_wait"): Wait.PROCESS,
    ("subprocess", "_try_wait"): Wait.PROCESS,
    ("subprocess", "_communicate"): Wait.PROCESS,
    ("subprocess", "communicate"): Wait.PROCESS,
    ("getpass", "_raw_input"): Wait.SOCKET,
    ("getpass", "unix_getpass"): Wait.SOCKET,
}
"""The standard library's waits by the innermost function that says what they are for."""

PRIMITIVES = frozenset({("threading", "wait"), ("threading", "wait_for"), ("threading", "_wait_for_tstate_lock")})
"""Frames below which the caller says what is waited for."""

SYSTEM_CALLS: dict[str, Wait] = {
    LOCK: Wait.LOCK,
    QUEUE: Wait.QUEUE,
    OTHER: Wait.OWN_CODE,
    "futex": Wait.LOCK,
    "recvfrom": Wait.SOCKET,
    "recvmsg": Wait.SOCKET,
    "accept": Wait.SOCKET,
    "accept4": Wait.SOCKET,
    "connect": Wait.CONNECT,
    "sendto": Wait.SOCKET,
    "poll": Wait.SELECT,
    "ppoll": Wait.SELECT,
    "select": Wait.SELECT,
    "pselect6": Wait.SELECT,
    "epoll_wait": Wait.SELECT,
    "epoll_pwait": Wait.SELECT,
    "clock_nanosleep": Wait.SLEEP,
    "nanosleep": Wait.SLEEP,
    "wait4": Wait.PROCESS,
    "waitid": Wait.PROCESS,
    "read": Wait.SOCKET,
    "write": Wait.SOCKET,
}
"""What a thread waits for whose innermost frame is in code that we do not know, by the kernel's word."""
