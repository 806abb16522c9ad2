"""A wait that nothing ends. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC210",
    name="wait-without-timeout",
    family=Family.WAITING,
    summary="a call waits on a peer that may never answer, and no timeout ends it",
    symptom=(
        "The thread waits for ever in Channel.recv -> BufferedPipe.read -> Condition.wait, in "
        "Channel.recv_exit_status or in Channel._wait_for_event; the transport thread sits in "
        "Packetizer.read_all -> socket.recv"
    ),
    why=(
        "Channel.timeout is None; recv_exit_status and Channel._wait_for_event (channel.py) take no timeout "
        "at all, so exec_command(timeout=…) does not cover the server's reply to the request; opening a "
        "channel waits 3600 s (Transport.open_channel, transport.py); a silent socket is polled for ever "
        "(Packetizer.read_all, packet.py)"
    ),
    fix=(
        "Pass timeout= to connect(), exec_command() and open_session(), settimeout() to shells and SFTP "
        "channels, and let a timer close the client at an outer deadline."
    ),
    change="""\
- client.connect(host)
- _, stdout, _ = client.exec_command(command)
+ client.connect(host, timeout=10, auth_timeout=30)
+ _, stdout, _ = client.exec_command(command, timeout=60)
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/515",
        "https://github.com/paramiko/paramiko/issues/1426",
        "https://github.com/paramiko/paramiko/issues/2152",
        "https://github.com/paramiko/paramiko/issues/2061",
        "https://github.com/paramiko/paramiko/issues/698",
        "https://github.com/paramiko/paramiko/issues/644",
        "https://github.com/carsdotcom/cars-forge/pull/73",
        "https://github.com/apache/airflow/issues/16364",
        "https://github.com/paramiko/paramiko/issues/739",
        "https://github.com/paramiko/paramiko/issues/2599",
        "https://github.com/paramiko/paramiko/issues/2346",
    ),
)

REPLY_WAIT = "exec_command()'s timeout does not cover its wait for the server's reply, which nothing else limits"
"""What is said of a command whose timeout somebody counts on; true of every timeout, however long."""
