"""What the reader follows: a table of programs that are found, and one of programs that are right."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from paramedic.check.lint import LintOptions, lint

FOUND: dict[str, tuple[str, str]] = {
    "a dataclass holds the SFTP client": (
        "shared-sftp-client",
        """
        import threading, paramiko
        from dataclasses import dataclass

        @dataclass
        class Store:
            sftp: paramiko.SFTPClient
            root: str = "/"

            def fetch(self, name):
                return self.sftp.open(self.root + name).read()

        def main(client: paramiko.SSHClient, names):
            store = Store(client.open_sftp())
            for name in names:
                threading.Thread(target=store.fetch, args=(name,)).start()
        """,
    ),
    "a property hands the SFTP client out": (
        "shared-sftp-client",
        """
        import paramiko
        from concurrent.futures import ThreadPoolExecutor

        class Site:
            _sftp = None

            def __init__(self, host):
                self.ssh = paramiko.SSHClient()
                self.ssh.connect(host)

            @property
            def sftp(self):
                if self._sftp is None:
                    self._sftp = self.ssh.open_sftp()
                return self._sftp

            def size(self, path):
                return self.sftp.stat(path).st_size

            def sizes(self, paths):
                with ThreadPoolExecutor(4) as pool:
                    return list(pool.map(self.size, paths))
        """,
    ),
    "a module global and a Thread subclass": (
        "shared-client-connect",
        """
        from threading import Thread
        from paramiko.client import SSHClient

        CLIENT = SSHClient()

        class Job(Thread):
            def __init__(self, host):
                Thread.__init__(self)
                self.host = host

            def run(self):
                CLIENT.connect(self.host)

        for host in ("a", "b"):
            Job(host).start()
        """,
    ),
    "a subclass of SSHClient": (
        "shared-client-connect",
        """
        import paramiko, threading

        class Client(paramiko.SSHClient):
            def again(self, host):
                self.connect(host)

        def main(hosts):
            client = Client()
            threads = [threading.Thread(target=client.again, args=(h,)) for h in hosts]
            [t.start() for t in threads]
            [t.join() for t in threads]
        """,
    ),
    "a default argument": (
        "shared-sftp-client",
        """
        import paramiko, threading

        def main(client: paramiko.SSHClient):
            sftp = client.open_sftp()

            def pull(name, source=sftp):
                source.get(name, name)

            workers = []
            for name in ["a", "b", "c"]:
                worker = threading.Thread(target=pull, kwargs={"name": name})
                worker.start()
                workers.append(worker)
            for worker in workers:
                worker.join()
        """,
    ),
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
    "the main thread beside its thread": (
        "shared-sftp-client",
        """
        import paramiko, threading

        def watch(sftp):
            while True:
                sftp.listdir("/")

        def main(client: paramiko.SSHClient):
            sftp = client.open_sftp()
            threading.Thread(target=watch, args=[sftp], daemon=True).start()
            sftp.put("a", "a")
        """,
    ),
    "two methods, one of them a thread's": (
        "shared-sftp-client",
        """
        import paramiko, threading

        class Mirror:
            def __init__(self, client: paramiko.SSHClient):
                self.sftp = client.open_sftp()

            def start(self):
                self.thread = threading.Thread(target=self._loop, daemon=True)
                self.thread.start()

            def _loop(self):
                while True:
                    self.sftp.listdir("/in")

            def upload(self, name):
                self.sftp.put(name, name)
        """,
    ),
    "a lock of each thread's own": (
        "shared-sftp-client",
        """
        import paramiko, threading

        def pull(sftp, name):
            lock = threading.Lock()
            with lock:
                sftp.get(name, name)

        def main(client: paramiko.SSHClient, names):
            sftp = client.open_sftp()
            for name in names:
                threading.Thread(target=pull, args=(sftp, name)).start()
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
    "the streams by their place in the tuple": (
        "undrained-stderr",
        """
        import paramiko

        def run(ssh: "paramiko.SSHClient", command):
            streams = ssh.exec_command(command)
            return streams[1].readlines(), streams[2].readlines()
        """,
    ),
    "a parameter that only its use shows": (
        "undrained-stderr",
        """
        import paramiko

        def run(connection, command):
            _in, out, err = connection.exec_command(command)
            lines = [line for line in out]
            return lines, err.read()
        """,
    ),
    "a jump host left before its guest": (
        "closed-in-use",
        """
        import paramiko

        def inner(jump_host, host):
            client = paramiko.SSHClient()
            with paramiko.SSHClient() as jump:
                jump.connect(jump_host)
                hop = jump.get_transport().open_channel("direct-tcpip", (host, 22), ("", 0))
                client.connect(host, sock=hop)
            _, out, _ = client.exec_command("uptime")
            return out.read()
        """,
    ),
    "a callback of auth_interactive that takes the caller's lock": (
        "lock-order-inversion",
        """
        import paramiko, threading

        class Login:
            def __init__(self):
                self.lock = threading.Lock()

            def answers(self, title, instructions, prompts):
                with self.lock:
                    return ["code"]

            def open(self, sock):
                transport = paramiko.Transport(sock)
                transport.start_client()
                with self.lock:
                    transport.auth_interactive("user", self.answers)
                transport.close()
        """,
    ),
    "a pool that loses what fails": (
        "pool-drained",
        """
        import paramiko, queue

        pool = queue.Queue()

        def fill():
            for _ in range(3):
                client = paramiko.SSHClient()
                client.connect("web1", timeout=5)
                pool.put(client)

        def run(command):
            client = pool.get()
            _, out, _ = client.exec_command(command)
            text = out.read()
            pool.put(client)
            return text
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
    "a client in each turn of a loop, never closed": (
        "leaked-connection",
        """
        import paramiko

        def uptimes(hosts):
            found = {}
            for host in hosts:
                client = paramiko.SSHClient()
                client.connect(host, timeout=5)
                found[host] = client.exec_command("uptime")[1].read()
            return found
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
}

