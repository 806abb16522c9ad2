"""The life of Paramiko's objects: where they come to be, what they belong to, and where they are finalized.

Threads: the probes run in any thread of the program's and do not block; making them is the recorder's start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from sys import _getframe, getrefcount
from typing import Any

from paramedic.model.event import ERR, IN, OUT, Kind
from paramedic.record.patches import Target
from paramedic.record.probe import Probes

_FINAL = int(Kind.FINAL)


def births(homes: dict[str, Any], probes: Probes) -> Iterator[Target]:
    """Where objects come to be, and what they belong to.

    Threads: the thread that starts a recording; the probes in any thread, without blocking.
    """
    channel_type = homes["Channel"]
    stdin, stderr = homes["ChannelStdinFile"], None
    id_of, adopt, trouble = probes.id_of, probes.adopt, probes.trouble
    stderr = next((c for c in homes["ChannelFile"].__subclasses__() if c.__name__ == "ChannelStderrFile"), None)

    def born(parent: Callable[..., tuple[int, int]] | None, placed: bool) -> Callable[..., None]:
        def enter(thing: Any, *values: Any) -> None:
            try:
                if not thing._paramedic_id_:
                    over, which = parent(thing, *values) if parent is not None else (0, 0)
                    adopt(thing, over, which, _getframe(2) if placed else None)
            except Exception as e:
                trouble("birth", e)

        return enter

    def of_socket(_: Any, sock: Any) -> tuple[int, int]:
        return (id_of(sock), 0) if isinstance(sock, channel_type) else (0, 0)

    def of_channel_file(thing: Any, channel: Any, mode: str) -> tuple[int, int]:
        kind = type(thing)
        stream = IN if kind is stdin or ("w" in mode and "r" not in mode) else ERR if kind is stderr else OUT
        return id_of(channel), stream

    plans: list[tuple[str, Callable[..., tuple[int, int]] | None, tuple[str, ...]]] = [
        ("SSHClient", None, ()),
        ("Transport", of_socket, ("sock",)),
        ("Channel", lambda _, chanid: (0, chanid), ("chanid",)),
        ("ChannelFile", of_channel_file, ("channel", "mode")),
        ("SFTPClient", of_socket, ("sock",)),
        ("SFTPFile", lambda _, sftp: (id_of(sftp), 0), ("sftp",)),
        ("HostKeys", None, ()),
        ("ProxyCommand", None, ()),
    ]
    for name, parent, parameters in plans:
        # channels and their files are many, and known by their number and by the call that opened them
        placed = name not in ("Channel", "ChannelFile")
        yield Target(homes[name], "__init__", born(parent, placed), parameters=parameters)


def finalizers(homes: dict[str, Any], probes: Probes) -> Iterator[Target]:
    """Where objects are finalized.

    Threads: the thread that starts a recording; the probes in any thread, without blocking.
    """
    row, trouble = probes.row, probes.trouble
    channel, stdin = homes["Channel"], homes["ChannelStdinFile"]
    unheld: list[int] = []

    dropped_type: Any = type("Dropped", (homes["File"],), {"close": lambda self: None})

    def enter(thing: Any) -> int | None:
        try:
            given: int = thing._paramedic_id_
            if type(thing) is dropped_type:
                unheld.append(getrefcount(thing))
                return None
            b = int(bool(thing.__dict__.get("_closed")))
            if stdin is not None and type(thing) is stdin and not b:
                # whoever drops the last reference leaves none but ours; what the collector finds is still in its cycle
                if not unheld:
                    dropped = object.__new__(dropped_type)
                    dropped._paramedic_id_ = 1
                    del dropped
                b = 2 * bool(unheld and getrefcount(thing) > unheld[0])
            row(_FINAL, 0, given, 0, 0, b)
            # the end matters only where a finalizer sends something, and so may never end
            return given if isinstance(thing, (channel, stdin)) else None
        except Exception as e:
            trouble("finalizer", e)
            return None

    def leave(token: int, result: Any) -> Any:
        try:
            row(_FINAL, 0, token, 0, 1, 0)
        except Exception as e:
            trouble("finalizer", e)
        return result

    for name in ("Channel", "File", "SFTPFile"):
        yield Target(homes[name], "__del__", enter, leave, guard=probes.is_known)
