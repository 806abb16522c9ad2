"""Hazards of lifetime, processes and event loops in further shapes, and right programs that look like them."""

from __future__ import annotations

from pathlib import Path

import pytest
from judging import judged

FOUND: dict[str, tuple[str, str]] = {
    "a shell that is dropped": (
        "dropped-channel",
        """
        import paramiko
        def main(client: paramiko.SSHClient):
            client.invoke_shell()
            return client.exec_command("w")[1].read()
        """,
    ),
    "fifty threads that connect": (
        "connect-storm",
        """
        import paramiko, threading
        def go():
            with paramiko.SSHClient() as c:
                c.connect("bastion")
        ts = []
        for _ in range(50):
            t = threading.Thread(target=go)
            t.start()
            ts.append(t)
        for t in ts:
            t.join()
        """,
    ),
    "twenty threads with sessions": (
        "session-limit",
        """
        import paramiko, threading
        def main(client: paramiko.SSHClient):
            def go(n):
                return client.exec_command("sleep %d" % n)[1].read()
            ts = [threading.Thread(target=go, args=(n,)) for n in range(20)]
            for t in ts: t.start()
            for t in ts: t.join()
        """,
    ),
    "a Process subclass": (
        "forked-connection",
        """
        import multiprocessing, paramiko
        class Worker(multiprocessing.Process):
            def __init__(self, client):
                super().__init__()
                self.client = client
            def run(self):
                print(self.client.exec_command("id")[1].read())
        def main():
            client = paramiko.SSHClient()
            client.connect("h")
            w = Worker(client)
            w.start()
            w.join()
            client.close()
        """,
    ),
    "a subclass of the Process of a context that forks": (
        "forked-connection",
        """
        import multiprocessing, paramiko
        CONTEXT = multiprocessing.get_context("fork")
        class Worker(CONTEXT.Process):
            def __init__(self, client):
                super().__init__()
                self.client = client
            def run(self):
                print(self.client.exec_command("id")[1].read())
        def main():
            client = paramiko.SSHClient()
            client.connect("h")
            w = Worker(client)
            w.start()
            w.join()
            client.close()
        """,
    ),
    "a helper that blocks, awaited by nobody": (
        "blocking-the-event-loop",
        """
        import paramiko
        class Api:
            def __init__(self):
                self.c = paramiko.SSHClient()
            def _run(self, cmd):
                return self.c.exec_command(cmd)[1].read()
            async def get(self, request):
                return self._run("uptime")
        """,
    ),
    "a handler that sleeps": (
        "callback-blocks-transport",
        """
        import paramiko, time
        class H:
            def __call__(self, chan, origin, server):
                time.sleep(5)
                chan.close()
        def main(t: paramiko.Transport):
            t.request_port_forward("", 80, handler=H())
        """,
    ),
    "a future kept and never asked": (
        "lost-exception",
        """
        import paramiko
        from concurrent.futures import ThreadPoolExecutor
        def push(c, n):
            c.exec_command("touch %d" % n)[1].read()
        def main(client: paramiko.SSHClient):
            futures = []
            with ThreadPoolExecutor(2) as ex:
                for n in range(3):
                    futures.append(ex.submit(push, client, n))
        """,
    ),
    "wait without result": (
        "lost-exception",
        """
        import paramiko
        from concurrent.futures import ThreadPoolExecutor, wait
        def push(c, n):
            c.exec_command("touch %d" % n)[1].read()
        def main(client: paramiko.SSHClient):
            with ThreadPoolExecutor(2) as ex:
                fs = [ex.submit(push, client, n) for n in range(3)]
                wait(fs)
        """,
    ),
    "a subclass of local that leaks": (
        "leaked-connection",
        """
        import paramiko, threading
        class Mine(threading.local):
            client = None
        mine = Mine()
        def get():
            if mine.client is None:
                c = paramiko.SSHClient()
                c.connect("h")
                mine.client = c
            return mine.client
        def job(n):
            return get().exec_command("id")[1].read()
        def main():
            for n in range(3):
                threading.Thread(target=job, args=(n,)).start()
        """,
    ),
    "reconnect when inactive": (
        "shared-client-connect",
        """
        import paramiko, threading
        class Link:
            def __init__(self, host):
                self.host = host
                self.ssh = paramiko.SSHClient()
                self.ssh.connect(host)
            def ensure(self):
                t = self.ssh.get_transport()
                if t is None or not t.is_active():
                    self.ssh.connect(self.host)
            def run(self, cmd):
                self.ensure()
                return self.ssh.exec_command(cmd)[1].read()
        def main(cmds):
            link = Link("h")
            ts = [threading.Thread(target=link.run, args=(c,)) for c in cmds]
            for t in ts: t.start()
            for t in ts: t.join()
        """,
    ),
    "closed in a finally before the join": (
        "closed-in-use",
        """
        import paramiko, threading
        def work(c, q):
            q.append(c.exec_command("make")[1].read())
        def main():
            c = paramiko.SSHClient()
            c.connect("h")
            got = []
            t = threading.Thread(target=work, args=(c, got))
            t.start()
            c.close()
            t.join()
            return got
        """,
    ),
    "output read after the with": (
        "closed-in-use",
        """
        import paramiko
        def run(host, cmd):
            with paramiko.SSHClient() as client:
                client.connect(host)
                _, out, _ = client.exec_command(cmd)
            return out.read()
        """,
    ),
    "a child of os.fork": (
        "forked-connection",
        """
        import os, paramiko
        client = paramiko.SSHClient()
        client.connect("h")
        pid = os.fork()
        if pid == 0:
            client.exec_command("id")[1].read()
            os._exit(0)
        os.waitpid(pid, 0)
        client.close()
        """,
    ),
    "a tail in a thread nobody stops": (
        "exit-blocked",
        """
        import paramiko
        from threading import Thread
        class Tail(Thread):
            def __init__(self, ssh):
                super().__init__()
                self.ssh = ssh
            def run(self):
                for l in self.ssh.exec_command("journalctl -f -u app")[1]:
                    print(l)
        def main():
            ssh = paramiko.SSHClient()
            ssh.connect("h")
            Tail(ssh).start()
        """,
    ),
}

