"""Two threads use one SFTPFile. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC104",
    name="shared-sftp-file",
    family=Family.SHARING,
    summary=("two threads use one SFTPFile, whose position and buffers belong to the file, not to the thread"),
    symptom="Blocks of the file come back swapped, repeated or cut; no exception",
    why=(
        "BufferedFile (file.py) keeps _pos, _realpos, _rbuffer and _wbuffer with no lock, and SFTPFile._read "
        "(sftp_file.py) asks the server for the bytes at _realpos: seek() and read() are two steps, so a lock"
        " around each call alone does not help"
    ),
    fix=(
        "Hold one lock over seek() and read() together, give each thread an SFTPFile of its own SFTPClient, "
        "or let one thread use readv()."
    ),
    change="""\
- file.seek(offset)
- block = file.read(size)
+ with file_lock:
+     file.seek(offset)
+     block = file.read(size)
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/althonos/fs.sshfs/issues/17",
        "https://github.com/paramiko/paramiko/pull/35",
        "https://github.com/paramiko/paramiko/issues/34",
    ),
)
