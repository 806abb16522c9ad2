"""Coverage-guided fuzzing of the log reader; run by hand, not by the tests.

    pip install atheris && python tests/logs/fuzz.py -max_total_time=3600

Any bytes are a log: either it is read, or one of our own errors says why not.
"""

from __future__ import annotations

import os
import sys
import tempfile

import atheris

with atheris.instrument_imports(include=["paramedic"]):
    from paramedic.check.log import NothingOfParamiko, report_of_logs
    from paramedic.logs.sources import UnreadableLog

FRAGMENTS = (
    b"DEB [20261128-10:46:12.563] thr=%d   paramiko.transport: ",
    b"starting thread (client mode): 0x%d",
    b"[chan %d] Max packet in: 32768 bytes",
    b"[chan %d] Max packet out: 32768 bytes",
    b"[chan %d] Sesch channel %d request ok",
    b"[chan %d] EOF sent (%d)",
    b"[chan %d] EOF received (%d)",
    b"Authentication (publickey) successful!",
    b"EOF in transport thread",
    b"Ignoring message for dead channel %d",
    b"Rekeying (hit %d packets, %d bytes received)",
    b"[chan %d] stat(b'/a')",
    b'Sending global request "tcpip-forward"',
    b"2026-11-28T10:46:12.563Z stderr F ",
    b'{"event": "EOF in transport thread", "logger": "paramiko.transport", "level": "debug"}',
)
_PATH = os.path.join(tempfile.mkdtemp(), "p.log")


def text(data: bytes) -> bytes:
    """Half of the inputs are lines put together from what Paramiko writes; the other half is what it is."""
    if not data or data[0] % 2:
        return data[1:]
    provider = atheris.FuzzedDataProvider(data[1:])
    lines = []
    while provider.remaining_bytes() > 3 and len(lines) < 400:
        words = FRAGMENTS[provider.ConsumeIntInRange(0, len(FRAGMENTS) - 1)]
        head = FRAGMENTS[0] % provider.ConsumeIntInRange(0, 6)
        number = provider.ConsumeIntInRange(0, 5)
        lines.append(head + words.replace(b"%d", b"%d" % number))
        if provider.ConsumeBool():
            lines[-1] += provider.ConsumeBytes(6)
    return b"\n".join(lines)


def one(data: bytes) -> None:
    """One log."""
    with open(_PATH, "wb") as file:
        file.write(text(data))
    try:
        report_of_logs([_PATH], workers=1)
    except (NothingOfParamiko, UnreadableLog):
        pass


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
