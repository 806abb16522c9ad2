"""Where results are told: the summary at the end, and the exit status for what belongs to no test."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

CONFIDENCES = ("observed", "possible", "advice")
SECTION = "paramedic"


class Telling:
    """The hooks.

    Threads: main thread.
    """

    def __init__(self, config: pytest.Config) -> None:
        """Nothing was found yet."""
        self._config = config
        self._tests = 0
        self._found: Counter[tuple[str, str]] = Counter()
        self._hidden = 0
        self._outside: list[tuple[str, dict[str, Any]]] = []
        self._gaps: dict[str, None] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Counts what was found in a test, in whichever process it ran."""
        said: dict[str, Any] | None = getattr(report, "paramedic", None)
        if said is not None:
            self._count(said)
            self._tests += bool(said["findings"])

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker of xdist has ended."""
        self.outside(getattr(node, "workeroutput", {}).get(SECTION, {}), getattr(node.gateway, "id", ""))

    def outside(self, said: dict[str, Any], worker: str = "") -> None:
        """What was found outside all tests.

        Args:
            said: answers of the analyst's, by when it was.
            worker: of xdist.
        """
        for when, answer in said.items():
            self._count(answer)
            if answer["findings"]:
                self._outside.append((f"{when} in {worker}" if worker else when, answer))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """What belongs to no test fails the run where it would fail a test."""
        passed = session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        if passed and any(answer["failing"] for _, answer in self._outside):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The last section of the output."""
        for when, answer in self._outside:
            terminalreporter.section(f"paramedic: {when}", "=")
            terminalreporter.line(answer["text"])
        terminalreporter.section(SECTION, "=")
        total = sum(self._found.values())
        if total:
            rows = sorted(self._found.items(), key=lambda row: (CONFIDENCES.index(row[0][0]), row[0][1]))
            for (confidence, hazard), count in rows:
                terminalreporter.line(f"{confidence:<9} {hazard:<32} {count}")
        each = [f"{n} {c}" for c in CONFIDENCES if (n := sum(v for k, v in self._found.items() if k[0] == c))]
        words = f"{total} {'finding' if total == 1 else 'findings'}"
        if total:
            places = [f"in {self._tests} {'test' if self._tests == 1 else 'tests'}"] if self._tests else []
            places += ["outside the tests"] if self._outside else []
            words += f" ({', '.join(each)}) {' and '.join(places)}"
        if self._hidden:
            words += f", {self._hidden} allowed"
        terminalreporter.line(words + ".")
        for gap in self._gaps:
            terminalreporter.line(f"not seen: {gap}")
        kept = self._config.getoption("--paramedic-recording")
        if kept:
            terminalreporter.line(f"Again: paramedic check {kept}")

    def _count(self, said: dict[str, Any]) -> None:
        for finding in said["findings"]:
            self._found[(finding["confidence"], finding["hazard"])] += 1
        self._hidden += said["allowed"] + said["suppressed"]
        self._gaps.update(dict.fromkeys(said["gaps"]))
