"""A channel is dropped while its command runs. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC303",
    name="dropped-channel",
    family=Family.LIFETIME,
    summary=(
        "the last reference to a channel goes away while its remote command still runs, and the channel is closed"
    ),
    symptom=(
        "The remote job dies early (SIGHUP with a terminal, SIGPIPE without), often not when the reference is"
        " dropped but when the next command is run"
    ),
    why=(
        "Channel.__del__ (channel.py) closes the channel; Transport keeps channels only by weak reference "
        "(ChannelMap, transport.py). The local variable chan of Transport.run keeps the last channel that got"
        " a message alive until another one gets a message"
    ),
    fix=(
        "Keep the channel, or stdout, for as long as the job runs, or detach the job on the remote side "
        "(nohup, setsid, systemd-run)."
    ),
    change="""\
- client.exec_command(command)
+ jobs[name] = client.exec_command(command)   # kept
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/44",
        "https://github.com/paramiko/paramiko/issues/344",
        "https://github.com/paramiko/paramiko/issues/2075",
        "https://github.com/paramiko/paramiko/issues/64",
    ),
)
