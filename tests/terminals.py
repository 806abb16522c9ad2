"""A terminal with a job in its foreground, as a shell gives it one."""

from __future__ import annotations

import codecs
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LIMIT_S = 100

# Plays a shell: a session with a terminal, and a job in the foreground of it.
SHELL = """
import os, signal, sys
os.setsid()
terminal = os.open(sys.argv[1], os.O_RDWR)  # becomes the session's terminal
for fd in (0, 1, 2):
    os.dup2(terminal, fd)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
job = os.fork()
if job == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.argv[2], sys.argv[2:])
while True:
    pid, status = os.waitpid(job, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        os.tcsetpgrp(0, os.getpgrp())
        print("shell: stopped", flush=True)
        os.tcsetpgrp(0, job)
        os.killpg(job, signal.SIGCONT)
        continue
    if os.WIFSIGNALED(status):
        print("shell: killed by", signal.Signals(os.WTERMSIG(status)).name, flush=True)
    else:
        print("shell: status", os.WEXITSTATUS(status), flush=True)
    break
"""


class Terminal:
    """The other end of a terminal."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._rest = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def type(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    def read_until(self, words: str) -> str:
        """What it shows up to these words, which are taken away."""
        while words not in self._rest:
            try:
                data = os.read(self._fd, 4096)
            except OSError:  # Linux: nobody holds the other side any more
                data = b""
            assert data, self._rest
            self._rest += self._decoder.decode(data)
        text, self._rest = self._rest.split(words, 1)
        return text


@contextmanager
def terminal(*command: str, **options: Any) -> Iterator[Terminal]:
    """A job in the foreground of a terminal; yields the terminal's other end.

    Args:
        command: the job.
        options: of `subprocess.Popen`.
    """
    ours, theirs = pty.openpty()
    # It holds the terminal's end until it has opened it by its name.
    shell = subprocess.Popen([sys.executable, "-c", SHELL, os.ttyname(theirs), *command], pass_fds=(theirs,), **options)
    os.close(theirs)
    try:
        yield Terminal(ours)
        assert shell.wait(LIMIT_S) == 0
    finally:
        shell.kill()
        shell.wait(LIMIT_S)
        os.close(ours)
