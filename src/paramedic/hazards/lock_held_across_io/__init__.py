"""A lock is held across remote I/O. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC208",
    name="lock-held-across-io",
    family=Family.WAITING,
    summary=("a lock is held while a remote command runs or its output is read, and every other thread waits for it"),
    symptom=("Other threads stall for as long as the remote command takes; heartbeats are late; it looks like a hang"),
    why=(
        "exec_command() and read() last as long as the remote side likes (Channel.recv, BufferedPipe.read). "
        "One Transport serves many channels at once (Transport.lock, ChannelMap in transport.py), so the lock"
        " is not needed for this"
    ),
    fix=(
        "Hold the lock only for the program's own state; run commands on one client from several threads "
        "without it, each on its own channel and with timeouts."
    ),
    change="""\
- with lock:
-     _, stdout, _ = client.exec_command(command)
-     results[name] = stdout.read()
+ _, stdout, _ = client.exec_command(command, timeout=60)
+ output = stdout.read()
+ with lock:
+     results[name] = output
""",
    safe="SharedClient",
    upstream=(
        "https://github.com/ktbyers/netmiko/pull/407",
        "https://github.com/paramiko/paramiko/issues/1208",
        "https://pythoneo.com/how-to-debug-threading-issues-in-paramiko",
    ),
)
