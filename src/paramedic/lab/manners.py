"""How the lab misbehaves: one frozen value, checked when it is made, and its JSON form."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from paramedic.lab.trouble import LabError


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """What the lab's server does differently from a good one. The default is good manners: no limit, no delay.

    Attributes:
        addresses: loopback addresses to listen on; all get the same port. Nothing but loopback is accepted, because
            whoever logs in runs commands as the current user.
        port: TCP port; 0 takes a free one.
        sftp_root: folder that SFTP shows as ``/``; None shows the real file system, where relative paths start in the
            lab's home.
        max_sessions: sessions that one connection may hold open at once, as OpenSSH's ``MaxSessions``; None is no
            limit.
        session_refusal_code: RFC 4254 section 5.1 reason with which further sessions are refused; 2 is what
            OpenSSH since 6.9 says, 1 what older ones say.
        max_startups: connections that may be unauthenticated at once, as OpenSSH's ``MaxStartups`` with a
            start equal to its full: the next one is dropped before the banner. None is no limit.
        max_auth_tries: keys that may be refused before the connection is ended, as OpenSSH's ``MaxAuthTries`` (6 by
            default); None is no limit.
        max_connections: connections that may be open at once, logged in or not; None is no limit.
        drop: how a connection beyond a limit goes: ``"reset"`` (TCP RST) or ``"close"`` (an orderly end, no banner).
        banner_delay_s: wait before the server's first line ("SSH-2.0-…"), in seconds.
        no_banner: the server takes the connection and never says a word.
        auth_delay_s: wait before any login is answered, in seconds.
        keyboard_interactive: logins by keyboard-interactive (and password) with the `answer` instead of by key.
        answer: the right answer; None makes a random one, which `Server.answer` tells.
        mute: sessions are opened, but no exec, shell, subsystem or PTY request is ever answered.
        fast: every command is answered with ``ok`` and status 0 at once; nothing is run.
        close_after_eof: a session whose command has ended is closed only when the client has ended its input, too.
            Paramiko can send EOF after CLOSE, and OpenSSH and the lab then end the whole connection
            (``eof-after-close``): tests of something else need not meet that.
        stall_window: the server reads nothing of what a session sends, so its window is never given back.
        window_bytes: the server's receive window of a session, in bytes; None is the default of 2 MiB.
        silent_after_s: after so many seconds of a connection no byte goes either way any more: a dead peer.
        silent_after_bytes: the same, after so many bytes were sent to the client.
        reset_after_s: TCP reset after so many seconds of a connection.
        reset_after_bytes: TCP reset after so many bytes were sent to the client.
        reset_chance: probability between 0 and 1 of a TCP reset at each piece (up to 64 KiB) sent to the client.
        seed: start of the random numbers behind `reset_chance`.
        round_trip_s: added to each round trip, half of it in either direction, in seconds.
        rekey_after_bytes: the server asks for new keys after so many bytes; None leaves the library's 1 GiB.
        rekey_after_s: the server asks for new keys after so many seconds; None leaves the library's hour.
    """

    addresses: tuple[str, ...] = ("127.0.0.1",)
    port: int = 0
    sftp_root: str | None = None
    max_sessions: int | None = None
    session_refusal_code: int = 2
    max_startups: int | None = None
    max_auth_tries: int | None = None
    max_connections: int | None = None
    drop: str = "reset"
    banner_delay_s: float = 0.0
    no_banner: bool = False
    auth_delay_s: float = 0.0
    keyboard_interactive: bool = False
    answer: str | None = None
    mute: bool = False
    fast: bool = False
    close_after_eof: bool = False
    stall_window: bool = False
    window_bytes: int | None = None
    silent_after_s: float | None = None
    silent_after_bytes: int | None = None
    reset_after_s: float | None = None
    reset_after_bytes: int | None = None
    reset_chance: float = 0.0
    seed: int = 0
    round_trip_s: float = 0.0
    rekey_after_bytes: int | None = None
    rekey_after_s: float | None = None

    def __post_init__(self) -> None:
        """Refuse what the lab cannot or must not do.

        Raises:
            LabError: an address that is not loopback, a number out of its range.

        Threads: pure.
        """
        object.__setattr__(self, "addresses", tuple(loopback(address) for address in self.addresses))
        if not self.addresses:
            raise LabError("the lab needs at least one address to listen on, such as 127.0.0.1")
        _within("port", self.port, 0, 65535)
        _within("reset_chance", self.reset_chance, 0, 1)
        _within("session_refusal_code", self.session_refusal_code, 1, 4)
        if self.drop not in ("reset", "close"):
            raise LabError(f"drop must be 'reset' or 'close', not {self.drop!r}")
        for name in ("max_sessions", "max_startups", "max_auth_tries", "max_connections"):
            _within(name, getattr(self, name), 0, None)
        for name in ("window_bytes", "rekey_after_bytes"):
            _within(name, getattr(self, name), 1024, None)
        for field in fields(self):
            if field.name.endswith("_s") or field.name in ("silent_after_bytes", "reset_after_bytes"):
                _within(field.name, getattr(self, field.name), 0, None)

    @property
    def needs_relay(self) -> bool:
        """Whether some fault lies below SSH, so that a relay has to stand between the client and the server."""
        after = (self.silent_after_s, self.silent_after_bytes, self.reset_after_s, self.reset_after_bytes)
        return any(limit is not None for limit in after) or self.reset_chance > 0 or self.round_trip_s > 0


def loopback(address: str) -> str:
    """The address as the lab binds it; ``localhost`` becomes 127.0.0.1.

    Raises:
        LabError: it is not a loopback address.

    Threads: pure.
    """
    if address == "localhost":
        return "127.0.0.1"
    try:
        if ipaddress.ip_address(address).is_loopback:
            return address
    except ValueError:
        pass
    raise LabError(
        f"the lab listens on loopback only, and {address!r} is not a loopback address: whoever logs in runs "
        "commands as you. Use 127.0.0.1 to 127.255.255.254, or ::1."
    )


def manners_to_json(manners: Manners) -> dict[str, Any]:
    """Plain values, ready for `json.dumps`.

    Threads: pure.
    """
    return asdict(manners)


def manners_from_json(data: Mapping[str, Any]) -> Manners:
    """The inverse of `manners_to_json`.

    Raises:
        LabError: a value is out of its range.
        TypeError: a field is not known.

    Threads: pure.
    """
    return Manners(**{**data, "addresses": tuple(data["addresses"])} if "addresses" in data else dict(data))


def _within(name: str, value: float | None, low: float, high: float | None) -> None:
    if value is not None and (value < low or (high is not None and value > high)):
        upper = "" if high is None else f" and at most {high}"
        raise LabError(f"{name} must be at least {low}{upper}, not {value}")
