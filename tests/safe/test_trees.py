"""Trees to and from a real OpenSSH server: links, permissions, times, and files that have no size."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from paramedic.safe import ClientPool


def tree(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def test_a_tree_with_many_small_files_goes_there_and_back(pool: ClientPool, tmp_path: Path) -> None:
    source = tmp_path / "source"
    for n in range(300):
        file = source / f"d{n % 7}" / f"e{n % 3}" / f"file {n} 'ü\"$x`\\"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"%d " % n * n)
    (source / "empty" / "deep").mkdir(parents=True)
    (source / "big").write_bytes(bytes(range(250)) * 4000)
    result = pool.upload(source, str(tmp_path / "there"), verify="sha256")
    assert result.files == 301
    assert tree(tmp_path / "there") == tree(source)
    again = pool.upload(source, str(tmp_path / "there"))
    assert again.files == 301
    pool.download(str(tmp_path / "there"), tmp_path / "back")
    assert tree(tmp_path / "back") == tree(source)


def test_links_are_skipped(pool: ClientPool, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "inner").mkdir(parents=True)
    (source / "inner" / "file").write_text("x")
    (source / "to-file").symlink_to("inner/file")
    (source / "to-dir").symlink_to("inner")
    (source / "back").symlink_to(".")
    (source / "broken").symlink_to("nowhere")
    os.mkfifo(source / "pipe")
    for way in ("up", "down"):
        target = tmp_path / way
        copy = pool.upload if way == "up" else pool.download
        result = copy(str(source), str(target))
        assert tree(target) == {"inner": None, "inner/file": b"x"}
        assert {Path(name).name for name in result.skipped} == {"to-file", "to-dir", "back", "broken", "pipe"}


@pytest.mark.parametrize("way", ["up", "down"])
def test_links_are_followed_but_not_back_to_where_they_are(pool: ClientPool, tmp_path: Path, way: str) -> None:
    source = tmp_path / "tree" / "source"
    (source / "inner").mkdir(parents=True)
    (source / "inner" / "file").write_text("x")
    (source / "to-file").symlink_to("inner/file")
    for name, to in (("a-link", "inner"), ("z-link", "inner"), ("back", "."), ("again", "../source"), ("up", "..")):
        (source / name).symlink_to(to)
    (source / "inner" / "root").symlink_to("..")
    copy = pool.upload if way == "up" else pool.download
    result = copy(str(source), str(tmp_path / "there"), follow_symlinks=True)
    inside = {"file": b"x"}
    expected: dict[str, bytes | None] = {"to-file": b"x", "up": None}
    for folder in ("inner", "a-link", "z-link"):  # the directory itself and all that lead to it
        expected |= {folder: None, **{f"{folder}/{name}": data for name, data in inside.items()}}
    assert tree(tmp_path / "there") == expected
    assert {str(Path(name).relative_to(source)) for name in result.skipped} == {
        *("back", "again", "up/source", "inner/root", "a-link/root", "z-link/root"),
    }, "no endless circles"


@pytest.mark.parametrize("way", ["up", "down"])
def test_directories_keep_their_permissions_and_times(pool: ClientPool, tmp_path: Path, way: str) -> None:
    source, there = tmp_path / "source", tmp_path / "there"
    modes = {"private": 0o700, "private/read-only": 0o555, "group": 0o2775, "drop": 0o1777, "was-there": 0o700}
    for name in modes:
        (source / name).mkdir(parents=True)
        (source / name / "file").write_text("x")
        (source / name / "file").chmod(0o664)
    for name in reversed(modes):
        (source / name).chmod(modes[name])
        os.utime(source / name, (1_100_000_000, 1_100_000_000))
    (there / "was-there").mkdir(parents=True)
    (there / "was-there").chmod(0o750)
    copy = pool.upload if way == "up" else pool.download
    assert copy(str(source), str(there)).files == len(modes)
    found = {name: stat.S_IMODE((there / name).stat().st_mode) for name in modes}
    assert found == modes | {"was-there": 0o750}
    assert {stat.S_IMODE(path.stat().st_mode) for path in there.rglob("file")} == {0o664}
    times = {name: int((there / name).stat().st_mtime) for name in modes}
    assert {name for name in modes if times[name] == 1_100_000_000} == set(modes) - {"was-there"}
    plain = tmp_path / "plain"
    copy(str(source), str(plain), preserve=False)
    assert stat.S_IMODE((plain / "private" / "read-only").stat().st_mode) & 0o700 == 0o700
    assert (plain / "group").stat().st_mtime > 1_100_000_000


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("way", ["up", "down"])
def test_without_permissions_a_copy_has_those_that_were_there_or_the_umasks(
    pool: ClientPool, tmp_path: Path, way: str, resume: bool
) -> None:
    source, there, new, made = (tmp_path / name for name in ("source", "there", "new", "made"))
    source.write_text("x")
    source.chmod(0o664)
    there.write_text("a secret")
    there.chmod(0o600)
    before = os.umask(0o037)
    try:
        pool.run(f": > {made}") if way == "up" else made.touch()
        for copy in (there, new):
            (pool.upload if way == "up" else pool.download)(str(source), str(copy), preserve=False, resume=resume)
    finally:
        os.umask(before)
    assert there.read_text() == new.read_text() == "x"
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (there, new)]
    assert modes == [0o600, stat.S_IMODE(made.stat().st_mode)]


@pytest.mark.skipif(not os.path.exists("/proc/cpuinfo"), reason="no /proc")
@pytest.mark.parametrize("way", ["up", "down"])
def test_files_of_proc_have_no_size_and_a_content_all_the_same(pool: ClientPool, tmp_path: Path, way: str) -> None:
    file = "/proc/cpuinfo"
    copy = pool.upload if way == "up" else pool.download
    result = copy(file, str(tmp_path / "copy"))
    assert result.bytes == len((tmp_path / "copy").read_bytes()) > 0
    assert (tmp_path / "copy").read_bytes().split()[:1] == Path(file).read_bytes().split()[:1]
