"""Every form of thread dump becomes the same snapshot, whatever stands around it."""

from __future__ import annotations

import html
import io
import json
import re
from collections.abc import Callable

import pytest
from forms import FAULTHANDLER, PY_SPY, PY_SPY_NATIVE, PYSTACK, SAMPLES

from paramedic.dump.activity import activity_of
from paramedic.dump.assembly import bare, read_snapshots
from paramedic.dump.lines import lines_of
from paramedic.dump.pyspy_json import read_json
from paramedic.dump.waits import Wait
from paramedic.model.snapshot import Snapshot, ThreadStack


def the_one(text: str) -> Snapshot:
    (snapshot,) = read_snapshots(text.splitlines())
    return snapshot


def functions(thread: ThreadStack) -> list[str]:
    return [bare(f.site.function) for f in thread.frames]


READER = ["wait", "read", "recv", "main", "<module>"]
TRANSPORT = ["read_all", "read_message", "run", "_bootstrap_inner", "_bootstrap"]


@pytest.mark.parametrize("form", SAMPLES)
def test_every_form_gives_both_stacks_innermost_first(form: str) -> None:
    snapshot = the_one(SAMPLES[form])
    assert sorted(map(functions, snapshot.threads)) == sorted([READER, TRANSPORT])
    assert snapshot.gaps == ()


@pytest.mark.parametrize("form", SAMPLES)
def test_every_form_tells_the_same_activities(form: str) -> None:
    waits = {activity_of(t).wait for t in the_one(SAMPLES[form]).threads}
    assert waits == {Wait.OUTPUT, Wait.PACKET}


@pytest.mark.parametrize("form", [f for f in SAMPLES if f not in ("faulthandler", "pystack", "gdb's py-bt")])
def test_names_are_taken_where_the_form_has_them(form: str) -> None:
    names = {t.name for t in the_one(SAMPLES[form]).threads}
    assert "MainThread" in names
    assert form == "profiling.sampling of 3.15" or "Thread-2" in names


def test_variables_are_taken_and_native_frames_are_not() -> None:
    main = the_one(PY_SPY_NATIVE).threads[0]
    variables = {(bare(f.site.function), n): v for f in main.frames for n, v in f.variables}
    assert variables["recv", "self"] == "<Channel at 0x7fc35ff70510>"
    assert variables["wait", "timeout"] == "None"
    assert variables["read", "then"] == "1795423196.2528763"


def test_pystack_gives_source_lines_and_the_gil() -> None:
    transport, main = the_one(PYSTACK).threads
    assert main.holds_gil and not transport.holds_gil
    assert {f.source for f in main.frames} >= {"waiter.acquire()", "sys.exit(main())"}


PREFIXES = {
    "syslog": "Nov 23 08:31:13 web1 backup[4252]: ",
    "syslog of RFC 5424": "<14>1 2026-11-23T08:31:13.000Z web1 backup 4252 - - ",
    "journalctl -o short-iso": "2026-11-23T08:31:13+0000 web1 backup[4252]: ",
    "docker logs -t": "2026-11-23T08:31:13.123456789Z ",
    "docker compose": "web-1  | ",
    "Kubernetes": "2026-11-23T08:31:13.123456789Z stderr F ",
    "kubectl --prefix": "[pod/web-7d4b9/app] ",
    "journalctl -o short-full": "Mon 2026-11-23 08:31:13 UTC web1 backup[4252]: ",
    "journalctl -o short-monotonic": "[ 1234.567890] web1 backup[4252]: ",
    "journalctl -o short-unix": "1763886673.123456 web1 backup[4252]: ",
    "docker service logs": "web.1.abc123@node1    | ",
    "docker compose in colours": "\x1b[36mweb-1  | \x1b[0m",
    "stern": "web-7d4b9 app ",
    "heroku": "2026-11-23T08:31:13.123456+00:00 app[web.1]: ",
    "a logger": "2026-11-23 08:31:13,123 ERROR app: ",
    "celery": "[2026-11-23 08:31:13,123: WARNING/ForkPoolWorker-1] ",
    "ts": "Nov 23 08:31:13 ",
    "a mail": "> ",
    "kubectl over CRI": "[pod/web-7d4b9/app] 2026-11-23T08:31:13.123456789Z stderr F ",
}


