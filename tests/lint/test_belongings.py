"""Two tasks that one worker of an executor has run: what may keep them apart in another run, as the source tells."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from paramedic.lint.unrecorded import Deed, Unrecorded, Verdict
from paramedic.model.finding import Site

TASK = """
    def fetch(path):
        session().stat(path)  # use
        results.append(path)
    """

KEPT: dict[str, str] = {
    "in a thread's local storage": """
        import threading
        mine = threading.local()
        def session():
            if not hasattr(mine, "sftp"):
                mine.sftp = ready.pop()
            return mine.sftp
        """,
    "in a class that is one": """
        from threading import local
        class Mine(local):
            sftp = None
        """,
    "by the thread's number": """
        import threading
        def session():
            return sessions[threading.get_ident()]
        """,
    "in a variable of its context": """
        import contextvars
        current = contextvars.ContextVar("sftp")
        """,
    "by what each worker begins with": """
        pool = ThreadPoolExecutor(4, initializer=prepare)
        """,
}


def verdict(program: str, folder: Path, between: str = "") -> Verdict:
    """What is said of the task of a program, which gets its session from a module beside it."""
    (folder / "sessions.py").write_text(dedent(program))
    text = f"from sessions import session\nresults = []\n{dedent(TASK)}\ndef main(pool, done):\n"
    text += "    pool.submit(fetch, 'a')  # first\n"
    text += f"{between}    pool.submit(fetch, 'b')  # second\n"
    (folder / "main.py").write_text(text)

    def at(mark: str, function: str) -> tuple[Site, ...]:
        line = next(n for n, words in enumerate(text.splitlines(), 1) if words.endswith(f"# {mark}"))
        return (Site(file=str(folder / "main.py"), line=line, function=function),)

    deed = Deed("stat", at("use", "fetch"), 5.0)
    return Unrecorded().of_one_worker(deed, deed, (at("first", "main"), at("second", "main")))


@pytest.mark.parametrize("how", KEPT)
def test_what_a_thread_keeps_for_itself_keeps_tasks_apart(how: str, tmp_path: Path) -> None:
    assert "keeps for itself" in verdict(KEPT[how], tmp_path).doubt


def test_one_session_for_all_does_not(tmp_path: Path) -> None:
    assert verdict("def session():\n    return sftp\n", tmp_path).doubt == ""


def test_who_submits_both_may_have_waited_in_between(tmp_path: Path) -> None:
    waits = "    while 'a' not in results:\n        time.sleep(0.1)\n"
    assert "a flag" in verdict("def session():\n    return sftp\n", tmp_path, waits).doubt


def test_who_goes_on_until_told_to_stop_waits_for_nobody(tmp_path: Path) -> None:
    works = "    while not done.is_set():\n        pool.submit(fetch, 'c')\n        time.sleep(0.1)\n    "
    assert verdict("def session():\n    return sftp\n", tmp_path, works).doubt == ""
