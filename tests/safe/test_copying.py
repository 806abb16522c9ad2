"""Files to and from a real OpenSSH server."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from paramedic.lab import Manners, lab
from paramedic.safe import (
    BadConfiguration,
    ClientPool,
    Group,
    KnownHosts,
    Limits,
    NotRun,
    SafeError,
    SessionRefused,
    TransferError,
    TransferTimeout,
)
from paramedic.safe import sftp_packets as sftp
from paramedic.safe.sftp_session import Job, SftpSession
from paramedic.safe.transfer import Halt, Pieces, part_name, requests_at_once

SIZES = [0, 1, 1000, 255 * 1024 - 1, 255 * 1024, 255 * 1024 + 1, 3_000_000, 20_000_000]


def content(size: int) -> bytes:
    seed = hashlib.sha256(str(size).encode()).digest()
    return (seed * (size // 32 + 1))[:size]


def tree(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("size", SIZES)
def test_a_file_of_any_size_goes_there_and_back(pool: ClientPool, tmp_path: Path, size: int) -> None:
    source, there, back = tmp_path / "source", tmp_path / "there", tmp_path / "back"
    source.write_bytes(content(size))
    source.chmod(0o640)
    os.utime(source, (1_000_000_000, 1_100_000_000))
    result = pool.upload(source, str(there), verify="sha256")
    assert (result.files, result.bytes) == (1, size)
    pool.download(str(there), back, verify="sha256")
    for copy in (there, back):
        assert copy.read_bytes() == source.read_bytes()
        assert stat.S_IMODE(copy.stat().st_mode) == 0o640
        assert int(copy.stat().st_mtime) == 1_100_000_000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "source", "there"], "no partial copies are left"


# what is asked -> where it lands
TARGETS: dict[str, tuple[str, str]] = {
    "a name": ("new", "new"),
    "a directory that is there": ("folder", "folder/source"),
    "a directory by its slash": ("folder/", "folder/source"),
    "a file that is there is replaced": ("old", "old"),
}


@pytest.mark.parametrize("story", TARGETS)
@pytest.mark.parametrize("way", ["up", "down"])
def test_where_a_file_lands(pool: ClientPool, tmp_path: Path, story: str, way: str) -> None:
    asked, lands = TARGETS[story]
    (tmp_path / "source").write_text("new")
    (tmp_path / "folder").mkdir()
    (tmp_path / "old").write_text("old and longer")
    if way == "up":
        pool.upload(tmp_path / "source", f"{tmp_path}/{asked}")
    else:
        pool.download(str(tmp_path / "source"), f"{tmp_path}/{asked}")
    assert (tmp_path / lands).read_text() == "new"


def test_what_no_copy_can_do_is_told(pool: ClientPool, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for copy in (pool.upload, pool.download):
        with pytest.raises(ValueError, match="'size' or 'sha256', not 'md5'"):
            copy(str(tmp_path / "file"), str(tmp_path / "copy"), verify="md5")  # type: ignore[arg-type]
    with pytest.raises(TransferError, match="null (byte|character)"):
        pool.download(str(tmp_path / "file"), f"{tmp_path}/c\0py")


def test_what_cannot_be_copied_is_told_and_the_rest_is_copied(pool: ClientPool, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in "abc":
        (source / name).write_text(name)
    (tmp_path / "there" / "b").mkdir(parents=True)  # a directory stands where a file should go
    (tmp_path / "there" / "b" / "inside").write_text("x")
    with pytest.raises(TransferError, match="b: ") as caught:
        pool.upload(source, str(tmp_path / "there"))
    assert caught.value.result is not None
    (failure,) = caught.value.result.failures
    assert Path(failure.path).name == "b"
    assert failure.error.endswith(f"on the way to {tmp_path / 'there' / 'b'}")
    assert tree(tmp_path / "there") == {"a": b"a", "b": None, "b/inside": b"x", "c": b"c"}


def test_what_is_not_there_is_told(pool: ClientPool, tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="not there"):
        pool.upload(tmp_path / "missing", str(tmp_path / "x"))
    with pytest.raises(TransferError, match="not there"):
        pool.download(str(tmp_path / "missing"), tmp_path / "x")
    (tmp_path / "file").write_text("x")
    with pytest.raises(TransferError):
        pool.upload(tmp_path / "file", str(tmp_path / "no" / "such" / "folder"))
    with pytest.raises(BadConfiguration):
        pool.upload(tmp_path / "file", "")
    with pytest.raises(TransferError, match="made here") as told:
        pool.download(tmp_path / "file", tmp_path / "file" / "no" / "folder")
    assert (told.value.host, told.value.phase) == (pool.host, "copy") and told.value.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_nobody_sees_half_a_file(pool: ClientPool, tmp_path: Path) -> None:
    source, there = tmp_path / "source", tmp_path / "there"
    source.write_bytes(content(8_000_000))
    there.write_text("old")
    seen: list[str] = []
    pool.upload(source, str(there), progress=lambda path, count: seen.append(there.read_text()[:3]))
    assert set(seen) == {"old"}
    assert there.stat().st_size == 8_000_000


class Enough(Exception):
    """Ends a copy half-way."""


@pytest.mark.parametrize("way", ["up", "down"])
def test_an_interrupted_copy_is_resumed_and_another_files_rest_is_not(
    pool: ClientPool, tmp_path: Path, way: str
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content(40_000_000))
    done = 0

    def stop(path: str, count: int) -> None:
        nonlocal done
        done += count
        if done > 30_000_000:
            raise Enough

    copy: Any = pool.upload if way == "up" else pool.download
    with pytest.raises(Enough):
        copy(str(source), str(target), resume=True, progress=stop)
    assert not target.exists()
    result = copy(str(source), str(target), resume=True, verify="sha256")
    assert result.resumed_bytes > 10_000_000
    assert target.read_bytes() == source.read_bytes()
    with pytest.raises(Enough):
        done = 0
        copy(str(source), str(target), resume=True, progress=stop)
    source.write_bytes(content(39_000_000))
    assert copy(str(source), str(target), resume=True, verify="sha256").resumed_bytes == 0
    assert target.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_connection_that_breaks_again_and_again_brings_a_bit_more_each_time(
    pool: ClientPool, tmp_path: Path, way: str
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content(6_000_000))  # less than may be under way at once
    copy: Any = pool.upload if way == "up" else pool.download
    attempts = 0
    while not target.exists():
        attempts += 1
        assert attempts < 9
        left = 1_500_000

        def stop(path: str, count: int) -> None:
            nonlocal left
            left -= count
            if left < 0:
                raise Enough

        with contextlib.suppress(Enough):
            copy(str(source), str(target), resume=True, progress=stop)
    assert attempts > 1
    assert target.read_bytes() == source.read_bytes()


def test_copies_and_commands_at_once(pool: ClientPool, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(content(2_000_000))

    def work(n: int) -> Any:
        if n % 2:
            return pool.run(f"echo {n}").text == f"{n}\n"
        return pool.upload(tmp_path / "source", str(tmp_path / f"copy-{n}"), verify="sha256").files == 1

    with ThreadPoolExecutor(20) as threads:
        assert all(threads.map(work, range(40)))


CONFUSED = """
import struct, sys
def take(size):
    data = sys.stdin.buffer.read(size)
    return data if len(data) == size else sys.exit()
