"""What Linux says of a process and its threads: system calls, switches, children, pipes. Stops nothing."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from paramedic.model.snapshot import ObjectState, Snapshot, ThreadStack

PROC = Path("/proc")

_SYSTEM_CALLS = {
    "x86_64": {
        0: "read",
        1: "write",
        7: "poll",
        20: "writev",
        23: "select",
        35: "nanosleep",
        42: "connect",
        43: "accept",
        44: "sendto",
        45: "recvfrom",
        47: "recvmsg",
        61: "wait4",
        202: "futex",
        219: "restart_syscall",
        230: "clock_nanosleep",
        232: "epoll_wait",
        247: "waitid",
        270: "pselect6",
        271: "ppoll",
        281: "epoll_pwait",
        288: "accept4",
    },
    "aarch64": {
        22: "epoll_pwait",
        63: "read",
        64: "write",
        72: "pselect6",
        73: "ppoll",
        95: "waitid",
        98: "futex",
        101: "nanosleep",
        115: "clock_nanosleep",
        128: "restart_syscall",
        202: "accept",
        203: "connect",
        206: "sendto",
        207: "recvfrom",
        212: "recvmsg",
        242: "accept4",
        260: "wait4",
    },
}
_WAIT_CHANNELS = {"futex_do_wait": "futex", "futex_wait_queue": "futex", "futex_wait_queue_me": "futex"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadTimes:
    """A thread's counters at one moment.

    Attributes:
        system_call: see `ThreadStack`, as the others.
        inside: known by the id that it has inside the process's own namespace, a container's.
    """

    inside: bool = False
    system_call: str
    switches: int | None
    cpu_ticks: int | None


def thread_times(process: int) -> dict[str, ThreadTimes]:
    """The counters of every thread of a process, by its native id as text; empty where ``/proc`` does not say.

    A thread of a container is there twice, because tools name it by the id that it has inside.

    Threads: any thread; reads ``/proc``.
    """
    found: dict[str, ThreadTimes] = {}
    within: dict[str, ThreadTimes] = {}
    for task in _listed(PROC / str(process) / "task"):
        folder = PROC / str(process) / "task" / task
        status = _text(folder / "status")
        switches = re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status, re.MULTILINE)
        stat = _text(folder / "stat").rpartition(")")[2].split()
        ticks = int(stat[11]) + int(stat[12]) if len(stat) > 12 else None
        found[task] = ThreadTimes(
            system_call=_system_call(folder),
            switches=int(switches[1]) if switches else None,
            cpu_ticks=ticks,
        )
        inside = _id_inside(status)
        if inside is not None:
            within[str(inside)] = replace(found[task], inside=True)
    return within | found


def with_times(snapshot: Snapshot, times: dict[str, ThreadTimes]) -> Snapshot:
    """The snapshot with the kernel's counters at its threads.

    Threads: pure.
    """

    def told(thread: ThreadStack) -> ThreadStack:
        known = times.get(thread.ident)
        if known is None:
            return thread
        # py-spy looks for a container's threads under the ids that they have inside, and takes all for active.
        state = "idle" if known.inside and known.system_call else thread.state
        return replace(
            thread, system_call=known.system_call, switches=known.switches, cpu_ticks=known.cpu_ticks, state=state
        )

    return replace(snapshot, threads=tuple(told(t) for t in snapshot.threads))


def descendants(process: int) -> tuple[int, ...]:
    """The processes that a process started, and theirs, that run Python and are not this one.

    Threads: any thread; reads ``/proc``.
    """
    children: dict[int, list[int]] = {}
    for name in _listed(PROC):
        if name.isdigit():
            stat = _text(PROC / name / "stat").rpartition(")")[2].split()
            if len(stat) > 1:
                children.setdefault(int(stat[1]), []).append(int(name))
    found: list[int] = []
    queue = [process]
    while queue:
        for child in children.get(queue.pop(), ()):
            queue.append(child)
            found.append(child)
    return tuple(sorted(p for p in found if p != os.getpid() and runs_python(p)))


def runs_python(process: int) -> bool:
    """Whether the process's program or libraries are Python's; true where nothing (no ``/proc``) tells.

    Threads: any thread; reads ``/proc``.
    """
    try:
        program = os.readlink(PROC / str(process) / "exe")
    except OSError:
        program = _text(PROC / str(process) / "comm")
        if not program:
            return True
    return "python" in program.rpartition("/")[2].lower() or "libpython" in _text(PROC / str(process) / "maps")


def program(process: int) -> str:
    """What a process runs, for the end of a sentence: " (it runs /usr/bin/sleep)"; "" where that cannot be seen.

    Threads: any thread; reads ``/proc``.
    """
    name = _link(PROC / str(process) / "exe") or _text(PROC / str(process) / "comm").strip()
    return f" (it runs {name})" if name else ""


def mapped_files(process: int) -> tuple[Path, ...]:
    """The files that a process has mapped, as seen from here, each once.

    Threads: any thread; reads ``/proc``.
    """
    found: dict[str, None] = {}
    for line in _text(PROC / str(process) / "maps").splitlines():
        _, slash, name = line.partition(" /")
        if slash and not name.endswith(" (deleted)"):
            found["/" + name] = None
    root = PROC / str(process) / "root"
    return tuple(Path(f"{root}{name}") if os.path.exists(f"{root}{name}") else Path(name) for name in found)


def full_pipes(process: int) -> tuple[ObjectState, ...]:
    """The children's stderr pipes whose other end the process holds: a ProxyCommand's among them.

    Threads: any thread; reads ``/proc`` and asks the kernel how full each pipe is.
    """
    ends: dict[str, str] = {}
    for descriptor in _listed(PROC / str(process) / "fd"):
        target = _link(PROC / str(process) / "fd" / descriptor)
        if target.startswith("pipe:"):
            ends.setdefault(target, descriptor)
    found: list[ObjectState] = []
    for child in _children(process):
        target = _link(PROC / str(child) / "fd" / "2")
        if target in ends:
            state = _pipe(PROC / str(process) / "fd" / ends[target], child)
            if state is not None:
                found.append(state)
    return tuple(found)


def _pipe(path: Path, child: int) -> ObjectState | None:
    import array
    import fcntl
    import select
    import termios

    try:
        # The writer's end: only it knows when there is no room. A pipe has 16 pages, and a line that does not fit into
        # the rest of one takes the next, so that a full pipe may hold far fewer bytes than its capacity.
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        unread = array.array("i", [0])
        fcntl.ioctl(descriptor, termios.FIONREAD, unread)
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        full = not poll.poll(0)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    values = (("stderr_bytes", unread[0]), ("stderr_full", full), ("process", child))
    return ObjectState(kind="ProxyCommand", address="", values=values)


def is_there(process: int) -> bool:
    """Whether a process of that id exists (a zombie does not count).

    Threads: any thread.
    """
    if PROC.is_dir():
        return _state(process) not in ("", "Z", "X")
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def is_zombie(process: int) -> bool:
    """Whether a process has ended and only its exit status is left.

    Threads: any thread; reads ``/proc``.
    """
    return _state(process) in ("Z", "X")


def stopped(process: int) -> str:
    """Why none of a process's threads can run, in words; "" where they can.

    Threads: any thread; reads ``/proc``.
    """
    tracer = next((line.split()[1] for line in status_lines(process) if line.startswith("TracerPid:")), "0")
    if tracer != "0":
        return f"held by process {tracer} ({_text(PROC / tracer / 'comm').strip()}), which debugs or traces it"
    if _state(process) == "T":
        return f"stopped (SIGSTOP or Ctrl-Z): none of its threads can run until 'kill -CONT {process}'"
    return ""


def _state(process: int) -> str:
    stat = _text(PROC / str(process) / "stat").rpartition(")")[2].split()
    return stat[0] if stat else ""


def container_id(process: int) -> int | None:
    """The id that the process has inside its own namespace, if that is not ours; None if it is not in a container.

    Threads: any thread; reads ``/proc``.
    """
    return _id_inside(_text(PROC / str(process) / "status"))


def _id_inside(status: str) -> int | None:
    match = re.search(r"^NSpid:\s*(.*)$", status, re.MULTILINE)
    ids = match[1].split() if match else []
    return int(ids[-1]) if len(ids) > 1 else None


def descriptors(process: int) -> list[str]:
    """The numbers of the files that a process has open, its stderr first.

    Threads: any thread; reads ``/proc``.
    """
    return sorted(_listed(PROC / str(process) / "fd"), key=lambda d: (d != "2", d))


def descriptor_flags(process: int, descriptor: str) -> int:
    """With which flags of ``open(2)`` a file was opened; 0 where unknown.

    Threads: any thread; reads ``/proc``.
    """
    match = re.search(r"^flags:\s*([0-7]+)", _text(PROC / str(process) / "fdinfo" / descriptor), re.MULTILINE)
    return int(match[1], 8) if match else 0


def target(process: int, descriptor: int = 2) -> str:
    """Where a process's stderr goes, in words: "a file", "the terminal /dev/pts/3", "a pipe to process 77 (logger)".

    Threads: any thread; reads ``/proc``.
    """
    link = _link(PROC / str(process) / "fd" / str(descriptor))
    if link.startswith("pipe:"):
        readers = [p for p in _listed(PROC) if p.isdigit() and p != str(process) and _reads_from(p, link)]
        names = [f"{p} ({_text(PROC / p / 'comm').strip()})" for p in readers[:2]]
        return f"a pipe to process {' and '.join(names)}" if names else "a pipe"
    if link.startswith("socket:"):
        return "a socket: under systemd that is the journal (journalctl)"
    if link.startswith(("/dev/pts/", "/dev/tty")):
        return f"the terminal {link}"
    return link or "not known"


def _reads_from(process: str, pipe: str) -> bool:
    folder = PROC / process / "fd"
    mine = (d for d in _listed(folder)[:256] if _link(folder / d) == pipe)
    return any(not descriptor_flags(int(process), d) & 0o3 for d in mine)


def script(process: int) -> Path | None:
    """The script that a Python process runs, as seen from here; None where it runs none.

    Threads: any thread; reads ``/proc``.
    """
    words = _text(PROC / str(process) / "cmdline").split("\0")
    name = next((w for w in words[1:] if w.endswith(".py")), None)
    if name is None:
        return None
    root = PROC / str(process) / ("root" if name.startswith("/") else "cwd")
    return root / name.lstrip("/")


def command_line(process: int) -> str:
    """The command by which a process was started, its words with spaces between; "" where it cannot be seen.

    Threads: any thread; reads ``/proc``.
    """
    return _text(PROC / str(process) / "cmdline").replace("\0", " ").strip()


def working_folder(process: int) -> Path | None:
    """The folder that a process works in, as seen from here, or None.

    Threads: any thread; reads ``/proc``.
    """
    name = _link(PROC / str(process) / "cwd")
    return Path(name) if name.startswith("/") else None


def status_lines(process: int) -> list[str]:
    """The lines of ``/proc/PID/status``; none where it cannot be read.

    Threads: any thread; reads ``/proc``.
    """
    return _text(PROC / str(process) / "status").splitlines()


def owner(process: int) -> int | None:
    """The account's id that the process belongs to, or None.

    Threads: any thread; reads ``/proc``.
    """
    try:
        return (PROC / str(process)).stat().st_uid
    except OSError:
        return None


def ptrace_scope() -> int | None:
    """The kernel's ``yama.ptrace_scope``, or None where it has none.

    Threads: any thread; reads ``/proc``.
    """
    text = _text(PROC / "sys/kernel/yama/ptrace_scope").strip()
    return int(text) if text.isdigit() else None


def _system_call(folder: Path) -> str:
    text = _text(folder / "syscall").split()
    table = _SYSTEM_CALLS.get(platform.machine(), {})
    name = table.get(int(text[0]), "") if text and text[0].isdigit() else ""
    if not name or name == "restart_syscall":
        # A wait with a limit that a debugger's stop interrupted goes on as restart_syscall: ask where it sleeps.
        where = _text(folder / "wchan").strip()
        name = _WAIT_CHANNELS.get(
            where, "clock_nanosleep" if "nanosleep" in where else "poll" if "poll" in where else ""
        )
    return name


def _children(process: int) -> Iterator[int]:
    for task in _listed(PROC / str(process) / "task"):
        for child in _text(PROC / str(process) / "task" / task / "children").split():
            yield int(child)


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _link(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
