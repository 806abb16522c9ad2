"""A remote command that ends when its connection does, for servers that deliver no signals.

OpenSSH delivers signals since 7.9, but not to forced commands; others deliver none. On a leash, the command runs as the
child of a small POSIX shell script that watches the session's standard input: once that ends, because we closed it, or
because this machine died, the script sends TERM to the whole process group, and KILL two seconds later.

What it costs: standard input is not available to the command, one more process runs, and a command that is ended by a
signal is reported as exit status 128 + n.
"""

from __future__ import annotations

import shlex

_SCRIPT = """\
trap : TERM
exec 3<&0 </dev/null
( trap - TERM; exec "${SHELL:-/bin/sh}" -c "$1" 3<&- ) &
child=$!
( trap "exit 0" USR1; exec >/dev/null 2>&1
  while read -r _ <&3; do :; done
  kill -TERM 0; trap "" TERM; sleep 2; kill -KILL 0 ) &
watch=$!
exec 3<&-
wait "$child"; status=$?
while kill -0 "$child" 2>/dev/null; do wait "$child"; status=$?; done
kill -KILL "$watch" 2>/dev/null
exit "$status"
"""


def leashed(command: str) -> str:
    """The command that runs ``command`` on a leash.

    Args:
        command: as the remote user's shell would run it; it may contain anything but NUL.

    Threads: any thread; it does not block.
    """
    return f"exec /bin/sh -c {shlex.quote(_SCRIPT)} leash {shlex.quote(command)}"
