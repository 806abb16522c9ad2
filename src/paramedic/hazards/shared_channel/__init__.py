"""Two threads use one stream of a Channel. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC102",
    name="shared-channel",
    family=Family.SHARING,
    summary="two threads read, write or hold a dialogue on the same stream of one Channel",
    symptom=(
        "Lines are lost or split between the readers, answers reach the wrong thread, a prompt is never seen "
        "and recv() ends in socket.timeout (TimeoutError); often no exception at all"
    ),
    why=(
        "BufferedPipe.read (buffered_pipe.py) hands the buffered bytes to whoever asks first; each "
        "ChannelFile keeps a private read buffer besides (BufferedFile._rbuffer, file.py); Channel.send and "
        "Channel.recv make one call whole, never a dialogue"
    ),
    fix=(
        "Let one thread read each stream and hand the lines on through a queue, hold one lock around a whole "
        "send-and-receive dialogue, or open a channel for each thread."
    ),
    change="""\
- channel.send(question)
- answer = channel.recv(65536)
+ with dialogue:                  # one lock for this channel
+     channel.sendall(question)
+     answer = channel.recv(65536)
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/ktbyers/netmiko/issues/586",
        "https://github.com/ktbyers/netmiko/issues/2999",
        "https://github.com/ktbyers/netmiko/pull/407",
        "https://github.com/paramiko/paramiko/issues/709",
        "https://github.com/althonos/fs.sshfs/issues/17",
        "https://github.com/ploxiln/paramiko-ng/pull/140",
        "https://github.com/paramiko/paramiko/pull/940",
    ),
)
