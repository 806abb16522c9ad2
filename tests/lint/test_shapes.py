"""Each hazard in shapes that the corpus does not have, and right programs that look like them."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from paramedic.check.lint import LintOptions, lint

FOUND: dict[str, tuple[str, str]] = {
    "prefetch in a with": (
        "prefetch-stall",
        """
        import paramiko
        def peek(t: paramiko.Transport, path):
            sftp = paramiko.SFTPClient.from_transport(t)
            with sftp.file(path) as f:
                f.prefetch()
                magic = f.read(4)
            return magic, sftp.listdir(".")
        """,
    ),
    "a shell that is dropped": (
        "dropped-channel",
        """
        import paramiko
        def main(client: paramiko.SSHClient):
            client.invoke_shell()
            return client.exec_command("w")[1].read()
        """,
    ),
    "save_host_keys from Threads": (
        "known-hosts-race",
        """
        import paramiko, threading
        class Enrol(threading.Thread):
            def __init__(self, host):
                super().__init__()
                self.host = host
            def run(self):
                c = paramiko.SSHClient()
                c.load_host_keys("kh")
                c.set_missing_host_key_policy(paramiko.AutoAddPolicy)
                c.connect(self.host)
                c.save_host_keys("kh")
                c.close()
        for h in open("hosts"):
            Enrol(h).start()
        """,
    ),
    "a signal handler that is a method": (
        "signal-handler-reenters",
        """
        import signal, paramiko
        class Session:
            def __init__(self, client: paramiko.SSHClient):
                self.shell = client.invoke_shell()
                signal.signal(signal.SIGINT, self._interrupt)
            def _interrupt(self, *_):
                self.shell.send(b"\\x03")
        """,
    ),
    "shutdown_write beside close": (
        "eof-after-close",
        """
        import threading
        import paramiko
        def finish(chan):
            chan.shutdown_write()
        def main(transport: paramiko.Transport):
            chan = transport.open_session()
            chan.exec_command("cat")
            t = threading.Thread(target=finish, args=(chan,))
            t.start()
            chan.close()
            t.join()
        """,
    ),
    "a loop that breaks on the status": (
        "exit-status-ends-reading",
        """
        import paramiko, time
        def run(transport: paramiko.Transport, cmd):
            chan = transport.open_session()
            chan.exec_command(cmd)
            out = []
            while True:
                if chan.recv_ready():
                    out.append(chan.recv(4096))
                if chan.exit_status_ready():
                    break
                time.sleep(0.1)
            return b"".join(out), chan.recv_exit_status()
        """,
    ),
    "two loops over the streams": (
        "undrained-stderr",
        """
        from paramiko import SSHClient
        def run(c: SSHClient, cmd):
            i, o, e = c.exec_command(cmd)
            for line in o:
                print(line)
            for line in e:
                print(line)
        """,
    ),
    "a file sent down a channel": (
        "undrained-output-while-writing",
        """
        import paramiko
        def pipe(t: paramiko.Transport, path):
            ch = t.open_session()
            ch.exec_command("gzip -c")
            with open(path, "rb") as f:
                while chunk := f.read(65536):
                    ch.sendall(chunk)
            ch.shutdown_write()
            out = b""
            while data := ch.recv(65536):
                out += data
            return out
        """,
    ),
    "acquire and release around a read": (
        "lock-held-across-io",
        """
        import paramiko, threading
        class Box:
            def __init__(self, client: paramiko.SSHClient):
                self.c = client
                self.mutex = threading.Lock()
            def run(self, cmd):
                self.mutex.acquire()
                try:
                    return self.c.exec_command(cmd)[1].read()
                finally:
                    self.mutex.release()
        def main(client: paramiko.SSHClient, cmds):
            box = Box(client)
            ts = [threading.Thread(target=box.run, args=(c,)) for c in cmds]
            for t in ts: t.start()
            for t in ts: t.join()
        """,
    ),
    "locks of two objects in opposite order": (
        "lock-order-inversion",
        """
        import paramiko, threading
        class Host:
            def __init__(self, client):
                self.client = client
                self.lock = threading.Lock()
        def copy(a, b):
            with a.lock:
                with b.lock:
                    b.client.exec_command("true")[1].read()
        def main(c1: paramiko.SSHClient, c2: paramiko.SSHClient):
            x, y = Host(c1), Host(c2)
            t1 = threading.Thread(target=copy, args=(x, y))
            t2 = threading.Thread(target=copy, args=(y, x))
            t1.start(); t2.start(); t1.join(); t2.join()
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
    "server interface that queries over ssh": (
        "callback-blocks-transport",
        """
        import paramiko, subprocess
        class S(paramiko.ServerInterface):
            def check_auth_password(self, u, p):
                return subprocess.run(["checkpw", u, p]).returncode
        def serve(sock):
            t = paramiko.Transport(sock)
            t.start_server(server=S())
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
    "expect on one shell by two threads": (
        "shared-channel",
        """
        import paramiko, threading
        class Shell:
            def __init__(self, client: paramiko.SSHClient):
                self.chan = client.invoke_shell()
            def ask(self, cmd):
                self.chan.send(cmd + "\\n")
                buf = ""
                while not buf.endswith("# "):
                    buf += self.chan.recv(999).decode()
                return buf
        def main(client: paramiko.SSHClient):
            sh = Shell(client)
            a = threading.Thread(target=lambda: sh.ask("a"))
            b = threading.Thread(target=lambda: sh.ask("b"))
            a.start(); b.start()
            a.join(); b.join()
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
    "two seeks one file": (
        "shared-sftp-file",
        """
        import paramiko, threading
        def part(f, n, out):
            f.seek(n * 10)
            out[n] = f.read(10)
        def main(sftp: paramiko.SFTPClient):
            f = sftp.open("x")
            out = {}
            ts = [threading.Thread(target=part, args=(f, n, out)) for n in range(4)]
            for t in ts: t.start()
            for t in ts: t.join()
        """,
    ),
    "map in own pool": (
        "pool-starvation",
        """
        import paramiko
        from concurrent.futures import ThreadPoolExecutor
        POOL = ThreadPoolExecutor(2)
        def leaf(c):
            return c.exec_command("id")[1].read()
        def node(cs):
            return list(POOL.map(leaf, cs))
        def main(racks):
            return [f.result() for f in [POOL.submit(node, r) for r in racks]]
        """,
    ),
}

