"""The phrases table knows every message of every Paramiko from 2.12 on."""

from __future__ import annotations

import json
import re
from pathlib import Path

import message_templates
import paramiko
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramedic.logs.phrases import PHRASES, Kind, recognise, split_channel

NOT_LOGGED = {
    "Incompatible version ({} instead of 2.0)": "an exception's text, held in the same variable as a message",
    "Socket is closed": "the same",
    "{}: ": "the beginning of an agreement, which the table names one by one",
    "{}: local={}, remote={}": "the same",
    "{}: {}local={}, remote={}": "the same",
    "{}: {}": "the same",
    "{}": "a message that is built elsewhere, where it is found too",
    "Exception ({}): {}": "the table has it for client and server",
}
STORED = json.loads((Path(__file__).parent / "message_templates.json").read_text())


def unknown(templates: set[str]) -> list[str]:
    """The messages that the table does not know."""
    alone = {one for template in templates for one in template.split("|")} - set(NOT_LOGGED)
    return sorted(t for t in alone if recognise(split_channel(example(t))[1]) is None)


def example(template: str) -> bytes:
    return re.sub(r"\{[^}]*\}|%s", "7", template).encode()


def test_no_message_of_the_installed_paramiko_is_unknown() -> None:
    templates = message_templates.templates(Path(paramiko.__file__).parent)
    assert len(templates) > 100
    assert unknown(templates) == []


@pytest.mark.parametrize("version", sorted(STORED))
def test_no_message_of_a_released_paramiko_is_unknown(version: str) -> None:
    assert len(STORED[version]) > 100
    assert unknown(set(STORED[version])) == []


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda p: p.template[:40])
def test_each_phrase_is_found_again_as_its_own_kind(phrase) -> None:
    found = recognise(example(phrase.template))
    assert found is not None
    assert found[0] == phrase.kind


@pytest.mark.parametrize(
    ("message", "kind", "values"),
    [
        (b"Secsh channel 12 open FAILED: open failed: Connect failed", Kind.CHANNEL_REFUSED,
         (b"12", b"open failed", b"Connect failed")),
        (b"Disconnect (code 2): Too many authentication failures", Kind.DISCONNECT,
         (b"2", b"Too many authentication failures")),
        (b"open(b'/a (1)', 'rb') -> 00000000", Kind.SFTP_OPENED, (b"b'/a (1)', 'rb'", b"00000000")),
        (b"Exception (client): Error reading SSH protocol banner", Kind.EXCEPTION,
         (b"Error reading SSH protocol banner",)),
    ],
)  # fmt: skip
def test_the_values_of_a_message_are_taken_out(message: bytes, kind: Kind, values: tuple[bytes, ...]) -> None:
    assert recognise(message) == (kind, values)


@given(st.binary(max_size=200))
def test_any_bytes_are_recognised_or_not(message: bytes) -> None:
    number, rest = split_channel(message)
    found = recognise(rest)
    assert found is None or isinstance(found[0], Kind)
    assert not number or message.startswith(b"[chan ")
