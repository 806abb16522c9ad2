"""A ProxyCommand's standard error is never read. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC215",
    name="proxy-stderr-full",
    family=Family.WAITING,
    summary="a ProxyCommand writes to its standard error, which nobody reads, until the pipe is full",
    symptom=("The connection freezes after a while; the proxy process waits in write(2) on its descriptor 2"),
    why=(
        "ProxyCommand.__init__ (proxy.py) starts the command with stderr=PIPE and never reads it: a chatty "
        "proxy (ssh -v) blocks when the pipe's 64 KiB are used up"
    ),
    fix=(
        "Make the proxy quiet (-q, or exec with 2>/dev/null in a shell), drain proxy.process.stderr in a "
        "thread, or use a direct-tcpip channel of a jump client instead."
    ),
    change="""\
- proxy = paramiko.ProxyCommand(f"ssh -v -W {host}:22 {jump}")
+ proxy = paramiko.ProxyCommand(f"ssh -q -W {host}:22 {jump}")
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/413",
        "https://github.com/paramiko/paramiko/issues/1277",
        "https://github.com/ktbyers/netmiko/issues/3195",
        "https://github.com/paramiko/paramiko/issues/674",
    ),
    paramiko_bug=True,
)
