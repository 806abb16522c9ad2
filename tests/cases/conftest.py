"""The servers of the cases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from case_servers import Servers


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """By profile, started when first asked for."""
    running = Servers(tmp_path_factory.mktemp("servers"))
    yield running
    running.close()
