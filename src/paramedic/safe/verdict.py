"""What the caller of a command is told when it has ended: a result or an error. Pure."""

from __future__ import annotations

from paramedic.safe.errors import CommandError, CommandTimeout, ConnectionLost, PoolClosed, SafeError, SessionRefused
from paramedic.safe.result import CommandResult, Ending
from paramedic.safe.session import Outcome, Session
from paramedic.safe.task import Task, Why

_CLOSED, _EXITED = Outcome.CLOSED, Ending.EXITED
_WAITING_FOR = {
    "connect": "connecting",
    "queue": "waiting for a free session",
    "open": "the server's answer to the request for a session",
    "exec": "the server's answer to the request to run the command",
}
_LONGER = {
    "connect": "is the host up, and does an SSH server answer there? Limits say how long each step may take",
    "queue": "raise total_timeout=, or `connections`",
    "open": "is the server overloaded? Limits(open=…) says how long it may take",
    "exec": "is the server overloaded? Limits(open=…) says how long it may take",
    "run": "give it a longer timeout=",
}
_BECAME = {
    Ending.TERMINATED: "its process was ended with TERM",
    Ending.HUNTED: "its process was found from a second session and ended",
    Ending.KILLED: "its process was ended with KILL",
    Ending.RELEASED: "its process was ended",
    Ending.UNKNOWN: "the server did not report its end: the process may still be running",
    Ending.NOT_STARTED: "nothing was run",
}
_LOST: dict[Outcome | None, str] = {
    Outcome.LOST: "the connection was lost",
    Outcome.ORPHANED: "the runner on the other side ended",
}


def became(ending: Ending) -> str:
    """What became of a command's process that we ended, in words.

    Threads: any thread; it does not block.
    """
    return _BECAME.get(ending, "it ended")


def ending_of(task: Task, session: Session) -> Ending:
    """What became of the remote process of a session that has ended.

    Threads: whoever settles the task; it does not block.
    """
    if session.outcome is _CLOSED and task.why is None:
        return _EXITED  # as nearly all; each look into an enumeration is slow up to Python 3.11
    if session.outcome is Outcome.LOST:
        return Ending.UNKNOWN if session.command_sent else task.ending_unsent
    if session.outcome is Outcome.ORPHANED or (session.outcome is Outcome.ABANDONED and task.why is None):
        return Ending.UNKNOWN if session.command_sent else task.ending_unsent
    if session.outcome in (Outcome.REFUSED, Outcome.EXEC_REFUSED) or not session.command_sent:
        return task.ending_unsent
    return task.ending if task.why is not None else Ending.EXITED


def after_attempts(task: Task, error: SafeError) -> SafeError:
    """What is told instead of an error that says that nothing was run, where an earlier attempt may have run.

    Threads: whoever settles the task; it does not block.
    """
    if task.attempts == 1 or isinstance(error, CommandError | PoolClosed):
        return error
    told = ConnectionLost(
        f"the connection was lost while the command ran, and it could not be run again: {error.message}",
        host=error.host,
        phase=error.phase,
        hint=error.hint,
        result=task.result(None),
    )
    told.__cause__ = error
    return told


def verdict(task: Task, session: Session | None) -> CommandResult | SafeError:
    """The result of a task that has ended, or the error that it ends with.

    Threads: whoever settles the task; it does not block.
    """
    if session is not None and session.outcome is _CLOSED and task.why is None and session.exit_status is not None:
        return task.result(session)
    said = _verdict(task, session)
    return after_attempts(task, said) if isinstance(said, SafeError) else said


def _verdict(task: Task, session: Session | None) -> CommandResult | SafeError:
    host = task.pool.host
    result = task.result(session)
    started = session is not None and session.command_sent and task.ending is not Ending.NOT_STARTED
    started = started or task.attempts > 1
    if task.why is Why.TIMEOUT:
        trouble = task.pool.trouble if task.phase == "queue" else None
        connecting = trouble is not None or (task.phase == "queue" and task.pool.has_none_yet)
        phase = "connect" if connecting else task.phase
        doing = _WAITING_FOR.get(phase, "the run of the command")
        why = f"; connecting fails: {trouble.message}" if trouble is not None else ""
        hint = trouble.hint if trouble is not None else _LONGER.get(phase, "")
        return CommandTimeout(
            f"the limit passed during {doing}; {became(task.ending)}{why}",
            ending=task.ending,
            host=host,
            phase=phase,
            hint="run it with leash=True, or look for it there" if task.ending is Ending.UNKNOWN else hint,
            result=result,
            may_have_started=started,
        )
    if task.why is Why.CLOSED:
        return PoolClosed("the pool was closed before the command ended", host=host, phase=task.phase)
    outcome = session.outcome if session is not None else None
    if outcome is Outcome.REFUSED and session is not None:
        return SessionRefused(f"the server refuses sessions: {session.refusal}", host=host, phase="open")
    if outcome is Outcome.EXEC_REFUSED:
        return SessionRefused("the server refuses to run the command", host=host, phase="open")
    if result.exit_status is None and result.signal is None:
        if task.input_trouble is not None:
            cause = task.input_trouble
            why_not = CommandError(
                f"its input failed: {type(cause).__name__}: {cause}",
                host=host,
                result=result,
                may_have_started=started,
                hint="it was sent TERM, so that it does not take what came for all; __cause__ has the trace",
            )
            why_not.__cause__ = cause
            return why_not
        what = _LOST.get(outcome, "the server did not say how it ended")
        again = f"it was run {task.attempts} times: does it end the connection itself?" if task.attempts > 1 else None
        when = "while the command ran" if started else "before the command was sent"
        link = session.link if session is not None and outcome is Outcome.LOST else None
        farewell = f"; the server said: {link.farewell}" if link is not None and link.farewell else ""
        return ConnectionLost(
            f"{what} {when}{farewell}",
            host=host,
            result=result,
            may_have_started=started,
            hint=again if started else "nothing was run: it may be run again",
        )
    return result
