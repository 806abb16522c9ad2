"""Finding a command's processes from a second session, where the server delivers no signals.

OpenSSH delivers signals (RFC 4254 section 6.9) only to sessions of other users than root, without a forced command.
Everywhere else the commands of one connection are still siblings: children of the process that serves the connection,
which is the parent of the second session's shell too. They were started in the order in which we sent them, so that
the children, sorted by the time of their start, are the sessions that we know to be open, one for one. Each of them
leads a session of processes (setsid in sshd's session.c), by which the survey finds its own, also where a forced
command runs it within a shell within a shell.

If the numbers differ, nothing is killed: better a process too many than the wrong one too few. And nothing is where the
server may have one process for all connections, as AsyncSSH's and those written in Go: its children are everybody's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# In one line and without "!", because the user's login shell may be a csh; with ps, because it is quick, and without it
# where there is none, or one that knows no -A (busybox).
SURVEY = (
    "exec /bin/sh -c 'me=$$; up=$PPID; echo survey; "
    'f=/proc/$me/stat; [ -r $f ] && read -r line <$f && set -- ${line##*) } && [ "$4" -gt 1 ] && me=$4; '
    "[ $me = $$ ] || { read -r line </proc/$me/stat && set -- ${line##*) } && up=$2; }; "
    "walk() { for f in /proc/[0-9]*/stat; do read -r line 2>/dev/null <$f || continue; "
    "pid=${line%% *}; set -- ${line##*) }; echo $pid $2 $3; done; }; "
    "{ ps -A -o pid= -o ppid= -o pgid= 2>/dev/null || walk; } | while read -r pid parent group; do "
    'if [ "$parent" = "$up" ] && [ "$pid" -ne "$me" ]; then when=0; f=/proc/$pid/stat; '
    '[ -r $f ] && read -r line <$f && set -- ${line##*) } && when=${20}; echo "$pid $group $when"; fi; '
    "done; echo end'"
)

_MOST_APART = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One process of the connection on the other side.

    Threads: a value; share it freely.
    """

    pid: int
    group: int
    started: int
    """Clock ticks since the other machine's start; 0 if unknown."""


def serves_apart(version: str) -> bool:
    """Whether a server is known to serve each connection by a process of its own.

    Args:
        version: as it says, RFC 4253 section 4.2.

    Threads: any thread; it does not block.
    """
    return "OpenSSH" in version  # sshd.c


def read_survey(text: str) -> list[Child] | None:
    """The processes that a survey printed, oldest first; None if it did not run to its end.

    Threads: any thread; it does not block.
    """
    lines = text.split("\n")
    if "survey" not in lines or "end" not in lines:
        return None
    children: list[Child] = []
    for line in lines[lines.index("survey") + 1 : lines.index("end")]:
        words = line.split()
        if len(words) != 3 or not all(word.isdigit() for word in words):
            return None
        children.append(Child(pid=int(words[0]), group=int(words[1]), started=int(words[2])))
    return sorted(children, key=lambda child: (child.started, child.pid))


def choose(children: Sequence[Child], doomed: Sequence[bool]) -> list[Child] | None:
    """Which processes belong to the sessions that are to end.

    Args:
        children: oldest first.
        doomed: for each session that is open on the connection, oldest first, whether it is to end.

    Returns:
        The processes, or None if it cannot be said with certainty.

    Threads: any thread; it does not block.
    """
    if len(children) != len(doomed):
        return None
    if all(doomed):
        return list(children)
    if any(child.started == 0 for child in children):
        return None  # process numbers alone are no order: they wrap, and some systems choose them at random
    for index, child in enumerate(children):
        # Within one tick (10 ms), Linux's process numbers are an order, unless they wrapped in between.
        twins = [other for other, sibling in enumerate(children) if sibling.started == child.started]
        numbers = [children[twin].pid for twin in twins]
        if doomed[index] and max(numbers) - min(numbers) > _MOST_APART and not all(doomed[twin] for twin in twins):
            return None
    return [child for child, ends in zip(children, doomed, strict=True) if ends]


def in_order(commands: Sequence[tuple[int, bool]], guests: Sequence[tuple[int, int]]) -> list[bool] | None:
    """For each session of a connection, oldest first, whether it is to end; None if their order is not known.

    Args:
        commands: when each was asked for, and whether it is to end.
        guests: after and before what the sessions were asked for that run no commands of the pool.

    Threads: any thread; it does not block.
    """
    if any(first < order < last for order, _ in commands for first, last in guests):
        return None
    return [ends for _, ends in sorted([*commands, *((first, False) for first, _ in guests)])]


def kill(children: Sequence[Child], signal: str) -> str:
    """The command that sends ``signal`` to the children's process groups, of which each leads its own.

    Threads: any thread; it does not block.
    """
    targets = " ".join(f"-{child.group}" if child.group == child.pid else str(child.pid) for child in children)
    # The first is what POSIX says; busybox takes the second.
    return f"exec /bin/sh -c 'kill -s {signal} -- {targets} || kill -{signal} {targets}'"
