"""recv_exit_status() before the output is read. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC201",
    name="exit-status-before-output",
    family=Family.WAITING,
    summary=("recv_exit_status() is called before the output is read, and the output is larger than the window"),
    symptom=(
        "The thread waits for ever in Channel.recv_exit_status -> Event.wait; the remote process waits in write(2)"
    ),
    why=(
        "Channel.recv_exit_status (channel.py) waits with no limit for the remote process to end; the server "
        "may send 2 MiB (DEFAULT_WINDOW_SIZE, common.py) and more only after recv() has given window back "
        "(Channel._check_add_window), which nobody does"
    ),
    fix="Read stdout and stderr to their ends first, then call recv_exit_status().",
    change="""\
- status = stdout.channel.recv_exit_status()
  output = stdout.read()
+ status = stdout.channel.recv_exit_status()
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/448",
        "https://github.com/paramiko/paramiko/issues/563",
        "https://github.com/nornir-automation/nornir/pull/313",
        "https://github.com/aiidateam/aiida-core/issues/1525",
        "https://github.com/spotify/cstar/pull/55",
        "https://github.com/fgimian/multissh/issues/2",
        "https://github.com/paramiko/paramiko/issues/2308",
    ),
)
