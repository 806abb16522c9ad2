"""Each proof proves: bad() shows its symptom and ends, good() does the job and leaves nothing behind."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import paramedic.hazards

HAZARDS = Path(paramedic.hazards.__file__).parent
DEMOS = sorted(path.parent.name for path in HAZARDS.glob("*/demo.py"))
LIMIT_S = 25.0
"""bad() has to end after about 5 s; a loaded machine gets more."""

# What good() prints when the job is done. Every demo has to stand here.
DONE = {
    "blocking_the_event_loop": "report; the slowest heartbeat took under 2.5 s",
    "call_on_transport_thread": "the tunnel says: [A-Z]",
    "callback_blocks_transport": "the tunnel answers: b'HELLO",
    "closed_in_use": "12 jobs collected",
    "connect_at_import": "2 connections",
    "connect_storm": "40 of 40 workers are connected",
    "dropped_channel": "the job is done",
    "eof_after_close": "10 jobs fed and closed",
    "exit_blocked": "ended with status 0",
    "exit_status_before_output": "exported 8000000 bytes",
    "exit_status_ends_reading": "20000 of 20000 lines",
    "finalizer_deadlock": "100 jobs sent and closed",
    "forked_connection": "the parent works",
    "forward_handler_replaced": "met: web",
    "gevent_half_patched": "worker-1: hello|gevent is not installed",
    "gil_starved_transport": "took under twice",
    "global_request_race": "40 different ports for 40 tunnels, 0 threads stuck",
    "host_key_not_verified": "the key that we know",
    "keepalive_is_not_a_timeout": "nothing for 2 s, and we know it",
    "known_hosts_load": "0 of 4 workers",
    "known_hosts_race": "12 of 12 keys",
    "leaked_connection": "0 connections outlive",
    "lock_held_across_io": "took under 2.5 s",
    "lock_order_inversion": "both copied",
    "lost_exception": r"no-such-folder/c.txt: .*\n1 failed; really there: 3 of 4",
    "nagle_stall": "under 8 ms of most",
    "pool_drained": "0 tasks wait for a client, 2 of 2",
    "pool_starvation": "12 of 12 checks done, 0 hosts wait",
    "prefetch_stall": "size: 4294967296",
    "proxy_command_leak": "0 relays not waited for, 0 pipes open",
    "proxy_stderr_full": "4000000 of 4000000 bytes",
    "rekey_deadlock": "3 commands, 3 times new keys",
    "select_pipe_race": "2000 lines of output, 2000 of errors",
    "session_limit": "16 of 16 commands ran",
    "shared_agent": "12 of 12 workers are logged in|ssh-agent is not installed",
    "shared_channel": "(disk|load): 0 of 20 answers wrong",
    "shared_client_connect": "127.0.0.4: ok",
    "shared_sftp_client": "not come: none",
    "shared_sftp_cwd": "invoices: 0 of 30",
    "shared_sftp_file": "0 of 64 blocks are wrong",
    "signal_handler_reenters": "the upload ended with status 0",
    "slow_read": "300000 lines, under",
    "too_many_keys": "5 of 5 hosts answer",
    "undrained_output_while_writing": "11000000 bytes, all right",
    "undrained_stderr": "5 bytes of output, 4000000 of warnings",
    "wait_without_timeout": "no answer within 2 s, and we know it",
}

# What bad() prints when the symptom strikes, where it strikes every time.
SYMPTOMS = {
    "blocking_the_event_loop": "over 2.5 s",
    "call_on_transport_thread": "has said nothing",
    "callback_blocks_transport": "has not answered",
    "closed_in_use": "AttributeError: 'NoneType' object has no attribute 'open_session'|SSH session not active",
    "connect_at_import": "the import has not ended",
    "connect_storm": "Error reading SSH protocol banner",
    "dropped_channel": "the job died on the way",
    "exit_blocked": "still there after",
    "exit_status_before_output": "still waiting for the exit status",
    "forked_connection": "child: no answer",
    "forward_handler_replaced": "met: database",
    "gevent_half_patched": r"worker-\d: (?!hello)|no end|gevent is not installed",
    "gil_starved_transport": "took over twice",
    "host_key_not_verified": "was believed",
    "keepalive_is_not_a_timeout": "still waiting; the transport says that it is active",
    "known_hosts_load": "4 of 4 workers",
    "leaked_connection": "12 connections outlive",
    "lock_held_across_io": "took over 2.5 s",
    "lock_order_inversion": "stuck for ever",
    "lost_exception": "all uploaded; really there: 3 of 4",
    "pool_drained": "4 tasks wait for a client, 0 of 2",
    "pool_starvation": "4 hosts wait",
    "prefetch_stall": "still busy",
    "proxy_command_leak": "4 relays not waited for, 12 pipes open",
    "proxy_stderr_full": "no end after",
    "session_limit": r"ChannelException\(2, 'Connect failed'\)",
    "slow_read": "over three times",
    "too_many_keys": "0 of 5 hosts answer, .*(Authentication|No existing session)",
    "undrained_stderr": "still reading stdout",
    "wait_without_timeout": "still waiting",
}

# What bad() prints when the symptom strikes, where it is a race: one of the tries has to show it.
RACES = {
    # on a busy machine the server has often said by itself what the next command would have to wait for
    "nagle_stall": "over 8 ms of most",
    "eof_after_close": "lost the connection for all",
    "exit_status_ends_reading": r"^(?!20000)\d+ of 20000 lines",
    "finalizer_deadlock": "is stuck|EOFError|Timeout opening channel|not active|Unable to open",
    "undrained_output_while_writing": "still writing",  # on a busy machine the server may have room for all of it
    "global_request_race": r"^(?!40)\d+ different|[1-9] threads stuck",
    "known_hosts_race": r"^(?!12)\d+ of 12 keys",
    "rekey_deadlock": "standing still",
    "select_pipe_race": "no stream moves any more",
    "shared_agent": r"^(?!12)\d+ of 12|ssh-agent is not installed",
    "shared_channel": r"[1-9]\d* of 20 answers wrong",
    "shared_client_connect": r"127\.0\.0\.\d: (?!ok)",
    "shared_sftp_client": "not come: sync|Garbage|dropped",
    "shared_sftp_cwd": r": [1-9]\d* of \d+ files belong elsewhere",
    "shared_sftp_file": r"^[1-9]\d* of 64 blocks are wrong",
    "signal_handler_reenters": "the upload hangs|status 1",
}
TRIES = 8
NEEDS_MORE = {"shared_agent", "gevent_half_patched"}  # ssh-agent, gevent: without them both halves say so


def prove(folder: str, *parts: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """What each part of a proof prints, and what it leaves."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("prove.py")), folder, *parts],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, tuple[str, dict[str, Any]]] = {}
    said: list[str] = []
    for line in done.stdout.splitlines():
        if line.startswith('{"part": '):
            left = json.loads(line)
            told[left["part"]] = "\n".join(said), left
            said = []
        else:
            said.append(line)
    return told


