"""The catalogue: the explicit list of all hazards, and the way from a name to a hazard, its page and its lenses.

Importing this module imports values alone: no lens, no demo, no Paramiko. Adding a hazard is one folder, and its import
and its place in `CATALOGUE` here.
"""

from __future__ import annotations

import importlib
from functools import cache
from importlib.util import find_spec
from types import ModuleType

from paramedic.hazards.blocking_the_event_loop import HAZARD as _blocking_the_event_loop
from paramedic.hazards.call_on_transport_thread import HAZARD as _call_on_transport_thread
from paramedic.hazards.callback_blocks_transport import HAZARD as _callback_blocks_transport
from paramedic.hazards.closed_in_use import HAZARD as _closed_in_use
from paramedic.hazards.connect_at_import import HAZARD as _connect_at_import
from paramedic.hazards.connect_storm import HAZARD as _connect_storm
from paramedic.hazards.dropped_channel import HAZARD as _dropped_channel
from paramedic.hazards.eof_after_close import HAZARD as _eof_after_close
from paramedic.hazards.exit_blocked import HAZARD as _exit_blocked
from paramedic.hazards.exit_status_before_output import HAZARD as _exit_status_before_output
from paramedic.hazards.exit_status_ends_reading import HAZARD as _exit_status_ends_reading
from paramedic.hazards.finalizer_deadlock import HAZARD as _finalizer_deadlock
from paramedic.hazards.forked_connection import HAZARD as _forked_connection
from paramedic.hazards.forward_handler_replaced import HAZARD as _forward_handler_replaced
from paramedic.hazards.gevent_half_patched import HAZARD as _gevent_half_patched
from paramedic.hazards.gil_starved_transport import HAZARD as _gil_starved_transport
from paramedic.hazards.global_request_race import HAZARD as _global_request_race
from paramedic.hazards.host_key_not_verified import HAZARD as _host_key_not_verified
from paramedic.hazards.idle_without_keepalive import HAZARD as _idle_without_keepalive
from paramedic.hazards.keepalive_is_not_a_timeout import HAZARD as _keepalive_is_not_a_timeout
from paramedic.hazards.known_hosts_load import HAZARD as _known_hosts_load
from paramedic.hazards.known_hosts_race import HAZARD as _known_hosts_race
from paramedic.hazards.leaked_connection import HAZARD as _leaked_connection
from paramedic.hazards.lock_held_across_io import HAZARD as _lock_held_across_io
from paramedic.hazards.lock_order_inversion import HAZARD as _lock_order_inversion
from paramedic.hazards.log_to_file_ignored import HAZARD as _log_to_file_ignored
from paramedic.hazards.lost_exception import HAZARD as _lost_exception
from paramedic.hazards.nagle_stall import HAZARD as _nagle_stall
from paramedic.hazards.pool_drained import HAZARD as _pool_drained
from paramedic.hazards.pool_starvation import HAZARD as _pool_starvation
from paramedic.hazards.prefetch_stall import HAZARD as _prefetch_stall
from paramedic.hazards.proxy_command_leak import HAZARD as _proxy_command_leak
from paramedic.hazards.proxy_stderr_full import HAZARD as _proxy_stderr_full
from paramedic.hazards.rekey_deadlock import HAZARD as _rekey_deadlock
from paramedic.hazards.select_pipe_race import HAZARD as _select_pipe_race
from paramedic.hazards.session_limit import HAZARD as _session_limit
from paramedic.hazards.shared_agent import HAZARD as _shared_agent
from paramedic.hazards.shared_channel import HAZARD as _shared_channel
from paramedic.hazards.shared_client_connect import HAZARD as _shared_client_connect
from paramedic.hazards.shared_sftp_client import HAZARD as _shared_sftp_client
from paramedic.hazards.shared_sftp_cwd import HAZARD as _shared_sftp_cwd
from paramedic.hazards.shared_sftp_file import HAZARD as _shared_sftp_file
from paramedic.hazards.signal_handler_reenters import HAZARD as _signal_handler_reenters
from paramedic.hazards.slow_read import HAZARD as _slow_read
from paramedic.hazards.too_many_keys import HAZARD as _too_many_keys
from paramedic.hazards.undrained_output_while_writing import HAZARD as _undrained_output_while_writing
from paramedic.hazards.undrained_stderr import HAZARD as _undrained_stderr
from paramedic.hazards.wait_without_timeout import HAZARD as _wait_without_timeout
from paramedic.model.hazard import Hazard, Lens

