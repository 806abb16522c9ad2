"""Calls that were still waiting when the program was ended from outside, and that nothing else explains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paramedic.analysis.calls import Call
from paramedic.analysis.channels import STUCK_NS
from paramedic.analysis.machine import Root

if TYPE_CHECKING:
    from paramedic.analysis.facts import Facts

HUNG_NS = 3_000_000_000
"""A wait shorter than this, at the end of a program, is just where it was ended."""
UNANSWERED_NS = 5_000_000_000
"""So long no server thinks about a request that it always answers."""
DEAD_NS = 10_000_000_000
"""After so long without an answer to one nobody waits for the program's end to say that the peer is dead."""
_REQUESTS = frozenset(
    "SSHClient.exec_command SSHClient.invoke_shell SSHClient.open_sftp Transport.open_session Transport.open_channel "
    "Transport.open_sftp_client Transport.request_port_forward Channel.get_pty Channel.invoke_shell "
    "Channel.exec_command Channel.invoke_subsystem".split()
)
"""What a server always answers, whatever its command or its user does (RFC 4254, sections 4, 5.1 and 5.4)."""
_BY_LINES = ("File.readline", "File.__next__")
BY_LOOP_TIMER = 1
"""Argument of a close() that a timer of an event loop made, as the recorder gives it."""
ON_WAY_OUT = 3
"""… that a thread made because a signal (Ctrl-C mostly) had it leave all that it did."""
_HAND_OVERS = (
    "Thread.join",
    "Thread.shutdown",
    "Future.result",
    "Future.wait",
    "Queue.join",
    "Queue.get",
    "SimpleQueue.get",
    "Semaphore.acquire",
    "Event.wait",
    "Condition.wait",
)


@dataclass(frozen=True, slots=True)
class Hung:
    """A call that waits for the peer, which says nothing.

    Attributes:
        call: the call.
        root: what it was called on.
        lasted_ns: how long.
        silent_ns: for how long nothing had come from the peer.
        needed: whether the main thread waited for it, itself or through another thread, or somebody joins its thread;
            or whether it is a request, which a peer that is there always answers.
    """

    call: Call
    root: Root
    lasted_ns: int
    silent_ns: int
    needed: bool


def hung(facts: Facts) -> list[Hung]:
    """The remote calls that were waiting in vain at a disorderly end, or when Ctrl-C ended them.

    What has a better explanation is left out: a full window, a circle of locks, a transport's thread that user code
    keeps, a shared SFTP client whose replies were lost.

    Threads: pure.
    """
    waiting = _waiting(facts)
    open_calls = [call for call, _ in waiting]
    if not facts.states.orderly_end and last_wait(facts) is not None:
        return []  # the main thread has nothing left to do: that is the story, not the wait
    main_waits = any(c.thread == 1 and c.name in _HAND_OVERS for c in open_calls)
    chain = _waited_for(facts, 1)
    joined = {c.words for c in open_calls if c.name == "Thread.join" and c.argument < 0}
    found: list[Hung] = []
    interrupted = () if facts.live else facts.interrupted
    for call, root in (*waiting, *((call, facts.root(call.obj)) for call in interrupted)):
        if not facts.is_remote(call.name) or _waits_for_another(facts, call):
            continue
        ended = call.ended_ns or facts.end_ns
        lasted = ended - call.began_ns
        silent = ended - max(facts.heard.get(root.transport, 0), call.began_ns)
        if lasted >= HUNG_NS and silent >= HUNG_NS and not _explained(facts, root):
            needed = call.thread == 1 or main_waits or call.thread in facts.awaited or call.thread in joined
            if needed and call.name in _BY_LINES and call.thread not in (1, *facts.awaited, *joined):
                needed = call.thread in chain or not chain  # who follows a quiet stream is idle
            needed = needed or _is_request(call, root) and min(lasted, silent) >= UNANSWERED_NS
            found.append(Hung(call, root, lasted, silent, needed))
    return found


def _waiting(facts: Facts) -> list[tuple[Call, Root]]:
    """The calls that may hang."""
    still = [(call, facts.root(call.obj)) for call in facts.open.all()]
    if facts.live:  # nobody knows whether the peer is dead or only quiet, unless it owes an answer
        return [(call, root) for call, root in still if _is_long_unanswered(facts, call, root)]
    if facts.states.orderly_end:  # nothing hung, but for threads that somebody had waited for in vain
        return [pair for pair in (*facts.long_calls, *still) if pair[0].thread in facts.awaited]
    return still


def _is_long_unanswered(facts: Facts, call: Call, root: Root) -> bool:
    heard_ns = max(call.began_ns, facts.heard.get(root.transport, 0))
    return call.name in _REQUESTS and _is_request(call, root) and facts.end_ns - heard_ns >= DEAD_NS


def _is_request(call: Call, root: Root) -> bool:
    """Whether a call without a limit waits for an answer that every server gives: nobody who waits is idle there."""
    return call.argument <= 0 and (call.name in _REQUESTS or bool(root.sftp))


