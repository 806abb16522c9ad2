"""EOF is sent on a channel after its CLOSE. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC110",
    name="eof-after-close",
    family=Family.SHARING,
    summary=("one thread sends a channel's EOF after another thread, or Paramiko's own, has sent its CLOSE"),
    symptom=(
        "At random every channel of the connection fails: SSHException: Unable to open channel., "
        "SSHException: SSH session not active, EOFError; the server's log says \"ieof packet referred to "
        'nonexistent channel" or "Received ieof for nonexistent channel"'
    ),
    why=(
        "Channel.shutdown (channel.py) builds the EOF message under Channel.lock and sends it after letting "
        "the lock go; close() or _handle_close on the transport thread can send CLOSE in between. After CLOSE"
        " in both directions the channel no longer exists (RFC 4254 section 5.3), and OpenSSH drops the whole"
        " connection"
    ),
    fix=("Close stdin and then the channel in one thread, in that order, and close stdin before you read to the end."),
    change="""\
- stdin.close()                   # in another thread
- stdout.channel.close()
+ stdin.close()                   # one thread, in this order
+ output = stdout.read()
+ stdout.channel.close()
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/1115",
        "https://github.com/paramiko/paramiko/issues/1705",
        "https://github.com/paramiko/paramiko/pull/1137",
        "https://github.com/paramiko/paramiko/pull/1131",
        "https://github.com/ploxiln/paramiko-ng/pull/101",
        "https://github.com/ploxiln/paramiko-ng/pull/99",
        "https://github.com/mkj/dropbear/issues/258",
    ),
    paramiko_bug=True,
)
