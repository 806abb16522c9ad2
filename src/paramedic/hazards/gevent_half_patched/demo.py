"""Proof of ``gevent-half-patched``: a service patches sockets for gevent, and threads not. Needs gevent.

Patching is for a whole program, so that the program runs as a child.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS: dict[str, object] = {}
PATIENCE_S = 4.0
LIMIT_S = 30.0


def bad(server: DemoServer) -> None:
    """Sockets wait in gevent's way, on the loop of the thread that made them; Paramiko reads on another thread."""
    _run(server, "sockets", PATIENCE_S)


def good(server: DemoServer) -> None:
    """Patch everything, before any other import: then Paramiko's thread is a greenlet of the same event loop."""
    _run(server, "everything", LIMIT_S)


def _run(server: DemoServer, what: str, patience_s: float) -> None:
    if importlib.util.find_spec("gevent") is None:
        print("gevent is not installed")
        return
    settings = {"known_hosts": server.known_hosts_file, "kwargs": server.connect_kwargs()}
    program = subprocess.Popen([sys.executable, __file__, what, json.dumps(settings), str(patience_s - 1)])
    try:
        program.wait(patience_s)
    except subprocess.TimeoutExpired:
        print(f"no end after {patience_s:.0f} s")
        program.kill()
        program.wait()


def _main() -> None:
    what, settings, limit_s = sys.argv[1], json.loads(sys.argv[2]), float(sys.argv[3])
    from gevent import monkey  # type: ignore[import-untyped,import-not-found,unused-ignore]

    if what == "everything":
        monkey.patch_all()
    else:
        monkey.patch_socket()  # and not patch_thread(): the transport stays a thread of the system
    import paramiko  # after the patch, so that it finds the patched modules

    def log_in(name: str) -> None:
        client = paramiko.SSHClient()
        client.load_host_keys(settings["known_hosts"])
        try:
            client.connect(**settings["kwargs"], timeout=limit_s, banner_timeout=limit_s)
            _, stdout, _ = client.exec_command("echo hello", timeout=limit_s)
            print(f"{name}: {stdout.read().decode().strip()}", flush=True)
        except Exception as error:  # gevent's and greenlet's own come through too
            print(f"{name}: {type(error).__name__}: {str(error).splitlines()[0]}", flush=True)
        client.close()

    threads = [threading.Thread(target=log_in, args=(f"worker-{number}",)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    _main()
