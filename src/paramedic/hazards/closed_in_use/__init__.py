"""A client is closed while it is in use. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC301",
    name="closed-in-use",
    family=Family.LIFETIME,
    summary="a client, jump host or channel is closed while another thread still works with it",
    symptom=(
        "AttributeError: 'NoneType' object has no attribute 'open_session'; SSHException: Unable to open "
        "channel. or SSH session not active; EOFError; or empty output with exit status -1, which looks like "
        "success with no output"
    ),
    why=(
        "SSHClient.close (client.py) sets self._transport to None under the other threads' feet; "
        "Transport.close (transport.py) unlinks every channel, and Channel._set_closed (channel.py) wakes the"
        " readers with b'' and leaves exit_status at -1. A connection through a jump host dies with the jump "
        "host's client"
    ),
    fix=(
        "Join the workers (leave the executor's with block) before the client is closed, close inner "
        "connections first, and treat exit status -1 as a failure."
    ),
    change="""\
- client.close()
  for worker in workers:
      worker.join()
+ client.close()
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/2117",
        "https://github.com/paramiko/paramiko/issues/2600",
        "https://github.com/paramiko/paramiko/pull/2607",
        "https://github.com/paramiko/paramiko/issues/1598",
        "https://github.com/paramiko/paramiko/issues/44",
        "https://github.com/paramiko/paramiko/issues/465",
        "https://github.com/paramiko/paramiko/issues/975",
        "https://github.com/paramiko/paramiko/issues/774",
    ),
)
