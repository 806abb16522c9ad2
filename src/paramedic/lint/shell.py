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
    crontab sysctl modprobe ulimit getent ver sysinfo df free lscpu lsb_release pidof pgrep mkfifo install truncate
    fallocate who groups""".split()
)
_QUIET_ASKED = {
    "git": r"rev-parse|describe|config|symbolic-ref|reset|status (-s|--short|--porcelain)|branch --show-current"
    r"|log (-n ?)?-?1( --(oneline|format|pretty)\S*)?|rev-list --count",
    "docker": r"(container )?inspect .*?(-f|--format)|start|stop|restart|rm|kill|rename|pause|unpause|tag|port",
    "podman": r"(container )?inspect .*?(-f|--format)|start|stop|restart|rm|kill|rename|pause|unpause|tag|port",
    "service": r"\S+ (?!status)",
    "systemctl": r"(-\S+ )*(?!-|list|status|cat|help)\S",
    "ls": r"(-\S+ )*-[a-zA-Z0-9]*d",
    "du": r"(-\S+ )*(-[a-zA-Z0-9]*s|--summarize)",
    "sed": r"(-\S+ )*(-i|--in-place)",
    "java": r"-version",
}
"""What some programs are asked for that is never much: how their arguments begin."""
_QUIET_GREP = re.compile(
    r"(?:^| )-(?!-)[a-zA-Z]*([cqlL]|m ?\d{1,3}\b)|(?:^| )--(count|quiet|silent|files-with|max-count)"
)
_SMALL_FILE = re.compile(
    r"/etc/(hostname|hosts|issue|timezone|machine-id|resolv\.conf|fstab|\S*release|\S*version)|\S+\.pid"
    r"|/proc/(loadavg|uptime|version|meminfo|cpuinfo|stat|cmdline|mounts|sys/\S+|self/\w+)"
    r"|/sys/(class|block|devices)/\S+"
)
_FILTERS = frozenset("cat cut awk gawk sed sort uniq grep egrep fgrep tr tee column fold rev nl".split())
"""Write about as much as they read."""
_SUMMARY = frozenset("wc md5sum sha1sum sha256sum sha512sum cksum tail true head".split())
_PREFIXES = frozenset("sudo env nice ionice time timeout exec builtin doas".split())
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
_ENDING = frozenset(
    """make cmake ninja tar rsync apt apt-get yum dnf pip pip3 npm yarn cargo mvn gradle find du ls ps seq dd gzip git
    gunzip zip unzip wget curl head terraform dpkg rpm pg_dump mysqldump for do done if then else fi""".split()
)
"""Programs, and words of the shell, that come to an end, of those that write more than a little."""
_SECRET = re.compile(r"pass(word|wd|phrase)?|pwd|secret|token|otp|answer|reply|response|credential|pin\b|sudo", re.I)


def _words(segment: str) -> list[str]:
    words = segment.strip().split()
    prefixed = ""
    while words and (words[0] in _PREFIXES or words[0].startswith("-") or re.match(r"\w+=", words[0])):
        prefixed = words.pop(0)
        # `sudo -u NAME`, `nice -n 10`, `timeout 5`: the next word is the option's.
        if prefixed in {"-u", "-g"} or (words and prefixed != "env" and re.fullmatch(r"[\d.]+[smhd]?", words[0])):
            words = words[1:]
    return words


def _segments(command: str) -> list[list[str]]:
    """The pipelines of a command, each as its stages; what is in quotes separates nothing."""
    text = re.sub(r"'[^']*'|\"(?:\\.|[^\"\\])*\"", lambda quoted: re.sub(r"[;&|<>\n]", "_", quoted[0]), command)
    text = re.sub(r"\d?>&\d|&>", " ", text)
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
    for stages in _segments(command):
        if re.search(r"[^2]>", " " + stages[-1]) and merges_streams(command) and _named(_words(stages[-1])):
            continue
        if not _stage_is_quiet(stages):
            return False
    return known or UNSEEN not in command.split(";")[0].split(" ")[0]


def _named(words: list[str]) -> bool:
    """Whether the source shows which program is run."""
    return bool(words) and UNSEEN not in words[0] and "%" not in words[0] and "{" not in words[0]


def _stage_is_quiet(stages: list[str]) -> bool:
    """Whether the last stage of a pipeline writes little, by itself or because it is given little."""
    words = _words(stages[-1])
    if not _named(words):
        return False
    program, asked = words[0].rsplit("/", 1)[-1], " ".join(words[1:])
    if program in {"head", "tail"}:
        return not _many_lines(stages[-1]) and never_ends(stages[-1]) is False
    if program in _TINY or (program in _SUMMARY and len(stages) > 1):
        return True
    if asked in {"--version", "-V", "--help"} or re.match(_QUIET_ASKED.get(program, r"(?!)"), asked):
        return True
    if program in {"grep", "egrep", "fgrep", "zgrep"} and _QUIET_GREP.search(asked):
        return True
    if program not in _FILTERS:
        return False
    files = [word for word in words[1:] if "/" in word and not word.startswith(("-", "'", '"'))]
    if files:
        return all(_SMALL_FILE.fullmatch(file) for file in files)
    return len(stages) > 1 and _stage_is_quiet(stages[:-1])


def _many_lines(stage: str) -> bool:
    """Whether ``head`` or ``tail`` is asked for so much, or for who knows how much."""
    match = re.search(r"\b(?:head|tail)\b(.*)", stage, re.S)
    if match is None:
        return False
    count = re.search(r"(?:^|\s)-(?:n|c|-lines=|-bytes=)?\s*(\S+)", match[1])
    if count is None:
        return False
    # `tail -n +5` and `head -n -5` write all but a few.
    return not count[1].isdigit() or len(count[1]) > 4


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


def ends(command: str | None) -> bool:
    """Whether a command surely comes to its end by itself, sooner or later.

    Threads: pure.
    """
    if not command or never_ends(command) or UNSEEN in command or re.search(r"\bfor\s*\(\(\s*;", command):
        return False
    heads = [words[0].rsplit("/", 1)[-1] for stages in _segments(command) for s in stages[:1] if (words := _words(s))]
    return bool(heads) and all(head in _TINY | _ENDING for head in heads)


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
