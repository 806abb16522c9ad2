"""What the reader follows through libraries, pools and processes: what is found, and what is right."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from judging import judged

_LOCKED = """
import functools

def locked(method):
    @functools.wraps(method)
    def inside(self, *args, **kwargs):
        with self.lock:
            return method(self, *args, **kwargs)
    return inside
"""


def _store(above: str, decorator: str) -> str:
    """An SFTP client whose only use has a decorator, by as many threads as there are names."""
    return f"""
import paramiko, threading
{above}

class Store:
    def __init__(self, client: paramiko.SSHClient):
        self.lock = threading.RLock()
        self.sftp = client.open_sftp()

    @{decorator}
    def get(self, name):
        self.sftp.get(name, name)

def main(client: paramiko.SSHClient, names):
    store = Store(client)
    for name in names:
        threading.Thread(target=store.get, args=(name,)).start()
"""


FOUND: dict[str, tuple[str, str]] = {
    "asyncio.to_thread in a gather": (
        "shared-sftp-client",
        """
        import asyncio, paramiko

        async def main(client: paramiko.SSHClient, names):
            sftp = client.open_sftp()
            return await asyncio.gather(*(asyncio.to_thread(sftp.stat, name) for name in names))
        """,
    ),
    "coroutines that each wait for a thread": (
        "shared-sftp-client",
        """
        import asyncio, paramiko

        async def one(sftp, name):
            return await asyncio.to_thread(sftp.stat, name)

        async def main(client: paramiko.SSHClient, names):
            sftp = client.open_sftp()
            return await asyncio.gather(*[one(sftp, name) for name in names])
        """,
    ),
    "the loop's own executor": (
        "shared-sftp-client",
        """
        import asyncio, paramiko

        async def main(client: paramiko.SSHClient, names):
            loop = asyncio.get_running_loop()
            sftp = await loop.run_in_executor(None, client.open_sftp)
            jobs = [loop.run_in_executor(None, sftp.stat, name) for name in names]
            return await asyncio.gather(*jobs)
        """,
    ),
    "multiprocessing's thread pool": (
        "shared-sftp-client",
        """
        import paramiko
        from multiprocessing.pool import ThreadPool

        def main(client: paramiko.SSHClient, names):
            sftp = client.open_sftp()
            with ThreadPool(4) as pool:
                return pool.map(sftp.stat, names)
        """,
    ),
    "joblib with threads": (
        "shared-sftp-client",
        """
        import paramiko
        from joblib import Parallel, delayed

        def main(client: paramiko.SSHClient, names):
            sftp = client.open_sftp()
            return Parallel(n_jobs=4, prefer="threads")(delayed(sftp.stat)(n) for n in names)
        """,
    ),
    "fabric's Connection in threads": (
        "shared-client-connect",
        """
        from fabric import Connection
        from concurrent.futures import ThreadPoolExecutor

        def main(commands):
            conn = Connection("web1")
            with ThreadPoolExecutor(3) as pool:
                return [f.result() for f in [pool.submit(conn.run, c) for c in commands]]
        """,
    ),
    "netmiko's connection in threads": (
        "shared-channel",
        """
        from netmiko import ConnectHandler
        import threading

        def main(commands, device):
            net = ConnectHandler(**device)
            threads = [threading.Thread(target=net.send_command, args=(c,)) for c in commands]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            net.disconnect()
        """,
    ),
    "pysftp's connection in threads": (
        "shared-sftp-client",
        """
        import pysftp, threading

        def main(names):
            with pysftp.Connection("files", username="u") as site:
                threads = [threading.Thread(target=site.get, args=(n,)) for n in names]
                for t in threads:
                    t.start()
                for t in threads:
                    t.join()
        """,
    ),
    "Airflow's hook": (
        "exit-status-before-output",
        """
        from airflow.providers.ssh.hooks.ssh import SSHHook

        def run(command):
            with SSHHook("prod").get_conn() as client:
                _, out, err = client.exec_command(command)
                if out.channel.recv_exit_status():
                    raise RuntimeError(err.read())
        """,
    ),
    "a child process that uses a global": (
        "forked-connection",
        """
        import os, paramiko

        client = paramiko.SSHClient()
        client.connect("web1")

        def work(n):
            return client.exec_command(f"echo {n}")[1].read()

        if __name__ == "__main__":
            from multiprocessing import Pool
            with Pool(2) as pool:
                print(pool.map(work, range(4)))
        """,
    ),
    "a bare map whose errors nobody sees": (
        "lost-exception",
        """
        import paramiko
        from concurrent.futures import ThreadPoolExecutor

        def push(host):
            with paramiko.SSHClient() as client:
                client.connect(host)
                client.exec_command("true")[1].read()

        def main(hosts):
            with ThreadPoolExecutor(4) as pool:
                pool.map(push, hosts)
        """,
    ),
    "a handler of a threading web server": (
        "shared-sftp-client",
        """
        import paramiko
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

        client = paramiko.SSHClient()
        client.connect("files")
        sftp = client.open_sftp()

        class Files(BaseHTTPRequestHandler):
            def do_GET(self):
                self.wfile.write(sftp.open(self.path).read())

        ThreadingHTTPServer(("127.0.0.1", 0), Files).serve_forever()
        """,
    ),
    "a client of a pool that is closed where its work fails, and no other takes its place": (
        "pool-drained",
        """
        import paramiko, queue

        clients: queue.Queue[paramiko.SSHClient] = queue.Queue()

        def run(command):
            client = clients.get(timeout=60)
            try:
                _, out, _ = client.exec_command(command, timeout=30)
                text = out.read()
            except paramiko.SSHException:
                client.close()
                raise
            clients.put(client)
            return text
        """,
    ),
    "a dictionary that is updated by keywords": (
        "shared-sftp-client",
        """
        import paramiko, threading

        def work(tools):
            tools["files"].stat("/tmp")

        def main(client: paramiko.SSHClient):
            tools = {}
            tools.update(files=client.open_sftp(), n=3)
            for _ in range(4):
                threading.Thread(target=work, args=(tools,)).start()
        """,
    ),
    "a decorator whose name only sounds like a lock's": (
        "shared-sftp-client",
        _store("from framework import blocking", "blocking"),
    ),
}

QUIET: dict[str, str] = {
    "clients that a loop takes from a list to close them, and that its threads make anew": """
        import paramiko, threading
        from concurrent.futures import ThreadPoolExecutor

        local = threading.local()
        made = []

        class Fleet:
            def client(self):
                if getattr(local, "client", None) is None:
                    local.client = paramiko.SSHClient()
                    local.client.load_system_host_keys()
                    local.client.connect("host", timeout=10)
                    made.append(local.client)
                return local.client

            def work(self, n):
                return self.client().exec_command("job %d" % n, timeout=60)[1].read()

            def main(self):
                while True:
                    with ThreadPoolExecutor(4) as pool:
                        print(list(pool.map(self.work, range(20))))
                    while made:
                        made.pop().close()
        """,
    "a channel that is shut for reading beside close, which sends no EOF": """
        import paramiko, threading

        def main(client: paramiko.SSHClient):
            chan = client.get_transport().open_session()
            chan.exec_command("cat")
            thread = threading.Thread(target=chan.close)
            thread.start()
            chan.shutdown(0)
            thread.join()
        """,
    "a lock behind a decorator of the program's": _store(_LOCKED, "locked"),
    "a lock behind somebody else's decorator": _store(
        "from oslo_concurrency import lockutils", 'lockutils.synchronized("sftp")'
    ),
    "a lock behind a context manager, entered often": """
        import contextlib, paramiko, threading

        @contextlib.contextmanager
        def held(lock, timeout):
            if not lock.acquire(timeout=timeout):
                raise TimeoutError
            try:
                yield
            finally:
                lock.release()

        class Store:
            def __init__(self, client: paramiko.SSHClient):
                self.lock = threading.Lock()
                self.sftp = client.open_sftp()

            def put(self, name):
                with held(self.lock, 5):
                    self.sftp.put(name, name)

            def get(self, name):
                with held(self.lock, 5):
                    self.sftp.get(name, name)

            def size(self, name):
                with held(self.lock, 5):
                    return self.sftp.stat(name).st_size

            def all(self, name):
                self.put(name), self.get(name), self.size(name), self.put(name), self.get(name), self.size(name)

        def main(client: paramiko.SSHClient, names):
            store = Store(client)
            for name in names:
                threading.Thread(target=store.all, args=(name,)).start()
        """,
    "a subclass of threading.local": """
        import paramiko, threading

        class Mine(threading.local):
            def __init__(self, transport):
                self.sftp = paramiko.SFTPClient.from_transport(transport)

        def main(transport: paramiko.Transport, names):
            mine = Mine(transport)

            def pull(name):
                mine.sftp.get(name, name)

            for name in names:
                threading.Thread(target=pull, args=(name,)).start()
        """,
    "a result handed back by a future": """
        import paramiko
        from concurrent.futures import ThreadPoolExecutor, as_completed

        def connect(host):
            client = paramiko.SSHClient()
            client.connect(host)
            return client

        def main(hosts):
            with ThreadPoolExecutor(4) as pool:
                jobs = {pool.submit(connect, h): h for h in hosts}
                for job in as_completed(jobs):
                    client = job.result()
                    print(jobs[job], client.exec_command("uptime")[1].read())
                    client.close()
        """,
    "exec_command of something that is not Paramiko": """
        import threading

        def run(container, command):
            code, out, err = container.exec_command(command)
            return code, out.read(), err.read()
        """,
    "an answer to a password prompt": """
        import paramiko

        def become_root(client: paramiko.SSHClient, password, command):
            stdin, stdout, _ = client.exec_command("sudo -S " + command)
            stdin.write(password + "\\n")
            stdin.flush()
            return stdout.read()
        """,
    "a watchdog that is cancelled": """
        import paramiko, threading

        def run(client: paramiko.SSHClient, command):
            watchdog = threading.Timer(30, client.close)
            watchdog.start()
            try:
                return client.exec_command(command)[1].read()
            finally:
                watchdog.cancel()
        """,
    "spawned processes that connect themselves": """
        import multiprocessing, paramiko

        def work(host):
            with paramiko.SSHClient() as client:
                client.connect(host)
                return client.exec_command("uptime")[1].read()

        def main(hosts):
            with multiprocessing.Pool(4) as pool:
                return pool.map(work, hosts)
        """,
}


@pytest.mark.parametrize("title", FOUND)
def test_found(title: str, tmp_path: Path) -> None:
    hazard, source = FOUND[title]
    found, told = judged(source, tmp_path)
    assert hazard in found, told


@pytest.mark.parametrize("title", QUIET)
def test_quiet(title: str, tmp_path: Path) -> None:
    assert judged(QUIET[title], tmp_path) == (set(), [])


def test_a_start_that_names_paramiko_and_leaves_all_to_its_modules_is_read(tmp_path: Path) -> None:
    (tmp_path / "fleet.py").write_text(
        dedent("""
            import paramiko
            from threading import Thread

            class Worker(Thread):
                def __init__(self, client):
                    super().__init__()
                    self.client = client

                def run(self):
                    self.client.connect("host", timeout=10)

            def made():
                return paramiko.SSHClient()
            """)
    )
    start = """
        import paramiko
        from fleet import Worker, made

        def main():
            client = made()
            try:
                for _ in range(3):
                    Worker(client).start()
            except paramiko.SSHException:
                print("not there")
        """
    assert "shared-client-connect" in judged(start, tmp_path)[0]
