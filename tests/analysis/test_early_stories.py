"""Orders of reading and writing that hang with more output: told while it still fits."""

from __future__ import annotations

import pytest
from notation import findings_of

BEGINNINGS = {
    "much, read by nobody": ("T: feed ch out 500000", ["possible"]),
    "little, read by nobody": ("T: feed ch out 500", ["advice"]),
    "nothing came": ("", []),
    "read already": ("T: feed ch out 500000\nA: read ch.stdout = 1000", []),
    "another thread reads": ("B: read ch.stdout …\nT: feed ch out 500000", []),
    "it was known to be there": ("T: feed ch out 500000\nT: status ch 0\nA: exit_status_ready ch = 1", []),
    "it was asked for in vain": ("T: feed ch out 500000\nA: exit_status_ready ch = 0", ["possible"]),
}


@pytest.mark.parametrize("name", BEGINNINGS)
def test_a_status_that_is_waited_for_before_the_output_is_read_is_told_while_the_output_still_fits(name: str) -> None:
    before, expected = BEGINNINGS[name]
    story = before + "\nA: recv_exit_status ch …\n… 100 ms\nA: … recv_exit_status ch = 0\nA: close ch\nend: 0"
    told = [f for f in findings_of(story) if f.hazard == "exit-status-before-output"]
    assert [str(f.confidence) for f in told] == expected


_READ_BOTH = "A: exec_command ch\n{}T: gets-eof ch\nA: read ch.stdout = 5\n{}: read ch.stderr = 500000\nend: 0"
IN_TURN = {
    "much of the other stream": (_READ_BOTH.format("T: feed ch err 500000\n", "A"), ["possible"]),
    "little of it": (_READ_BOTH.format("T: feed ch err 500\n", "A"), ["advice"]),
    "nothing of it": (_READ_BOTH.format("", "A"), []),
    "another thread reads it": (_READ_BOTH.format("T: feed ch err 500000\n", "B"), []),
    "it was begun before": (_READ_BOTH.format("A: recv_stderr ch = 5\nT: feed ch err 500000\n", "A"), []),
    "stderr first": (
        "A: exec_command ch\nT: feed ch out 500000\nT: gets-eof ch\nA: recv_stderr ch = 0\nA: read ch.stdout = 500000",
        ["possible"],
    ),
    "stderr first, and little of stdout": (
        "A: exec_command ch\nT: feed ch out 500\nT: gets-eof ch\nA: read ch.stderr = 0\nA: read ch.stdout = 500",
        [],
    ),
    "stderr first, and stdout polled all the while": (
        "A: exec_command ch\nA: recv_ready ch = 0\nT: feed ch out 500000\nT: gets-eof ch\nA: recv_stderr ch = 0\n"
        "A: recv ch = 500000",
        [],
    ),
    "a line of stdout, and then stderr": (
        "A: exec_command ch\nT: feed ch err 500000\nT: gets-eof ch\nA: readline ch.stdout = 5\n"
        "A: read ch.stderr = 500000",
        [],
    ),
}


@pytest.mark.parametrize("name", IN_TURN)
def test_streams_that_are_read_one_after_the_other_are_told_while_they_still_fit(name: str) -> None:
    story, expected = IN_TURN[name]
    told = [f for f in findings_of(story) if f.hazard == "undrained-stderr"]
    assert [str(f.confidence) for f in told] == expected


def test_all_are_named_who_read_their_streams_one_after_the_other_at_the_same_place() -> None:
    command = (
        "{0}: exec_command {1}\nT: feed {1} err 500\nT: gets-eof {1}\n"
        "{0}: read {1}.stdout = 5 #@out\n{0}: read {1}.stderr = 500 #@err\n"
    )
    story = command.format("A", "ch1") + command.format("B", "ch2")
    told = [f for f in findings_of(story) if f.hazard == "undrained-stderr"]
    assert [f.message.partition(" to its end")[0] for f in told] == ["A and B read one stream of each of 2 commands"]


WRITTEN = {
    "much came meanwhile": ("T: feed ch out 500000\nA: … sendall ch", ["possible"]),
    "little came": ("T: feed ch out 500\nA: … sendall ch", []),
    "somebody reads": ("B: recv ch …\nT: feed ch out 500000\nA: … sendall ch\nB: … recv ch = 500000", []),
    "it came afterwards": ("A: … sendall ch\nT: feed ch out 500000\nA: recv ch = 500000", []),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_input_that_is_written_while_nobody_reads_is_told_while_the_output_still_fits(name: str) -> None:
    rest, expected = WRITTEN[name]
    told = findings_of("A: exec_command ch\nA: sendall ch …\n" + rest)
    assert [str(f.confidence) for f in told if f.hazard == "undrained-output-while-writing"] == expected
