"""What the text of a remote command tells: how much it may write, whether it ends, whether it survives its terminal."""

from __future__ import annotations

import ast
import re

UNSEEN = "\0"
"""Stands in a command's text for a part that the source does not show."""

_TINY = frozenset(
    """mkdir rmdir rm touch chmod chown chgrp ln mv cp kill pkill killall echo printf true false test [ hostname uname
    whoami id pwd date uptime sleep exit export cd reboot shutdown poweroff halt which nproc mktemp readlink basename
    dirname sync mount umount arch getconf logname tty umask unset set source . wait usermod useradd userdel groupadd
    passwd chpasswd hostnamectl timedatectl wc md5sum sha1sum sha256sum sha512sum cksum stat command : arping
    crontab sysctl modprobe ulimit getent ver sysinfo df free lscpu lsb_release""".split()
)
_SUMMARY = frozenset("wc md5sum sha1sum sha256sum sha512sum cksum tail true head".split())
_PREFIXES = frozenset("sudo env nice ionice time exec builtin doas".split())
_SHELLS = frozenset("bash sh zsh su sudo ksh fish".split())
_SEPARATORS = re.compile(r"&&|\|\||[;\n&]")
_ENDLESS = re.compile(
    r"\btail\b[^|;&]*\s-[a-zA-Z0-9]*[fF]\b|\btail\b[^|;&]*--follow|\bjournalctl\b[^|;&]*\s(-[a-zA-Z]*f\b|--follow)"
    r"|\bdmesg\b[^|;&]*\s(-w|--follow)\b|\bwatch\s|\bping\b(?![^|;&]*\s-c)|\btcpdump\b(?![^|;&]*\s-c)"
    r"|\bkubectl\b[^|;&]*\blogs\b[^|;&]*\s(-f|--follow)\b|\bdocker\b[^|;&]*\blogs\b[^|;&]*\s(-f|--follow)\b"
    r"|\bsleep\s+(inf|infinity|\d{4,}|\d+[hd])\b|\bwhile\s+(true|:)\b|\binotifywait\b[^|;&]*\s-m"
)
_SLOW = re.compile(r"\bsleep\s+[\d.]+|\btimeout\s+\d|\b(apt|apt-get|yum|dnf|rsync|wget|curl|make|backup|dd)\b")
_DETACHED = re.compile(r"\b(nohup|setsid|disown|systemd-run|tmux|screen|at|batch|daemonize)\b")
_SECRET = re.compile(r"pass(word|wd|phrase)?|pwd|secret|token|otp|answer|reply|response|credential|pin\b|sudo", re.I)


def _words(segment: str) -> list[str]:
    words = segment.strip().split()
    while words and (words[0] in _PREFIXES or words[0].startswith("-") or re.match(r"\w+=", words[0])):
        words.pop(0)
    return words


def _segments(command: str) -> list[list[str]]:
    """The pipelines of a command, each as its stages."""
    text = re.sub(r"\d?>&\d|&>", " ", command)
    return [part.split("|") for part in _SEPARATORS.split(text) if part.strip()]


def is_quiet(command: str | None, known: bool) -> bool:
    """Whether a command certainly writes far less than a window (2 MiB).

    Args:
        command: its text, as far as the source shows it.
        known: whether that is all of it.

    Threads: pure.
    """
    if not command or not command.strip():
        return False
    if any(_many_lines(stages[-1]) for stages in _segments(command)):
        return False
    for stages in _segments(command):
        last = _words(stages[-1])
        if not last or UNSEEN in last[0] or "%" in last[0] or "{" in last[0]:
            return False
        if re.search(r"[^2]>", " " + stages[-1]) and merges_streams(command):
            continue
        if last[0] in _SUMMARY and len(stages) > 1:
            continue
        if last[0].rsplit("/", 1)[-1] not in _TINY:
            return False
    return known or UNSEEN not in command.split(";")[0].split(" ")[0]


def _many_lines(stage: str) -> bool:
    """Whether ``head`` or ``tail`` is asked for so much, or for who knows how much."""
    match = re.match(r"\s*(?:head|tail)\b(.*)", stage, re.S)
    if match is None:
        return False
    count = re.search(r"-(?:n|c|-lines=|-bytes=)?\s*\+?(\S+)", match[1])
    if count is None:
        return False
    digits = re.fullmatch(r"(\d+)[bkKmMG]?", count[1])
    return digits is None or len(digits[1]) > 4 or not count[1].isdigit()


def merges_streams(command: str | None) -> bool:
    """Whether its standard error goes where its output goes, or nowhere.

    Threads: pure.
    """
    return command is not None and re.search(r"2>\s*(&1|/dev/null|\S)|&>", command) is not None


def writes_to_file(command: str | None) -> bool:
    """Whether the output of a command's last part goes into a file.

    Threads: pure.
    """
    if command is None:
        return False
    pipelines = _segments(command)
    return bool(pipelines) and re.search(r"(^|[^2&])>>?\s*[^&\s]", pipelines[-1][-1]) is not None


def never_ends(command: str | None) -> bool:
    """Whether a command runs until somebody ends it.

    Threads: pure.
    """
    return command is not None and _ENDLESS.search(command) is not None and "timeout " not in command


def runs_long(command: str | None) -> bool:
    """Whether a command is seen to run for long.

    Threads: pure.
    """
    return command is not None and (_ENDLESS.search(command) is not None or _SLOW.search(command) is not None)


def outlives_terminal(command: str | None) -> bool:
    """Whether a command was detached from its terminal.

    Threads: pure.
    """
    return command is not None and (_DETACHED.search(command) is not None or command.rstrip().endswith("&"))


def answers_little(command: str | None) -> bool:
    """Whether a command that is fed much input still writes little: a summary, or into a file.

    Threads: pure.
    """
    if not command:
        return False
    pipelines = _segments(command)
    if not pipelines:
        return False
    last = pipelines[-1][-1]
    words = _words(last)
    if re.search(r"(^|[^2&])>\s*[^&\s]|\btee\b.*>", last):
        return True
    if not words:
        return True
    head = words[0].rsplit("/", 1)[-1]
    if head in {"awk", "gawk", "mawk"}:
        script = last.partition("END")
        return bool(script[1]) and "print" not in script[0]
    tar = head == "tar" and len(words) > 1 and "x" in words[1] and "v" not in words[1]
    return head in _SUMMARY or head in _TINY or tar or head in {"dd", "sponge", "patch", "cpio", "chpasswd"}


def is_interactive(command: str | None) -> bool:
    """Whether a command is a shell, or asks for a password, so that what is written to it are short answers.

    Threads: pure.
    """
    if not command:
        return True
    first = command.strip().split()
    return not first or UNSEEN in first[0] or "%" in first[0] or first[0].rsplit("/", 1)[-1] in _SHELLS


def looks_like_answer(node: ast.expr, command: str | None, *, looped: bool) -> bool:
    """Whether what is written is a short answer, such as a password or one line, rather than data.

    Threads: pure.
    """
    text = ast.unparse(node)
    if _SECRET.search(text):
        return True
    if isinstance(node, ast.Constant):
        return not looped or is_interactive(command)
    line = re.search(r"(\\n|\\r|linesep)['\"]?\)*$|\\n['\"] %|\\n['\"]\.(format|encode)", text) is not None
    if line:
        return not looped or is_interactive(command)
    return False
