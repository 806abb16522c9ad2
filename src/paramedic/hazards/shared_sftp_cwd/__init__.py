"""A shared SFTPClient changes its working directory. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC105",
    name="shared-sftp-cwd",
    family=Family.SHARING,
    summary="one thread calls chdir() on an SFTPClient that another thread uses with relative paths",
    symptom=("Files land in another thread's directory, or FileNotFoundError: [Errno 2] No such file; mostly silent"),
    why=(
        "SFTPClient._cwd (sftp_client.py) is one attribute of the client; _adjust_cwd reads it anew at every "
        "call, so chdir() and the call that relies on it are two steps. A lock around each call does not help"
    ),
    fix="Use absolute paths and no chdir() on a shared SFTPClient, or give each thread its own.",
    change="""\
- sftp.chdir(folder)
- sftp.put(source, name)
+ sftp.put(source, f"{folder}/{name}")
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/2223",
        "https://github.com/megvii-research/megfile/pull/237",
    ),
)
