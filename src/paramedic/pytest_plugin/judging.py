"""Where tests run: after each one the analyst says what was found in it, and the test fails for it.

A finding belongs to the test during which its last step happened, its teardown included, whichever thread did it. So a
test's results are held back until its teardown is over.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from paramedic.pytest_plugin.analyst import Analyst
from paramedic.record.in_program import Recording

SECTION = "paramedic"
NARROWEST, WIDEST = 60, 100


class Judging:
    """The hooks.

    Threads: main thread.
    """

    def __init__(self, config: pytest.Config, recording: Recording) -> None:
        """The recording is under way."""
        self._config = config
        self._fail_on: str = config.getoption("--paramedic-fail-on")
        self._analyst = Analyst(recording.folder, config.getoption("--paramedic-stall"))
        self._process = os.getpid()
        self._outside: dict[str, Any] = {}
        self._ask(())  # what was before is nobody's

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Markers that name no hazard are mistakes.

        Raises:
            pytest.UsageError: one does, or allows something in another form than a list of names.
        """
        names: dict[str, str] = {}
        for item in items:
            for mark in item.iter_markers("paramedic"):
                allow = mark.kwargs.get("allow", ())
                if mark.args or isinstance(allow, str) or set(mark.kwargs) - {"allow", "manners"}:
                    raise pytest.UsageError(f"{item.nodeid}: write @pytest.mark.paramedic(allow=['hazard-name'])")
                names.update((str(name), item.nodeid) for name in allow)
        if names:
            from paramedic.hazards.catalogue import UnknownHazard, by_name

            for name, nodeid in names.items():
                try:
                    by_name(name)
                except UnknownHazard as error:
                    raise pytest.UsageError(f"{nodeid}: @pytest.mark.paramedic(allow=[{name!r}]): {error}") from None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        """What happened while tests were collected belongs to no test."""
        self._note_outside("collection")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> object:
        """Runs one test, and tells its results when all is known."""
        if self._others_run_tests(item):
            return None
        hook = item.ihook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        self._judge(item, reports)
        for report in reports:
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """If it hangs, it is told as this test's."""
        self._analyst.begins(item.nodeid, _allowed(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Iterator[None]:  # what pluggy makes of a generator is the report
        """Where another plugin runs the tests (repeats them, say), findings go to the report of the teardown."""
        report: pytest.TestReport = yield  # type: ignore[assignment]
        if call.when == "teardown" and self._others_run_tests(item):
            self._judge(item, [report])
        return report  # type: ignore[return-value]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """What happened after the last test; with xdist the controller is told of it."""
        if os.getpid() != self._process:
            return
        self._analyst.begins("", ())
        self._note_outside("after the last test")
        self._analyst.close()
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[SECTION] = self._outside
        else:
            telling: Any = self._config.pluginmanager.get_plugin("paramedic-telling")
            telling.outside(self._outside)

    def _others_run_tests(self, item: pytest.Item) -> bool:
        known = {"runner", "paramedic-judging"}
        implementations = item.ihook.pytest_runtest_protocol.get_hookimpls()
        return any(not (i.hookwrapper or i.wrapper) and i.plugin_name not in known for i in implementations)

    def _judge(self, item: pytest.Item, reports: Sequence[pytest.TestReport]) -> None:
        said = self._ask(_allowed(item))
        target = next((r for r in reports if r.when == "call"), reports[-1])
        # also for the summary in xdist's controller: it is sent along with the report
        target.paramedic = {k: v for k, v in said.items() if k not in ("text", "headline")}  # type: ignore[attr-defined]
        if not said["text"]:
            return
        expected = hasattr(target, "wasxfail")
        if said["failing"] and target.passed and not expected:
            target.outcome = "failed"
            target.longrepr = f"{said['headline']}\n\n{said['text']}"
        else:
            target.sections.append((SECTION, said["text"]))

    def _note_outside(self, when: str) -> None:
        said = self._ask(())
        if said["findings"] or said["gaps"]:
            self._outside[when] = said

    def _ask(self, allow: Sequence[str]) -> dict[str, Any]:
        columns = shutil.get_terminal_size().columns
        return self._analyst.ask(
            until_ns=time.monotonic_ns(), allow=list(allow), fail_on=self._fail_on,
            width=max(NARROWEST, min(columns, WIDEST)),
        )  # fmt: skip


def _allowed(item: pytest.Item) -> list[str]:
    return [str(name) for mark in item.iter_markers("paramedic") for name in mark.kwargs.get("allow", ())]