@pytest.mark.parametrize("form", SAMPLES)
@pytest.mark.parametrize("collector", PREFIXES)
def test_a_log_collector_in_front_changes_nothing(form: str, collector: str) -> None:
    wrapped = [PREFIXES[collector] + line for line in SAMPLES[form].splitlines()]
    (snapshot,) = read_snapshots(wrapped)
    assert [functions(t) for t in snapshot.threads] == [functions(t) for t in the_one(SAMPLES[form]).threads]


def split_as_kubernetes_does(text: str) -> str:
    stamp = "2026-11-23T08:31:13.123456789Z stderr"
    return "".join(f"{stamp} P {line[:20]}\n{stamp} F {line[20:]}\n" for line in text.splitlines())


ODD: dict[str, Callable[[str], str]] = {
    "long lines in pieces, by Kubernetes": split_as_kubernetes_does,
    "one record of syslog": lambda t: "Nov 23 08:31:13 web1 backup[4252]: " + t.replace("\n", "#012"),
    "one record of a logger": lambda t: f"2026-11-23 08:31:13,123 ERROR app: {t}",
    "bytes in journald's JSON": lambda t: "\n".join(json.dumps({"MESSAGE": [*x.encode()]}) for x in t.splitlines()),
    "the payload of a cloud's log": lambda t: "\n".join(
        json.dumps({"jsonPayload": {"message": x}}) for x in t.splitlines()
    ),
    "one record of structlog": lambda t: json.dumps({"event": t}),
    "saved through a terminal": lambda t: re.sub(r"(?m)^( *)(.+)$", "\\1\x1b[31m\\2\x1b[0m", t),
    "copied from a page": html.escape,
    "with other numbers in each line": lambda t: "\n".join(f"{n}:{x}" for n, x in enumerate(t.splitlines(), 1)),
}


@pytest.mark.parametrize("form", SAMPLES)
@pytest.mark.parametrize("how", ODD)
def test_what_logs_and_terminals_do_to_a_dump_changes_nothing(form: str, how: str) -> None:
    if form == "gdb's py-bt" and "pieces" in how:
        pytest.skip("the spaces at the end of a piece are part of it")
    (snapshot,) = read_snapshots(ODD[how](SAMPLES[form]).splitlines())
    assert [functions(t) for t in snapshot.threads] == [functions(t) for t in the_one(SAMPLES[form]).threads]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
def test_utf_16_needs_no_mark(encoding: str) -> None:
    data = io.BytesIO(FAULTHANDLER.encode(encoding))
    (snapshot,) = read_snapshots(lines_of(data.read(100), data))
    assert [functions(t) for t in snapshot.threads] == [TRANSPORT, READER]


def test_lines_may_end_as_on_old_macs() -> None:
    data = io.BytesIO(FAULTHANDLER.replace("\n", "\r").encode())
    (snapshot,) = read_snapshots(lines_of(data.read(100), data))
    assert [functions(t) for t in snapshot.threads] == [TRANSPORT, READER]


@pytest.mark.parametrize("field", ["log", "MESSAGE", "message"])
def test_json_records_are_unwrapped(field: str) -> None:
    lines = [json.dumps({field: line + "\n", "stream": "stderr"}) for line in FAULTHANDLER.splitlines()]
    (snapshot,) = read_snapshots(lines)
    assert [functions(t) for t in snapshot.threads] == [TRANSPORT, READER]


def test_dumps_of_two_containers_that_are_interleaved_stay_apart() -> None:
    a = ["web-1  | " + line for line in PY_SPY.splitlines()]
    b = ["web-2  | " + line for line in PY_SPY.replace("4252", "77").splitlines()]
    snapshots = list(read_snapshots(line for pair in zip(a, b, strict=True) for line in pair))
    assert {s.process for s in snapshots} == {4252, 77}
    assert all(len(s.threads) == 2 for s in snapshots)


def test_dumps_in_a_row_are_told_apart() -> None:
    assert [len(s.threads) for s in read_snapshots((FAULTHANDLER * 3).splitlines())] == [2, 2, 2]
    assert [len(s.threads) for s in read_snapshots((PY_SPY * 2).splitlines())] == [2, 2]
    assert [s.form for s in read_snapshots((PY_SPY + FAULTHANDLER).splitlines())] == ["py-spy", "faulthandler"]


