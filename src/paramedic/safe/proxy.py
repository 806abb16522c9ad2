"""A ProxyCommand that runs: its end of a socket pair, what it complains about, and its end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
import time

from paramedic.safe.signal_safe import SignalSafeEvent

_TAIL_BYTES = 4096
_KILL_AFTER_S = 2.0
# What OpenSSH's own client says where the server at its other end had too much to do, and soon may have less.
_PASSING = ("kex_exchange_identification", "ssh_exchange_identification", "banner exchange", "Connection reset by peer")
_WATCHES = hasattr(os, "pidfd_open") and hasattr(os, "eventfd")  # Linux 5.3, Python 3.10


class Proxy:
    """A running ProxyCommand.

    A thread of its own collects the process and the last of what it writes to standard error. It waits for the process,
    not for the end of that output: a ControlMaster that the command left behind would keep it open for hours.

    Threads: every method may be called by any thread.
    """

    def __init__(self, command: str) -> None:
        """Starts ``command`` with ``/bin/sh``, as OpenSSH does, as the leader of a process group.

        Raises:
            OSError: it cannot be started; nothing is left behind.

        Threads: any thread; it does not block.
        """
        self._lock = threading.Lock()
        self._gone = SignalSafeEvent()
        self._tail = b""
        self._status = 0
        self._stopped = False
        self._held = True
        self._failure: tuple[str, bool | None] | None = None
        self._wake: int | None = None
        self.sock, theirs = socket.socketpair()
        """Our end: a socket like any other."""
        try:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {command}"],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except BaseException:
            self.sock.close()
            raise
        finally:
            theirs.close()
        if _WATCHES:
            self._wake = os.eventfd(0, os.EFD_CLOEXEC)
        try:
            threading.Thread(target=self._watch, name="paramedic-proxy", daemon=True).start()
        except BaseException:  # no thread is to be had: nobody would ever collect it
            self._kill(signal.SIGKILL)
            self._process.communicate()
            self.sock.close()
            if self._wake is not None:
                os.close(self._wake)
            raise

    def stop(self) -> None:
        """Has the process ended, and what it started: by TERM, and two seconds later by KILL.

        Until :meth:`let_go` it only says so: a connection that fails is closed by its own thread, too, before anybody
        could see what the process died of.

        Threads: any thread, any number of times; it does not block.
        """
        with self._lock:
            self._stopped = True
            if not (self._held or self._gone.is_set()):
                self._kill(signal.SIGTERM)
                if self._wake is not None:
                    os.eventfd_write(self._wake, 1)

    def let_go(self) -> None:
        """Ends the process if it was to be stopped meanwhile, and from now on when it is.

        Threads: the thread that started it; it does not block.
        """
        with self._lock:
            self._held = False
            stopped = self._stopped
        if stopped:
            self.stop()

    def wait(self, timeout: float) -> None:
        """Waits until the process has ended by itself, for ``timeout`` seconds at most; :meth:`failure` tells.

        Threads: any thread, before it closes the socket, at whose end the process may end too. It blocks.
        """
        if self._gone.wait(timeout):
            self._failure = self._how_it_ended()

    def failure(self) -> tuple[str, bool | None] | None:
        """How the process ended by itself, and whether that may pass.

        Returns:
            Words, and True if another attempt is worth it, False if not, None if there is no telling; or None if the
            process had not ended when it was waited for.

        Threads: any thread; it does not block.
        """
        return self._failure

    def _how_it_ended(self) -> tuple[str, bool | None]:
        said = self._tail.decode("utf-8", "replace").strip()
        status = self._status
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"exited with status {status}"
        words = f"the ProxyCommand {how}" + (f": {' / '.join(said.splitlines()[-3:])}" if said else "")
        if any(word in said for word in _PASSING):
            return words, True
        # nc ends like that when the server hangs up at once.
        return words, None if status == 0 and not said else False

    def _kill(self, number: int) -> None:
        # You hold the lock, and it is not gone: as long as it is not collected, its number and its group's are its own.
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, number)

    def _watch(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stderr:
            if self._wake is not None:
                self._until_gone(stderr.fileno())
            else:
                while self._read(stderr.fileno()):
                    pass
                self._process.wait()
        with self._lock:
            self._status = self._process.wait()
            self._gone.set()
            if self._wake is not None:
                os.close(self._wake)
                self._wake = None
        if self._status:
            # What it started may hold its end of the socket open; nothing comes from there any more.
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RD)

    def _until_gone(self, stderr: int) -> None:
        assert self._wake is not None
        os.set_blocking(stderr, False)
        process = os.pidfd_open(self._process.pid)
        try:
            events = select.poll()
            for descriptor in (stderr, process, self._wake):
                events.register(descriptor, select.POLLIN)
            kill_at: float | None = None
            while True:
                left = None if kill_at is None else max(0.0, kill_at - time.monotonic()) * 1000
                ready = [descriptor for descriptor, _ in events.poll(left)]
                if stderr in ready and not self._read(stderr):
                    events.unregister(stderr)
                if process in ready:
                    while self._read(stderr):
                        pass
                    return
                if self._wake in ready:
                    events.unregister(self._wake)
                    kill_at = time.monotonic() + _KILL_AFTER_S
                elif kill_at is not None and time.monotonic() >= kill_at:
                    kill_at = None
                    with self._lock:
                        self._kill(signal.SIGKILL)
        finally:
            os.close(process)

    def _read(self, stderr: int) -> bool:
        try:
            data = os.read(stderr, _TAIL_BYTES)
        except BlockingIOError:
            return False
        self._tail = (self._tail + data)[-_TAIL_BYTES:]
        return bool(data)
