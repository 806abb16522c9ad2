"""The cure: SSH connections that threads may share. It stands alone and imports nothing else of Paramedic.

>>> from paramedic.safe import ClientPool
>>> with ClientPool("web1") as pool:                                # doctest: +SKIP
...     for result in pool.map(["uptime", "df -h"]):
...         print(result.text)
"""

from paramedic.safe.destination import Configuration, Credentials, Destination
from paramedic.safe.errors import (
    AuthFailed,
    BadCommand,
    BadConfiguration,
    ChangedHostKey,
    CommandError,
    CommandFailed,
    CommandTimeout,
    ConnectFailed,
    ConnectionLost,
    GroupError,
    HostKeyError,
    PoolClosed,
    PoolTimeout,
    RevokedHostKey,
    SafeError,
    SessionRefused,
    TransferError,
    UnknownHostKey,
)
from paramedic.safe.future import CommandFuture
from paramedic.safe.known_hosts import KnownHosts
from paramedic.safe.pool import ClientPool
from paramedic.safe.result import CommandResult, Ending, Limits, Statistics
from paramedic.safe.stream import Chunk, Stream

__all__ = [
    "AuthFailed",
    "BadCommand",
    "BadConfiguration",
    "ChangedHostKey",
    "Chunk",
    "ClientPool",
    "CommandError",
    "CommandFailed",
    "CommandFuture",
    "CommandResult",
    "CommandTimeout",
    "Configuration",
    "ConnectFailed",
    "ConnectionLost",
    "Credentials",
    "Destination",
    "Ending",
    "GroupError",
    "HostKeyError",
    "KnownHosts",
    "Limits",
    "PoolClosed",
    "PoolTimeout",
    "RevokedHostKey",
    "SafeError",
    "SessionRefused",
    "Statistics",
    "Stream",
    "TransferError",
    "UnknownHostKey",
]
