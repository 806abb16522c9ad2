"""The cure: SSH connections that threads may share. It stands alone and imports nothing else of Paramedic.

>>> from paramedic.safe import ClientPool
>>> with ClientPool("web1") as pool:                                # doctest: +SKIP
...     for result in pool.map(["uptime", "df -h"]):
...         print(result.text)
"""

import logging

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
    NotRun,
    PoolClosed,
    PoolDeadlock,
    PoolTimeout,
    RevokedHostKey,
    SafeError,
    SessionRefused,
    TransferError,
    TransferTimeout,
    UnknownHostKey,
)
from paramedic.safe.future import CommandFuture
from paramedic.safe.group import Group
from paramedic.safe.group_copies import CopyOutcome, GroupCopyResult
from paramedic.safe.known_hosts import KnownHosts
from paramedic.safe.local_client import LocalClient, local_client
from paramedic.safe.observing import CommandEnded, observe, opentelemetry_observer, prometheus_observer
from paramedic.safe.outcome import GroupResult, HostLine, HostOutcome
from paramedic.safe.pool import ClientPool
from paramedic.safe.result import CommandResult, Ending, Limits, Statistics
from paramedic.safe.shared_client import SharedClient
from paramedic.safe.stream import Chunk, Stream
from paramedic.safe.transfer import CopyResult

# A library does not print: without a handler of the program, warnings would go to standard error.
logging.getLogger("paramedic.safe").addHandler(logging.NullHandler())

__all__ = [
    "AuthFailed",
    "BadCommand",
    "BadConfiguration",
    "ChangedHostKey",
    "Chunk",
    "ClientPool",
    "CommandEnded",
    "CommandError",
    "CommandFailed",
    "CommandFuture",
    "CommandResult",
    "CommandTimeout",
    "Configuration",
    "ConnectFailed",
    "ConnectionLost",
    "CopyOutcome",
    "CopyResult",
    "Credentials",
    "Destination",
    "Ending",
    "Group",
    "GroupCopyResult",
    "GroupError",
    "GroupResult",
    "HostKeyError",
    "HostLine",
    "HostOutcome",
    "KnownHosts",
    "Limits",
    "LocalClient",
    "NotRun",
    "PoolClosed",
    "PoolDeadlock",
    "PoolTimeout",
    "RevokedHostKey",
    "SafeError",
    "SessionRefused",
    "SharedClient",
    "Statistics",
    "Stream",
    "TransferError",
    "TransferTimeout",
    "UnknownHostKey",
    "local_client",
    "observe",
    "opentelemetry_observer",
    "prometheus_observer",
]
