"""A callback blocks the transport thread. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC206",
    name="callback-blocks-transport",
    family=Family.WAITING,
    summary=(
        "a handler that Paramiko calls on its transport thread waits for something, and the connection stands still"
    ),
    symptom=(
        "A tunnel accepts a connection and then nothing; every other call on the connection waits; a login "
        "ends in AuthenticationException: Authentication timeout. The transport thread's stack shows user "
        "code -> Channel.recv -> BufferedPipe.read"
    ),
    why=(
        "Transport._parse_channel_open (transport.py) calls the forward, x11 and agent handlers on the "
        "transport thread, and AuthHandler._parse_userauth_info_request (auth_handler.py) the "
        "keyboard-interactive one; until the handler returns no message of this connection is read"
    ),
    fix=(
        "Let the handler only queue the channel, or start a thread, and return. Fetch passwords before "
        "auth_interactive()."
    ),
    change="""\
  def on_connection(channel, origin, server):
-     channel.sendall(fetch_page())
+     connections.put(channel)    # a worker answers
""",
    safe="Credentials",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/855",
        "https://github.com/paramiko/paramiko/issues/975",
        "https://github.com/paramiko/paramiko/issues/1710",
        "https://github.com/paramiko/paramiko/issues/719",
        "https://github.com/paramiko/paramiko/issues/1602",
    ),
)
