"""Programs that use Paramiko, in usual and unusual ways: the same as under plain Python, and still recorded."""

from __future__ import annotations

import importlib.util
import os
import pty
import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from twice import Run, environment

from paramedic.lab import Manners, Server, lab
from paramedic.model.event import Kind
from paramedic.model.operations import OPERATIONS


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A well-mannered SSH server, whose connections do not end when Paramiko sends EOF after CLOSE."""
    with lab(Manners(close_after_eof=True)) as running:
        yield running


CONNECT = """
import os, paramiko, threading, time, sys
def connect(cls=paramiko.SSHClient):
    client = cls()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["HOST"], int(os.environ["PORT"]), username=os.environ["LOGIN"],
                   key_filename=os.environ["KEY"], timeout=30, look_for_keys=False, allow_agent=False)
    return client
"""
PROGRAMS = {
    "commands": """
client = connect()
i, o, e = client.exec_command("cat; echo err >&2; exit 3", timeout=30)
i.write("hello\\nworld"); i.channel.shutdown_write()
print(list(o), e.read(), o.channel.recv_exit_status(), repr(o)[:12], o.name if hasattr(o, "name") else "")
for line in client.exec_command("printf 'a\\nb\\n'")[1]: print(line)
with client.get_transport().open_session(timeout=30) as channel:
    channel.settimeout(30)
    channel.exec_command("echo x")
    print(channel.recv(10), channel.recv(10), channel.recv_exit_status(), channel.eof_received)
client.close(); client.close()
print(client.get_transport())
""",
    "subclasses": """
class Client(paramiko.SSHClient):
    def __init__(self): super().__init__(); self.calls = []
    def exec_command(self, *a, **k): self.calls.append(a); return super().exec_command(*a, **k)
    def __enter__(self): return super().__enter__()
    def __exit__(self, *e): self.calls.append("exit"); super().__exit__(*e)
class Policy(paramiko.MissingHostKeyPolicy):
    def missing_host_key(self, client, hostname, key): print(type(client).__name__, key.get_name())
with connect(Client) as client:
    print(client.exec_command("echo 1")[1].read())
print(client.calls)
class Slotted(paramiko.SSHClient):
    __slots__ = ("x",)
    def __setattr__(self, name, value): object.__setattr__(self, name, value)
    def __getattr__(self, name): raise AttributeError("mine: " + name)
client = connect(Slotted)
try: client.nothing
except AttributeError as e: print(e)
print(sorted(k for k in vars(client) if k != "_paramedic_id_"))
client.close()
""",
    "errors": """
client = paramiko.SSHClient()
try: client.exec_command("true")
except Exception as e: print(type(e).__name__, e)
try: client.connect(os.environ["HOST"], int(os.environ["PORT"]), username="u", password="p", allow_agent=False)
except Exception as e: print(type(e).__name__, str(e)[:30])
client = connect()
chan = client.get_transport().open_session()
chan.settimeout(0.01)
try: chan.recv(1)
except Exception as e: print(repr(e), e.args)
chan.close()
try: chan.exec_command("true")
except Exception as e: print(type(e).__name__, e)
try: client.open_sftp().stat("/nowhere/at/all")
except FileNotFoundError as e: print(e)
client.close()
def deep(): client.exec_command("true")
deep()
""",
    "files": """
import io, tempfile
client = connect(); sftp = client.open_sftp()
folder = tempfile.mkdtemp(); path = folder + "/x"
with sftp.open(path, "wb") as f: f.write(b"line 1\\nline 2\\n"); print(f.tell(), f.name if hasattr(f, "name") else "")
with sftp.file(path) as f:
    f.prefetch(); print(f.readline(), list(f), f.seekable(), f.stat().st_size)
