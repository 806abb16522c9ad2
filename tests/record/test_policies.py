"""Which host key policies of a program's own accept every key."""

from __future__ import annotations

import hashlib
import logging
import sys
from binascii import hexlify
from typing import Any

import paramiko
import pytest

from paramedic.record.paramiko_calls import _accepts_all, _is_blind

_log = logging.getLogger(__name__)


class _Silent:
    def missing_host_key(self, client: Any, hostname: Any, key: Any) -> None:
        return None


class _Prints:
    def missing_host_key(self, client: Any, hostname: Any, key: Any) -> None:
        print("new host", hostname, key.get_name(), hexlify(key.get_fingerprint()), file=sys.stderr)
        _log.warning("%s", hostname)


class _Keeps:
    def __init__(self) -> None:
        self.seen: dict[Any, Any] = {}

    def missing_host_key(self, client: Any, hostname: Any, key: Any) -> None:
        self.seen[hostname] = key
        client.get_host_keys().add(hostname, key.get_name(), key)
        client.save_host_keys("known_hosts")


class _Logs:
    def missing_host_key(self, client: Any, hostname: Any, key: Any) -> None:
        logging.getLogger("fleet").info("new key of %s: %s", hostname, key.get_name())


class _Raises:
    def missing_host_key(self, client: Any, hostname: Any, key: Any) -> None:
        if key.get_base64() not in ("AAAA",):
            raise paramiko.SSHException(hostname)


class _AsksAnother(_Raises):
    def missing_host_key(self, client: Any, hostname: Any, key: Any) -> None:
        print(hostname)
        super().missing_host_key(client, hostname, key)


class _Decides:
    def missing_host_key(self, client: Any, hostname: Any, key: Any) -> None:
        self._check(hostname, key)

    def _check(self, hostname: Any, key: Any) -> None:
        raise paramiko.SSHException(hostname)


def _given(check: Any) -> Any:
    class Calls:
        def missing_host_key(self, client: Any, hostname: Any, key: Any) -> None:
            check(hostname, key)

    return Calls


@pytest.mark.parametrize("policy", [_Silent, _Prints, _Keeps, _Logs])
def test_a_policy_that_only_notes_the_key_accepts_all(policy: Any) -> None:
    assert _accepts_all(policy.missing_host_key.__code__)


@pytest.mark.parametrize("policy", [_Raises, _AsksAnother, _Decides, _given(print)])
def test_a_policy_that_may_refuse_does_not(policy: Any) -> None:
    assert not _accepts_all(policy.missing_host_key.__code__)


class _Adds(paramiko.AutoAddPolicy):
    """As Paramiko's, under a name of the program's."""


class _AddsAndTells(paramiko.AutoAddPolicy):
    def missing_host_key(self, client: Any, hostname: Any, key: Any) -> None:
        digest = hashlib.sha256(key.asbytes()).hexdigest()
        print(f"note: {hostname} has {digest[:16]}", file=sys.stderr)
        super().missing_host_key(client, hostname, key)


class _TellsAndRejects(paramiko.RejectPolicy):
    def missing_host_key(self, client: Any, hostname: Any, key: Any) -> None:
        print(hostname)
        super().missing_host_key(client, hostname, key)


class _AsksAnotherPolicy(paramiko.MissingHostKeyPolicy):
    strict = paramiko.RejectPolicy()

    def missing_host_key(self, client: Any, hostname: Any, key: Any) -> None:
        self.strict.missing_host_key(client, hostname, key)


class _Fixed:
    @staticmethod
    def missing_host_key(client: Any, hostname: Any, key: Any) -> None:
        return None


@pytest.mark.parametrize(
    "policy", [_Silent, _Adds, _AddsAndTells, _Fixed, paramiko.WarningPolicy, paramiko.MissingHostKeyPolicy]
)
def test_a_policy_takes_any_key_whichever_of_its_classes_does(policy: Any) -> None:
    assert _is_blind(policy.__mro__)


@pytest.mark.parametrize(
    "policy", [_Raises, _AsksAnother, _TellsAndRejects, _AsksAnotherPolicy, _Decides, paramiko.RejectPolicy, dict]
)
def test_a_policy_that_may_refuse_in_one_of_its_classes_is_not_blind(policy: Any) -> None:
    assert not _is_blind(policy.__mro__)