def last_wait(facts: Facts) -> Call | None:
    """The wait of a program that has nothing left to do for the threads that it has begun, if it is in one.

    That is the interpreter's own, or a join by the thread that ends an event loop's workers (``asyncio.run``, after all
    coroutines; base_events.py ``BaseEventLoop.shutdown_default_executor``).

    Threads: pure.
    """
    for call in facts.open.all():
        if call.name == "Thread.shutdown" or call.name == "Thread.join" and _of_loop(facts, call):
            return call
    return None


def _of_loop(facts: Facts, join: Call) -> bool:
    joiner, worker = facts.world.thread_name(join.thread), facts.world.thread_name(join.words)
    return "_do_shutdown" in joiner and worker.startswith("asyncio_")


def silent(facts: Facts) -> list[Call]:
    """The remote calls that have waited long at the end, or at this moment, and for which nothing has come.

    Threads: pure.
    """
    if facts.states.orderly_end:
        return []
    found: list[Call] = []
    for call in facts.open.all():
        heard = facts.heard.get(facts.transport_of(call.obj), 0)
        if facts.is_remote(call.name) and facts.end_ns - max(heard, call.began_ns) >= HUNG_NS:
            found.append(call)
    return found


def _waited_for(facts: Facts, thread: int) -> set[int]:
    """The threads for which one waits by join or for their task, and for which these do; empty if that is not known."""
    found: set[int] = set()
    while calls := facts.open.of(thread):
        call = calls[-1]
        future = call.name in ("Future.result", "Future.wait", "Future.exception")
        thread = call.words if call.name == "Thread.join" else facts.futures.runner(call.obj) if future else 0
        if not thread or thread in found:
            break
        found.add(thread)
    return found


def _waits_for_another(facts: Facts, call: Call) -> bool:
    """Whether a thread does not wait for the peer in its call but, in what interrupted that, for a lock or thread."""
    waits = [w for w in (facts.locks.waiting.get(call.thread),) if w is not None]
    waits += [own.wait for thread, own in facts.locks.own.items() if thread == call.thread]
    if any(call.began_ns <= wait.began_ns <= (call.ended_ns or facts.end_ns) for wait in waits):
        return True
    inner = facts.open.of(call.thread)
    return not call.ended_ns and bool(inner) and inner[-1] is not call and inner[-1].name in _HAND_OVERS


def _explained(facts: Facts, root: Root) -> bool:
    if any(inner.obj and facts.root(inner.obj).transport == root.transport for _, inner, _ in facts.nested.values()):
        return True
    if any(pipe.clogged for pipe in facts.states.proxy_unread.values()):
        return True  # the proxy waits until somebody reads its stderr
    if any(root.channel in stuck.channels for stuck in facts.channels.stuck()):
        return True
    if any(
        c.overlapped and c.rule.hazard == "shared-client-connect" and facts.root(c.resource).transport == root.transport
        for c in facts.conflicts.found()
    ):
        return True  # it runs on a connection on which nobody has logged in
    if root.sftp and any(c.resource == root.sftp for c in facts.conflicts.found()):
        return True
    if any(b.client == root.sftp for b in facts.sftp.behind.values()):
        return True
    for thread in facts.world.threads.values():
        if thread.transport == root.transport:
            if thread.number in facts.locks.waiting or thread.number in facts.finalizing:
                return True
            if any(c.name != "Transport.run" for c in facts.open.of(thread.number)):
                return True
    # two readers of a channel that has a fileno() can block the transport's thread in a pipe
    return root.channel in facts.states.filenos and len({c.thread for c in _reads(facts, root.channel)}) > 1


def _reads(facts: Facts, channel: int) -> list[Call]:
    return [c for c in facts.open.all() if facts.root(c.obj).channel == channel and facts.is_remote(c.name)]


def excused(facts: Facts, call: Call, root: Root) -> bool:
    """Whether a close under this call was the way out of a hang, and not what went wrong.

    Threads: pure.
    """
    close = facts.lives.close_of(root.transport, facts.client_of(root.transport))
    if close is not None and (close.argument == BY_LOOP_TIMER or facts.is_deadline(close.thread, call.thread)):
        return True
    known = facts.channels.known(root.channel)
    if known is not None and known.stuck_ns and call.ended_ns - known.stuck_ns < STUCK_NS:
        return True  # it, or another one of the same channel, was just cut off from a wait that nothing else would end
    if known is not None and known.full_ns and call.ended_ns - known.full_ns >= STUCK_NS:
        return True
    if any(behind.call is call for behind in facts.sftp.behind.values()):
        return True
    if any(c.obj == root.transport for c in facts.states.kex_waits if c.ended_ns - c.began_ns >= STUCK_NS):
        return True
    if any(c.obj == root.transport and c.name == "Transport.send_in_kex" for c in facts.open.all()):
        return True
    lasted = call.ended_ns - max(call.began_ns, facts.heard.get(root.transport, 0))
    return lasted >= HUNG_NS and (call.thread in facts.awaited or "Key-exchange" in call.error)
