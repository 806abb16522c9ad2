"""A reader keeps the process from ending. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC306",
    name="exit-blocked",
    family=Family.LIFETIME,
    summary=(
        "main has ended but a thread that is not a daemon still waits for a remote stream, so the process does not end"
    ),
    symptom=(
        "main() is over and the process stays: the main thread in threading._shutdown, a worker in BufferedPipe.read"
    ),
    why=(
        "Python joins non-daemon threads, and those of executors, before atexit handlers run. Paramiko's "
        "transport thread is a daemon, and the hook that stops it (_join_lingering_threads, transport.py) is "
        "an atexit handler: it comes too late to end the reader"
    ),
    fix=("Close the channel or client before main ends, so that readers see the end of the stream; join them then."),
    change="""\
+ client.close()                  # the reader sees the end
  reader.join()
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/pahaz/sshtunnel/issues/72",
        "https://github.com/pahaz/sshtunnel/issues/138",
        "https://github.com/pahaz/sshtunnel/issues/201",
        "https://github.com/pahaz/sshtunnel/issues/211",
        "https://github.com/paramiko/paramiko/issues/17",
        "https://github.com/paramiko/paramiko/issues/1617",
        "https://github.com/paramiko/paramiko/issues/1797",
    ),
)