while True:
    body = take(struct.unpack(">I", take(4))[0])
    if body[0] == 1:  # INIT
        answer = struct.pack(">BI", 2, 3)
    elif body[0] == 17:  # STAT: there is no such file
        answer = struct.pack(">B4sI", 101, body[1:5], 2)
    else:  # whatever was asked: no names
        answer = struct.pack(">B4sI", 104, body[1:5], 0)
    sys.stdout.buffer.write(struct.pack(">I", len(answer)) + answer)
    sys.stdout.buffer.flush()
"""


def test_answers_that_make_no_sense_are_a_failure_of_the_copy(start_host: Any, tmp_path: Path) -> None:
    (tmp_path / "confused.py").write_text(CONFUSED)
    (tmp_path / "file").write_text("text")
    with start_host(f"ForceCommand {sys.executable} {tmp_path / 'confused.py'}").pool() as pool:
        with pytest.raises(TransferError, match="an SFTP answer of type 104 instead of 102"):
            pool.upload(tmp_path / "file", str(tmp_path / "copy"))


def test_a_subsystem_that_says_nothing_is_given_up_at_the_limit_for_opening(start_host: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with start_host("ForceCommand sleep 20").pool(limits=Limits(open=0.5, grace=0.1)) as pool:
        with pytest.raises(SessionRefused, match="does not answer"):  # it ends later, and then it would be told
            pool.upload(tmp_path / "file", tmp_path / "there")


def test_a_server_without_sftp(start_host: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with start_host("ForceCommand false").pool() as pool, pytest.raises(SessionRefused, match="no SFTP"):
        pool.upload(tmp_path / "file", "x")
    with start_host("ForceCommand echo Welcome").pool() as pool, pytest.raises(SessionRefused, match="no SFTP"):
        pool.upload(tmp_path / "file", "x")


@pytest.mark.parametrize("first", ["Welcome", r"\0\0\0\0", r"\0\0\0\1\2", r"\0\0\0\2\2x", r"\177\377\377\377"])
@pytest.mark.parametrize("way", ["lent", "copied"])
def test_what_is_no_sftp_is_told(start_host: Any, way: str, first: str) -> None:
    with start_host(f"ForceCommand printf '{first}'; sleep 1").pool() as pool:
        with pytest.raises(SessionRefused, match="no SFTP: .") as caught:
            if way == "copied":
                pool.upload(__file__, "copy")
            else:
                with pool.sftp():
                    pass
        assert caught.value.phase == "open" and caught.value.hint and caught.value.host


def test_a_connection_that_dies_under_a_copy(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content(30_000_000))
    with lab(Manners(reset_after_bytes=200_000, sftp_root=str(tmp_path))) as server:
        arguments = {"port": server.port, "username": server.user, "key_filename": server.key_file}
        known = KnownHosts(server.known_hosts_file)
        with ClientPool(server.host, known_hosts=known, allow_agent=False, look_for_keys=False, **arguments) as pool:
            failed: list[Any] = []

            def copy() -> None:
                try:
                    pool.download("/file", tmp_path / "back")
                except SafeError as error:
                    failed.append(error)

            thread = threading.Thread(target=copy)
            thread.start()
            thread.join(40)
            assert not thread.is_alive()
            assert len(failed) == 1
    assert not (tmp_path / "back").exists()


def test_the_part_of_a_long_name_fits() -> None:
    assert len(part_name("ü" * 127, 1, 1, resume=True).encode()) <= 255
    assert part_name("a", 1, 2, resume=True) == part_name("a", 1, 2, resume=True)
    assert part_name("a", 1, 2, resume=True) != part_name("a", 1, 3, resume=True)
    assert part_name("a", 1, 2, resume=False) != part_name("a", 1, 2, resume=False)


PIECES = {
    "in order": (0, 25, 10, 4, ["take 0", "take 10", "take 20", "none"]),
    "from where a copy was interrupted": (5, 25, 10, 4, ["take 5", "take 15", "none"]),
    "nothing to do": (25, 25, 10, 4, ["none"]),
    "never further than so many ahead of the slowest": (
        0,
        100,
        10,
        3,
        ["take 0", "take 10", "take 20", "none", "done 10", "done 20", "none", "done 0", "take 30"],
    ),
}


@pytest.mark.parametrize("source", ["file", "tree"])
def test_a_target_with_a_slash_is_a_directory_that_is_there(pool: ClientPool, tmp_path: Path, source: str) -> None:
    (tmp_path / "tree").mkdir()
    for name in ("file", "tree/file"):
        (tmp_path / name).write_text("x")
    for target in ("nowhere", "file"):
        with pytest.raises(TransferError, match=f"there is no directory .*/{target}/"):
            pool.upload(tmp_path / source, f"{tmp_path}/{target}/")
    (tmp_path / "there").mkdir()
    pool.upload(tmp_path / source, f"{tmp_path}/there/")
    assert (tmp_path / "there" / source).exists()


@pytest.mark.parametrize("what", ["grows", "shrinks"])
def test_a_file_that_changes_while_it_is_copied_is_told(pool: ClientPool, tmp_path: Path, what: str) -> None:
    source, size = tmp_path / "source", 30_000_000
    source.write_bytes(content(size))
    changed = False

    def change(path: str, count: int) -> None:
        nonlocal changed
        if not changed:  # at the first piece: what has been asked for by then is a third of the file
            changed = True
            os.truncate(source, size + 1 if what == "grows" else size - 10_000_000)

    how = "changed" if what == "grows" else "became shorter"
    with pytest.raises(TransferError, match=f"the file {how} while it was copied"):
        pool.download(str(source), tmp_path / "copy", progress=change)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


def test_a_server_that_stops_to_answer_is_told(pool: ClientPool, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    session = SftpSession(pool._dispatcher)
    try:
        session.open(str(pipe))
        assert not session.stated.expect(sftp.ATTRS).attributes().is_file

        def job() -> Job:
            yield [(sftp.OPEN, sftp.text(str(pipe)) + b"\0\0\0\1\0\0\0\0")]  # the server waits for a writer

        session._timeout = 0.2
        with pytest.raises(TransferTimeout, match="does not answer") as told:
            session.run([job()])
        assert (told.value.host, told.value.phase) == (pool.host, "copy")
    finally:
        os.close(os.open(pipe, os.O_RDWR))  # so that it goes on, and ends
        session.close()


@pytest.mark.parametrize("story", PIECES)
def test_pieces_are_handed_out(story: str) -> None:
    start, size, piece, most, steps = PIECES[story]
    pieces = Pieces(start, size, piece, most)
    for step in steps:
        what, *at = step.split()
        if what == "done":
            pieces.done(int(at[0]))
        else:
            taken = pieces.take()
            assert (None if taken is None else taken[0]) == (int(at[0]) if at else None)


@pytest.mark.parametrize(
    ("round_trip_s", "request_bytes", "expected"),
    [(0.0, 261_120, 32), (0.02, 261_120, 32), (0.05, 261_120, 77), (0.1, 261_120, 128), (0.1, 32_768, 128)],
)
def test_a_long_line_gets_more_requests(round_trip_s: float, request_bytes: int, expected: int) -> None:
    assert requests_at_once(round_trip_s, request_bytes) == expected


@pytest.mark.parametrize("way", ["up", "down"])
def test_devices_and_pipes_are_neither_replaced_nor_waited_for(pool: ClientPool, tmp_path: Path, way: str) -> None:
    pipe, file = tmp_path / "pipe", tmp_path / "file"
    os.mkfifo(pipe)
    file.write_bytes(b"x")
    copy = pool.upload if way == "up" else pool.download
    for source, target in ((file, pipe), (pipe, tmp_path / "copy"), (file, Path("/dev/null"))):
        if target == Path("/dev/null") and os.geteuid() == 0:
            continue  # a failure of this test would cost the machine its /dev/null
        with pytest.raises(TransferError, match="neither a file nor a directory") as caught:
            copy(str(source), str(target))
        assert caught.value.hint
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "pipe"]


@pytest.mark.parametrize("way", ["up", "down"])
def test_ctrl_c_in_a_copy_leaves_nothing_behind(pool: ClientPool, tmp_path: Path, way: str) -> None:
    source, there = tmp_path / "source", tmp_path / "there"
    with source.open("wb") as file:
        file.truncate(100 << 30)  # takes longer than anybody waits, but no room
    there.mkdir()

    def interrupt(path: str, count: int) -> None:
        assert [path.suffix for path in there.iterdir()] == [".part"]
        raise KeyboardInterrupt

    copy = pool.upload if way == "up" else pool.download
    with pytest.raises(KeyboardInterrupt):
        copy(str(source), str(there / "copy"), progress=interrupt)
    assert list(there.iterdir()) == []
    assert pool.run("true").ok


@pytest.mark.parametrize("way", ["put", "get"])
def test_a_group_that_stops_ends_its_copies(host: Any, tmp_path: Path, way: str) -> None:
    source = tmp_path / "source"
    with source.open("wb") as file:
        file.truncate(100 << 30)
    (tmp_path / "there").mkdir()
    begun = threading.Event()

    def fail_when_it_has_begun() -> None:
        while not list(tmp_path.rglob("*.part")):
            threading.Event().wait(0.01)
        begun.set()
        halts[0].call()  # as the failure of another host does

    halts: list[Halt] = []
    original = Halt.__init__

    def remember(self: Halt) -> None:
        original(self)
        halts.append(self)

    with pytest.MonkeyPatch.context() as patch, Group([host.server.host], **host.arguments()) as files:
        patch.setattr(Halt, "__init__", remember)
        thread = threading.Thread(target=fail_when_it_has_begun)
        thread.start()
        copy = files.upload if way == "put" else files.download
        result = copy(str(source), str(tmp_path / "there"))
        thread.join(60)
        assert not thread.is_alive()
        assert begun.is_set()
        assert isinstance(result.outcomes[0].error, NotRun)
        assert files.run("true").ok
    assert list(tmp_path.rglob("*.part")) == []
