"""A ProxyCommand is never waited for. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC307",
    name="proxy-command-leak",
    family=Family.LIFETIME,
    summary="ProxyCommand processes are not waited for and their pipes stay open",
    symptom=(
        "Zombie processes and three descriptors for each connection; later ValueError: filedescriptor out of "
        "range in select() or OSError: [Errno 24] Too many open files"
    ),
    why=(
        "ProxyCommand.close (proxy.py) only sends SIGTERM: it neither waits for the process nor closes its three pipes"
    ),
    fix=(
        "After client.close(), join the transport thread, then call proxy.process.wait(timeout=…) and close "
        "proxy.process.stdin, stdout and stderr (with proxy.process: does both)."
    ),
    change="""\
  client.close()
+ transport.join(10)
+ with proxy.process:             # closes its pipes and waits
+     pass
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/1713",
        "https://github.com/paramiko/paramiko/issues/1715",
        "https://github.com/paramiko/paramiko/issues/2568",
        "https://github.com/paramiko/paramiko/pull/2570",
        "https://github.com/paramiko/paramiko/pull/962",
        "https://github.com/paramiko/paramiko/pull/2174",
        "https://github.com/pahaz/sshtunnel/issues/294",
    ),
    paramiko_bug=True,
)
