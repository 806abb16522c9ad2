"""Two threads call one SFTPClient. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC103",
    name="shared-sftp-client",
    family=Family.SHARING,
    summary="two threads call one SFTPClient at the same time, and one takes or spoils the other's reply",
    symptom=(
        "A thread waits for ever in BufferedPipe.read <- Channel.recv <- BaseSFTP._read_all <- "
        "SFTPClient._read_response; or SFTPError: Garbage packet received, SSHException: Server connection "
        "dropped, OSError: Socket is closed, size mismatch in put!"
    ),
    why=(
        "SFTPClient._read_response (sftp_client.py) is run by every waiting thread: a reply that belongs to "
        "another thread is taken from _expecting and dropped; BaseSFTP._write_all and _read_all (sftp.py) "
        "send and read in pieces outside any lock; SFTPClient._lock guards only the request number"
    ),
    fix=(
        "Open an SFTPClient for each thread (SFTPClient.from_transport on the shared transport, within the "
        "server's session limit), or hold one lock around every whole SFTP call."
    ),
    change="""\
- sftp.put(source, target)        # one for all threads
+ with client.open_sftp() as sftp:   # one for each thread
+     sftp.get_channel().settimeout(60)
+     sftp.put(source, target)
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/fractal-analytics-platform/fractal-server/issues/1614",
        "https://github.com/fractal-analytics-platform/fractal-server/issues/1683",
        "https://github.com/paramiko/paramiko/issues/718",
        "https://github.com/paramiko/paramiko/issues/395",
        "https://github.com/paramiko/paramiko/issues/807",
        "https://github.com/paramiko/paramiko/issues/1836",
        "https://github.com/megvii-research/megfile/pull/242",
        "https://github.com/althonos/fs.sshfs/issues/17",
        "https://github.com/paramiko/paramiko/issues/1171",
        "https://github.com/paramiko/paramiko/issues/814",
        "https://github.com/paramiko/paramiko/issues/2235",
    ),
)
