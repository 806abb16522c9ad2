"""What joins a test run with ``--paramedic``: a recorder and judge where tests run, a summary where results are told.

With xdist each worker runs its tests, so each has its own recording; the controller only tells.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from paramedic.pytest_plugin.judging import Judging
from paramedic.pytest_plugin.telling import Telling
from paramedic.record.in_program import Recording

_early: list[tuple[Recording, bool]] = []


def begin_early(early_config: pytest.Config) -> None:
    """Begin to record, if tests run in this process.

    Raises:
        pytest.UsageError: the folder cannot be recorded into.

    Threads: main thread.
    """
    options = early_config.known_args_namespace
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    controls = getattr(options, "numprocesses", None) or getattr(options, "tx", None)
    if options.collectonly or (controls and not worker):
        return
    chosen = options.paramedic_recording
    if chosen is None:
        folder = Path(tempfile.mkdtemp(prefix="paramedic-"))
    else:
        folder = Path(chosen).absolute() / worker if worker else Path(chosen).absolute()
    recording = Recording(folder, level=options.paramedic_level)
    try:
        recording.start()
    except OSError as error:
        raise pytest.UsageError(f"--paramedic: cannot record into {folder}: {error.strerror or error}") from None
    _early.append((recording, chosen is None))


def take_part(config: pytest.Config) -> None:
    """Register what this process needs.

    Threads: main thread.
    """
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Telling(config), "paramedic-telling")
    if not _early:
        return
    recording, throw_away = _early.pop()
    config.pluginmanager.register(Judging(config, recording), "paramedic-judging")

    def end() -> None:
        recording.stop()
        if throw_away:
            shutil.rmtree(recording.path, ignore_errors=True)

    config.add_cleanup(end)
