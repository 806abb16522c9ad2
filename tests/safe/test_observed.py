"""``paramedic run`` on a program that uses all of :mod:`paramedic.safe` finds nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from openssh import running_sshd

PROGRAM = """\
import io
import json
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from paramedic.safe import ClientPool, CommandTimeout, Group, KnownHosts, SharedClient, local_client
server = json.load(open(sys.argv[1]))
arguments = dict(
    port=server["port"], username=server["user"], key_filename=server["key"], allow_agent=False, look_for_keys=False,
    known_hosts=KnownHosts(server["known_hosts"]),
)
hosts = server["hosts"]
with ClientPool(hosts[0], **arguments) as pool, ThreadPoolExecutor(8) as threads:
    assert [r.text for r in pool.map([f"echo {n}" for n in range(40)])] == [f"{n}\\n" for n in range(40)]
    assert all(r.ok for r in threads.map(lambda n: pool.run(f"head -c {n}0000 /dev/zero; echo e >&2"), range(24)))
    assert pool.run("cat", input=io.BytesIO(b"x" * 300_000)).stdout == b"x" * 300_000
    try:
        pool.run("sleep 30", timeout=0.3)
    except CommandTimeout:
        pass
    future = pool.submit("sleep 30")
    future.cancel()
    future.ending(20)
    with pool.stream("for i in 1 2 3; do echo $i; done") as stream:
        assert [line.text for line in stream.lines()] == ["1", "2", "3"]
    def borrow(n):
        with pool.client() as client:
            return client.exec_command("echo b", timeout=20)[1].read()
    def listing(n):
        with pool.sftp() as sftp:
            return len(sftp.listdir("/"))
    assert set(threads.map(borrow, range(4))) == {b"b\\n"}
    assert all(threads.map(listing, range(8)))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a").write_bytes(os.urandom(3_000_000))
        pool.upload(f"{folder}/a", f"{folder}/b").check()
        pool.download(f"{folder}/b", f"{folder}/c").check()
with Group(hosts, **arguments) as group:
    assert group.run(["true", "echo x"]).ok
with SharedClient() as client:
    client.load_host_keys(server["known_hosts"])
    client.connect(
        hosts[0], port=server["port"], username=server["user"], key_filename=server["key"],
        allow_agent=False, look_for_keys=False, timeout=10,
    )
    def one(n):  # no timeout, the status before the output, one stream before the other or never
        _, stdout, stderr = client.exec_command(f"echo {n}; seq 2000 >&2")
        if n % 3 == 0:
            assert stdout.channel.recv_exit_status() == 0
        read = stdout.read()
        assert n % 3 == 1 or stderr.read()
        return read
    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(one, range(60))) == sorted(f"{n}\\n".encode() for n in range(60))
def connected():
    client = SharedClient()
    client.load_host_keys(server["known_hosts"])
    client.connect(
        hosts[2], port=server["port"], username=server["user"], key_filename=server["key"],
        allow_agent=False, look_for_keys=False, timeout=10,
    )
    return client
with local_client(connected) as clients, ThreadPoolExecutor(6) as threads:  # closed when their threads have ended
    assert set(threads.map(lambda n: clients().exec_command("echo l", timeout=20)[1].read(), range(24))) == {b"l\\n"}
with ClientPool(hosts[1], connections=1, **arguments) as pool:  # numbers of channels are used again
    for n in range(3):
        with pool.sftp() as sftp:
            assert sftp.listdir("/")
        assert all(r.ok for r in pool.map(["true"] * 20))
        try:
            with pool.sftp() as sftp:
                sftp.listdir("/no such folder")
        except OSError:
            pass
    with pool.client() as client:
        assert client.exec_command("echo no limit")[1].read() == b"no limit\\n"
print("all well")
"""


@pytest.mark.parametrize("level", ["watch", "check"])
def test_a_program_built_on_safe_has_no_findings(tmp_path: Path, level: str) -> None:
    for folder in ("sshd", "home", "state"):
        (tmp_path / folder).mkdir()
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    addresses = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
    with running_sshd(tmp_path / "sshd", f"SetEnv HOME={tmp_path / 'home'}", addresses=addresses) as server:
        given = {
            "hosts": server.hosts,
            "port": server.port,
            "user": server.user,
            "key": server.key_file,
            "known_hosts": server.known_hosts_file,
        }
        (tmp_path / "server.json").write_text(json.dumps(given))
        done = subprocess.run(
            [sys.executable, "-m", "paramedic.cli.main", "run", "--format", "json", "--output", str(tmp_path / "found")]
            + ["--level", level, str(program), str(tmp_path / "server.json")],
            capture_output=True,
            text=True,
            timeout=110,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
        )
    assert "all well" in done.stdout, done.stderr
    found = json.loads((tmp_path / "found").read_text())
    assert [(finding["hazard"], finding["message"]) for finding in found["findings"]] == []
    assert found["gaps"] == []
    assert done.returncode == 0, done.stderr
