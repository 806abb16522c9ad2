"""A signal handler calls Paramiko. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC213",
    name="signal-handler-reenters",
    family=Family.WAITING,
    summary="a signal handler calls Paramiko and interrupts Paramiko code that holds the lock it needs",
    symptom=(
        "The main thread waits for ever in lock.acquire under Channel._send or Transport._send_user_message, "
        "called from a signal handler that interrupted the same function; with repeated signals "
        "RecursionError"
    ),
    why=(
        "Python runs signal handlers on the main thread between two bytecodes, also inside Paramiko's "
        "critical sections; Channel.lock (channel.py) and Transport.clear_to_send_lock (transport.py) are "
        "plain locks that the same thread cannot take twice"
    ),
    fix=("Let the handler only set a plain flag (an attribute; Event.set() takes a lock too), and act on it outside."),
    change="""\
  def handler(signum, frame):
-     client.close()
+     state.stop = True           # the main loop looks at it
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/ansible/ansible/issues/47965",
        "https://github.com/ansible/ansible/pull/47702",
    ),
)
