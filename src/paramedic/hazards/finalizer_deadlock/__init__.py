"""A finalizer waits for a lock that its own thread holds. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC302",
    name="finalizer-deadlock",
    family=Family.LIFETIME,
    summary="the garbage collector finalizes a channel file on the thread that holds the channel's lock",
    symptom=(
        "The connection freezes: SSHException: Timeout opening channel. or endless waits; transport thread: "
        "Channel.shutdown (lock.acquire) <- shutdown_write <- ChannelStdinFile.close <- BufferedFile.__del__ "
        "<- … <- Channel._handle_close <- Transport.run"
    ),
    why=(
        "BufferedFile.__del__ (file.py) calls close(), which for exec_command's stdin (ChannelStdinFile, "
        "channel.py, since 2.6) takes Channel.lock. If the file is part of a reference cycle, the collector "
        "runs this at any allocation, also on the transport thread inside Channel._handle_close, which holds "
        "that lock; Channel.lock is a plain Lock"
    ),
    fix=("Close exec_command's stdin explicitly, and do not keep channel files in objects that refer to themselves."),
    change="""\
  stdin, stdout, _ = client.exec_command(command, timeout=60)
+ stdin.close()
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/2685",
        "https://github.com/paramiko/paramiko/pull/2686",
        "https://github.com/paramiko/paramiko/pull/2687",
        "https://github.com/paramiko/paramiko/issues/2075",
        "https://github.com/paramiko/paramiko/issues/247",
        "https://github.com/paramiko/paramiko/issues/1634",
        "https://github.com/ploxiln/paramiko-ng/issues/145",
        "https://github.com/confluentinc/ducktape/pull/476",
        "https://github.com/truenas/zettarepl/pull/288",
    ),
    paramiko_bug=True,
)
