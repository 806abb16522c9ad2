"""Too many sessions on one connection. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC401",
    name="session-limit",
    family=Family.LIMITS,
    summary="more sessions are opened on one connection than the server allows",
    symptom=(
        "ChannelException: ChannelException(2, 'Connect failed') (older servers: (1, 'Administratively "
        'prohibited\')), log line "Secsh channel 10 open FAILED"; another thread gets SSHException: Unable to '
        "open channel. with no reason"
    ),
    why=(
        "OpenSSH allows MaxSessions (10) for each connection. Transport.saved_exception (transport.py) is one"
        " slot for the whole transport, and get_exception clears it: threads that are refused together lose "
        "their reason or get another's"
    ),
    fix=(
        "Hold a semaphore of half of MaxSessions around opening to closing each channel, close channels when done, or "
        "use more connections. Half, because the server counts a session until it has handled its close, and the next "
        "open may come before that."
    ),
    change="""\
- _, stdout, _ = client.exec_command(command)
- output = stdout.read()
+ with sessions:                  # threading.Semaphore(5)
+     _, stdout, _ = client.exec_command(command, timeout=60)
+     output = stdout.read()
+     stdout.channel.close()
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/2346",
        "https://github.com/paramiko/paramiko/issues/528",
        "https://github.com/paramiko/paramiko/issues/1264",
        "https://github.com/MarketSquare/SSHLibrary/issues/126",
        "https://github.com/AmadeusITGroup/JumpSSH/issues/253",
    ),
)
