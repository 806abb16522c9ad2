"""Which known_hosts file a call is about: looked at once a second for those that read it, anew for those that write."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from paramedic.record import paramiko_calls

NAME = "/home/kim/.ssh/known_hosts"


class Looks:
    """Words of a recorder whose clock and disk are ours."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now_ns, self.node, self.count = 5, "8:1", 0
        patch.setattr(paramiko_calls, "monotonic_ns", lambda: self.now_ns)
        patch.setattr(paramiko_calls, "_node", self._look)
        probes: Any = SimpleNamespace(writer=SimpleNamespace(text=lambda words: len(words) and int(words[2:])))
        words = paramiko_calls._Words(probes, False)
        self.read_file, self.file_name = words.read_file, words.file_name

    def _look(self, filename: object) -> str:
        self.count += 1
        return self.node


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    return Looks(monkeypatch)


def test_who_reads_it_next_looks_no_second_time(looks: Looks) -> None:
    first = looks.read_file(None, NAME)
    looks.now_ns += 900_000_000
    assert looks.read_file(None, "".join(NAME)) == first == (hash(NAME) & 0x7FFFFFFF, 1)
    assert looks.count == 1


def test_a_file_that_was_replaced_is_another_one(looks: Looks) -> None:
    looks.read_file(None, NAME)
    looks.now_ns, looks.node = looks.now_ns + 1_000_000_000, "8:2"
    assert looks.read_file(None, NAME)[1] == 2


def test_who_writes_it_looks_anew_and_tells_who_reads_it(looks: Looks) -> None:
    looks.read_file(None, NAME)
    looks.node = "8:2"
    assert looks.file_name(None, NAME)[1] == looks.read_file(None, NAME)[1] == 2
    assert looks.count == 2


def test_a_file_that_is_not_there_yet_is_looked_for_again(looks: Looks) -> None:
    looks.node = ""
    assert looks.read_file(None, NAME)[1] == 0
    looks.node = "8:1"
    assert looks.read_file(None, NAME)[1] == 1


@pytest.mark.parametrize("other", ["/etc/ssh/known_hosts", None, NAME.encode()], ids=["path", "none", "bytes"])
def test_another_name_is_looked_at(looks: Looks, other: Any) -> None:
    looks.read_file(None, NAME)
    looks.read_file(None, other)
    assert looks.count == 2


def test_what_is_no_string_is_not_kept_alive(looks: Looks) -> None:
    class Path(str):
        pass

    mine = Path(NAME)
    looks.read_file(None, mine)
    looks.read_file(None, mine)
    assert looks.count == 2


def test_a_name_that_begins_in_the_current_folder_is_looked_at_each_time(looks: Looks) -> None:
    looks.read_file(None, "known_hosts")
    looks.node = "8:2"  # after os.chdir()
    assert looks.read_file(None, "known_hosts")[1] == 2
