"""Which critical sections only note or print something."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramedic.lint.sections import Sections
from paramedic.model.finding import Site

NOTES: dict[str, str] = {
    "a counter": """
        def work(self):
            with self.lock:  # here
                self.done += 1
            self.client.exec_command("true")
        """,
    "a line that is printed": """
        def say(text):
            with printing:  # here
                print(f"[{threading.current_thread().name}] {text}", flush=True)
                sys.stdout.flush()
        """,
    "a result": """
        def work(host):
            with lock:  # here
                results[host] = (len(host), time.monotonic())
                results.setdefault(host, []).append(host.strip())
        """,
    "a counter that is only printed": """
        def work(self):
            with self.lock:  # here
                self.done += 1
            print("done:", self.done)
            log.info("%d of %d", self.done, self.total)
        """,
    "one or the other": """
        def work(self, error):
            with self.lock:  # here
                if error:
                    self.failed.append(str(error))
                else:
                    self.ok += 1
        """,
    "the lock is taken by hand": """
        def work(self):
            self.lock.acquire()  # here
            try:
                self.done += 1
            finally:
                self.lock.release()
        """,
    "… and let go without a try": """
        def work(self):
            self.lock.acquire()  # here
            self.done += 1
            self.lock.release()
            self.client.exec_command("true")
        """,
    "another function, which it does not come through, looks": """
        def work(self):
            with self.lock:  # here
                self.errors.append(1)
        def main(self):
            if self.errors:
                sys.exit(1)
        """,
    "it looks under the lock": """
        def work(self):
            with self.lock:  # here
                self.done += 1
            with self.lock:
                last = self.done == self.total
        """,
}
DECIDES: dict[str, str] = {
    "what was counted is looked at without the lock": """
        def work(self):
            with self.lock:  # here
                self.done += 1
            if self.done == self.total:
                self.client.close()
        """,
    "… in a function that is called": """
        def work(self):
            with self.lock:  # here
                self.done += 1
            self.maybe_close()
        def maybe_close(self):
            if self.is_last():
                self.client.close()
        def is_last(self):
            return self.done == self.total
        """,
    "… by a property": """
        def work(self):
            with self.lock:  # here
                self.done += 1
            while not self.over:
                time.sleep(0.1)
        @property
        def over(self):
            return self.done == self.total
        """,
    "whether it is the last one": """
        def work(self):
            with self.lock:  # here
                self.done += 1
                last = self.done == self.total
            if last:
                self.client.close()
        """,
    "something is taken out": """
        def work(self):
            with self.lock:  # here
                client = self.idle.pop()
            client.exec_command("true")
        """,
    "it goes away early": """
        def work(self):
            with self.lock:  # here
                if self.closed:
                    return
            self.client.exec_command("true")
        """,
    "an event is set": """
        def work(self):
            with self.lock:  # here
                self.done += 1
                self.over.set()
        """,
    "something is called that may decide": """
        def work(self):
            with self.lock:  # here
                self.turn = self.next_turn()
        """,
    "a file is written, which may be a channel's": """
        def work(self, out):
            with self.lock:  # here
                out.write("x")
        """,
    "nothing is noted": """
        def work(self):
            with self.lock:  # here
                raise KeyError
        """,
    "a context manager": """
        @contextmanager
        def turn(self):
            with self.lock:  # here
                yield
        """,
    "two locks": """
        def work(self):
            with self.lock, self.other:  # here
                self.done += 1
        """,
    "the lock is kept": """
        def __enter__(self):
            self.lock.acquire()  # here
            self.depth += 1
            return self
        """,
    "a try, for nobody waits": """
        def work(self):
            if self.lock.acquire(False):  # here
                self.done += 1
        """,
}


def _only_notes(tmp_path: Path, source: str) -> bool:
    lines = [line.removeprefix("        ") for line in source.strip("\n").splitlines()]
    line = next(n for n, text in enumerate(lines, 1) if text.endswith("# here"))
    file = tmp_path / "app.py"
    file.write_text("\n".join(lines), encoding="utf-8")
    return Sections().only_notes([Site(file=str(file), line=line, function="work")])


@pytest.mark.parametrize("source", NOTES.values(), ids=NOTES)
def test_what_orders_nothing(tmp_path: Path, source: str) -> None:
    assert _only_notes(tmp_path, source)


@pytest.mark.parametrize("source", DECIDES.values(), ids=DECIDES)
def test_what_may_decide_something(tmp_path: Path, source: str) -> None:
    assert not _only_notes(tmp_path, source)


def test_who_called_it_may_look_too(tmp_path: Path) -> None:
    (tmp_path / "stats.py").write_text("def bump(self):\n    with self.lock:\n        self.n += 1\n", encoding="utf-8")
    app = tmp_path / "app.py"
    app.write_text("def run(it):\n    it.bump()\n    if it.n == 3:\n        client.close()\n", encoding="utf-8")
    inner = Site(file=str(tmp_path / "stats.py"), line=2, function="bump")
    assert Sections().only_notes([inner])
    assert not Sections().only_notes([inner, Site(file=str(app), line=2, function="run")])


def test_source_that_cannot_be_read_may_decide(tmp_path: Path) -> None:
    assert not Sections().only_notes([Site(file=str(tmp_path / "gone.py"), line=2, function="bump")])
    assert not Sections().only_notes([])