QUIET: dict[str, str] = {
    "a list is extended by the channel": """
        import paramiko

        CHANNELS = []

        def start(client: paramiko.SSHClient, names):
            for name in names:
                channel = client.get_transport().open_session()
                channel.get_pty()
                channel.exec_command("sleep 100")
                CHANNELS.extend([channel])
        """,
    "the channel is added to a list of the object's": """
        import paramiko

        class Shells:
            def __init__(self):
                self.channels = []

            def start(self, client: paramiko.SSHClient, names):
                for name in names:
                    channel = client.get_transport().open_session()
                    channel.get_pty()
                    channel.exec_command("sleep 100")
                    self.channels += [channel]
        """,
    "a reconnect under a lock, into a new client": """
        import paramiko, threading
        class Link:
            def __init__(self, host):
                self.host = host
                self.lock = threading.Lock()
                self.ssh = None
            def client(self):
                with self.lock:
                    if self.ssh is None or not self.ssh.get_transport().is_active():
                        fresh = paramiko.SSHClient()
                        fresh.connect(self.host)
                        self.ssh = fresh
                    return self.ssh
            def run(self, cmd):
                return self.client().exec_command(cmd)[1].read()
            def close(self):
                with self.lock:
                    if self.ssh is not None:
                        self.ssh.close()
        def main(cmds):
            link = Link("h")
            ts = [threading.Thread(target=link.run, args=(c,)) for c in cmds]
            for t in ts: t.start()
            for t in ts: t.join()
            link.close()
        """,
    "connected before the threads, commands from all of them": """
        import paramiko
        from concurrent.futures import ThreadPoolExecutor
        def main(cmds):
            with paramiko.SSHClient() as ssh:
                ssh.load_system_host_keys()
                ssh.connect("h", timeout=5)
                with ThreadPoolExecutor(max_workers=4) as ex:
                    return list(ex.map(lambda c: ssh.exec_command(c)[1].read(), cmds))
        """,
    "the event set before the main thread goes on": """
        import paramiko, threading
        def main(client: paramiko.SSHClient):
            sftp = client.open_sftp()
            done = threading.Event()
            def first():
                sftp.get("a", "a")
                done.set()
            threading.Thread(target=first).start()
            done.wait()
            sftp.get("b", "b")
        """,
    "a wait with a limit for each thread's own event before the close": """
        import paramiko, threading
        class Remote:
            def __init__(self, channel, command):
                self.channel = channel
                self.over = threading.Event()
                channel.exec_command(command)
                threading.Thread(target=self._watch, daemon=True).start()
            def _watch(self):
                self.status = self.channel.recv_exit_status()
                self.over.set()
            def wait(self, timeout=None):
                return self.over.wait(timeout)
        def main(client: paramiko.SSHClient, commands):
            remotes = [Remote(client.get_transport().open_session(), c) for c in commands]
            for remote in remotes:
                if not remote.wait(9):
                    return 3
            for remote in remotes:
                remote.wait()
            client.close()
        """,
    "a stop event and a join before the close": """
        import paramiko, threading
        class Poller:
            def __init__(self, host):
                self.ssh = paramiko.SSHClient()
                self.ssh.connect(host)
                self.stopping = threading.Event()
                self.thread = threading.Thread(target=self._poll, daemon=True)
                self.thread.start()
            def _poll(self):
                while not self.stopping.wait(1):
                    self.ssh.exec_command("uptime")[1].read()
            def close(self):
                self.stopping.set()
                self.thread.join()
                self.ssh.close()
        """,
    "a subclass of the Process of a context that spawns": """
        import multiprocessing, paramiko
        client = paramiko.SSHClient()
        client.connect("h")
        class Worker(multiprocessing.get_context("spawn").Process):
            def run(self):
                print(client.exec_command("id", timeout=5)[1].read())
        def main():
            w = Worker()
            w.start()
            w.join()
            client.close()
        """,
    "processes made before the connection": """
        import multiprocessing, paramiko
        def crunch(n):
            return n * n
        def main(names):
            with multiprocessing.Pool(2) as pool:
                squares = pool.map(crunch, range(9))
            with paramiko.SSHClient() as c:
                c.connect("h")
                return squares, c.exec_command("id")[1].read()
        """,
    "a handler that starts a thread": """
        import paramiko, threading
        def serve(chan):
            chan.sendall(chan.recv(99))
            chan.close()
        def main(t: paramiko.Transport):
            def on(chan, origin, server):
                threading.Thread(target=serve, args=(chan,)).start()

            t.request_port_forward("", 80, on)
        """,
    "a pool that gives back in finally": """
        import paramiko, queue
        class Pool:
            def __init__(self, host, n):
                self.q = queue.Queue()
                for _ in range(n):
                    c = paramiko.SSHClient()
                    c.connect(host)
                    self.q.put(c)
            def run(self, cmd):
                c = self.q.get()
                try:
                    return c.exec_command(cmd)[1].read()
                finally:
                    self.q.put(c)
            def close(self):
                while not self.q.empty():
                    self.q.get().close()
        """,
    "one client, connected twice": """
        import paramiko
        def run(hosts):
            client = paramiko.SSHClient()
            with client:
                client.connect("a")
                client.exec_command("id")[1].read()
            client.connect("b")
            try:
                return client.exec_command("id")[1].read()
            finally:
                client.close()
        """,
    "a child of os.fork that connects itself": """
        import os, paramiko
        if not os.fork():
            with paramiko.SSHClient() as mine:
                mine.connect("h")
                mine.exec_command("id")[1].read()
            os._exit(0)
        with paramiko.SSHClient() as client:
            client.connect("h")
            client.exec_command("id")[1].read()
        """,
    "async with the blocking part in a thread": """
        import asyncio, paramiko
        class Api:
            def __init__(self):
                self.c = paramiko.SSHClient()
            def _run(self, cmd):
                return self.c.exec_command(cmd)[1].read()
            async def get(self, request):
                loop = asyncio.get_event_loop()
                return await loop.run_in_executor(None, lambda: self._run("uptime"))
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