CATALOGUE: tuple[Hazard, ...] = (
    _shared_client_connect,
    _shared_channel,
    _shared_sftp_client,
    _shared_sftp_file,
    _shared_sftp_cwd,
    _known_hosts_race,
    _global_request_race,
    _forward_handler_replaced,
    _shared_agent,
    _eof_after_close,
    _select_pipe_race,
    _exit_status_before_output,
    _exit_status_ends_reading,
    _undrained_stderr,
    _undrained_output_while_writing,
    _prefetch_stall,
    _callback_blocks_transport,
    _call_on_transport_thread,
    _lock_held_across_io,
    _lock_order_inversion,
    _wait_without_timeout,
    _keepalive_is_not_a_timeout,
    _connect_at_import,
    _signal_handler_reenters,
    _rekey_deadlock,
    _proxy_stderr_full,
    _blocking_the_event_loop,
    _pool_drained,
    _pool_starvation,
    _idle_without_keepalive,
    _closed_in_use,
    _finalizer_deadlock,
    _dropped_channel,
    _leaked_connection,
    _forked_connection,
    _exit_blocked,
    _proxy_command_leak,
    _session_limit,
    _connect_storm,
    _too_many_keys,
    _lost_exception,
    _gevent_half_patched,
    _log_to_file_ignored,
    _host_key_not_verified,
    _nagle_stall,
    _slow_read,
    _known_hosts_load,
    _gil_starved_transport,
)
"""All hazards, sorted by code."""

_PACKAGE = "paramedic.hazards"


class UnknownHazard(KeyError):
    """No hazard has this name, code or alias.

    Attributes:
        name: what was asked for.
        near: names that look like it, nearest first; may be empty.
    """

    def __init__(self, name: str, near: tuple[str, ...]) -> None:
        super().__init__(name)
        self.name = name
        self.near = near

    def __str__(self) -> str:
        hint = f" Did you mean {' or '.join(self.near)}?" if self.near else " `paramedic hazards` lists them all."
        return f"There is no hazard {self.name!r}.{hint}"


class MissingLens(LookupError):
    """A hazard is not seen through this lens.

    Attributes:
        hazard: the hazard that was asked for.
        lens: the lens that its folder lacks.
    """

    def __init__(self, hazard: Hazard, lens: Lens) -> None:
        super().__init__(hazard.name, lens)
        self.hazard = hazard
        self.lens = lens

    def __str__(self) -> str:
        return f"{self.hazard.name} has no {self.lens} lens."


def by_name(name: str) -> Hazard:
    """The hazard with this name, code or alias; upper and lower case, ``-`` and ``_`` are the same.

    Raises:
        UnknownHazard: nothing is called so; its `near` holds names that look like it.

    Threads: pure; may be called from any thread.
    """
    found = _index().get(_key(name))
    if found is None:
        raise UnknownHazard(name, _near(name))
    return found


def lenses_of(hazard: Hazard) -> tuple[Lens, ...]:
    """The lenses that exist for a hazard, in the order of `Lens`. No lens is imported for the answer.

    Threads: may be called from any thread; looks at the disk the first time.
    """
    return tuple(lens for lens in Lens if _exists(folder_of(hazard), str(lens)))


def lens(hazard: Hazard, kind: Lens) -> ModuleType:
    """The module of one lens of a hazard, imported now if it was not.

    Raises:
        MissingLens: the hazard has no such lens.

    Threads: may be called from any thread; waits for the import lock of the module while another thread imports it.
    """
    if not _exists(folder_of(hazard), str(kind)):
        raise MissingLens(hazard, kind)
    return importlib.import_module(f"{_PACKAGE}.{folder_of(hazard)}.{kind}")


def page_of(hazard: Hazard) -> str:
    """The hazard's page, in Markdown.

    Raises:
        FileNotFoundError: the installation lacks the page.

    Threads: may be called from any thread; reads a file.
    """
    from importlib import resources

    return resources.files(f"{_PACKAGE}.{folder_of(hazard)}").joinpath("page.md").read_text(encoding="utf-8")


def folder_of(hazard: Hazard) -> str:
    """The name of the hazard's folder: its name with underscores, as Python wants it.

    Threads: pure.
    """
    return hazard.name.replace("-", "_")


@cache
def _index() -> dict[str, Hazard]:
    return {_key(name): hazard for hazard in CATALOGUE for name in (hazard.name, hazard.code, *hazard.aliases)}


@cache
def _exists(folder: str, module: str) -> bool:
    # The folder's __init__ is imported already (it is in CATALOGUE), so this finds the file and runs nothing.
    return find_spec(f"{_PACKAGE}.{folder}.{module}") is not None


def _key(name: str) -> str:
    return name.strip().lower().replace("_", "-")


def _near(name: str) -> tuple[str, ...]:
    # Imported here: difflib costs as much as all hazards together, and only a mistake needs it.
    from difflib import get_close_matches

    key = _key(name)
    inside = [hazard.name for hazard in CATALOGUE if len(key) > 2 and key in hazard.name]
    # Codes are left out: PMC999 looks like forty others, and none of them is meant.
    words = [_key(word) for hazard in CATALOGUE for word in (hazard.name, *hazard.aliases)]
    close = [_index()[match].name for match in get_close_matches(key, words, n=3, cutoff=0.6)]
    return tuple(dict.fromkeys([*close, *inside]))[:3]
