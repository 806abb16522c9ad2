"""Running the observed program so that nobody can tell that it has a parent.

The program stays in our process group and session and has our standard streams, so a terminal treats it as if it had
been started alone: Ctrl-C, Ctrl-Z, background reads and hang-ups reach it from the kernel. What somebody sends to *our*
process id is meant for it and is forwarded; what was sent to the whole group has reached it already and is not.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from paramedic.check.process_group import GroupSentinel, Waker

_SYNCHRONOUS = {"SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP", "SIGABRT", "SIGSYS"}
_OURS = {"SIGKILL", "SIGSTOP", "SIGCHLD", "SIGCONT", "SIGTTIN", "SIGTTOU", "SIGPIPE", "SIGWINCH", "SIGURG", "SIGPROF"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a program ended.

    Attributes:
        status: exit status; 128 plus the signal's number where a signal ended it, as a shell says.
        signal: number of the signal that ended it, or None.
    """

    status: int
    signal: int | None = None

    def repeat(self) -> int:
        """Ends this process as the program ended: by the same signal, or by returning the status to exit with.

        Threads: main thread; does not return where a signal ended the program.
        """
        if self.signal is None or sys.platform == "win32":
            return self.status
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        import resource

        # The program has dumped its core where cores are dumped; ours would be put in its place.
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        if self.signal not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(self.signal, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {self.signal})
        os.kill(os.getpid(), self.signal)
        return self.status


Tick = Callable[[], bool]
"""Called about every `TICK_S` while the program runs; True asks for its end. It must not raise."""

TICK_S = 0.5

GRACE_S = 5.0
"""How long a program that is asked to end may take before it is killed."""


def run_program(
    command: Sequence[str],
    environment: Mapping[str, str],
    meanwhile: Callable[[], object] | None = None,
    tick: Tick | None = None,
) -> Ended:
    """Runs a command to its end; signals, stops and the terminal behave as if it ran alone.

    Args:
        command: the program's path and arguments.
        environment: all of its environment.
        meanwhile: called once while the program runs; signals wait until it is back. It must not raise.
        tick: see `Tick`; signals wait until it is back, too.

    Raises:
        OSError: it cannot be started.

    Threads: main thread of a process without other threads (signals are blocked and waited for here); blocks until
        the program has ended.
    """
    if not hasattr(signal, "sigwaitinfo"):
        return _run_plainly(command, environment, tick)
    # With SIGCHLD ignored the kernel would throw the exit status away.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    waited = {s for s in signal.valid_signals() if _name(s) not in _SYNCHRONOUS | _OURS} | {signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, waited)
    try:
        with GroupSentinel() as sentinel:
            # Not subprocess: it would close descriptors that the program was given, and keep our signal mask in it.
            child = os.posix_spawn(command[0], list(command), environment, setsigmask=before)
            if meanwhile is not None:
                meanwhile()
            return _wait(child, waited, sentinel, tick)
    finally:
        # What came too late for the program was not meant for its report: a Ctrl-Z left over would stop us here.
        while signal.sigtimedwait(waited, 0) is not None:
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _wait(child: int, waited: Collection[int], sentinel: GroupSentinel, tick: Tick | None) -> Ended:
    end = _End(tick)
    while True:
        info = signal.sigtimedwait(waited, TICK_S) if tick is not None else signal.sigwaitinfo(waited)
        if info is None:
            number = end.due()
            if number:
                os.kill(child, number)
            continue
        if info.si_signo != signal.SIGCHLD:
            if _is_for_us_alone(info, child, sentinel):
                os.kill(child, info.si_signo)
            continue
        pid, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
        if pid == child and os.WIFSTOPPED(status):
            pid, status = _stop_too(child)
        if pid == child and os.WIFSIGNALED(status):
            return Ended(status=128 + os.WTERMSIG(status), signal=os.WTERMSIG(status))
        if pid == child and os.WIFEXITED(status):
            return Ended(status=os.WEXITSTATUS(status))


class _End:
    """Ticks, and says which signal the program is due for when a tick has asked for its end."""

    def __init__(self, tick: Tick | None) -> None:
        self._tick = tick
        self._asked = 0.0

    def due(self) -> int:
        """A signal's number, or 0."""
        if self._tick is None:
            return 0
        if self._asked:
            return signal.SIGKILL if time.monotonic() - self._asked > GRACE_S else 0
        if self._tick():
            self._asked = time.monotonic()
            return signal.SIGTERM
        return 0


def _is_for_us_alone(info: signal.struct_siginfo, child: int, sentinel: GroupSentinel) -> bool:
    if info.si_code > 0:
        # From the kernel: the terminal signals its whole foreground group. Only a hang-up goes to the session's leader
        # alone (Linux, tty_io.c, __tty_hangup), and without us the program would be it.
        return info.si_signo == signal.SIGHUP and os.getsid(0) == os.getpid()
    if info.si_pid == child:
        return False  # os.killpg(0, …) in the program
    return not sentinel.was_sent(info.si_signo)


def _stop_too(child: int) -> tuple[int, int]:
    """The program was stopped (Ctrl-Z): whoever waits for us must see us stopped, until one of us is continued.

    Returns:
        What `os.waitpid` says of the program once we are awake again.
    """
    with Waker(child):
        os.kill(os.getpid(), signal.SIGSTOP)
    pid, status = os.waitpid(child, os.WNOHANG | os.WCONTINUED)
    if pid == 0:  # `fg` continues the whole group, but `kill -CONT` woke us alone
        os.kill(child, signal.SIGCONT)
    return pid, status


def _run_plainly(command: Sequence[str], environment: Mapping[str, str], tick: Tick | None) -> Ended:
    """Where signals cannot be waited for (macOS, Windows): Ctrl-C reaches the program, termination is forwarded."""
    process = subprocess.Popen(list(command), env=dict(environment), close_fds=False)
    forwarded = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    earlier = {number: signal.signal(number, lambda n, _: process.send_signal(n)) for number in forwarded}
    earlier[signal.SIGINT] = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        while True:
            try:
                status = process.wait(None if tick is None else TICK_S)
                break
            except subprocess.TimeoutExpired:
                if tick is not None and tick():
                    process.terminate()
                    tick = None
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
    return Ended(status=status) if status >= 0 else Ended(status=128 - status, signal=-status)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return ""