sftp.putfo(io.BytesIO(b"abc" * 1000), path + "2", callback=lambda a, b: None); print(sftp.stat(path + "2").st_size)
out = io.BytesIO(); sftp.getfo(path + "2", out); print(len(out.getvalue()), sorted(sftp.listdir(folder)))
print([a.filename for a in sftp.listdir_iter(folder)] and sftp.normalize(folder) == folder)
sftp.close()
try: sftp.listdir(folder)
except Exception as e: print(type(e).__name__, e)
client.close()
""",
    "threads that share one client": """
client = connect(); lock = threading.Lock(); out = []
def work(n):
    _, o, _ = client.exec_command(f"echo {n}")
    text = o.read()
    with lock: out.append(int(text))
ts = [threading.Thread(target=work, args=(n,)) for n in range(8)]
for t in ts: t.start()
for t in ts: t.join()
print(sorted(out)); client.close()
""",
    "introspection": """
import inspect, pickle, copy
print(inspect.signature(paramiko.SSHClient.connect), paramiko.Channel.recv.__qualname__)
print(inspect.getsource(paramiko.Channel.recv)[:20], inspect.getsourcelines(paramiko.SSHClient.exec_command)[1])
client = paramiko.SSHClient()
def without_mark(names): return [name for name in names if name != "_paramedic_id_"]
print(without_mark(sorted(vars(client))), without_mark(dir(client)))
print(without_mark(vars(paramiko.SSHClient)))
from unittest import mock
m = mock.create_autospec(paramiko.SSHClient); m().exec_command("x"); print(m().exec_command.called)
with mock.patch.object(paramiko.SSHClient, "connect") as c: paramiko.SSHClient().connect("nowhere"); print(c.called)
print(isinstance(mock.Mock(spec=paramiko.SSHClient), paramiko.SSHClient))
try: copy.deepcopy(client); pickle.dumps(client); print("copied")
except Exception as e: print(type(e).__name__)
""",
    "what is patched by the program": """
plain = paramiko.Channel.recv
def mine(self, n): data = plain(self, n); seen.append(len(data)); return data
seen = []
paramiko.Channel.recv = mine
client = connect(); print(client.exec_command("echo abc")[1].read(), seen[0]); client.close()
paramiko.Channel.recv = plain
print(paramiko.Channel.recv is plain)
""",
    "an exception in a callback": """
class Policy(paramiko.MissingHostKeyPolicy):
    def missing_host_key(self, client, hostname, key): raise KeyError("refused")
client = paramiko.SSHClient(); client.set_missing_host_key_policy(Policy())
client.connect(os.environ["HOST"], int(os.environ["PORT"]), username="user", password="x", allow_agent=False)
""",
    "a connection left open": """
