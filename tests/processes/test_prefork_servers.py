"""Real pre-fork servers: what their workers do with a connection that the master has made, or with their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from paramedic.lab import Manners, Server, lab

APP = """
import os, paramiko

def connected():
    client = paramiko.SSHClient()
    client.load_host_keys(os.environ["LAB_KNOWN"])
    client.connect(os.environ["LAB_HOST"], int(os.environ["LAB_PORT"]), "lab", key_filename=os.environ["LAB_KEY"],
                   allow_agent=False, look_for_keys=False, timeout=20)
    return client

def answer(client):
    try:
        return client.exec_command("echo done", timeout=2)[1].read()
    except (paramiko.SSHException, OSError, EOFError) as error:
        return f"{type(error).__name__}".encode()
"""

GUNICORN_BAD = APP + "client = connected()\n"
GUNICORN_GOOD = APP + "client = None\n"
GUNICORN_APP = """
def app(environ, start_response):
    global client
    if client is None: client = connected()
    body = answer(client)
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""

CELERY = """
from celery import Celery
app = Celery("tasks", broker_url="filesystem://", result_backend="file://" + os.environ["QUEUE"],
             broker_transport_options={"data_folder_in": os.environ["QUEUE"], "data_folder_out": os.environ["QUEUE"]},
             worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True)
@app.task
def work():
    global client
    if client is None: client = connected()
    return answer(client).decode()
"""


@pytest.fixture
def server() -> Iterator[Server]:
    with lab(Manners(close_after_eof=True)) as server:
        yield server


def environment(server: Server, **more: str) -> dict[str, str]:
    return {
        **os.environ, "LAB_KNOWN": server.known_hosts_file, "LAB_HOST": server.host, "LAB_PORT": str(server.port),
        "LAB_KEY": server.key_file, **more,
    }  # fmt: skip


def hazards(out: Path) -> list[dict[str, Any]]:
    return [f for f in json.loads(out.read_text())["findings"] if f["confidence"] != "advice"]


def ask(path: Path) -> bytes:
    """One HTTP request to the server behind a Unix socket, as soon as it listens."""
    deadline_s = time.monotonic() + 60
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(60)
                sock.connect(str(path))
                sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return b"".join(iter(lambda: sock.recv(65536), b""))
        except OSError:
            assert time.monotonic() < deadline_s, "the server does not listen"
            time.sleep(0.05)


def run(*program: str, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "paramedic", "run", "--format", "json", "--output", "out.json", *program]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)


@pytest.mark.parametrize(("source", "expected"), [(GUNICORN_BAD, ["forked-connection"]), (GUNICORN_GOOD, [])])
def test_gunicorn(source: str, expected: list[str], server: Server, tmp_path: Path, own_state: Path) -> None:
    pytest.importorskip("gunicorn")
    (tmp_path / "application.py").write_text(source + GUNICORN_APP)
    sock = tmp_path / "s"
    process = run(
        "-m", "gunicorn", "--preload", "--workers", "2", "--bind", f"unix:{sock}", "application:app",
        cwd=tmp_path, env=environment(server),
    )  # fmt: skip
    try:
        assert ask(sock).startswith(b"HTTP/1.")
    finally:
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=60)
    found = hazards(tmp_path / "out.json")
    assert [f["hazard"] for f in found] == expected, (error.decode(), found)
    assert all("answer" in step["site"]["function"] for f in found for step in f["steps"] if "child" in step["thread"])


@pytest.mark.parametrize(("made", "expected"), [("connected()", ["forked-connection"]), ("None", [])])
def test_celery(made: str, expected: list[str], server: Server, tmp_path: Path, own_state: Path) -> None:
    pytest.importorskip("celery")
    queue = tmp_path / "queue"
    queue.mkdir()
    (tmp_path / "tasks.py").write_text(f"{APP}client = {made}\n{CELERY}")
    surroundings = environment(server, QUEUE=str(queue))
    # the client of the queue must not make a connection itself
    send = "import tasks; r = tasks.app.send_task('tasks.work'); print(r.get(timeout=60))"
    process = run(
        "-m", "celery", "-A", "tasks", "worker", "--pool", "prefork", "--concurrency", "2", "--loglevel", "WARNING",
        cwd=tmp_path, env=surroundings,
    )  # fmt: skip
    try:
        done = subprocess.run(
            [sys.executable, "-c", send], cwd=tmp_path, env=surroundings, capture_output=True, text=True, timeout=90
        )
        assert done.returncode == 0, done.stderr
    finally:
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=60)
    found = hazards(tmp_path / "out.json")
    assert [f["hazard"] for f in found] == expected, (error.decode(), found)
