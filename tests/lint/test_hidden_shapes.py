"""Hazards that processes, class attributes, predicates, exit stacks and gathered coroutines hide; and right ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from judging import judged

FOUND: dict[str, tuple[str, str]] = {
    "a generator's client that an ExitStack closes under a thread": (
        "closed-in-use",
        """
        import contextlib, paramiko, threading
        @contextlib.contextmanager
        def behind(host):
            with paramiko.SSHClient() as bastion:
                bastion.connect("bastion", timeout=5)
                way = bastion.get_transport().open_channel("direct-tcpip", (host, 22), ("127.0.0.1", 0), timeout=5)
                with paramiko.SSHClient() as inner:
                    inner.connect(host, sock=way, timeout=5)
                    yield inner
        def collect(client, told):
            for n in range(9):
                told.append(client.exec_command("uptime", timeout=5)[1].read())
        def main(told):
            with contextlib.ExitStack() as stack:
                client = stack.enter_context(behind("web"))
                thread = threading.Thread(target=collect, args=(client, told))
                thread.start()
                client.exec_command("id", timeout=5)[1].read()
            thread.join()
        """,
    ),
    "a server that forks for each request": (
        "forked-connection",
        """
        import paramiko, socketserver
        client = paramiko.SSHClient()
        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                self.wfile.write(client.exec_command("id", timeout=5)[1].read())
        def main():
            client.connect("h")
            with socketserver.ForkingTCPServer(("127.0.0.1", 0), Handler) as server:
                server.serve_forever()
        """,
    ),
    "an SFTP client that the first of several threads' objects makes for its class": (
        "shared-sftp-client",
        """
        import paramiko, threading
        client = paramiko.SSHClient()
        client.connect("h")
        class Uploader(threading.Thread):
            sftp = None
            def __init__(self, name):
                super().__init__(name=name)
                if Uploader.sftp is None:
                    Uploader.sftp = client.open_sftp()
            def run(self):
                self.sftp.put(self.name, self.name)
        def main():
            crew = [Uploader(str(n)) for n in range(3)]
            for one in crew: one.start()
            for one in crew: one.join()
            client.close()
        main()
        """,
    ),
    "a condition's predicate that asks the host": (
        "lock-held-across-io",
        """
        import paramiko, threading
        class Gate:
            def __init__(self, client: paramiko.SSHClient):
                self.client, self.changed, self.count = client, threading.Condition(), 0
            def is_up(self):
                return self.client.exec_command("systemctl is-system-running", timeout=9)[1].read() and self.count
            def wait(self):
                with self.changed:
                    self.changed.wait_for(self.is_up, 60)
            def report(self):
                with self.changed:
                    self.count += 1
                    self.changed.notify_all()
        def main(client: paramiko.SSHClient):
            gate = Gate(client)
            threads = [threading.Thread(target=f) for f in (gate.wait, gate.report)]
            for t in threads: t.start()
            for t in threads: t.join()
        """,
    ),
    "two coroutines that are gathered and read one stream in threads": (
        "shared-channel",
        """
        import asyncio, paramiko
        async def pump(stream, lines):
            while line := await asyncio.to_thread(stream.readline):
                lines.append(line)
        async def collect(client):
            _, stdout, _ = await asyncio.to_thread(client.exec_command, "seq 1 3000")
            lines = []
            await asyncio.gather(pump(stdout, lines), pump(stdout, lines))
            return lines
        def main():
            client = paramiko.SSHClient()
            client.connect("h")
            asyncio.run(collect(client))
        main()
        """,
    ),
    "two coroutines that are gathered and share an SFTP client": (
        "shared-sftp-client",
        """
        import asyncio, paramiko
        LOCK = asyncio.Lock()
        async def one(sftp, name):
                await asyncio.to_thread(sftp.stat, name)
        async def collect(client):
            sftp = await asyncio.to_thread(client.open_sftp)
            await asyncio.gather(one(sftp, "a"), one(sftp, "b"))
        def main(client: paramiko.SSHClient):
            asyncio.run(collect(client))
        """,
    ),
}

QUIET: dict[str, str] = {
    "a generator's client in an ExitStack, closed after the thread": """
        import contextlib, paramiko, threading
        @contextlib.contextmanager
        def behind(host):
            with paramiko.SSHClient() as bastion:
                bastion.connect("bastion", timeout=5)
                way = bastion.get_transport().open_channel("direct-tcpip", (host, 22), ("127.0.0.1", 0), timeout=5)
                with paramiko.SSHClient() as inner:
                    inner.connect(host, sock=way, timeout=5)
                    yield inner
        def collect(client, told):
            for n in range(9):
                told.append(client.exec_command("uptime", timeout=5)[1].read())
        def main(told):
            with contextlib.ExitStack() as stack:
                client = stack.enter_context(behind("web"))
                thread = threading.Thread(target=collect, args=(client, told))
                thread.start()
                client.exec_command("id", timeout=5)[1].read()
                thread.join()
        """,
    "a server that forks for each request, which connects": """
        import paramiko, socketserver
        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                with paramiko.SSHClient() as client:
                    client.connect("h", timeout=5)
                    self.wfile.write(client.exec_command("id", timeout=5)[1].read())
        def main():
            with socketserver.ForkingTCPServer(("127.0.0.1", 0), Handler) as server:
                server.serve_forever()
        """,
    "an SFTP client for each object, made where there is none yet": """
        import paramiko, threading
        client = paramiko.SSHClient()
        client.connect("h")
        class Uploader(threading.Thread):
            sftp = None
            def __init__(self, name):
                super().__init__(name=name)
                if self.sftp is None:
                    self.sftp = client.open_sftp()
            def run(self):
                self.sftp.get_channel().settimeout(9)
                self.sftp.put(self.name, self.name)
                self.sftp.close()
        def main():
            crew = [Uploader(str(n)) for n in range(3)]
            for one in crew: one.start()
            for one in crew: one.join()
            client.close()
        main()
        """,
    "one coroutine of several that are gathered takes its steps one after the other": """
        import asyncio, paramiko
        async def both(sftp):
            await asyncio.to_thread(sftp.stat, "a")
            await asyncio.to_thread(sftp.stat, "b")
        async def other(queue):
            await queue.get()
        async def collect(client, queue):
            sftp = await asyncio.to_thread(client.open_sftp)
            await asyncio.gather(both(sftp), other(queue))
        def main(client: paramiko.SSHClient, queue):
            asyncio.run(collect(client, queue))
        """,
    "coroutines that are gathered and take turns by a lock": """
        import asyncio, paramiko
        LOCK = asyncio.Lock()
        async def one(sftp, name):
            async with LOCK:
                await asyncio.to_thread(sftp.stat, name)
        async def collect(client):
            sftp = await asyncio.to_thread(client.open_sftp)
            await asyncio.gather(one(sftp, "a"), one(sftp, "b"))
        def main(client: paramiko.SSHClient):
            asyncio.run(collect(client))
        """,
    "coroutines that are gathered, each with a client of its own": """
        import asyncio, paramiko
        async def one(client, name):
            sftp = await asyncio.to_thread(client.open_sftp)
            await asyncio.to_thread(sftp.stat, name)
            await asyncio.to_thread(sftp.close)
        async def collect(client):
            await asyncio.gather(one(client, "a"), one(client, "b"))
        def main(client: paramiko.SSHClient):
            asyncio.run(collect(client))
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
