"""The process that looks at a test run's recording, and how the test run talks to it.

The test process says when a test begins, asks at its end and waits for the answer: the analysis shares neither memory
nor locks with the tests. A request and an answer are a line of JSON each.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

PATIENCE_S = 60.0


class Analyst:
    """The test process's side.

    Threads: one thread at a time; `ask` blocks until the answer is there.
    """

    def __init__(self, folder: Path, stall_s: float | None = None) -> None:
        """Start the process; it imports what it needs while the tests are collected.

        Args:
            folder: of the recording.
            stall_s: how long something must have waited to be told as a hang; 0: never; None: as the project says.

        Raises:
            OSError: it cannot be started.
        """
        program = "from paramedic.pytest_plugin.analyst import serve; serve()"
        environment = {k: v for k, v in os.environ.items() if k != "PARAMEDIC_RECORD"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, str(folder), "" if stall_s is None else str(stall_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the tests
        )
        self._owner = os.getpid()

    def ask(self, **request: Any) -> dict[str, Any]:
        """What has been found since the last question.

        Args:
            request: ``until_ns``, ``allow``, ``fail_on``, ``width``.

        Returns:
            ``findings`` (as JSON), ``failing`` (how many of them fail), ``text``, ``allowed`` and ``suppressed`` (how
            many were hidden), ``gaps``.
        """
        nothing: dict[str, Any] = {"findings": [], "failing": 0, "text": "", "allowed": 0, "suppressed": 0, "gaps": []}
        if os.getpid() != self._owner:  # a forked child of a test's that goes on as if it were pytest
            return nothing
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
        except (OSError, ValueError):
            return {**nothing, "gaps": [f"the analysis has ended with status {self._process.poll()}"]}
        return {**nothing, **answer}

    def begins(self, test: str, allow: Sequence[str]) -> None:
        """Say which test is at work from now on, and what is allowed in it; nobody answers."""
        if os.getpid() != self._owner:
            return
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # the next question says so
            self._process.stdin.write(json.dumps({"begins": test, "allow": list(allow)}).encode() + b"\n")
            self._process.stdin.flush()

    def close(self) -> None:
        """Let it end."""
        if os.getpid() != self._owner:
            return
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def serve(requests: IO[bytes] | None = None, answers: IO[bytes] | None = None) -> None:
    """The other side: answer until there are no more questions, and tell of hangs meanwhile.

    The folder is the first argument, and the second how long something must have waited.

    Threads: main thread; blocks.
    """
    from paramedic.check.following import Followed
    from paramedic.pytest_plugin.answering import Answering
    from paramedic.pytest_plugin.hanging import Hanging

    requests, answers = requests or sys.stdin.buffer, answers or sys.stdout.buffer
    answering = Answering(Followed(Path(sys.argv[1])))
    stall_s = answering.stall_s if len(sys.argv) < 3 or not sys.argv[2] else float(sys.argv[2])
    hanging = Hanging(Path(sys.argv[1]), stall_s, answering.configuration)
    while line := hanging.next_line(requests):
        request = json.loads(line)
        if "begins" in request:
            hanging.begins(request["begins"], request["allow"])
            continue
        try:
            told = answering.answer(**request)
        except Exception as error:
            if os.environ.get("PARAMEDIC_DEBUG"):
                raise
            told = {"gaps": [f"the recording could not be looked at: {type(error).__name__}: {error}"]}
        try:
            answers.write(json.dumps(told).encode() + b"\n")
            answers.flush()
        except OSError:  # the tests are gone
            return