client = connect(); o = client.exec_command("sleep 0.2; echo late")[1]
print(o.read())
""",
}


def login(server: Server) -> dict[str, str]:
    return {"HOST": server.host, "PORT": str(server.port), "LOGIN": server.user, "KEY": server.key_file}


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_runs_the_same(name: str, server: Server, plain: Run, recorded: Run, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(CONNECT + PROGRAMS[name])
    base = environment(tmp_path) | login(server)
    expected = plain("-W", "ignore", "app.py", cwd=tmp_path, env=base)
    assert expected.out or expected.err
    done = recorded("-W", "ignore", "app.py", cwd=tmp_path, env=base)
    assert not done.unlike(expected)
    assert not done.gaps()
    assert "SSHClient.__init__" in {trace.header["operations"][e.op] for trace in done.traces() for e in trace.events()}


EARLY = {
    "in sitecustomize": ("sitecustomize.py", "import paramiko\n"),
    "in usercustomize": ("usercustomize.py", "import paramiko\n"),
    "in sitecustomize, in a thread": (
        "sitecustomize.py",
        "import threading\nt = threading.Thread(target=__import__, args=('paramiko',)); t.start(); t.join()\n",
    ),
}


@pytest.mark.parametrize("name", EARLY)
def test_paramiko_is_imported_before_the_program(
    name: str, server: Server, plain: Run, recorded: Run, tmp_path: Path
) -> None:
    file, text = EARLY[name]
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / file).write_text("import warnings; warnings.simplefilter('ignore')\n" + text)
    (tmp_path / "app.py").write_text("import sys; print('paramiko' in sys.modules)\n" + CONNECT + PROGRAMS["commands"])
    base = environment(tmp_path) | login(server) | {"PYTHONPATH": str(tmp_path / "lib")}
    base.pop("PYTHONNOUSERSITE", None)
    expected = plain("-W", "ignore", "app.py", cwd=tmp_path, env=base)
    if "usercustomize" in file and not expected.out.startswith("True"):
        pytest.skip("a virtual environment has no usercustomize")
    assert expected.out.startswith("True"), expected.err
    done = recorded("-W", "ignore", "app.py", cwd=tmp_path, env=base)
    assert not done.unlike(expected)
    assert done.kinds()["FEED"] and not done.gaps()


def test_calls_that_nobodys_frame_makes(recorded: Run, tmp_path: Path) -> None:
    """What the interpreter calls as it ends; it is the same where a thread's first function is Paramiko's."""
    (tmp_path / "app.py").write_text(
        "import atexit, paramiko\n"
        "channel = paramiko.Channel(1)\n"
        "for call in (channel.exit_status_ready, channel.fileno, paramiko.SSHClient().close): atexit.register(call)\n"
    )
    done = recorded("app.py", cwd=tmp_path)
    assert (done.status, done.out, done.err, done.gaps()) == (0, "", "", [])
    called = {OPERATIONS[event.op] for event in done.events() if event.kind == Kind.CALL}
    assert {"Channel.exit_status_ready", "Channel.fileno", "SSHClient.close"} <= called


def test_it_never_imports_it(recorded: Run, plain: Run) -> None:
    program = "import sys, threading; print('paramiko' in sys.modules, threading.Lock().locked())"
    done = recorded("-c", program)
    assert done.out.startswith("False") and not done.unlike(plain("-c", program))


OTHERS = {
    "a module": ("paramiko.py", "answer = 42\n", "is not Paramiko"),
    "a folder that hides nothing": ("paramiko/notes.txt", "", ""),
    "a stub": ("paramiko/__init__.py", "class SSHClient: pass\n", "ImportError"),
    "one that fails": ("paramiko.py", "raise KeyError('not today')\n", ""),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_module_of_that_name(name: str, recorded: Run, plain: Run, tmp_path: Path) -> None:
    file, text, told = OTHERS[name]
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)
    lines = f"import sys; sys.path.insert(0, {str(tmp_path)!r})", "import paramiko", "print(sorted(vars(paramiko)))"
    (tmp_path / "app.py").write_text("\n".join(lines))
    done = recorded("app.py", cwd=tmp_path)
    assert not done.unlike(plain("app.py", cwd=tmp_path))
    gaps = done.gaps()
    assert len(gaps) == bool(told) and all(told in gap.detail for gap in gaps)


def test_the_import_times_are_told(recorded: Run, plain: Run) -> None:
    done, expected = (run("-X", "importtime", "-c", "import paramiko") for run in (recorded, plain))
    assert (done.status, done.out) == (expected.status, expected.out)
    assert "| paramiko\n" in done.err and "Traceback" not in done.err


GEVENT = """
from gevent import monkey; monkey.patch_all({what})
import queue, threading, time, gevent, concurrent.futures as cf
lock, rlock, out = threading.Lock(), threading.RLock(), []
def work(n):
    with lock, rlock: time.sleep(0.001); out.append(n)
