"""A connection that is idle for long, with no keepalive. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC219",
    name="idle-without-keepalive",
    family=Family.WAITING,
    summary="a long-lived connection is idle between its uses and has no keepalive: a firewall forgets it",
    symptom=(
        "After a quiet time the next call waits for ever, or fails with 'Socket is closed' or 'SSH session not "
        "active'; restarting the program helps"
    ),
    why=(
        "Transport sends nothing by itself: set_keepalive (transport.py) is off by default, so NAT tables and "
        "firewalls see a silent connection, which they forget without telling either side"
    ),
    fix="Call transport.set_keepalive(30) after connect(), and keep a timeout on every wait.",
    change="""\
  client.connect(host, timeout=10)
+ client.get_transport().set_keepalive(30)
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/redhat-performance/benchmark-runner/pull/1243",
        "https://github.com/fabric/fabric/issues/353",
        "https://github.com/paramiko/paramiko/issues/503",
    ),
)
