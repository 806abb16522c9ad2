"""A module connects while it is imported, and its helper threads wait for the import to end."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.activity import Activity
from paramedic.dump.calls import Call, Layer
from paramedic.dump.facts import DumpFacts
from paramedic.dump.story import names, step, verb
from paramedic.dump.waits import REMOTE, Wait
from paramedic.hazards.connect_at_import import HAZARD
from paramedic.model.finding import Confidence, Finding

_FOR_THREADS = (Wait.FUTURE, Wait.JOIN, Wait.QUEUE, Wait.EVENT, Wait.CONDITION, Wait.SELECT, Wait.LOCK)


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding where threads wait for an import lock whose holder waits, or an import waits for the peer.

    Threads: as `DumpFacts`.
    """
    behind = [a for a in facts.activities if a.wait is Wait.IMPORT_LOCK and not facts.moved(a)]
    for importer in facts.activities:
        module = _imported(importer)
        if module is None or facts.moved(importer):
            continue
        if behind and (importer.wait in _FOR_THREADS or importer.wait in REMOTE):
            confidence = Confidence.OBSERVED
            message = (
                f"{names(behind)} {verb(behind, 'waits', 'wait')} for the import lock of {module.site.file}, which "
                f"{importer.name} holds while it waits for {importer.wait}"
            )
        elif importer.wait in REMOTE:
            confidence = Confidence.ADVICE
            message = f"{importer.name} waits for {importer.wait} while it imports {module.site.file}"
        else:
            continue
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=confidence,
            message=message,
            steps=(
                importer.step(f"imports {module.site.file} and waits for {importer.wait}", site=module.site),
                *(step(group) for group in facts.groups(behind)),
            ),
            count=1,
        )


def _imported(activity: Activity) -> Call | None:
    """The module of the user's whose body the thread is running for an import."""
    for inner, outer in zip(activity.calls, activity.calls[1:], strict=False):
        imported = outer.layer is Layer.STDLIB and outer.module.startswith("importlib.")
        if inner.function == "<module>" and imported and inner.layer in (Layer.USER, Layer.LIBRARY):
            return inner
    return None
