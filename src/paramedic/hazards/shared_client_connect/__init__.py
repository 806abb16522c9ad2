"""Two threads call connect() on one SSHClient. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC101",
    name="shared-client-connect",
    family=Family.SHARING,
    summary=("connect() runs in two threads on one SSHClient, and the last one to store its transport wins"),
    symptom=(
        "Commands run on another host than the thread asked for; AuthenticationException: Authentication "
        'timeout.; SSHException: No existing session; the log line "Oops, unhandled type 3 '
        "('unimplemented')\"; transport threads that nobody closes"
    ),
    why=(
        "SSHClient.connect (client.py) stores the new Transport in self._transport with no lock; "
        "SSHClient._auth and exec_command read self._transport again, so every thread logs in and runs on the"
        " transport that was stored last"
    ),
    fix=(
        "Give each host or thread its own SSHClient, or connect once before the threads start. To reconnect, "
        "connect a new SSHClient under one lock and publish it when it is ready."
    ),
    change="""\
- client.connect(host)            # in every worker
+ with paramiko.SSHClient() as client:   # the worker's own
+     client.load_system_host_keys()
+     client.connect(host, timeout=10)
+     run(client)
""",
    safe="SharedClient",
    upstream=(
        "https://github.com/fabric/fabric/issues/2239",
        "https://github.com/fabric/fabric/issues/1992",
        "https://github.com/paramiko/paramiko/issues/2601",
        "https://github.com/paramiko/paramiko/issues/1904",
        "https://github.com/jschneier/django-storages/issues/563",
        "https://github.com/paramiko/paramiko/issues/567",
        "https://github.com/paramiko/paramiko/issues/2117",
    ),
)