QUIET: dict[str, str] = {
    "a client for each host, made before the threads": """
        import paramiko, threading

        class Host:
            def __init__(self, name):
                self.ssh = paramiko.SSHClient()
                self.ssh.connect(name)
                self.sftp = self.ssh.open_sftp()

            def pull(self):
                self.sftp.get("a", "a")

        def main(names):
            hosts = [Host(n) for n in names]
            threads = [threading.Thread(target=h.pull) for h in hosts]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            for h in hosts:
                h.ssh.close()
        """,
    "two hosts written out": """
        import paramiko, threading

        def make(name):
            client = paramiko.SSHClient()
            client.connect(name)
            return client

        def pull(client):
            with client.open_sftp() as sftp:
                sftp.get("a", "a")

        def main():
            one, two = make("a"), make("b")
            threads = [threading.Thread(target=pull, args=(c,)) for c in (one, two)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            one.close()
            two.close()
        """,
    "a dict of clients, a thread for each": """
        import paramiko
        from concurrent.futures import ThreadPoolExecutor

        def connect(host):
            client = paramiko.SSHClient()
            client.connect(host)
            return client

        def main(hosts):
            clients = {h: connect(h) for h in hosts}
            sftps = {h: c.open_sftp() for h, c in clients.items()}
            with ThreadPoolExecutor(5) as pool:
                jobs = [pool.submit(s.listdir, "/") for s in sftps.values()]
            found = [job.result() for job in jobs]
            for client in clients.values():
                client.close()
            return found
        """,
    "started and joined one after the other": """
        import paramiko, threading

        def main(client: paramiko.SSHClient, names):
            sftp = client.open_sftp()
            for name in names:
                worker = threading.Thread(target=sftp.get, args=(name, name))
                worker.start()
                worker.join()
        """,
    "the main thread after the join": """
        import paramiko, threading

        def main(client: paramiko.SSHClient):
            sftp = client.open_sftp()
            worker = threading.Thread(target=sftp.get, args=("a", "a"))
            worker.start()
            worker.join()
            sftp.put("b", "b")
        """,
    "one worker only": """
        import paramiko
        from concurrent.futures import ThreadPoolExecutor

        def main(client: paramiko.SSHClient, names):
            sftp = client.open_sftp()
            with ThreadPoolExecutor(max_workers=1) as pool:
                return [f.result() for f in [pool.submit(sftp.stat, n) for n in names]]
        """,
    "a lock taken with acquire and release": """
        import paramiko, threading

        lock = threading.Lock()

        def pull(sftp, name):
            lock.acquire()
            try:
                sftp.get(name, name)
            finally:
                lock.release()

        def main(client: paramiko.SSHClient, names):
            sftp = client.open_sftp()
            threads = [threading.Thread(target=pull, args=(sftp, n)) for n in names]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
        """,
    "a lock behind a decorator of the program's": """
        import functools, paramiko, threading

        def locked(method):
            @functools.wraps(method)
            def inside(self, *args, **kwargs):
                with self.lock:
                    return method(self, *args, **kwargs)
            return inside

        class Store:
            def __init__(self, client: paramiko.SSHClient):
                self.lock = threading.RLock()
                self.sftp = client.open_sftp()

            @locked
            def get(self, name):
                self.sftp.get(name, name)

        def main(client: paramiko.SSHClient, names):
            store = Store(client)
            for name in names:
                threading.Thread(target=store.get, args=(name,)).start()
        """,
    "a lock behind somebody else's decorator": """
        import paramiko, threading
        from oslo_concurrency import lockutils

        class Store:
            def __init__(self, client: paramiko.SSHClient):
                self.sftp = client.open_sftp()

            @lockutils.synchronized("sftp")
            def get(self, name):
                self.sftp.get(name, name)

        def main(client: paramiko.SSHClient, names):
            store = Store(client)
            for name in names:
                threading.Thread(target=store.get, args=(name,)).start()
        """,
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
    "a Condition around the shared client": """
        import paramiko, threading

        class Store:
            def __init__(self, client: paramiko.SSHClient):
                self.turn = threading.Condition()
                self.sftp = client.open_sftp()

            def get(self, name):
                with self.turn:
                    self.sftp.get(name, name)

        def main(client: paramiko.SSHClient, names):
            store = Store(client)
            for name in names:
                threading.Thread(target=store.get, args=(name,)).start()
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
    "either the status or the output": """
        import paramiko

        def run(client: paramiko.SSHClient, command, quiet):
            _, out, _ = client.exec_command(command)
            if quiet:
                return out.channel.recv_exit_status()
            return out.read()
        """,
    "streams merged by the shell": """
        import paramiko

        def run(client: paramiko.SSHClient, name):
            _, out, err = client.exec_command(f"make {name} 2>&1")
            return out.read(), err.read()
        """,
    "a retry loop": """
        import paramiko, time

        def connect(host):
            for attempt in range(5):
                client = paramiko.SSHClient()
                try:
                    client.connect(host, timeout=5)
                    return client
                except OSError:
                    client.close()
                    time.sleep(attempt)
            raise OSError(host)
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
    "one connection each from a stack": """
        import contextlib, paramiko
        from concurrent.futures import ThreadPoolExecutor

        def connect(host):
            client = paramiko.SSHClient()
            client.connect(host)
            return client

        def main(hosts):
            with contextlib.ExitStack() as stack:
                clients = [stack.enter_context(connect(h)) for h in hosts]
                pool = stack.enter_context(ThreadPoolExecutor(4))
                return list(pool.map(lambda c: c.exec_command("uptime")[1].read(), clients))
        """,
}


@pytest.mark.parametrize("title", FOUND)
def test_found(title: str, tmp_path: Path) -> None:
    hazard, source = FOUND[title]
    (tmp_path / "program.py").write_text(dedent(source))
    report = lint([tmp_path], LintOptions(jobs=1))
    assert hazard in {f.hazard for f in report.findings}, [f.message for f in report.findings]


@pytest.mark.parametrize("title", QUIET)
def test_quiet(title: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(dedent(QUIET[title]))
    report = lint([tmp_path], LintOptions(jobs=1))
    assert report.gaps == ()
    assert [f"{f.hazard} {f.site}: {f.message}" for f in report.findings] == []
