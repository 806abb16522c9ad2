"""What the reader follows: a table of programs that are found, and one of programs that are right."""

from __future__ import annotations

from pathlib import Path

import pytest
from judging import judged

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
    found, told = judged(source, tmp_path)
    assert hazard in found, told


@pytest.mark.parametrize("title", QUIET)
def test_quiet(title: str, tmp_path: Path) -> None:
    assert judged(QUIET[title], tmp_path) == (set(), [])
