"""Small requests wait for Nagle's algorithm. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC701",
    name="nagle-stall",
    family=Family.SPEED,
    summary="many small requests meet Nagle's algorithm and the peer's delayed acknowledgement",
    symptom=("About 40 ms for each small command on a fast link; 20 commands a second where 250 are possible"),
    why=(
        "Paramiko never sets TCP_NODELAY (no setsockopt in client.py or transport.py): a small packet waits "
        "for the acknowledgement of the one before it"
    ),
    fix=("Set TCP_NODELAY on client.get_transport().sock right after connect(), or pass a prepared socket as sock=."),
    change="""\
  client.connect(host, timeout=10)
+ sock = client.get_transport().sock
+ sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/pahaz/sshtunnel/pull/246",
        "https://github.com/imbue-ai/mngr/pull/2598",
        "https://github.com/getgauge/gauge-python/pull/83",
    ),
)
