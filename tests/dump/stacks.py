"""A short notation for dumps: a thread is its name and the words for its stack, innermost first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from paramedic.model.snapshot import Snapshot

_COND = ["Condition.wait (threading.py:327)"]
_EVENT = [*_COND, "Event.wait (threading.py:629)"]
_READ = [*_COND, "BufferedPipe.read (paramiko/buffered_pipe.py:150)"]
_RECV = [*_READ, "Channel.recv (paramiko/channel.py:697)"]
_SFTP = [
    *_RECV,
    "BaseSFTP._read_all (paramiko/sftp.py:196)",
    "BaseSFTP._read_packet (paramiko/sftp.py:212)",
    "SFTPClient._read_response (paramiko/sftp_client.py:887)",
    "SFTPClient._request (paramiko/sftp_client.py:857)",
]
_WINDOW = [
    *_COND,
    "Channel._wait_for_send_window (paramiko/channel.py:1316)",
    "Channel._send (paramiko/channel.py:1197)",
    "Channel.send (paramiko/channel.py:799)",
]
_SENDING = ["Transport._send_user_message (paramiko/transport.py:1820)", "Channel._send (paramiko/channel.py:1206)"]

WORDS: dict[str, Sequence[str]] = {
    "recv": _RECV,
    "recv_stderr": [*_READ, "Channel.recv_stderr (paramiko/channel.py:745)"],
    "file.read": [*_RECV, "ChannelFile._read (paramiko/channel.py:1359)", "BufferedFile.read (paramiko/file.py:184)"],
    "exit_status": [*_EVENT, "Channel.recv_exit_status (paramiko/channel.py:400)"],
    "open_channel": [*_EVENT, "Transport.open_channel (paramiko/transport.py:1052)"],
    "exec_command": [
        *_EVENT,
        "Transport.open_channel (paramiko/transport.py:1052)",
        "Transport.open_session (paramiko/transport.py:926)",
        "SSHClient.exec_command (paramiko/client.py:548)",
    ],
    "reply": [
        *_EVENT,
        "Channel._wait_for_event (paramiko/channel.py:1217)",
        "Channel.exec_command (paramiko/channel.py:255)",
        "SSHClient.exec_command (paramiko/client.py:554)",
    ],
    "auth": [*_EVENT, "AuthHandler.wait_for_response (paramiko/auth_handler.py:205)"],
    "window": [*_WINDOW, "Channel.sendall (paramiko/channel.py:844)"],
    "stat": [*_SFTP, "SFTPClient.stat (paramiko/sftp_client.py:493)"],
    "getfo": [
        *_SFTP[:-1],
        "SFTPFile._read_prefetch (paramiko/sftp_file.py:170)",
        "SFTPFile._read (paramiko/sftp_file.py:190)",
        "SFTPClient.getfo (paramiko/sftp_client.py:800)",
    ],
    "prefetch": [
        *_WINDOW,
        "BaseSFTP._write_all (paramiko/sftp.py:173)",
        "SFTPClient._async_request (paramiko/sftp_client.py:881)",
        "SFTPFile._prefetch_thread (paramiko/sftp_file.py:561)",
    ],
    "idle": [
        "Packetizer.read_all (paramiko/packet.py:322)",
        "Packetizer.read_message (paramiko/packet.py:496)",
        "Transport.run (paramiko/transport.py:2059)",
    ],
    "idle_of_safe": [
        "recv (paramedic/safe/wire.py:183)",
        "Packetizer.read_all (paramiko/packet.py:322)",
        "_read (paramedic/safe/packetizer.py:128)",
        "read_message (paramedic/safe/packetizer.py:85)",
        "Transport.run (paramiko/transport.py:2059)",
        "run (paramedic/safe/link.py:332)",
    ],
    "answer_of_safe": [
        "_send_some (paramedic/safe/wire.py:268)",
        "send_messages (paramedic/safe/packetizer.py:228)",
        "Transport.run (paramiko/transport.py:2059)",
        "run (paramedic/safe/link.py:332)",
    ],
    "handler": [
        "Transport._parse_channel_open (paramiko/transport.py:3002)",
        "Transport.run (paramiko/transport.py:2094)",
    ],
    "rekey": [
        *_EVENT,
        *_SENDING[:1],
        "Channel._handle_close (paramiko/channel.py:1182)",
        "Transport.run (paramiko/transport.py:2099)",
    ],
    "finalizer": [
        "Channel.shutdown (paramiko/channel.py:959)",
        "ChannelStdinFile.close (paramiko/channel.py:1390)",
        "BufferedFile.__del__ (paramiko/file.py:67)",
        "Channel._close_internal (paramiko/channel.py:1253)",
        "Channel._handle_close (paramiko/channel.py:1179)",
        "Transport.run (paramiko/transport.py:2099)",
    ],
    "pipe.clear": [
        "PosixPipe.clear (paramiko/pipe.py:60)",
        "OrPipe.clear (paramiko/pipe.py:135)",
        "BufferedPipe.read (paramiko/buffered_pipe.py:161)",
        "Channel.recv_stderr (paramiko/channel.py:745)",
    ],
    "feed": [
        "BufferedPipe.feed (paramiko/buffered_pipe.py:89)",
        "Channel._feed_extended (paramiko/channel.py:1058)",
        "Transport.run (paramiko/transport.py:2099)",
    ],
    "proxy": ["ProxyCommand.recv (paramiko/proxy.py:107)", "Transport.run (paramiko/transport.py:2059)"],
    "join": ["Thread._wait_for_tstate_lock (threading.py:1139)", "Thread.join (threading.py:1119)"],
    "shutdown": ["Thread._wait_for_tstate_lock (threading.py:1139)", "_shutdown (threading.py:1541)"],
    "future": [*_COND, "Future.result (concurrent/futures/_base.py:451)"],
    "cond": _COND,
    "queue": [*_COND, "Queue.get (queue.py:171)"],
    "semaphore": [*_COND, "Semaphore.acquire (threading.py:507)"],
    "timer": [*_EVENT, "Timer.run (threading.py:1399)"],
    "event": _EVENT,
    "import_lock": ["_ModuleLock.acquire (<frozen importlib._bootstrap>:120)"],
    "importing": [
        "_call_with_frames_removed (<frozen importlib._bootstrap>:241)",
        "_find_and_load (<frozen importlib._bootstrap>:1176)",
    ],
    "loop": [
        "Handle._run (asyncio/events.py:80)",
        "BaseEventLoop._run_once (asyncio/base_events.py:1922)",
        "run (asyncio/runners.py:190)",
    ],
    "log": ["Handler.handle (logging/__init__.py:978)", "Logger.log (logging/__init__.py:1559)"],
    "transport.log": ["Transport._log (paramiko/transport.py:1791)", "Transport.run (paramiko/transport.py:2094)"],
    "sending": [*_SENDING, "Channel.sendall (paramiko/channel.py:844)"],
    "send_lock": ["Channel._send (paramiko/channel.py:1191)", "Channel.sendall (paramiko/channel.py:844)"],
    "add_string": [
        "Message.add_string (paramiko/message.py:279)",
        "Channel._send (paramiko/channel.py:1201)",
        "Channel.sendall (paramiko/channel.py:844)",
    ],
    "forked": [
        "BaseProcess._bootstrap (multiprocessing/process.py:314)",
        "Popen._launch (multiprocessing/popen_fork.py:71)",
    ],
    "worker": [
        "_worker (concurrent/futures/thread.py:83)",
        "Thread.run (threading.py:982)",
        "Thread._bootstrap (threading.py:1002)",
    ],
    "idle_worker": [
        "_worker (concurrent/futures/thread.py:81)",
        "Thread._bootstrap (threading.py:1002)",
    ],
    "thread": ["Thread.run (threading.py:982)", "Thread._bootstrap (threading.py:1002)"],
    "hub": ["wait (gevent/hub.py:50)"],
}


def asleep(snapshots: Iterable[Snapshot]) -> Iterator[Snapshot]:
    """The dumps as taken of a living process in which, as the kernel says, no thread woke in between."""
    for snapshot in snapshots:
        yield replace(snapshot, threads=tuple(replace(t, switches=1) for t in snapshot.threads))


def py_spy(threads: Mapping[str, str], *, process: int = 7) -> str:
    """A dump in py-spy's form; a word that is not in `WORDS` is a frame of the user's: ``run@app.py:12``."""
    lines = [f"Process {process}: python app.py", "Python v3.11.7", ""]
    for number, (name, words) in enumerate(threads.items(), 100):
        lines.append(f'Thread {number} (idle): "{name}"')
        for word in words.split():
            if word in WORDS:
                lines += [f"    {frame}" for frame in WORDS[word]]
            else:
                function, _, place = word.partition("@")
                lines.append(f"    {function} ({place})")
    if threads and not lines[-1].startswith(("    <module> ", "    Thread._bootstrap ")):  # else it would look cut off
        main = list(threads)[-1].startswith("Main")
        lines.append("    <module> (app.py:1)" if main else "    Thread._bootstrap (threading.py:1002)")
    return "\n".join(lines) + "\n"