QUIET: dict[str, str] = {
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
    "a dialogue under one lock": """
        import paramiko, threading
        class Shell:
            def __init__(self, client: paramiko.SSHClient):
                self.chan = client.invoke_shell()
                self.lock = threading.Lock()
            def ask(self, cmd):
                with self.lock:
                    self.chan.send(cmd + "\\n")
                    return self.chan.recv(999)
        def main(client: paramiko.SSHClient):
            sh = Shell(client)
            a = threading.Thread(target=sh.ask, args=("a",))
            b = threading.Thread(target=sh.ask, args=("b",))
            a.start(); b.start()
            a.join(); b.join()
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
    "a worker that owns its client, fed by a queue": """
        import paramiko, queue, threading
        def worker(host, jobs, done):
            with paramiko.SSHClient() as ssh:
                ssh.connect(host)
                with ssh.open_sftp() as sftp:
                    for name in iter(jobs.get, None):
                        sftp.get(name, name)
                        done.put(name)
        def main(hosts, names):
            jobs, done = queue.Queue(), queue.Queue()
            ts = [threading.Thread(target=worker, args=(h, jobs, done)) for h in hosts]
            for t in ts: t.start()
            for n in names: jobs.put(n)
            for _ in ts: jobs.put(None)
            for t in ts: t.join()
        """,
    "an SFTP client for each file": """
        import paramiko
        from concurrent.futures import ThreadPoolExecutor, as_completed
        def fetch(client, name):
            sftp = client.open_sftp()
            try:
                sftp.get(name, name)
            finally:
                sftp.close()
        def main(client: paramiko.SSHClient, names):
            with ThreadPoolExecutor(5) as ex:
                fs = {ex.submit(fetch, client, n): n for n in names}
                for f in as_completed(fs):
                    f.result()
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
    "read to the end in a loop until the status": """
        import paramiko
        def run(client: paramiko.SSHClient, cmd):
            chan = client.get_transport().open_session()
            chan.exec_command(cmd)
            out = b""
            while not chan.exit_status_ready() or chan.recv_ready():
                if chan.recv_ready():
                    out += chan.recv(4096)
            while True:
                data = chan.recv(4096)
                if not data:
                    break
                out += data
            return out
        """,
    "stderr drained by a thread of its own": """
        import paramiko, threading
        def run(client: paramiko.SSHClient, cmd):
            _, out, err = client.exec_command(cmd)
            errors = []
            t = threading.Thread(target=lambda: errors.extend(err.readlines()))
            t.start()
            lines = out.readlines()
            t.join()
            return lines, errors, out.channel.recv_exit_status()
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
    "two pools, one for each level": """
        import paramiko
        from concurrent.futures import ThreadPoolExecutor
        OUTER, INNER = ThreadPoolExecutor(2), ThreadPoolExecutor(2)
        def leaf(c):
            return c.exec_command("id")[1].read()
        def node(cs):
            return list(INNER.map(leaf, cs))
        def main(racks):
            return [f.result() for f in [OUTER.submit(node, r) for r in racks]]
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
    "locks in one order": """
        import paramiko, threading
        a, b = threading.Lock(), threading.Lock()
        def one(c):
            with a, b:
                c.exec_command("true")
        def two(c):
            with a:
                with b:
                    c.exec_command("true")
        def main(client: paramiko.SSHClient):
            ts = [threading.Thread(target=f, args=(client,)) for f in (one, two)]
            for t in ts: t.start()
            for t in ts: t.join()
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
    "fabric opened before the threads": """
        from fabric import Connection
        from concurrent.futures import ThreadPoolExecutor
        def main(cmds):
            with Connection("h") as c:
                c.open()
                with ThreadPoolExecutor(3) as ex:
                    return [f.result() for f in [ex.submit(c.run, x) for x in cmds]]
        """,
    "netmiko, one connection in each thread": """
        from netmiko import ConnectHandler
        from concurrent.futures import ThreadPoolExecutor
        def show(device):
            with ConnectHandler(**device) as net:
                return net.send_command("show version")
        def main(devices):
            with ThreadPoolExecutor(8) as ex:
                return list(ex.map(show, devices))
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