def test_log_lines_in_the_middle_of_a_thread_do_not_end_it() -> None:
    lines = FAULTHANDLER.splitlines()
    lines[3:3] = ["INFO request served", "WARNING thread pool is busy"]
    (snapshot,) = read_snapshots(lines)
    assert [functions(t) for t in snapshot.threads] == [TRANSPORT, READER]


def test_the_line_at_which_a_dump_begins_is_told() -> None:
    text = "INFO one\nINFO two\n" + FAULTHANDLER
    assert the_one(text).first_line == 3


def test_an_exception_s_traceback_is_no_thread_dump() -> None:
    text = """\
ERROR in worker thread
Exception in thread Thread-1 (worker):
Traceback (most recent call last):
  File "/srv/app/backup.py", line 25, in main
    raise ValueError
ValueError
"""
    assert list(read_snapshots(text.splitlines())) == []


def test_a_dump_that_is_cut_off_gives_what_is_there_and_says_so() -> None:
    text = FAULTHANDLER[: FAULTHANDLER.index('  File "/srv/app')]
    snapshot = the_one(text)
    assert [functions(t) for t in snapshot.threads] == [TRANSPORT, ["wait", "read", "recv"]]
    assert [g.reason for g in snapshot.gaps] == ["cut-off"]
    assert snapshot.threads[1].cut_off


def test_faulthandler_s_own_limits_are_told() -> None:
    deep = FAULTHANDLER.replace('  File "/srv/app/backup.py", line 34 in <module>\n', "  ...\n") + "...\n"
    snapshot = the_one(deep)
    assert snapshot.threads[1].cut_off
    assert "threads-left-out" in [g.reason for g in snapshot.gaps]


def test_endless_recursion_is_kept_within_bounds() -> None:
    frame = '  File "/srv/app/backup.py", line 7 in again\n'
    text = (
        "Thread 0x1 (most recent call first):\n" + frame * 100_000 + '  File "/srv/app/backup.py", line 9 in <module>\n'
    )
    snapshot = the_one(text)
    (thread,) = snapshot.threads
    assert len(thread.frames) <= 2000
    assert functions(thread)[-1] == "<module>"
    assert [g.reason for g in snapshot.gaps] == ["frames-left-out"]


def test_json_gives_full_paths_and_one_snapshot_for_each_process() -> None:
    def thread(process: int) -> dict[str, object]:
        frame = {"name": "main", "filename": "/srv/app/backup.py", "short_filename": "backup.py", "line": 25}
        frame["locals"] = [{"name": "c", "addr": 1, "arg": False, "repr": "<Channel at 0x7f01>"}]  # type: ignore[assignment]
        return {
            "pid": process,
            "os_thread_id": process,
            "thread_name": "MainThread",
            "active": False,
            "frames": [frame],
        }

    snapshots = list(read_json(json.dumps([thread(1), thread(2)])))
    assert [s.process for s in snapshots] == [1, 2]
    (frame,) = snapshots[0].threads[0].frames
    assert (frame.site.file, frame.variables) == ("/srv/app/backup.py", (("c", "<Channel at 0x7f01>"),))


def test_json_that_is_cut_off_gives_its_whole_threads_and_says_so_of_the_last() -> None:
    threads = [
        {"pid": 1, "os_thread_id": n, "frames": [{"name": "f", "filename": "a.py", "line": 1}]} for n in range(3)
    ]
    (snapshot,) = read_json(json.dumps(threads)[:-30])
    assert [thread.cut_off for thread in snapshot.threads] == [False, False, True]
    assert [g.reason for g in snapshot.gaps] == ["cut-off"]


FAULTHANDLER_314 = """\
Thread 0x00007f2c91bf2c40 [ThreadPoolExecu] (most recent call first):
  File "/usr/lib/python3.14/threading.py", line 373 in wait
  File "/usr/lib/python3.14/concurrent/futures/_base.py", line 453 in result
  File "/srv/app.py", line 7 in job
  File "/usr/lib/python3.14/concurrent/futures/thread.py", line 119 in _worker
  File "/usr/lib/python3.14/threading.py", line 1012 in _bootstrap

Thread 0x00007f2c91bf2c41 [odd] name] (most recent call first):
  File "/srv/app.py", line 7 in again
plus 5 frames

Thread 0x00007f2c91bf2c43 (most recent call first):
  <freed thread state>

Current thread 0x00007f2c91bf2c42 [python3.14] (most recent call first):
  Garbage-collecting
  File ???, line ??? in ???
  File "/srv/app.py", line 9 in <module>

Current thread's C stack trace (most recent call first):
  Binary file "/opt/python/python", at _Py_DumpStack+0x42 [0x5b27f7d7147e]
  Binary file '<unknown>' [0x5b27f7d85f8a]
  <truncated rest of calls>
"""


