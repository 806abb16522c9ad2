"""The threading checklist: its items, what speaks for and against each, and what settles it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question of the checklist.

    Attributes:
        name: kebab-case.
        question: what is asked, as a statement that should be true.
        hazards: findings of these speak against it.
        wants: sightings of which one is needed before the item can pass (or be asked at all).
        needs: sightings of which one is needed besides, because silence alone proves nothing.
        shows: sightings that by themselves make it pass.
        idle: why the item is not needed where none of ``wants`` is there; "" where it is needed all the same.
        notes: what is said besides, however the item stands, where such a thing is sighted: (kind, sentence).
        settles: the command or change that would settle it.
        weight: the heavier, the sooner it should be done.
    """

    name: str
    question: str
    hazards: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()
    idle: str = ""
    notes: tuple[tuple[str, str], ...] = ()
    settles: str = ""
    weight: int = 1


CHECKLIST: tuple[Item, ...] = (
    Item(
        name="debug-logging",
        question="Paramiko's debug log can be had when something goes wrong",
        hazards=("log-to-file-ignored",),
        shows=("debug-logging",),
        settles='Make it switchable: logging.getLogger("paramiko").setLevel(logging.DEBUG), %(thread)d in the format.',
    ),
    Item(
        name="not-shared",
        question="Clients, channels and SFTP clients are not shared, or one lock guards them",
        hazards=(
            "shared-client-connect",
            "shared-channel",
            "shared-sftp-client",
            "shared-sftp-file",
            "shared-sftp-cwd",
            "global-request-race",
            "forward-handler-replaced",
            "shared-agent",
            "eof-after-close",
            "select-pipe-race",
        ),
        wants=("threads",),
        idle="the source starts no threads: nothing is shared, unless its callers start some",
        settles="paramedic run --level check your_program.py   # proves it for the paths that run",
        weight=6,
    ),
    Item(
        name="output-read",
        question="Output is read before the status, and both streams at once",
        hazards=(
            "exit-status-before-output",
            "exit-status-ends-reading",
            "undrained-stderr",
            "undrained-output-while-writing",
            "prefetch-stall",
            "proxy-stderr-full",
        ),
        wants=("commands",),
        idle="the source runs no commands",
        settles="paramedic run your_program.py   # with commands that write more than 2 MiB",
        weight=5,
    ),
    Item(
        name="locks-short",
        question="Locks are short, taken in one order, and not held while a command runs",
        hazards=("lock-held-across-io", "lock-order-inversion"),
        wants=("locks",),
        idle="the source takes no locks",
        settles="paramedic run --level check your_program.py",
        weight=4,
    ),
    Item(
        name="callbacks-quick",
        question="Callbacks, signal handlers, event loops and child processes leave Paramiko alone",
        hazards=(
            "callback-blocks-transport",
            "call-on-transport-thread",
            "signal-handler-reenters",
            "blocking-the-event-loop",
            "forked-connection",
            "connect-at-import",
            "gevent-half-patched",
        ),
        wants=("callbacks",),
        idle="the source has no callbacks on Paramiko's threads, signal handlers, coroutines or child processes",
        settles="paramedic run your_program.py",
        weight=5,
    ),
    Item(
        name="thread-dumps",
        question="A thread dump can be taken in production",
        shows=("thread-dumps",),
        settles="Add faulthandler.register(signal.SIGUSR1) at start; then: kill -USR1 PID, and paramedic dump FILE",
        weight=2,
    ),
    Item(
        name="exceptions-read",
        question="Threads have owners that wait for them and read their exceptions",
        hazards=("lost-exception", "pool-starvation", "pool-drained"),
        wants=("futures", "threads"),
        idle="the source starts no threads",
        settles="Call result() on every future, or use `with ThreadPoolExecutor(...)` and iterate over map().",
        weight=4,
    ),
    Item(
        name="timeouts",
        question="Every wait has a timeout, and long-lived connections a keepalive",
        hazards=("wait-without-timeout", "keepalive-is-not-a-timeout", "idle-without-keepalive"),
        wants=("connections", "channels"),
        needs=("timeouts",),
        notes=(
            (
                "exec-timeouts",
                "exec_command(timeout=) does not cover its wait for the server's reply, whatever its length: "
                "only a timer that closes the client, or paramedic.safe, limits that",
            ),
        ),
        settles="connect(timeout=…), exec_command(timeout=…), transport.set_keepalive(30)",
        weight=3,
    ),
    Item(
        name="bounded",
        question="Connections and sessions are bounded",
        hazards=("session-limit", "connect-storm"),
        wants=("threads",),
        idle="the source starts no threads: one thing is done after the other",
        settles="A BoundedSemaphore(5) around opening to closing, or an executor with max_workers=5.",
        weight=3,
    ),
    Item(
        name="host-keys",
        question="Host keys are verified, and written by one thread",
        hazards=("host-key-not-verified", "known-hosts-race"),
        wants=("connections", "known-hosts"),
        idle="the source makes no connection: whoever makes it verifies the key",
        settles="client.load_system_host_keys() and RejectPolicy, the default.",
        weight=3,
    ),
    Item(
        name="closed",
        question="Everything that is opened is closed, after its users have ended",
        hazards=(
            "leaked-connection",
            "closed-in-use",
            "dropped-channel",
            "proxy-command-leak",
            "exit-blocked",
            "finalizer-deadlock",
        ),
        wants=("connections", "channels"),
        idle="the source opens no connection and no channel: whoever does closes them",
        needs=("closes",),
        settles="`with paramiko.SSHClient() as client:`, and join the threads inside it.",
        weight=4,
    ),
)
