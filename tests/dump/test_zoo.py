"""Every shape of a thread, from real dumps of ``programs/zoo.py`` in every form, Python and Paramiko there is one of.

In the zoo each thread runs a function that is called after what it waits for.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from paramedic.dump.activity import Activity, Callback, activity_of
from paramedic.dump.assembly import read_snapshots
from paramedic.dump.waits import Wait

DUMPS = Path(__file__).resolve().parent / "dumps"
ZOO = sorted(DUMPS.glob("*/zoo.*.txt"))
SHAPES = {wait.name.lower(): wait for wait in Wait} | {"waits_on_queue": Wait.QUEUE}
OWN_THREAD = {"banner": Wait.BANNER, "proxy": Wait.PROXY, "timer": Wait.TIMER, "pool_work": Wait.POOL_WORK}
FUNCTIONS = (
    "output stderr exit_status send_window channel_open request_reply global_request clear_to_send handshake "
    "authentication accept sftp_reply agent socket_write pipe_byte connect paramiko_lock lock semaphore logging_lock "
    "waits_on_queue future join event condition select process loop"
).split()


def activities(path: Path) -> list[Activity]:
    with open(path, encoding="utf-8", errors="replace") as lines:
        (snapshot,) = read_snapshots(lines)
    assert snapshot.gaps == ()
    return [activity_of(t) for t in snapshot.threads]


def ids(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def test_there_is_a_zoo_of_every_version_and_form() -> None:
    assert {p.parent.name for p in ZOO} == {
        "paramiko-2.12",
        "paramiko-3.5",
        "paramiko-4.0",
        "paramiko-5.1",
        "python-3.12",
        "python-3.13",
        "python-3.14",
    }
    assert {p.name.split(".")[1] for p in ZOO} >= {"pyspy", "locals", "native", "pystack", "gdb", "faulthandler"}


@pytest.mark.parametrize("path", ZOO, ids=ids)
def test_every_thread_waits_for_what_its_function_is_called_after(path: Path) -> None:
    found = activities(path)
    by_function = {u[-1].function: a for a in found if (u := a.users)}
    told = {name: by_function[name].wait for name in FUNCTIONS if name in by_function}
    # What a thread does that stands in C code called by the user's own line only the kernel or the source can say, or
    # the line itself where the dump prints it.
    printed = any(c.frame.source for a in found for c in a.calls)
    native = (
        ".native." in path.name and "PyThread_acquire" in path.read_text()
    )  # py-spy's frames of C, if they have names
    expected = {name: SHAPES[name] if name != "lock" or printed or native else Wait.OWN_CODE for name in FUNCTIONS}
    assert told == expected
    assert set(OWN_THREAD.values()) <= {a.wait for a in found}


@pytest.mark.parametrize("path", ZOO, ids=ids)
def test_transport_threads_are_known_and_the_one_in_a_callback_too(path: Path) -> None:
    transports = [a for a in activities(path) if a.transport is not None]
    waits = Counter(a.wait for a in transports)
    assert (waits[Wait.BANNER], waits[Wait.PROXY], waits[Wait.EVENT]) == (1, 1, 1)
    (in_handler,) = [a for a in transports if a.callback is Callback.HANDLER]
    assert in_handler.users[0].function == "answer"


@pytest.mark.parametrize("path", [p for p in ZOO if "cry" in p.name or "keyed" in p.name or "ruled" in p.name], ids=ids)
def test_printed_dumps_have_the_names_that_were_printed(path: Path) -> None:
    names = {a.thread.name for a in activities(path)}
    assert {"MainThread", "output", "exit_status", "pool_0"} <= names
