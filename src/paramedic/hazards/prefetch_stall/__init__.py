"""A prefetched file is not read to its end. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC205",
    name="prefetch-stall",
    family=Family.WAITING,
    summary=(
        "a prefetch of a large file is left unread, and the next call on the same SFTPClient must wade through it"
    ),
    symptom=("The next SFTP call, or close(), takes minutes or never returns; CPU and network are busy; memory grows"),
    why=(
        "SFTPFile.prefetch (sftp_file.py) asks for the whole file from a thread of its own, with no limit by "
        "default; replies come in order, so the next caller in SFTPClient._read_response must take every "
        "outstanding block first, and with both windows full its own request blocks in "
        "Channel._wait_for_send_window"
    ),
    fix=(
        "Read the file to its end, pass max_concurrent_requests to prefetch() (Paramiko 3.3 and later), or do"
        " not prefetch."
    ),
    change="""\
- file.prefetch()
+ file.prefetch(max_concurrent_requests=64)   # Paramiko 3.3
  head = file.read(1024)
""",
    safe="Group",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/2454",
        "https://github.com/paramiko/paramiko/issues/1788",
        "https://github.com/paramiko/paramiko/issues/560",
        "https://github.com/paramiko/paramiko/issues/577",
        "https://github.com/paramiko/paramiko/pull/2058",
        "https://github.com/paramiko/paramiko/issues/2455",
    ),
)
