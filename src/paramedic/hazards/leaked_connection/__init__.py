"""A client is dropped and not closed. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC304",
    name="leaked-connection",
    family=Family.LIFETIME,
    summary="an SSHClient is dropped without close(), and its connection and transport thread stay",
    symptom=(
        "Threads and connections pile up; later OSError: [Errno 24] Too many open files or refusals by the "
        "server; one connection stays for each worker thread ever started, and one for each failed login"
    ),
    why=(
        "Since 2.2 a dropped SSHClient does not close its Transport (client.py): the transport thread runs, "
        "and a running thread is never collected. threading.local drops its values when a thread ends, "
        "without closing them. SSHClient.connect leaves the Transport open when authentication fails"
    ),
    fix=(
        "Use with SSHClient() as client, or close() in a finally clause that also covers connect(); list "
        "thread-local clients and close them when the workers have ended."
    ),
    change="""\
- client = paramiko.SSHClient()
- client.connect(host)
- run(client)
+ with paramiko.SSHClient() as client:
+     client.connect(host, timeout=10)
+     run(client)
""",
    safe="local_client",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/2214",
        "https://github.com/fractal-analytics-platform/fractal-server/issues/1730",
        "https://github.com/paramiko/paramiko/issues/2458",
        "https://github.com/paramiko/paramiko/issues/1856",
        "https://github.com/paramiko/paramiko/issues/1127",
        "https://github.com/paramiko/paramiko/issues/949",
        "https://github.com/paramiko/paramiko/issues/623",
        "https://github.com/paramiko/paramiko/pull/952",
        "https://github.com/paramiko/paramiko/pull/987",
        "https://github.com/jschneier/django-storages/issues/1234",
        "https://github.com/paramiko/paramiko/issues/1598",
        "https://pythoneo.com/how-to-debug-threading-issues-in-paramiko",
        "https://github.com/ktbyers/netmiko/issues/2999",
    ),
)
