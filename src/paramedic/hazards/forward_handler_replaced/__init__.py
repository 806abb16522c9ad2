"""The second port forward takes over the first one's handler. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC108",
    name="forward-handler-replaced",
    family=Family.SHARING,
    summary=(
        "a second request_port_forward() replaces the handler of the first, and cancelling one removes it for all"
    ),
    symptom=(
        "Connections to the first tunnel reach the second tunnel's handler; after cancel_port_forward() the "
        "other tunnel's connections are refused, with the log line 'Rejecting \"forwarded-tcpip\" channel "
        "request from server.'"
    ),
    why=(
        "Transport._tcp_handler (transport.py) is one slot for the whole transport: request_port_forward "
        "overwrites it and cancel_port_forward sets it to None, whatever address and port were asked for"
    ),
    fix=(
        "Use one handler that looks at the server address it is given and dispatches, or a connection for each tunnel."
    ),
    change="""\
- transport.request_port_forward("", 8080, handle_web)
- transport.request_port_forward("", 5432, handle_database)
+ def handle(channel, origin, server):
+     handlers[server[1]](channel, origin, server)
+ transport.request_port_forward("", 8080, handle)
+ transport.request_port_forward("", 5432, handle)
""",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/1710",
        "https://github.com/paramiko/paramiko/pull/2381",
    ),
    paramiko_bug=True,
)
