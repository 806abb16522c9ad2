"""fileno() and two streams or two readers. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC111",
    name="select-pipe-race",
    family=Family.SHARING,
    summary=(
        "a channel with fileno() is read by two threads, or select() watches a channel with output on both streams"
    ),
    symptom=(
        "select() never returns although recv_ready() is true; or the whole connection stands still: one "
        "reader in PosixPipe.clear -> os.read, the transport thread in BufferedPipe.feed waiting for the lock"
        " that this reader holds"
    ),
    why=(
        "OrPipe.set and OrPipe.clear (pipe.py) join stdout's and stderr's state into one OS pipe with no lock"
        " of their own; both halves can miss each other's change, and PosixPipe.clear reads a byte that "
        "another thread has already taken"
    ),
    fix=(
        "Do not mix fileno() or select() with two readers: use one thread for each stream, or select() with a"
        " short timeout and ask recv_ready() and recv_stderr_ready() whatever it says, or combine the "
        "streams."
    ),
    change="""\
- select.select([channel], [], [])
+ select.select([channel], [], [], 0.5)
+ if channel.recv_ready():
+     output += channel.recv(65536)
+ if channel.recv_stderr_ready():
+     errors += channel.recv_stderr(65536)
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/paramiko/paramiko/pull/1235",
        "https://github.com/ploxiln/paramiko-ng/pull/27",
        "https://github.com/paramiko/paramiko/issues/537",
        "https://github.com/paramiko/paramiko/issues/1700",
        "https://github.com/paramiko/paramiko/issues/695",
        "https://github.com/ansible/ansible/pull/3310",
    ),
    paramiko_bug=True,
)
