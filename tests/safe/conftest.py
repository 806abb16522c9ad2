"""Real OpenSSH servers on loopback, and the count of what is left behind."""

from __future__ import annotations

import gc
import getpass
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import pytest
from hosts import Host
from key_files import KEYS, keygen

from openssh import running_sshd
from paramedic.safe import ClientPool, KnownHosts


@pytest.fixture(scope="session")
def start_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Host]]:
    """Starts an sshd with further lines of configuration; one per set of lines, for all tests."""
    import contextlib

    home = tmp_path_factory.mktemp("home")  # nobody's .bashrc
    with contextlib.ExitStack() as stack:
        hosts: dict[tuple[str, ...], Host] = {}

        def start(*options: str) -> Host:
            if options not in hosts:
                folder = tmp_path_factory.mktemp("sshd")
                hosts[options] = Host(stack.enter_context(running_sshd(folder, *options, f"SetEnv HOME={home}")))
            return hosts[options]

        yield start


@pytest.fixture(scope="session")
def host(start_host: Callable[..., Host]) -> Host:
    """An sshd with Debian's defaults: MaxSessions 10, MaxStartups 10:30:100."""
    return start_host()


@pytest.fixture
def pool(host: Host) -> Iterator[ClientPool]:
    with host.pool() as pool:
        yield pool


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("OpenSSH is not installed (Debian: openssh-client)")
    folder = tmp_path_factory.mktemp("keys")
    for name, words in KEYS.items():
        keygen(*words, "-N", "open sesame" if "locked" in name else "", "-f", str(folder / name))
    for name, validity in {"certified": "-1h:+1h", "expired": "20200101:20200102", "stranger": "-1h:+1h"}.items():
        who = ["-s", str(folder / "authority"), "-I", name, "-n", getpass.getuser(), "-V", validity]
        keygen(*who, str(folder / f"{name}.pub"))
    who = ["-s", str(folder / "authority"), "-I", "stranger", "-n", "nobody-at-all"]
    (folder / "for-nobody.pub").write_text((folder / "stranger.pub").read_text())
    keygen(*who, str(folder / "for-nobody.pub"))
    # The stranger's certificates are there under other names only.
    (folder / "stranger-cert.pub").rename(folder / "other-cert.pub")
    authorized = [n for n in KEYS if n not in ("certified", "stranger", "authority")]
    (folder / "authorized").write_text("".join((folder / f"{name}.pub").read_text() for name in authorized))
    return folder


@pytest.fixture(scope="session")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = [f"AuthorizedKeysFile {folder}/authorized", f"TrustedUserCAKeys {folder}/authority.pub"]
    home = tmp_path_factory.mktemp("home")
    with running_sshd(tmp_path_factory.mktemp("sshd"), *options, f"SetEnv HOME={home}") as server:
        yield server


@pytest.fixture
def login(server: Any, folder: Path, tmp_path: Path) -> Callable[..., str]:
    """Runs a command with a configuration of these lines, and says what came back."""

    def run(*lines: str, **more: Any) -> str:
        config = tmp_path / "config"
        config.write_text("\n".join(lines).format(d=folder) + "\n")
        given = {"allow_agent": False, "look_for_keys": False} | more
        known = KnownHosts(server.known_hosts_file)
        with ClientPool(server.host, port=server.port, known_hosts=known, config=config, **given) as pool:
            return pool.run("echo in", total_timeout=30).text.strip()

    return run


def _mine() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


@pytest.fixture(scope="session", autouse=True)
def small_heap() -> Iterator[None]:
    """What other tests have left in this process does not count, and to look through it each time takes minutes."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def nothing_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """No thread and no file descriptor is left when a test is over."""
    # Fixtures that open things for longer than a test must be there before we count.
    for name in ("host", "start_host"):
        if name in request.fixturenames:
            request.getfixturevalue(name)
    resource_tracker.ensure_running()  # multiprocessing's own process keeps a descriptor once it is there
    gc.collect()
    threads, descriptors = _mine(), _descriptors()
    yield
    # A reader that was told to stop needs a moment to leave its last line; what stays longer has leaked.
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        gc.collect()
        if _mine() <= threads and _descriptors() <= descriptors:
            return
        threading.Event().wait(0.02)
    assert _mine() <= threads, "threads are left"
    assert _descriptors() <= descriptors, "file descriptors are left"
