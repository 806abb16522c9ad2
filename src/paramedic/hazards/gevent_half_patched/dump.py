"""A real transport thread uses a cooperative socket of gevent's."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.calls import Layer
from paramedic.dump.facts import DumpFacts
from paramedic.hazards.gevent_half_patched import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each transport thread of its own that waits inside gevent.

    Where everything is patched the transport is a greenlet of the main thread and no dump shows it as a thread.

    Threads: as `DumpFacts`.
    """
    for transport in facts.transports:
        assert transport.transport is not None
        inner = transport.calls[: transport.transport]
        cooperative = any(c.layer is Layer.LIBRARY and c.module in ("gevent", "eventlet") for c in inner)
        outer = transport.calls[transport.transport :]
        real = any(c.at("threading", "_bootstrap", "__bootstrap", layer=Layer.STDLIB) for c in outer)
        if not cooperative or not real or len(facts.activities) < 2 or transport.is_main:
            continue
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.OBSERVED if facts.stood_still(transport) else Confidence.POSSIBLE,
            message=(
                f"The transport {transport.name} is a real thread and waits inside gevent's hub: sockets are patched, "
                "threads are not"
            ),
            steps=(transport.step("waits in a cooperative socket of another thread's hub"),),
        )
