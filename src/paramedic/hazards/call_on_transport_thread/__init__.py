"""A callback calls its own connection. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC207",
    name="call-on-transport-thread",
    family=Family.WAITING,
    summary=(
        "a callback on the transport thread calls the same connection and waits for an answer that only this "
        "thread can read"
    ),
    symptom=(
        "The transport thread waits in user code -> SSHClient.exec_command -> Transport.open_session -> "
        "open_channel -> Event.wait; after an hour SSHException: Timeout opening channel.; or the first "
        "re-key never ends and every other thread waits"
    ),
    why=(
        "Transport.open_channel, global_request and Channel._wait_for_event (transport.py, channel.py) wait "
        "for an event that Transport.run sets, on the very thread that waits. A logging handler that writes "
        "through the connection does the same: Paramiko logs on this thread"
    ),
    fix="Let callbacks and logging handlers only put work into a queue that another thread serves.",
    change="""\
  def on_connection(channel, origin, server):
-     client.exec_command("cat motd")
+     connections.put(channel)    # a worker runs the command
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/855",
        "https://github.com/paramiko/paramiko/issues/1634",
        "https://github.com/ploxiln/paramiko-ng/issues/145",
        "https://github.com/paramiko/paramiko/issues/822",
        "https://github.com/paramiko/paramiko/issues/247",
    ),
)
