"""``pytest --paramedic``: findings fail the test in which they happened.

This module is all that pytest imports of us where the option is not given: it imports nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from paramedic.lab import Server

MARKER = (
    "paramedic(allow=[...], manners={...}): hazards, by name or code, that may be found in this test; how the server "
    "of the fixture paramedic_lab behaves"
)
LIMITS = ("observed", "possible", "advice", "never")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options.

    Threads: main thread.
    """
    group = parser.getgroup("paramedic", "threads in programs that use Paramiko")
    group.addoption(
        "--paramedic", action="store_true", help="record what threads do with Paramiko; findings fail their test"
    )
    group.addoption(
        "--paramedic-fail-on",
        choices=LIMITS,
        default="possible",
        metavar="CONFIDENCE",
        help="findings of this confidence or stronger fail a test: observed, possible (default), advice, never",
    )
    group.addoption(
        "--paramedic-level",
        choices=("watch", "check"),
        default="check",
        help="check (default), or watch: without locks and hand-overs",
    )
    group.addoption(
        "--paramedic-stall",
        type=float,
        metavar="S",
        help="tell a test that hangs while it hangs, after so many seconds (default 5; 0: never)",
    )
    group.addoption("--paramedic-recording", metavar="FOLDER", help="keep the recording there, for 'paramedic check'")


def pytest_configure(config: pytest.Config) -> None:
    """Knows the marker; with ``--paramedic`` the rest of the plugin takes part from here on.

    Threads: main thread.
    """
    config.addinivalue_line("markers", MARKER)
    if config.getoption("--paramedic"):
        from paramedic.pytest_plugin.taking_part import take_part

        take_part(config)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """With ``--paramedic`` recording begins before any conftest.py, and with it Paramiko, is imported.

    Threads: main thread.
    """
    if early_config.known_args_namespace.paramedic:
        from paramedic.pytest_plugin.taking_part import begin_early

        begin_early(early_config)


@pytest.fixture
def paramedic_lab(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A running SSH server on loopback with real commands and SFTP; ``manners`` of the marker make it misbehave.

    Threads: as the test.
    """
    from paramedic.lab import Manners, lab

    manners: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers("paramedic"))):
        manners.update(mark.kwargs.get("manners", {}))
    with lab(Manners(**manners)) as server:
        yield server
