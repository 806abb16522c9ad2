"""Each hazard in shapes that the corpus does not have, and right programs that look like them."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from judging import judged

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
    found, told = judged(source, tmp_path)
    assert hazard in found, told


@pytest.mark.parametrize("title", QUIET)
def test_quiet(title: str, tmp_path: Path) -> None:
    assert judged(QUIET[title], tmp_path) == (set(), [])


TOLD: dict[str, tuple[str, list[tuple[int, str]]]] = {
    "two reads in one line": (
        """
        import paramiko
        def show(client, command):
            _, out, err = client.exec_command(command, timeout=60)
            print(out.read(), err.read())
        def main(client: paramiko.SSHClient, command):
            show(client, command)
        """,
        [(5, "calls read() for stdout"), (5, "calls read() for stderr")],
    ),
    "one line of a helper, for both": (
        """
        import paramiko
        def whole(stream):
            return [line for line in stream]
        def main(client: paramiko.SSHClient, command):
            _, out, err = client.exec_command(command, timeout=60)
            first = whole(out)
            return first, whole(err)
        """,
        [(4, "reads it line by line"), (7, "calls it for stdout"), (8, "calls it for stderr")],
    ),
    "a lock and who waits for it": (
        """
        import paramiko, threading
        lock = threading.Lock()
        def run(client, command):
            with lock:
                for line in client.exec_command(command + " 2>&1", timeout=60)[1]:
                    print(line)
        def status():
            with lock:
                return "up"
        def main(client: paramiko.SSHClient):
            a = threading.Thread(target=run, args=(client, "report"))
            b = threading.Thread(target=status)
            a.start(); b.start()
            a.join(); b.join()
        """,
        [(6, "reads it line by line"), (5, "takes the lock"), (9, "waits for the lock")],
    ),
}


@pytest.mark.parametrize("title", TOLD)
def test_steps(title: str, tmp_path: Path) -> None:
    source, steps = TOLD[title]
    (tmp_path / "program.py").write_text(dedent(source))
    (finding,) = lint([tmp_path], LintOptions(jobs=1)).findings
    assert [(s.site.line, s.what) for s in finding.steps if s.site is not None] == steps
    assert "__" not in finding.message