@pytest.mark.parametrize("folder", DEMOS)
def test_a_proof(folder: str) -> None:
    """good() does the job and leaves no thread and no transport; bad() shows its symptom, raises nothing and ends."""
    told = prove(folder, "good", "bad")
    assert folder in DONE and (folder in SYMPTOMS or folder in RACES), "the tables above say what it prints"
    symptom = SYMPTOMS.get(folder) or RACES[folder]
    said, left = told["good"]
    assert left["error"] == ""
    assert (left["threads"], left["transports"]) == ([], [])
    assert re.search(DONE[folder], said, re.MULTILINE), said
    if folder not in NEEDS_MORE or not re.search("not installed", said):
        assert not re.search(symptom, said, re.MULTILINE), said
    for _ in range(TRIES if folder in RACES else 1):
        said, left = told["bad"]
        assert left["error"] == ""
        assert left["took_s"] < LIMIT_S
        if re.search(symptom, said, re.MULTILINE):
            return
        told = prove(folder, "bad")
    pytest.fail(f"no try showed {symptom!r}; the last one said:\n{said}")


@cache
def tree_of(folder: str) -> ast.Module:
    """The demo, parsed."""
    return ast.parse((HAZARDS / folder / "demo.py").read_text())


@pytest.mark.parametrize("folder", DEMOS)
def test_a_demo_needs_nothing_of_ours(folder: str) -> None:
    """Anyone can copy it out: the standard library and Paramiko are all that it imports at run time."""
    body = [
        node
        for node in tree_of(folder).body
        if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
    ]
    names = set()
    for top in body:
        for node in ast.walk(top):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add((node.module or "").partition(".")[0])
    allowed = set(sys.stdlib_module_names) | {"paramiko", "gevent"}
    assert names <= allowed


@pytest.mark.parametrize("folder", DEMOS)
def test_a_demo_says_what_it_is(folder: str) -> None:
    """The first line names the hazard, both halves have words, and it fits on a few screens."""
    tree = tree_of(folder)
    assert (ast.get_docstring(tree) or "").startswith(f"Proof of ``{folder.replace('_', '-')}``: ")
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for name in ("bad", "good"):
        assert ast.get_docstring(functions[name])
        assert [argument.arg for argument in functions[name].args.args] == ["server"]
    assert len((HAZARDS / folder / "demo.py").read_text().splitlines()) <= 150
