"""A keepalive is taken for a timeout. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC211",
    name="keepalive-is-not-a-timeout",
    family=Family.WAITING,
    summary="set_keepalive() is relied on to notice a dead peer, which it never does",
    symptom=(
        "As without keepalive: a thread waits for ever in Channel.recv although the peer is gone; TCP gives "
        "up after many minutes at the earliest"
    ),
    why=(
        "Transport.set_keepalive (transport.py) sends 'keepalive@lag.net' with wait=False and so without "
        "asking for a reply; nothing counts missing answers as ssh's ServerAliveCountMax does"
    ),
    fix=(
        "Keep the keepalive for NAT and firewalls, and add a timeout to every wait. Set SO_KEEPALIVE or "
        "TCP_USER_TIMEOUT on the socket for dead peers."
    ),
    change="""\
  transport.set_keepalive(30)
- _, stdout, _ = client.exec_command(command)
+ _, stdout, _ = client.exec_command(command, timeout=60)
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/2463",
        "https://github.com/paramiko/paramiko/issues/2479",
        "https://github.com/paramiko/paramiko/issues/515",
    ),
)
