"""The lab's process, seen from inside: keys, listeners, and the end.

``main`` reads one line of JSON from standard input (the manners, a folder, the parent's process id), answers with one
line on standard output, and serves until standard input ends or the parent is another one.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import json
import logging
import os
import resource
import secrets
import shutil
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import asyncssh

from paramedic.lab.connection import Door, Premises
from paramedic.lab.manners import Manners, manners_from_json
from paramedic.lab.trouble import LabError

PARENT_CHECK_S = 0.5
"""How often to look whether the parent lives. The pipe tells at once, unless a fork of the parent holds it open."""


def main() -> None:
    """Serve as the order on standard input says; return when the parent is gone or has closed the pipe.

    Threads: main thread of its process; blocks.
    """
    order = json.loads(sys.stdin.buffer.readline() or b"{}")
    if not order:
        return
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("asyncssh").setLevel(logging.CRITICAL)  # a client that goes away is no news in a lab
    _raise_descriptor_limit()
    _choose_child_watcher()
    asyncio.run(_serve(manners_from_json(order["manners"]), Path(order["folder"]), int(order["parent"])))


async def _serve(manners: Manners, folder: Path, parent: int) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    threading.Thread(target=_watch_parent, args=(loop, ended, parent), name="parent watch", daemon=True).start()
    try:
        listeners = _listen(manners)
    except OSError as error:
        _tell(
            {"error": f"the lab cannot listen on {', '.join(manners.addresses)} port {manners.port}: {error.strerror}"}
        )
        return
    except LabError as error:
        _tell({"error": str(error)})
        return
    premises, server = _furnish(manners, folder, listeners[0].getsockname()[1])
    door = Door(premises)
    tasks = [asyncio.create_task(door.answer(listener)) for listener in listeners]
    _tell({"server": server})
    try:
        await ended.wait()
    finally:
        for task in tasks:
            task.cancel()
        for listener in listeners:
            listener.close()
        door.shut()
        premises.commands.kill()
        # the parent clears the folder too; a parent that was killed cannot
        await asyncio.to_thread(_remove, folder)


def _furnish(manners: Manners, folder: Path, port: int) -> tuple[Premises, dict[str, Any]]:
    """Fresh keys and the folder, and what to tell the client about them."""
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    client_key = asyncssh.generate_private_key("ssh-ed25519", comment="paramedic-lab")
    key_file = folder / "client_key"
    _write(key_file, client_key.export_private_key())
    _write(folder / "client_key.pub", client_key.export_public_key())
    public = host_key.export_public_key().decode().strip()
    known_hosts = folder / "known_hosts"
    names = [f"[{address}]:{port}" if port != 22 else address for address in manners.addresses]
    _write(known_hosts, "".join(f"{name} {public}\n" for name in names).encode())
    home = folder / "home"
    home.mkdir(mode=0o700)
    answer = (manners.answer or secrets.token_hex(8)) if manners.keyboard_interactive else ""
    user = _user()
    premises = Premises.build(manners=manners, home=str(home), user=user, answer=answer, keys=(host_key, client_key))
    return premises, {
        "host": manners.addresses[0],
        "hosts": list(manners.addresses),
        "port": port,
        "user": user,
        "key_file": str(key_file),
        "known_hosts_file": str(known_hosts),
        "home": str(home),
        "log_file": str(folder / "lab.log"),
        "answer": answer,
        "pid": os.getpid(),
    }


def _listen(manners: Manners) -> list[socket.socket]:
    """One listener for each address, all on one port.

    Raises:
        OSError: a port that was asked for is taken, or an address does not exist here.
        LabError: no port is free on all addresses.
    """
    for _ in range(20):
        listeners: list[socket.socket] = []
        port = manners.port
        try:
            for address in manners.addresses:
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                listener = socket.create_server((address, port), family=family, backlog=4096)
                listener.setblocking(False)
                listeners.append(listener)
                port = listener.getsockname()[1]
            return listeners
        except OSError:
            for listener in listeners:
                listener.close()
            # The port that was free on the first address is taken on a later one: another port will do
            if manners.port or not listeners:
                raise
    raise LabError(f"the lab found no port that is free on all of {', '.join(manners.addresses)}")


def _watch_parent(loop: asyncio.AbstractEventLoop, ended: asyncio.Event, parent: int) -> None:
    gone = threading.Event()

    def read_to_end() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        gone.set()

    threading.Thread(target=read_to_end, name="parent pipe", daemon=True).start()
    while not gone.wait(PARENT_CHECK_S) and os.getppid() == parent:
        pass
    with contextlib.suppress(RuntimeError):  # the loop has ended by itself
        loop.call_soon_threadsafe(ended.set)


def _tell(answer: dict[str, Any]) -> None:
    os.write(1, json.dumps(answer).encode() + b"\n")


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's numeric user has no name
        return "lab"


def _raise_descriptor_limit() -> None:
    """A connection costs one descriptor and a running command three: 1024 are too few for 500 threads."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _choose_child_watcher() -> None:
    """Python 3.11 waits for each child in a thread of its own; from 3.12 on asyncio takes pidfd by itself."""
    if sys.version_info < (3, 12) and hasattr(os, "pidfd_open"):
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())
