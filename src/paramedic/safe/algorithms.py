"""In which order algorithms are offered: cheapest first, of what this Paramiko has; none is added or taken away."""

from __future__ import annotations

import functools

_SLOW_KEX = ("diffie-hellman-group14-sha256", "diffie-hellman-group-exchange-sha256", "diffie-hellman-group16-sha512")
_FAST_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")


@functools.lru_cache
def fast_ciphers_first(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those first that processors have instructions for.

    Threads: any thread; it does not block.
    """
    return tuple(sorted(names, key=lambda name: name not in _FAST_CIPHERS))


@functools.lru_cache
def slow_kex_last(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those last that take ten times as long as elliptic curves.

    Threads: any thread; it does not block.
    """
    return tuple(sorted(names, key=lambda name: _SLOW_KEX.index(name) if name in _SLOW_KEX else -1))


@functools.lru_cache
def known_kinds_first(names: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Host keys of the types that are ``wanted`` first; "cert" stands for certificates of any type.

    Threads: any thread; it does not block.
    """

    def rank(name: str) -> int:
        if name.endswith("-cert-v01@openssh.com"):
            return -1 if "cert" in wanted else len(wanted) + 1
        plain = "ssh-rsa" if name.startswith("rsa-sha2-") else name
        return wanted.index(plain) if plain in wanted else len(wanted)

    return tuple(sorted(names, key=rank))
