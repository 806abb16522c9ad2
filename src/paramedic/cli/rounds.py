"""Further runs of the same program, with delays: ``paramedic run --confirm`` and ``--fuzz``."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from paramedic.check import confirm, recording, shelf
from paramedic.model.finding import Finding
from paramedic.model.report import Report
from paramedic.record.session import Options

DELAYS_S = (0.2, 0.6, 2.0, 4.0, 8.0)
"""How long the delays of the runs with seed 1, 2 … are: what is seconds apart needs seconds to meet."""

_LOCKED_TRIES = 3
"""So many runs at most are for nothing but what only a lock has ordered: most such locks are there to do that."""

Observe = Callable[[Options, Path], None]
"""Runs the program once more with these options, recorded in that folder; it is ended if it hangs."""


def confirmed(
    report: Report, options: Options, tries: int, seed: int, observe: Observe, locked: Sequence[Finding] = ()
) -> Report:
    """The report after up to ``tries`` more runs with delays at the places of what is possible.

    Args:
        report: of the first run.
        options: of the first run.
        tries: how many more runs at most; it ends early when all has been seen.
        seed: of the first of them; the next ones count on.
        observe: see `Observe`.
        locked: what would be possible if locks had ordered it by luck; it is told only where it is seen.

    Raises:
        OSError: there is no room for a run's recording; the runs before are lost.

    Threads: main thread; blocks while the program runs.
    """
    findings = list(report.findings)
    done = 0
    while done < tries:
        locked = [one for one in locked if not confirm.was_seen(one, findings)]
        possible = any(map(confirm.may_happen, findings))
        if not possible and (not locked or done >= _LOCKED_TRIES):
            break
        done, number = done + 1, seed + done
        # every second run is for what is possible alone: other delays may keep it from happening
        tried = [*findings, *(locked if not possible or number % 2 == 0 or tries == 1 else ())]
        what = "" if possible else ", for what only locks have kept apart"
        findings = _round(findings, options, confirm.traps_for(tried), number, done, observe, what)
    return dataclasses.replace(report, findings=tuple(confirm.given_up(findings, done) if done else findings))


def fuzzed(report: Report, options: Options, tries: int, seed: int, observe: Observe) -> Report:
    """The report after ``tries`` more runs with small delays at any call and any lock.

    Raises:
        OSError: as `confirmed`.

    Threads: main thread; blocks while the program runs.
    """
    findings = list(report.findings)
    for done in range(1, tries + 1):
        findings = _round(findings, options, confirm.anywhere(), seed + done - 1, done, observe)
    return dataclasses.replace(report, findings=tuple(findings))


def _round(
    findings: list[Finding],
    options: Options,
    traps: list[confirm.Trap],
    seed: int,
    done: int,
    observe: Observe,
    what: str = "",
) -> list[Finding]:
    # A folder that was recorded into before may hold what an earlier --confirm found there.
    folder = shelf.chosen_recording(Path(options.directory) / f"again-{seed}")
    print(f"paramedic: run {done} with delays (--seed {seed}){what}", file=sys.stderr)
    observe(
        options._replace(
            directory=str(folder),
            traps=tuple(traps),
            seed=seed,
            delay_s=DELAYS_S[(seed - 1) % len(DELAYS_S)],
        ),
        folder,
    )
    again = recording.report_of(folder).findings
    return confirm.confirmed(findings, again, seed, done, fuzzing=traps == confirm.anywhere())
