"""Children of every sort under ``paramedic run``: in which process it happened, and both sides of a fork."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PREAMBLE = """
import concurrent.futures, json, multiprocessing, os, subprocess, sys, threading
import paramiko
from paramedic.lab import Manners, lab

def connected(kwargs, known):
    client = paramiko.SSHClient()
    client.load_host_keys(known)
    client.connect(**kwargs, timeout=20)
    return client

def one_after_the_other(first, second):
    r, w = os.pipe()
    def a():
        first(); os.write(w, b"x")
    def b():
        os.read(r, 1); second()
    threads = [threading.Thread(target=a), threading.Thread(target=b)]
    for t in threads: t.start()
    for t in threads: t.join(20)

def in_child(work):
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    os.waitpid(child, 0)

def quietly(work, *args, **kwargs):
    try:
        return work(*args, **kwargs)
    except (paramiko.SSHException, OSError, EOFError):
        return None

client = None
def uses_the_global(n=0):
    quietly(client.exec_command, "true", timeout=1)

def uses_its_own(kwargs, known):
    with connected(kwargs, known) as own:
        return own.exec_command("true")[1].channel.recv_exit_status()

def shares_its_own(kwargs, known):
    with connected(kwargs, known) as own:
        sftp = own.open_sftp()
        one_after_the_other(lambda: sftp.listdir("."), lambda: sftp.stat("."))

if __name__ == "__main__":
  with lab(Manners(close_after_eof=True)) as server:
    kwargs, known = server.connect_kwargs(), server.known_hosts_file
"""

MADE = "    client = connected(kwargs, known)\n"
FORKED = [["forked-connection", "observed"]]
SHARED = [["shared-sftp-client", "possible"]]

STORIES: dict[str, tuple[str, list[list[str]]]] = {
    "both sides use the connection": (
        MADE + "    in_child(uses_the_global)\n    quietly(client.exec_command, 'true', timeout=1)",
        FORKED,
    ),
    "a grandchild uses it": (MADE + "    in_child(lambda: in_child(uses_the_global))", FORKED),
    "a child closes its SFTP session, which breaks the parent's": (
        MADE + "    sftp = client.open_sftp()\n    in_child(sftp.close)\n    quietly(sftp.stat, '.')",
        FORKED,
    ),
    "a child only closes the client": (MADE + "    in_child(client.close)\n    uses_the_global()", []),
    "a child calls atfork": (MADE + "    in_child(client.get_transport().atfork)\n    uses_the_global()", []),
    "a child execs": (
        MADE + "    in_child(lambda: os.execv(sys.executable, [sys.executable, '-c', '1']))\n    uses_the_global()",
        [],
    ),
    "a child makes its own": (MADE + "    in_child(lambda: uses_its_own(kwargs, known))\n    uses_the_global()", []),
    "a child connects the client that it got anew": (
        MADE
        + "    def again():\n        client.connect(**kwargs, timeout=20)\n"
        + "        assert client.exec_command('true')[1].channel.recv_exit_status() == 0\n        client.close()\n"
        + "    in_child(again)\n    uses_the_global()",
        [],
    ),
    "a pool of forked processes uses it": (
        MADE + "    with multiprocessing.get_context('fork').Pool(2) as pool: pool.map(uses_the_global, range(2), 1)",
        FORKED,
    ),
    "a process pool executor's forked workers use it": (
        MADE
        + "    with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context('fork')) as pool:\n"
        + "        list(pool.map(uses_the_global, range(2)))",
        FORKED,
    ),
    **{
        f"{method}ed workers have their own": (
            f"    with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context({method!r})) as pool:\n"
            "        asked = [pool.submit(uses_its_own, kwargs, known) for _ in range(4)]\n"
            "        assert [f.result() for f in asked] == [0] * 4",
            [],
        )
        for method in ("fork", "spawn", "forkserver")
    },
    **{
        f"a {method}ed process shares its own among its threads": (
            f"    p = multiprocessing.get_context({method!r}).Process(target=shares_its_own, args=(kwargs, known))\n"
            "    p.start(); p.join(60)",
            SHARED,
        )
        for method in ("fork", "spawn", "forkserver")
    },
    "a subprocess of the same interpreter shares its own": (
        "    code = 'import sys, json, children; children.shares_its_own(*json.loads(sys.argv[1]))'\n"
        "    subprocess.run([sys.executable, '-c', code, json.dumps([kwargs, known])], check=True)",
        SHARED,
    ),
    "a pre-fork server whose workers connect after the fork": (
        "    children = []\n    for n in range(3):\n        child = os.fork()\n        if child == 0:\n"
        "            try: [uses_its_own(kwargs, known) for _ in range(2)]\n            finally: os._exit(0)\n"
        "        children.append(child)\n    for child in children: os.waitpid(child, 0)",
        [],
    ),
    "a pre-fork server whose workers use what was there": (
        MADE + "    children = []\n    for n in range(3):\n        child = os.fork()\n        if child == 0:\n"
        "            try: uses_the_global()\n            finally: os._exit(0)\n"
        "        children.append(child)\n    for child in children: os.waitpid(child, 0)",
        FORKED,
    ),
}


def told(tmp_path: Path, program: str) -> dict[str, Any]:
    (tmp_path / "children.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "-m", "paramedic", "run", "--format", "json", "--output", "out.json", "children.py"],
        capture_output=True, text=True, timeout=100, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    report: dict[str, Any] = json.loads((tmp_path / "out.json").read_text())
    return report


@pytest.mark.parametrize("story", STORIES)
def test_what_children_do(story: str, tmp_path: Path, own_state: Path) -> None:
    program, expected = STORIES[story]
    report = told(tmp_path, PREAMBLE + program + "\n")
    findings = [f for f in report["findings"] if f["confidence"] != "advice"]
    assert [[f["hazard"], f["confidence"]] for f in findings] == expected, json.dumps(findings, indent=1)
    processes = {p["process"] for p in report["source"]["processes"]}
    assert all(f["process"] in processes for f in findings)


def test_the_steps_are_those_of_both_processes(tmp_path: Path, own_state: Path) -> None:
    report = told(tmp_path, PREAMBLE + STORIES["both sides use the connection"][0] + "\n")
    (finding,) = [f for f in report["findings"] if f["hazard"] == "forked-connection"]
    parent, child, after = (step["thread"] for step in finding["steps"])
    assert parent == after != child
    assert f"of process {finding['process']} (the child)" in child
    assert "(the parent)" in parent
    assert all(" on client #1" in step["what"] for step in finding["steps"])
    assert [step["what"].partition("()")[0] for step in finding["steps"]] == [
        "called connect", "called exec_command", "called exec_command",
    ]  # fmt: skip
    times = [s["at_s"] for s in finding["steps"]]
    assert times == sorted(times)


def test_a_connection_made_before_the_recording_is_known_in_the_child(tmp_path: Path, own_state: Path) -> None:
    program = (
        PREAMBLE
        + MADE
        + "    import paramedic\n    with paramedic.recording('rec') as rec: in_child(uses_the_global)\n"
        "    print(json.dumps([[f.hazard, f.objects] for f in rec.findings() if f.confidence != 'advice']))\n"
    )
    (tmp_path / "children.py").write_text(program)
    done = subprocess.run([sys.executable, "children.py"], capture_output=True, text=True, timeout=100, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    ((hazard, (name,)),) = json.loads(done.stdout)
    assert hazard == "forked-connection"
    assert "(made before the recording)" in name
