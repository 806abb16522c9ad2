"""Takes a thread dump of a running process with the tools that are there: py-spy, pystack, or a signal it waits for."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from paramedic.dump import kernel
from paramedic.dump.asking import NotAsked, ask, catches, registers
from paramedic.dump.assembly import read_snapshots
from paramedic.dump.inside import look_inside
from paramedic.dump.pyspy_json import read_json
from paramedic.model.snapshot import Snapshot

TOOL_LIMIT_S = 60.0


class DumpError(Exception):
    """No dump of the process can be taken; the message says why and what to do, in sentences for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The programs that can look into a process; "" for one that is not installed."""

    py_spy: str
    pystack: str


def tools() -> Tools:
    """Looks for the tools on the path and beside this interpreter.

    Threads: any thread; looks at the file system.
    """
    beside = str(Path(sys.executable).parent)
    path = os.pathsep.join([beside, os.environ.get("PATH", os.defpath)])
    return Tools(py_spy=shutil.which("py-spy", path=path) or "", pystack=shutil.which("pystack", path=path) or "")


def take(process: int, have: Tools, *, send: signal.Signals | None = None, pause: bool = True) -> Snapshot:
    """A dump of one process, with the kernel's view of its threads.

    Args:
        process: its id.
        have: the tools to use, best first.
        send: a signal that the process has registered with faulthandler, for want of a tool.
        pause: whether it may be stopped for it; without that only what does not move is seen right.

    Raises:
        DumpError: the process is not there, is no Python, may not be looked into, or no tool is installed.

    Threads: any thread; blocks for as long as the tool takes, stops the process for some milliseconds unless told
        not to.
    """
    if not kernel.is_there(process):
        if kernel.is_zombie(process):
            raise DumpError(f"process {process} has ended already; only its exit status waits to be fetched (a zombie)")
        raise DumpError(f"there is no process {process}")
    if process == os.getpid():
        raise DumpError(f"{process} is this command itself; give the id of the process that hangs")
    times = kernel.thread_times(process)
    snapshot = _by_signal(process, send) if send is not None else _by_any_way(process, have, pause)
    snapshot = look_inside(kernel.with_times(replace(snapshot, process=process), times), process)
    return replace(snapshot, objects=(*snapshot.objects, *kernel.full_pipes(process)))


def _by_any_way(process: int, have: Tools, pause: bool) -> Snapshot:
    """With the tools that are there, best first; a process that is ready to be asked is asked where none can look."""
    refusals: list[DumpError] = []
    if have.py_spy:
        try:
            return _by_py_spy(process, have.py_spy, pause)
        except DumpError as error:
            refusals.append(error)
    if have.pystack and kernel.is_there(process):
        try:
            return _by_pystack(process, have.pystack, pause)
        except DumpError as error:
            refusals.append(error)
    caught = pause and hasattr(signal, "SIGUSR1") and catches(process, signal.SIGUSR1)
    if caught and registers(process):
        return _by_signal(process, signal.SIGUSR1)
    if not refusals and not kernel.runs_python(process):
        raise DumpError(_no_python(process))
    if not refusals:
        raise DumpError(_nothing_installed(process) + _by_hand(process, caught) + _NEXT_TIME)
    raise DumpError(str(refusals[0]) + _by_hand(process, caught))


def _by_py_spy(process: int, program: str, pause: bool) -> Snapshot:
    # of a process that is stopped nothing moves, and nobody can stop it once more
    still = ["--nonblocking"] if not pause or kernel.stopped(process) else []
    done = _run([program, "dump", "--pid", str(process), "--json", "--locals", *still], process)
    snapshot = next(iter(read_json(done.stdout)), None) if done.returncode == 0 else None
    if snapshot is None and done.returncode == 0 and kernel.is_there(process):
        raise DumpError(f"process {process} has no Python thread at the moment: it is starting, or ending; try again")
    if snapshot is None:
        raise DumpError(_refusal(process, "py-spy", done.stderr))
    return snapshot


def _by_pystack(process: int, program: str, pause: bool) -> Snapshot:
    still = ["--no-block"] if not pause or kernel.stopped(process) else []
    done = _run([program, "remote", "--locals", *still, str(process)], process)
    snapshot = next(iter(read_snapshots(done.stdout.split("\n"))), None)
    if snapshot is None:
        raise DumpError(_refusal(process, "pystack", done.stderr or done.stdout))
    return snapshot


def _run(command: Sequence[str], process: int) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1", "RUST_BACKTRACE": "0"}
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=TOOL_LIMIT_S,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DumpError(f"{command[0]} did not come back within {TOOL_LIMIT_S:.0f} s from process {process}") from None
    except OSError as error:
        raise DumpError(f"{command[0]} cannot be run: {error.strerror or error}") from None


def _by_signal(process: int, number: signal.Signals) -> Snapshot:
    try:
        return ask(process, number)
    except NotAsked as reason:
        raise DumpError(str(reason)) from None


def _nothing_installed(process: int) -> str:
    return (
        "no tool is installed that can look into a process: pip install py-spy (or pystack), "
        f"then 'paramedic dump {process}' again"
    )


_NEXT_TIME = ". For the next time: paramedic.watch() in the program"


def _by_hand(process: int, caught: bool) -> str:
    """What is left where no tool can look: a signal that the process catches, whatever for."""
    if not caught or not kernel.runs_python(process):  # a shell's handler writes no dump
        return ""
    return (
        ". The process has a handler for SIGUSR1: if that is faulthandler's or paramedic.watch()'s, "
        f"'paramedic dump --signal USR1 {process}' uses it"
    )


def _refusal(process: int, tool: str, said: str) -> str:
    """Turns a tool's refusal into advice."""
    if not kernel.is_there(process):
        return f"process {process} has ended"
    text = said.strip()
    low = text.lower()
    if "permission" in low or "not permitted" in low or "eperm" in low or "ptrace" in low:
        return _no_permission(process, tool)
    if not kernel.runs_python(process):
        return _no_python(process)
    lines = [x.strip() for x in text.splitlines() if x.strip()]
    said_so = next((x for x in lines if x.lower().startswith("error")), lines[-1] if lines else "no reason given")
    return f"{tool} cannot read process {process}: {said_so}"


def _no_python(process: int) -> str:
    return f"process {process} is not a Python program{kernel.program(process)}{_its_children(process)}"


def _its_children(process: int) -> str:
    """For a shell, a wrapper or an init process that was named instead of the program that it started."""
    found = kernel.descendants(process)[:3]
    commands = " or ".join(f"'paramedic dump {child}'" for child in found)
    return f"; it started one that is: {commands}" if found else ""


def _no_permission(process: int, tool: str) -> str:
    parts = [f"{tool} may not look into process {process}"]
    owner = kernel.owner(process)
    if owner is not None and hasattr(os, "geteuid") and owner not in (os.geteuid(),) and os.geteuid() != 0:
        parts.append(f"it belongs to the account with id {owner}: run this command as that account or with sudo")
    elif kernel.ptrace_scope() not in (None, 0):
        parts.append("the kernel allows it to root alone (kernel.yama.ptrace_scope): run this command with sudo")
    elif sys.platform == "darwin":
        parts.append("macOS allows it to root alone: run this command with sudo")
    else:
        parts.append("in a container it needs the capability SYS_PTRACE (docker run --cap-add SYS_PTRACE)")
    inside = kernel.container_id(process)
    if inside is not None:
        parts.append(
            f"it runs in a container, where its id is {inside}: docker exec / kubectl exec there and run "
            f"'paramedic dump {inside}', or kubectl debug --target with --profile=general"
        )
    return "; ".join(parts)
