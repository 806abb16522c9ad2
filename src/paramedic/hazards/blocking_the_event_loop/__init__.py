"""Paramiko blocks an event loop. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC216",
    name="blocking-the-event-loop",
    family=Family.WAITING,
    summary="a blocking Paramiko call runs on the thread of an asyncio event loop",
    symptom=(
        "The event loop stands still while a command runs: requests time out, heartbeats stop, other tasks do not move"
    ),
    why=(
        "Every Paramiko call blocks its thread (Event.wait in Transport.open_channel, Condition.wait in "
        "BufferedPipe.read); none gives control back to an event loop"
    ),
    fix=(
        "Run it with asyncio.to_thread(), or in an executor with one thread for each connection; or use a "
        "library that is asynchronous, such as AsyncSSH."
    ),
    change="""\
- output = run(client, command)
+ output = await asyncio.to_thread(run, client, command)
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/fractal-analytics-platform/fractal-server/issues/1605",
        "https://github.com/paramiko/paramiko/issues/1702",
        "https://github.com/paramiko/paramiko/issues/2363",
        "https://github.com/mcdonc/klangk/issues/1066",
    ),
)
