"""One workload with one library, in a process of its own: prints wall time, CPU time and how many commands succeeded.

    python benchmarks/safe/peers.py WORKLOAD PEER SERVER.json

Each peer is used as its documentation does, tuned where it has a documented knob. Wall time begins after the imports.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from usage import busy_s, cpu_s, peak_mb

logging.disable(logging.CRITICAL)
SERVER: dict[str, Any] = {}
Workload = Callable[[int], int]


def address(n: int) -> str:
    return str(SERVER["hosts"][n % len(SERVER["hosts"])])


# -- ours


def safe_arguments() -> dict[str, Any]:
    from paramedic.safe import KnownHosts

    return {
        "port": SERVER["port"],
        "username": SERVER["user"],
        "key_filename": SERVER["key"],
        "known_hosts": KnownHosts(SERVER["known_hosts"]),
        "allow_agent": False,
        "look_for_keys": False,
    }


def safe_exec(n: int, runner: bool = False) -> int:
    from paramedic.safe import ClientPool

    with ClientPool(address(0), runner=runner, **safe_arguments()) as pool:
        return sum(result.ok for result in pool.map(["true"] * n))


def safe_exec_threads(n: int) -> int:
    from paramedic.safe import ClientPool

    with ClientPool(address(0), **safe_arguments()) as pool, ThreadPoolExecutor(8) as threads:
        return sum(threads.map(lambda _: pool.run("true").ok, range(n)))


def safe_group(hosts: int, commands: int, width: int) -> int:
    from paramedic.safe import Destination, Group

    arguments = safe_arguments()
    port, user = arguments.pop("port"), arguments.pop("username")
    named = [Destination(host=f"h{i}", hostname=address(i), port=port, username=user) for i in range(hosts)]
    with Group(named, concurrency=width, **arguments) as group:
        return sum(outcome.ok for outcome in group.run(["true"] * commands))


def safe_stdout(n: int) -> int:
    from paramedic.safe import ClientPool

    with ClientPool(address(0), **safe_arguments()) as pool:
        return len(pool.run(f"head -c {n}000000 /dev/zero").stdout) // 1_000_000


def safe_stdout_stream(n: int) -> int:
    from paramedic.safe import ClientPool

    with ClientPool(address(0), **safe_arguments()) as pool, pool.stream(f"head -c {n}000000 /dev/zero") as stream:
        return sum(len(chunk.data) for chunk in stream) // 1_000_000


def safe_copy(way: str, what: str) -> int:
    from paramedic.safe import ClientPool

    with ClientPool(address(0), **safe_arguments()) as pool:
        if way == "put":
            return pool.upload(f"{SERVER['data']}/{what}", f"{SERVER['data']}/put-safe-{what}").files
        return pool.download(f"{SERVER['data']}/{what}", f"{SERVER['data']}/get-safe-{what}").files


# -- Paramiko, as people write it


def paramiko_client(host: str) -> Any:
    import paramiko

    client = paramiko.SSHClient()
    client.load_host_keys(SERVER["known_hosts"])
    client.connect(
        host,
        port=SERVER["port"],
        username=SERVER["user"],
        key_filename=SERVER["key"],
        allow_agent=False,
        look_for_keys=False,
    )
    return client


def paramiko_run(client: Any) -> bool:
    try:
        _, stdout, stderr = client.exec_command("true")
        stdout.read()
        stderr.read()
        return bool(stdout.channel.recv_exit_status() == 0)
    except Exception:
        return False


def recipe_exec(n: int) -> int:
    local = threading.local()

    def run(_: int) -> bool:
        if not hasattr(local, "client"):
            local.client = paramiko_client(address(0))
        return paramiko_run(local.client)

    with ThreadPoolExecutor(8) as threads:
        return sum(threads.map(run, range(n)))


def locked_exec(n: int) -> int:
    client, lock = paramiko_client(address(0)), threading.Lock()

    def run(_: int) -> bool:
        with lock:
            return paramiko_run(client)

    with ThreadPoolExecutor(8) as threads:
        return sum(threads.map(run, range(n)))


def shared_exec(n: int) -> int:
    client = paramiko_client(address(0))
    with ThreadPoolExecutor(8) as threads:
        return sum(threads.map(lambda _: paramiko_run(client), range(n)))


def paramiko_group(hosts: int, commands: int, width: int) -> int:
    def one(i: int) -> int:
        try:
            client = paramiko_client(address(i))
        except Exception:
            return 0
        with client:
            return sum(paramiko_run(client) for _ in range(commands))

    with ThreadPoolExecutor(width) as threads:
        return sum(threads.map(one, range(hosts)))


def paramiko_stdout(n: int) -> int:
    with paramiko_client(address(0)) as client:
        return len(client.exec_command(f"head -c {n}000000 /dev/zero")[1].read()) // 1_000_000


def paramiko_copy(way: str, what: str) -> int:
    data = SERVER["data"]
    with paramiko_client(address(0)) as client, client.open_sftp() as sftp:
        if what == "big":
            move = sftp.put if way == "put" else sftp.get
            move(f"{data}/big", f"{data}/{way}-paramiko-big")
            return 1
        os.makedirs(f"{data}/{way}-paramiko-small", exist_ok=True)
        names = os.listdir(f"{data}/small")
        for name in names:
            move = sftp.put if way == "put" else sftp.get
            move(f"{data}/small/{name}", f"{data}/{way}-paramiko-small/{name}")
        return len(names)


# -- AsyncSSH


def asyncssh_options() -> dict[str, Any]:
    return {
        "port": SERVER["port"],
        "username": SERVER["user"],
        "client_keys": [SERVER["key"]],
        "known_hosts": SERVER["known_hosts"],
        "agent_path": None,
        "config": None,
    }


async def asyncssh_run(connection: Any) -> bool:
    import asyncssh

    for _ in range(50):
        try:
            return bool((await connection.run("true", encoding=None)).exit_status == 0)
        except asyncssh.ChannelOpenError:  # MaxSessions: nothing was run; its best result is one with retries
            await asyncio.sleep(0.005)
    return False


def asyncssh_exec(n: int, connections: int = 1) -> int:
    import asyncssh

    async def share(count: int) -> int:
        async with asyncssh.connect(address(0), **asyncssh_options()) as connection:
            gate = asyncio.Semaphore(8)

            async def one() -> bool:
                async with gate:
                    return await asyncssh_run(connection)

            return sum(await asyncio.gather(*(one() for _ in range(count))))

    async def main() -> int:
        shares = [n // connections + (i < n % connections) for i in range(connections)]
        return sum(await asyncio.gather(*(share(count) for count in shares)))

    return asyncio.run(main())


def asyncssh_group(hosts: int, commands: int, width: int) -> int:
    import asyncssh

    async def main() -> int:
        gate = asyncio.Semaphore(width)

        async def one(i: int) -> int:
            async with gate:
                for _ in range(10):
                    try:
                        async with asyncssh.connect(address(i), **asyncssh_options()) as connection:
                            inner = asyncio.Semaphore(8)

                            async def run(connection: Any = connection, inner: Any = inner) -> bool:
                                async with inner:
                                    return await asyncssh_run(connection)

                            return sum(await asyncio.gather(*(run() for _ in range(commands))))
                    except (OSError, asyncssh.Error):
                        await asyncio.sleep(0.1)
                return 0

        return sum(await asyncio.gather(*(one(i) for i in range(hosts))))

    return asyncio.run(main())


def asyncssh_stdout(n: int) -> int:
    import asyncssh

    async def main() -> int:
        async with asyncssh.connect(address(0), **asyncssh_options()) as connection:
            total = 0
            async with connection.create_process(f"head -c {n}000000 /dev/zero", encoding=None) as process:
                while data := await process.stdout.read(131072):
                    total += len(data)
            return total // 1_000_000

    return asyncio.run(main())


def asyncssh_copy(way: str, what: str) -> int:
    import asyncssh

    async def main() -> int:
        data = SERVER["data"]
        async with (
            asyncssh.connect(address(0), **asyncssh_options()) as connection,
            connection.start_sftp_client() as sftp,
        ):
            move = sftp.put if way == "put" else sftp.get
            if what == "big":
                await move(f"{data}/big", f"{data}/{way}-asyncssh-big")
                return 1
            os.makedirs(f"{data}/{way}-asyncssh-small", exist_ok=True)
            names = os.listdir(f"{data}/small")
            gate = asyncio.Semaphore(16)

            async def one(name: str) -> None:
                async with gate:
                    await move(f"{data}/small/{name}", f"{data}/{way}-asyncssh-small/{name}")

            await asyncio.gather(*(one(name) for name in names))
            return len(names)

    return asyncio.run(main())


# -- parallel-ssh (libssh2)


def pssh_client(host: str) -> Any:
    from pssh.clients import SSHClient

    return SSHClient(host, port=SERVER["port"], user=SERVER["user"], pkey=SERVER["key"], allow_agent=False)


def pssh_run(client: Any) -> bool:
    try:
        output = client.run_command("true")
        client.wait_finished(output)
        return bool(output.exit_code == 0)
    except Exception:
        return False


def pssh_exec(n: int) -> int:
    # Eight clients, each on a thread of its own: its best.
    work: queue.SimpleQueue[int] = queue.SimpleQueue()
    for i in range(n):
        work.put(i)

    def one(_: int) -> int:
        client = pssh_client(address(0))
        done = 0
        while True:
            try:
                work.get_nowait()
            except queue.Empty:
                return done
            done += pssh_run(client)

    with ThreadPoolExecutor(8) as threads:
        return sum(threads.map(one, range(8)))


def pssh_group(hosts: int, commands: int, width: int) -> int:
    def one(i: int) -> int:
        try:
            client = pssh_client(address(i))
        except Exception:
            return 0
        return sum(pssh_run(client) for _ in range(commands))

    with ThreadPoolExecutor(width) as threads:
        return sum(threads.map(one, range(hosts)))


# -- Netmiko and Fabric: one session, one command after the other; neither may be shared by threads


def netmiko_exec(n: int) -> int:
    from netmiko import ConnectHandler

    with ConnectHandler(
        device_type="linux",
        host=address(0),
        port=SERVER["port"],
        username=SERVER["user"],
        use_keys=True,
        key_file=SERVER["key"],
        fast_cli=True,
    ) as connection:
        return sum(connection.send_command("true") == "" for _ in range(n))


def fabric_exec(n: int) -> int:
    from fabric import Config, Connection

    given = {"key_filename": SERVER["key"], "allow_agent": False, "look_for_keys": False}
    with Connection(
        address(0), user=SERVER["user"], port=SERVER["port"], connect_kwargs=given, config=Config(lazy=True)
    ) as connection:
        return sum(connection.run("true", hide=True, in_stream=False).ok for _ in range(n))


# -- OpenSSH


def ssh_words() -> list[str]:
    return [
        *("-F", "/dev/null", "-i", SERVER["key"], "-p", str(SERVER["port"]), "-l", SERVER["user"]),
        *("-o", f"UserKnownHostsFile={SERVER['known_hosts']}", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"),
    ]


def openssh_exec(n: int) -> int:
    path = f"{SERVER['data']}/control"
    mux = ["ssh", *ssh_words(), "-o", "ControlMaster=auto", "-o", f"ControlPath={path}"]
    subprocess.run([*mux, "-o", "ControlPersist=60", address(0), "true"], check=True, stderr=subprocess.DEVNULL)
    words = ["xargs", "-P8", "-I{}", "sh", "-c", f"{' '.join(mux)} {address(0)} true && echo ok"]
    out = subprocess.run(words, input="\n".join("x" * n), capture_output=True, text=True, check=False).stdout
    subprocess.run([*mux, "-O", "exit", address(0)], check=False, capture_output=True)
    return out.count("ok")


def openssh_stdout(n: int) -> int:
    words = ["ssh", *ssh_words(), "-c", "aes128-gcm@openssh.com", address(0), f"head -c {n}000000 /dev/zero"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        total = 0
        while data := process.stdout.read(131072):
            total += len(data)
    return total // 1_000_000


def openssh_copy(way: str, what: str) -> int:
    data = SERVER["data"]
    if way == "get":
        os.makedirs(f"{data}/get-openssh-{what}", exist_ok=True)
    verb = (
        f"put -r {data}/{what} {data}/put-openssh-{what}"
        if way == "put"
        else f"get -r {data}/{what} {data}/get-openssh-{what}"
    )
    if way == "put" and what == "small":
        os.makedirs(f"{data}/put-openssh-small", exist_ok=True)
    words = [word if word != "-p" else "-P" for word in ssh_words()]
    at = words.index("-l")
    del words[at : at + 2]
    command = ["sftp", "-q", *words, "-c", "aes128-gcm@openssh.com", "-b", "-", f"{SERVER['user']}@{address(0)}"]
    subprocess.run(command, input=verb + "\n", text=True, check=True, stdout=subprocess.DEVNULL, timeout=200)
    return 1 if what == "big" else len(os.listdir(f"{data}/small"))


def workloads() -> dict[tuple[str, str], Callable[[int], int]]:
    found: dict[tuple[str, str], Callable[[int], int]] = {
        ("exec", "safe map"): safe_exec,
        ("exec", "safe 8 threads"): safe_exec_threads,
        ("exec", "safe runner"): lambda n: safe_exec(n, runner=True),
        ("exec", "asyncssh"): asyncssh_exec,
        ("exec", "asyncssh × 4 connections"): lambda n: asyncssh_exec(n, 4),
        ("exec", "parallel-ssh"): pssh_exec,
        ("exec", "thread-local recipe"): recipe_exec,
        ("exec", "one client, a lock"): locked_exec,
        ("exec", "one client, no lock"): shared_exec,
        ("exec", "ControlMaster xargs"): openssh_exec,
        ("exec", "netmiko"): netmiko_exec,
        ("exec", "fabric"): fabric_exec,
        ("stdout", "safe run"): safe_stdout,
        ("stdout", "safe stream"): safe_stdout_stream,
        ("stdout", "asyncssh"): asyncssh_stdout,
        ("stdout", "paramiko"): paramiko_stdout,
        ("stdout", "openssh"): openssh_stdout,
    }
    for name in ("safe map", "safe 8 threads", "safe runner", "asyncssh", "asyncssh × 4 connections", "parallel-ssh"):
        found["exec-sh", name] = found["exec", name]
    found["exec-sh", "thread-local recipe"] = recipe_exec
    groups = {"safe": safe_group, "asyncssh": asyncssh_group, "parallel-ssh": pssh_group, "paramiko": paramiko_group}
    copies = {"safe": safe_copy, "asyncssh": asyncssh_copy, "paramiko": paramiko_copy, "openssh": openssh_copy}
    for name, group in groups.items():
        found["hosts", name] = lambda n, group=group: group(n, 1, 10)  # type: ignore[misc]
        found["grid", name] = lambda n, group=group: group(n, n, 10)  # type: ignore[misc]
    for name, copy in copies.items():
        for way in ("put", "get"):
            for what in ("big", "small"):
                found[f"{way}-{what}", name] = lambda n, c=copy, way=way, what=what: c(way, what)  # type: ignore[misc]
    return found


def main() -> None:
    workload, peer, server, count = sys.argv[1:5]
    SERVER.update(json.loads(Path(server).read_text()))
    run = workloads()[workload, peer]
    who = peer.split()[0]
    module = {
        "safe": "paramedic.safe",
        "asyncssh": "asyncssh",
        "parallel-ssh": "pssh.clients",
        "netmiko": "netmiko",
        "fabric": "fabric",
    }.get(who, "paramiko")
    if who not in ("openssh", "ControlMaster"):
        __import__(module)
    begins_mb = peak_mb()
    wall, cpu, busy = time.perf_counter(), cpu_s(), busy_s()
    ok = run(int(count))
    found = {"wall_s": time.perf_counter() - wall, "cpu_s": cpu_s() - cpu, "ok": ok, "peak_mb": peak_mb()}
    found["busy_s"] = busy_s() - busy
    found["more_mb"] = found["peak_mb"] - begins_mb
    print(json.dumps(found), flush=True)
    os._exit(0)  # what a library leaves running is not measured


if __name__ == "__main__":
    main()
