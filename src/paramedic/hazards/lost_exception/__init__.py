"""An exception in a worker is lost. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC501",
    name="lost-exception",
    family=Family.ERRORS,
    summary=("a Future ends with an exception that nobody asks for, or a thread ends with one that nobody sees"),
    symptom=(
        'The program says that it is done and part of the work never happened; at most a line such as "Secsh '
        'channel 11 open FAILED" in the log'
    ),
    why=(
        "concurrent.futures keeps an exception in its Future until result() or exception() is called; "
        "Paramiko's exceptions (ChannelException, SSHException, socket.timeout) are common and arrive in the "
        "worker"
    ),
    fix=("Call result() on every Future, for example with as_completed(), or use map() and go through its results."),
    change="""\
- for host in hosts:
-     executor.submit(deploy, host)
+ futures = [executor.submit(deploy, host) for host in hosts]
+ for future in as_completed(futures):
+     future.result()             # raises what it raised
""",
    safe="Group",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/2346",
        "https://github.com/paramiko/paramiko/issues/567",
        "https://github.com/paramiko/paramiko/issues/1172",
    ),
)
