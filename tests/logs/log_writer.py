"""Writes small logs as Paramiko would, for stories.

A story is a text with one line for each message: ``after_ms thread: words``. The words are Paramiko's, or one of the
short ones of `SHORT`.
"""

from __future__ import annotations

import re

SHORT = {
    r"start (0x\w+)": r"starting thread (client mode): \1",
    r"open (\d+)": r"[chan \1] Max packet in: 32768 bytes",
    r"yes (\d+)": r"[chan \1] Max packet out: 32768 bytes",
    r"ok (\d+)": r"[chan \1] Sesch channel \1 request ok",
    r"eof> (\d+)": r"[chan \1] EOF sent (\1)",
    r"eof< (\d+)": r"[chan \1] EOF received (\1)",
    r"dead (\d+)": r"Ignoring message for dead channel \1",
    r"refuse (\d+)": r"Secsh channel \1 open FAILED: open failed: Connect failed",
    r"sftp (\d+) (.*)": r"[chan \1] \2",
    r"kex": "=== Key exchange possibilities ===",
    r"keys": "Switch to new keys ...",
    r"banner": "Remote version/idstring: SSH-2.0-OpenSSH_9.2p1",
    r"login": "userauth is OK",
    r"in": "Authentication (publickey) successful!",
    r"no": "Authentication (publickey) failed.",
    r"end": "EOF in transport thread",
    r"blank": "",
}


def connected(transport: int, *, identity: str = "") -> str:
    """A login on a transport."""
    return "\n".join(
        f"1 {transport}: {words}"
        for words in (f"start {identity or hex(0xA0 + transport)}", "banner", "kex", "keys", "login", "in")
    )


def command(transport: int, worker: int, channel: int, *, ends: bool = True) -> str:
    """One command on a channel of its own."""
    steps = [(worker, "open"), (transport, "yes"), (transport, "ok"), (worker, "eof>")]
    steps += [(transport, "eof<")] if ends else []
    return "\n".join(f"2 {thread}: {verb} {channel}" for thread, verb in steps)


def messages(story: str) -> list[tuple[float, int, str, str]]:
    """Time in seconds, thread, logger, message."""
    clock = 0.0
    found = []
    for text in filter(None, map(str.strip, story.splitlines())):
        head, _, words = text.partition(": ")
        after, thread = head.split()
        clock += float(after) / 1000
        logger = "paramiko.transport.sftp" if words.startswith("sftp ") else "paramiko.transport"
        for short, long in SHORT.items():
            whole = re.fullmatch(short, words)
            if whole:
                words = whole.expand(long)
                break
        found.append((clock, int(thread), logger, words))
    return found


def clock_of(seconds: float) -> str:
    """``00:00:00.000`` after three in the afternoon."""
    ms = round(seconds * 1000)
    return f"{15 + ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


def default_format(story: str) -> str:
    """As `paramiko.util.log_to_file` writes it."""
    return "".join(
        f"DEB [20261123-{clock_of(at)}] thr={thread:<3d} {logger}: {words}\n"
        for at, thread, logger, words in messages(story)
    )
