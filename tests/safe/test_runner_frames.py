"""What a runner says is understood however it is cut, and what makes no sense is told; without a server."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramedic.safe import remote_runner, runner_frames
from paramedic.safe.runner_frames import BadFrame, Exit, Hearing, Said

MARK = "paramedic-runner-1"
READY = b"paramedic-runner-1 ready\n"


def frame(kind: int, number: int, payload: bytes) -> bytes:
    return struct.pack(">BII", kind, number, len(payload)) + payload


FRAMES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([Said.OUT, Said.ERR]), st.integers(0, 5), st.binary(max_size=300)),
        st.tuples(st.just(Said.EXIT), st.integers(0, 5), st.binary(min_size=2, max_size=2)),
        st.tuples(st.sampled_from([Said.REFUSED, Said.ALIVE]), st.integers(0, 5), st.just(b"")),
    ),
    max_size=12,
)


@given(FRAMES, st.binary(max_size=60).filter(lambda noise: MARK.encode() not in noise), st.data())
def test_cuts_change_nothing(frames: list[tuple[Said, int, bytes]], noise: bytes, data: st.DataObject) -> None:
    wire = noise + READY + b"".join(frame(*each) for each in frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=12)))
    hearing = Hearing(MARK)
    heard: list[tuple[Said, int, bytes]] = []
    for begins, ends in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        for kind, number, payload in hearing.hear(wire[begins:ends]):
            # Pieces of output come as they do: put together what follows each other.
            if heard and kind in (Said.OUT, Said.ERR) and heard[-1][:2] == (kind, number):
                heard[-1] = (kind, number, heard[-1][2] + payload)
            else:
                heard.append((kind, number, payload))
    wanted: list[tuple[Said, int, bytes]] = []
    for kind, number, payload in frames:
        if kind in (Said.OUT, Said.ERR):
            if not payload:
                continue
            if wanted and wanted[-1][:2] == (kind, number):
                wanted[-1] = (kind, number, wanted[-1][2] + payload)
                continue
        wanted.append((kind, number, payload))
    assert hearing.greeting == "ready"
    assert heard == wanted


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_whatever_comes_is_understood_or_told(pieces: list[bytes]) -> None:
    hearing = Hearing(MARK)
    try:
        for piece in [READY, *pieces]:
            for kind, _, payload in hearing.hear(piece):
                if kind is Said.EXIT:
                    runner_frames.read_exit(payload)
    except BadFrame:
        pass


def test_noise_without_end_is_no_runner() -> None:
    hearing = Hearing(MARK)
    with pytest.raises(BadFrame):
        for _ in range(100):
            list(hearing.hear(b"y\n" * 20_000))


@pytest.mark.parametrize("wire", [frame(9, 1, b""), frame(Said.EXIT, 1, b"x" * 2000), frame(0, 0, b"")])
def test_a_frame_that_nobody_sends_is_told(wire: bytes) -> None:
    with pytest.raises(BadFrame):
        list(Hearing(MARK).hear(READY + wire))


@pytest.mark.parametrize(
    ("payload", "end"),
    [
        (b"\x00\x00", Exit(status=0)),
        (b"\x00\xff", Exit(status=255)),
        (b"\x01KILL", Exit(signal="KILL")),
        (b"\x02SEGV", Exit(signal="SEGV", core_dumped=True)),
    ],
)
def test_ends(payload: bytes, end: Exit) -> None:
    assert runner_frames.read_exit(payload) == end


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\x00\x00\x00", b"\x01", b"\x03KILL"])
def test_no_ends(payload: bytes) -> None:
    with pytest.raises(BadFrame):
        runner_frames.read_exit(payload)


def test_both_sides_mean_the_same() -> None:
    assert {said.name: said.value for said in Said} == {name: getattr(remote_runner, name) for name in Said.__members__}
    said = [runner_frames.run(1, b"c", b""), runner_frames.signal(1, "TERM"), runner_frames.drop(1)]
    assert [each[0] for each in said] == [remote_runner.RUN, remote_runner.SIGNAL, remote_runner.DROP]


def test_the_bootstrap_is_for_every_login_shell() -> None:
    command = runner_frames.bootstrap(MARK, 1000, 1.0).decode()
    assert "\n" not in command and "!" not in command
    assert command.count("'") == 2 and command.endswith("; true")