ts = [threading.Thread(target=work, args=(n,)) for n in range(5)]
for t in ts: t.start()
for t in ts: t.join()
print(sorted(out), lock.locked(), type(lock).__module__.split(".")[0], type(rlock).__name__)
gs = [gevent.spawn(work, n) for n in range(3)]; gevent.joinall(gs); print(len(out))
q = queue.SimpleQueue(); q.put(1); print(q.get())
e = threading.Event(); gevent.spawn_later(0.01, e.set); print(e.wait(10))
with cf.ThreadPoolExecutor(2) as p: print(list(p.map(lambda x: x * 2, range(3))))
c = threading.Condition()
def notify():
    with c: c.notify_all()
gevent.spawn_later(0.01, notify)
with c: print(c.wait(10))
t = threading.Timer(0.01, print, args=("timer",)); t.start(); t.join()
try: lock.release()
except RuntimeError as x: print(type(x).__name__)
threading.local().x = 1
"""


@pytest.mark.skipif(importlib.util.find_spec("gevent") is None, reason="gevent is not installed")
@pytest.mark.parametrize("what", ["", "subprocess=False, os=False"])
def test_a_gevent_patched_program(what: str, server: Server, plain: Run, recorded: Run, tmp_path: Path) -> None:
    program = GEVENT.format(what=what) + CONNECT + PROGRAMS["commands"]
    (tmp_path / "app.py").write_text(program)
    base = environment(tmp_path) | login(server)
    expected = plain("-W", "ignore", "app.py", cwd=tmp_path, env=base)
    done = recorded("-W", "ignore", "app.py", cwd=tmp_path, env=base)
    assert not done.unlike(expected)
    assert not done.gaps()


def _in_terminal(command: list[str], env: dict[str, str], typed: list[tuple[bytes, bytes]], cwd: Path) -> bytes:
    """What a program writes to a terminal into which something is typed as soon as it shows each prompt."""
    child, terminal = pty.fork()
    if child == 0:
        try:
            os.chdir(cwd)
            os.execve(command[0], command, env)
        finally:
            os._exit(127)
    seen, end, typed = b"", time.monotonic() + 60, list(typed)
    try:
        while time.monotonic() < end:
            if select.select([terminal], [], [], 1)[0]:
                try:
                    data = os.read(terminal, 4096)
                except OSError:  # the last writer has gone
                    break
                if not data:
                    break
                seen += data
            if typed and typed[0][0] in seen:
                os.write(terminal, typed.pop(0)[1])
    finally:
        os.close(terminal)
        _, status = os.waitpid(child, 0)
    return seen + b"status %d" % status


TERMINAL = """
import os, sys, termios, threading
print(sys.stdin.isatty(), sys.stdout.isatty(), sys.stderr.isatty(), os.tcgetpgrp(0) == os.getpgrp())
print(os.get_terminal_size(), termios.tcgetattr(0)[3] & termios.ECHO != 0, sys.stdout.line_buffering)
print(input("> "))
print("and? ", end="", flush=True)
print(sys.stdin.readline())
raise SystemExit(5)
"""


def test_a_terminal_stays_the_programs(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(TERMINAL)
    env = environment(tmp_path) | {"XDG_STATE_HOME": str(tmp_path / "state"), "TERM": "dumb"}
    typed = [(b"> ", b"first\n"), (b"and? ", b"second\n")]  # one at a time: a terminal echoes when it is written to
    plain = _in_terminal([sys.executable, "app.py"], env, typed, tmp_path)
    ours = [sys.executable, "-m", "paramedic", "run", "--quiet", "app.py"]
    assert _in_terminal(ours, env, typed, tmp_path).split() == plain.split()
    assert b"True True True True" in plain


def test_an_interactive_interpreter_runs(plain: Run, recorded: Run) -> None:
    words = ("-q", "-i", "-c", "import threading; x = 5; raise KeyError(x)")
    typed = "print(x + 1)\nwith threading.Lock(): print('in')\n\n1 / 0\n"
    done = recorded(*words, input=typed)
    assert not done.unlike(plain(*words, input=typed))
    assert done.kinds()["GOT"] == 1
