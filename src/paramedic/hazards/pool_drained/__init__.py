"""A pool loses its clients to exceptions. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC217",
    name="pool-drained",
    family=Family.WAITING,
    summary="a client taken from a queue is not put back when the work raises, until the pool is empty",
    symptom="After some failures every thread waits for ever in queue.Queue.get, or for a semaphore or condition",
    why=(
        "Paramiko raises often and late (SSHException, EOFError, socket.timeout); the put() after the work is"
        " then never reached. Paramiko has no pool of its own"
    ),
    fix=("Put the client, or a fresh one in place of a broken one, back in a finally clause or a context manager."),
    change="""\
  client = pool.get()
- output = run(client, command)
- pool.put(client)
+ try:
+     output = run(client, command)
+ finally:
+     pool.put(client)
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/oicr-gsi/shesmu/pull/1031",
        "https://github.com/oicr-gsi/shesmu/pull/960",
    ),
)