def test_faulthandler_of_3_14() -> None:
    """As its source prints it (traceback.c): kernel names of at most 15 bytes, odd frames, the C stack."""
    snapshot = the_one(FAULTHANDLER_314)
    assert snapshot.gaps == ()
    worker, odd, freed, main = snapshot.threads
    assert (activity_of(worker).pool, activity_of(worker).wait) == ("", Wait.FUTURE)
    assert (odd.name, odd.cut_off, activity_of(odd).is_main) == ("odd] name", True, False)
    assert freed.frames == ()
    assert (activity_of(main).name, activity_of(main).is_main) == ("the main thread", True)


def test_faulthandler_of_one_thread_alone() -> None:
    text = (
        "Fatal Python error: Segmentation fault\n\n<Cannot show all threads while the GIL is disabled>\n"
        "Stack (most recent call first):\n"
        '  File "/srv/app.py", line 7 in main\n  File "/srv/app.py", line 9 in <module>\n'
    )
    snapshot = the_one(text)
    assert [functions(t) for t in snapshot.threads] == [["main", "<module>"]]
    assert [g.reason for g in snapshot.gaps] == ["threads-left-out"]


@pytest.mark.parametrize("level", ["ERROR", "WARNING"])
def test_logging_s_stack_info_and_exceptions_of_threads_are_no_dumps(level: str) -> None:
    text = f"""\
2026-11-28 10:48:36,123 {level} worker thread failed
Stack (most recent call last):
  File "/usr/lib/python3.11/threading.py", line 1002, in _bootstrap
    self._bootstrap_inner()
  File "/srv/app/backup.py", line 25, in main
    log.error("x", stack_info=True)
Exception in thread Thread-1 (worker):
Traceback (most recent call last):
  File "/usr/lib/python3.11/threading.py", line 1045, in _bootstrap_inner
    self.run()
ValueError
"""
    assert list(read_snapshots(text.splitlines())) == []


def test_journalctl_s_indented_lines_belong_to_the_record_before_them() -> None:
    """One record of several lines: the prefix stands before the first, the others are indented as far."""
    prefix = "Nov 23 08:31:13 web1 backup[4252]: "
    first, *rest = FAULTHANDLER.splitlines()
    lines = ["Nov 23 08:31:12 web1 sshd[9]: hello", prefix + first, *(" " * len(prefix) + line for line in rest)]
    (snapshot,) = read_snapshots(lines)
    assert [functions(t) for t in snapshot.threads] == [TRANSPORT, READER]


def test_a_thread_that_starts_has_the_ident_of_the_one_that_starts_it() -> None:
    (first, *rest) = FAULTHANDLER.splitlines()
    ident = first.split()[1]
    lines = [f"Thread {ident} (most recent call first):", "  <no Python frame>", "", first, *rest]
    assert [functions(t) for t in the_one("\n".join(lines)).threads] == [[], TRANSPORT, READER]


@pytest.mark.parametrize(
    ("below", "wait"),
    [
        (
            ["start_client (paramedic/safe/handshake.py:85)", "_negotiate (paramedic/safe/connection.py:283)"],
            Wait.HANDSHAKE,
        ),
        (
            [
                "wait (paramedic/safe/key_login.py:41)",
                "wait_for_response (paramiko/auth_handler.py:205)",
                "by_key (paramedic/safe/key_login.py:112)",
            ],
            Wait.AUTHENTICATION,
        ),
    ],
)
def test_who_waits_with_an_event_of_paramedic_safe_waits_for_what_paramiko_would(below: list[str], wait: Wait) -> None:
    event = ["wait (paramedic/safe/signal_safe.py:106)", "wait (threading.py:629)"]
    frames = "\n".join(f"    {frame}" for frame in (*event, *below, "deploy (app.py:5)"))
    dump = f'Process 7: python app.py\n\nThread 1 (idle): "connect-1"\n{frames}\n'
    (thread,) = the_one(dump).threads
    assert activity_of(thread).wait is wait
