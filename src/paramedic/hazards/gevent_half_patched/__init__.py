"""gevent has patched only half of what Paramiko uses. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC502",
    name="gevent-half-patched",
    family=Family.ERRORS,
    summary="gevent has patched sockets but not threads, or was imported after Paramiko",
    symptom=(
        'SSHException: Error reading SSH protocol banner, with "This operation would block forever" or '
        '"Cannot switch to a different thread" in the log'
    ),
    why=(
        "Transport (transport.py) is a real thread that reads a socket; if the socket is gevent's and the "
        "thread is not, the socket belongs to a hub of another thread. Some names are bound when Paramiko is "
        "imported (class Transport(threading.Thread); from select import select in proxy.py and agent.py)"
    ),
    fix=(
        "Call gevent.monkey.patch_all() before anything else is imported, or patch neither sockets nor "
        "threads in a program that uses Paramiko."
    ),
    change="""\
- monkey.patch_socket()
+ monkey.patch_all()              # before any other import
""",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/633",
        "https://github.com/paramiko/paramiko/issues/337",
        "https://github.com/paramiko/paramiko/issues/764",
        "https://github.com/paramiko/paramiko/issues/545",
        "https://github.com/gevent/gevent/issues/816",
        "https://github.com/ParallelSSH/parallel-ssh/pull/71",
    ),
)
