"""Proof of ``connect-at-import``: a module opens its connections, with threads, while it is being imported."""

from __future__ import annotations

import importlib
import json
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from paramedic.model.proof import DemoServer

MANNERS = {"addresses": ("127.0.0.1", "127.0.0.2")}
PATIENCE_S = 3.0

FLEET = """
import json, threading
from pathlib import Path
import paramiko

SETTINGS = json.loads(Path(__file__).with_name("fleet.json").read_text())
clients = []

def connect(host):
    from {name} import SETTINGS  # waits for the lock of this module, which whoever imports it holds until the last line
    client = paramiko.SSHClient()
    client.load_host_keys(SETTINGS["known_hosts"])
    client.connect(**SETTINGS["kwargs"] | {{"hostname": host}}, timeout=10)
    clients.append(client)

def connect_all():
    threads = [threading.Thread(target=connect, args=(host,), daemon=True) for host in SETTINGS["hosts"]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def bad(server: DemoServer) -> None:
    """The last line of the module connects: the threads wait for the import, and the import waits for the threads."""
    _write(server, "fleet_bad", FLEET + "\nconnect_all()\n")
    importer = threading.Thread(target=_load, args=(server, "fleet_bad"), name="importer", daemon=True)
    importer.start()
    importer.join(PATIENCE_S)
    print("the import has not ended" if importer.is_alive() else "imported")


def good(server: DemoServer) -> None:
    """The module only defines; the program connects when the import is through."""
    _write(server, "fleet_good", FLEET)
    fleet = _load(server, "fleet_good")
    fleet.connect_all()
    print(f"{len(fleet.clients)} connections")
    for client in fleet.clients:
        client.close()


def _load(server: DemoServer, name: str) -> ModuleType:
    sys.path.insert(0, server.home)
    try:
        importlib.invalidate_caches()
        return importlib.import_module(name)
    finally:
        sys.path.remove(server.home)


def _write(server: DemoServer, name: str, text: str) -> None:
    settings = {"hosts": server.hosts, "known_hosts": server.known_hosts_file, "kwargs": server.connect_kwargs()}
    Path(server.home, "fleet.json").write_text(json.dumps(settings))
    Path(server.home, f"{name}.py").write_text(text.format(name=name))
