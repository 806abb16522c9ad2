"""stdin is written while nobody reads the output. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC204",
    name="undrained-output-while-writing",
    family=Family.WAITING,
    summary="stdin is written while nobody reads the output of the same channel",
    symptom=(
        "The thread waits for ever in Channel.sendall -> send -> _send -> _wait_for_send_window -> Condition.wait"
    ),
    why=(
        "The remote program stops reading its input when it cannot write its output; our receive window is "
        "full of bytes that nobody reads, so the server never opens the send window, and "
        "Channel._wait_for_send_window (channel.py) waits with no limit unless settimeout() was called"
    ),
    fix=(
        "Write in one thread and read in another (one writer and one reader on a channel are safe), and close"
        " stdin at the end."
    ),
    change="""\
- stdin.write(data)
- output = stdout.read()
+ reader = executor.submit(stdout.read)
+ stdin.write(data)
+ stdin.channel.shutdown_write()
+ output = reader.result()
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/1778",
        "https://github.com/paramiko/paramiko/issues/322",
        "https://github.com/paramiko/paramiko/issues/109",
    ),
)
