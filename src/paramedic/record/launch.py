"""How a program is started so that it is recorded, and what happens first in it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from paramedic.record.session import Options, Session
from paramedic.trace.layout import SUFFIX

VARIABLE = "PARAMEDIC_RECORD"
BOOTSTRAP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bootstrap")
_SEPARATOR = "\x1f"


def command(
    program: Sequence[str], options: Options, environment: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """The argument list and the environment that run a program under the recorder.

    Args:
        program: what follows ``python`` on a command line: a script and its arguments, ``-m module …``, ``-c code …``.
        options: how to record.
        environment: the one to start from; it is not changed.

    Threads: pure.
    """
    ours = dict(environment)
    ours[VARIABLE] = encode(options)
    ours["PYTHONPATH"] = BOOTSTRAP + (os.pathsep + ours["PYTHONPATH"] if ours.get("PYTHONPATH") else "")
    return [sys.executable, *program], ours


def encode(options: Options) -> str:
    """Options as one environment variable's value.

    Threads: pure.
    """
    places = ("\x1d".join((kind, file, str(line))) for kind, file, line in options.traps)
    traps = "\x1e".join((str(options.seed), str(options.delay_s), *places))
    commands = "1" if options.record_commands else "0"
    return _SEPARATOR.join((options.level, str(options.max_size_bytes), commands, traps, options.directory))


def decode(value: str) -> Options:
    """The inverse of `encode`.

    Raises:
        ValueError: the value was not made by `encode`.

    Threads: pure.
    """
    level, size, commands, delays, directory = value.split(_SEPARATOR, 4)
    seed, delay, *places = delays.split("\x1e")
    traps = tuple((kind, file, int(line)) for kind, file, line in (place.split("\x1d") for place in places))
    return Options(
        directory=directory, level=level, max_size_bytes=int(size), record_commands=commands == "1", traps=traps,
        seed=int(seed), delay_s=float(delay),
    )  # fmt: skip


def _is_child(directory: str) -> bool:
    """Whether a process before this one records there already."""
    try:
        return any(name.endswith(SUFFIX) for name in os.listdir(directory))
    except OSError:
        return False


def begin(configured: str) -> Session:
    """Start to record this process; called by ``bootstrap/sitecustomize.py`` before the program's first line.

    Raises:
        OSError: the recording's file cannot be made; nothing is watched then.
        ValueError: the configuration is not one of ours.

    Threads: the main thread, before there are others.
    """
    options = decode(configured)
    session = Session(options, child=_is_child(options.directory))
    try:
        session.start()
    except BaseException:
        session.stop()  # what was put in so far must not stay
        raise
    return session
