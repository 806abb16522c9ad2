"""Writes a long debug log in the form of `paramiko.util.log_to_file`, such as a fan-out over one night leaves.

    python benchmarks/log_corpus.py MEGABYTES FILE [--interleaving LINE]

Ten transports run commands and SFTP calls from forty threads, each on channels of its own, and reconnect now and then.
With ``--interleaving`` two threads get into one SFTP session, once, about at that share of the log (0 to 1).
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

TRANSPORTS = 10
WORKERS = 4
_CIPHERS = "chacha20-poly1305@openssh.com, aes128-ctr, aes192-ctr, aes256-ctr, aes128-gcm@openssh.com"
_MACS = (
    "umac-64-etm@openssh.com, umac-128-etm@openssh.com, hmac-sha2-256-etm@openssh.com, hmac-sha2-512-etm@openssh.com, "
    "hmac-sha1-etm@openssh.com, umac-64@openssh.com, umac-128@openssh.com, hmac-sha2-256, hmac-sha2-512, hmac-sha1"
)
OFFER = (
    "kex algos: sntrup761x25519-sha512@openssh.com, curve25519-sha256, curve25519-sha256@libssh.org, "
    "ecdh-sha2-nistp256, ecdh-sha2-nistp384, ecdh-sha2-nistp521, diffie-hellman-group-exchange-sha256, "
    "diffie-hellman-group16-sha512, diffie-hellman-group18-sha512, diffie-hellman-group14-sha256",
    "server key: ssh-ed25519",
    *(f"{side} encrypt: {_CIPHERS}, aes256-gcm@openssh.com" for side in ("client", "server")),
    *(f"{side} mac: {_MACS}" for side in ("client", "server")),
    *(f"{side} compress: none, zlib@openssh.com" for side in ("client", "server")),
    *(f"{side} lang: <none>" for side in ("client", "server")),
    "kex follows: False",
)
"""What OpenSSH 9.2 offers."""
COMMANDS = 60
"""Channels of one transport before it reconnects."""


def write_log(path: Path, size: int, *, interleaving: float | None = None, seed: int = 7) -> int:
    """Writes about ``size`` bytes; returns the number of the line of the interleaving, 0 if there is none."""
    lines = _lines(random.Random(seed))
    written = number = planted = 0
    with path.open("wb", buffering=1 << 20) as file:
        while written < size:
            text, seam = next(lines)
            if seam and interleaving is not None and not planted and written >= interleaving * size:
                clock = text[:28].decode()
                sftp, one, two = seam
                story = (
                    f"thr={one:<3d} paramiko.transport.sftp: [chan {sftp}] open(b'/srv/queue/a', 'rb')",
                    f"thr={two:<3d} paramiko.transport.sftp: [chan {sftp}] stat(b'/srv/queue/b')",
                    f"thr={one:<3d} paramiko.transport.sftp: [chan {sftp}] open(b'/srv/queue/a', 'rb') -> 00000000",
                )
                planted = number + 1
                for line in story:
                    written += file.write((clock + line + "\n").encode())
                    number += 1
            written += file.write(text)
            number += 1
    return planted


def _lines(chance: random.Random) -> Iterator[tuple[bytes, tuple[int, int, int] | None]]:
    running = [_transport(chance, i) for i in range(TRANSPORTS)]
    ms = 0
    while True:
        ms += chance.choice((0, 0, 0, 1, 1, 2))
        level, thread, logger, message, seam = next(running[chance.randrange(TRANSPORTS)])
        second, rest = divmod(ms, 1000)
        day, second = divmod(second, 86_400)
        clock = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.{rest:03d}"
        yield (
            f"{level} [202611{1 + day % 28:02d}-{clock}] thr={thread:<3d} {logger}: {message}\n".encode(),
            seam,
        )


_Message = tuple[str, int, str, str, "tuple[int, int, int] | None"]
_threads = iter(range(1, 1 << 30))


def _transport(chance: random.Random, index: int) -> Iterator[_Message]:
    workers = [next(_threads) for _ in range(WORKERS)]
    log = "paramiko.transport"
    while True:
        own = next(_threads)
        yield "DEB", own, log, f"starting thread (client mode): {hex(0x7F000000 + own * 64)}", None
        yield "DEB", own, log, "Local version/idstring: SSH-2.0-paramiko_5.1.0", None
        yield "DEB", own, log, "Remote version/idstring: SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10", None
        yield "INF", own, log, "Connected (version 2.0, client OpenSSH_9.2p1)", None
        yield "DEB", own, log, "=== Key exchange possibilities ===", None
        for offer in OFFER:
            yield "DEB", own, log, offer, None
        yield "DEB", own, log, "=== Key exchange agreements ===", None
        yield "DEB", own, log, "Kex: curve25519-sha256@libssh.org", None
        yield "DEB", own, log, "Switch to new keys ...", None
        yield "DEB", own, log, "userauth is OK", None
        yield "INF", own, log, "Authentication (publickey) successful!", None
        # One SFTP session stays open for as long as the connection; each command has a channel of its own.
        yield from _opened(own, workers[0], 0)
        yield "INF", workers[0], log + ".sftp", "[chan 0] Opened sftp connection (server version 3)", None
        for number in range(1, COMMANDS):
            worker = workers[number % WORKERS]
            yield from _opened(own, worker, number)
            yield "DEB", worker, log, f"[chan {number}] EOF sent ({number})", None
            path = f"/srv/data/{index}/{chance.randrange(10**6)}.csv"
            yield "DEB", workers[0], log + ".sftp", f"[chan 0] open(b'{path}', 'rb')", None
            yield "DEB", workers[0], log + ".sftp", f"[chan 0] open(b'{path}', 'rb') -> 00000000", None
            yield "DEB", workers[0], log + ".sftp", "[chan 0] close(00000000)", (0, workers[0], workers[1])
            yield "DEB", own, log, f"[chan {number}] EOF received ({number})", None
        yield "INF", workers[0], log + ".sftp", "[chan 0] sftp session closed.", None
        yield "DEB", workers[0], log, "[chan 0] EOF sent (0)", None
        yield "DEB", own, log, "EOF in transport thread", None


def _opened(own: int, worker: int, number: int) -> Iterator[_Message]:
    log = "paramiko.transport"
    yield "DEB", worker, log, f"[chan {number}] Max packet in: 32768 bytes", None
    yield "DEB", own, log, f"[chan {number}] Max packet out: 32768 bytes", None
    yield "DEB", own, log, f"Secsh channel {number} opened.", None
    yield "DEB", own, log, f"[chan {number}] Sesch channel {number} request ok", None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("megabytes", type=int)
    parser.add_argument("file", type=Path)
    parser.add_argument("--interleaving", type=float)
    options = parser.parse_args()
    print(write_log(options.file, options.megabytes * 1_000_000, interleaving=options.interleaving))
