"""Too many connections begin at once. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC402",
    name="connect-storm",
    family=Family.LIMITS,
    summary=("many connections to one server start at the same moment, and the server drops some before its banner"),
    symptom=(
        "SSHException: Error reading SSH protocol banner, with [Errno 104] Connection reset by peer or after "
        "15 s with nothing; EOFError"
    ),
    why=(
        "OpenSSH's MaxStartups (10:30:100) drops unauthenticated connections at random from the 11th on; "
        "Transport._check_banner (transport.py) reports this as SSHException('Error reading SSH protocol "
        "banner' + …) after banner_timeout"
    ),
    fix=(
        "Connect fewer than ten at a time (a semaphore around connect(), or a small executor), retry with a "
        "random delay, or use one connection with several channels."
    ),
    change="""\
- client.connect(host)
+ with connecting:                # threading.Semaphore(8)
+     client.connect(host, timeout=10, banner_timeout=60)
""",
    safe="Group",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/664",
        "https://github.com/paramiko/paramiko/issues/1511",
        "https://github.com/paramiko/paramiko/issues/1752",
        "https://github.com/paramiko/paramiko/issues/1482",
        "https://github.com/paramiko/paramiko/issues/1181",
        "https://github.com/deepmodeling/dpdispatcher/issues/244",
        "https://github.com/scylladb/scylla-cluster-tests/pull/2005",
    ),
)
