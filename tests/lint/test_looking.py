"""What a loop of looking and sleeping can have waited for, told from source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from paramedic.lint.looking import Looking
from paramedic.model.finding import Site

# The lines of the stacks are marked: `# close` and `# use`, outwards with a number; `# before` is one of what the
# closer did before the use.

WAITED = {
    "for a list that the user fills, which was given to it as an argument": """
        def work(client, out):
            out.append(client.read())  # use
            rest()

        def main():
            results = []
            Thread(target=work, args=(client, results)).start()
            while len(results) < 1:
                time.sleep(0.1)
            client.close()  # close
        """,
    "for a list, up to a number of looks": """
        def work():
            done.append(client.read())  # use

        def main():
            for _ in range(100):
                if len(done) == 2:
                    break
                time.sleep(0.1)
            client.close()  # close
        """,
    "for the state of a job, which a method of the user sets at its end": """
        class Runner:
            def _go(self, job):
                try:
                    client.read()  # use
                finally:
                    self._finish(job)

            def _finish(self, job):
                job.state = "done"

            def wait(self):
                while any(job.state != "done" for job in self.jobs):
                    time.sleep(0.1)

            def close(self):
                self.wait()
                self.client.close()  # close
        """,
    "for a variable of the function around, with a limit of time": """
        def main():
            left = 3
            def work():
                nonlocal left
                client.read()  # use
                left -= 1
            end = time.monotonic() + 10
            while left and time.monotonic() < end:
                time.sleep(0.1)
            client.close()  # close
        """,
    "for a third one, who waits for the user": """
        def collect(futures):
            global finished
            print([f.result() for f in futures])
            finished = True

        def work():
            return client.read()  # use

        def main():
            while not finished:
                time.sleep(0.1)
            client.close()  # close
        """,
    "for a file that may be anybody's": """
        def work():
            client.read()  # use

        def main():
            while not os.path.exists("flag"):
                time.sleep(0.1)
            client.close()  # close
        """,
    "for work that is counted as done, not as taken": """
        def work():
            while True:
                job = jobs.get()
                client.read()  # use
                jobs.task_done()

        while jobs.unfinished_tasks:
            time.sleep(0.1)
        client.close()  # close
        """,
    "for the end of a with statement that counts its users": """
        class Busy:
            def __enter__(self):
                self.users += 1

            def __exit__(self, *error):
                self.users -= 1

        def work():
            with Busy():
                client.read()  # use

        def main():
            while busy.users:
                time.sleep(0.1)
            client.close()  # close
        """,
    "for what a callback counts, which the user calls under its own name": """
        def count(result):
            totals["done"] += 1

        class Runner:
            def __init__(self, on_result):
                self.on_result = on_result

            def work(self):
                self.on_result(client.read())  # use

        def main():
            runner = Runner(on_result=count)
            while totals["done"] < 3:
                time.sleep(0.1)
            client.close()  # close
        """,
    "for what the pool's own thread is given by a callback": """
        def stored(result):
            results.append(result)

        def work():
            return client.read()  # use

        def main():
            pool.apply_async(work, callback=stored)
            while not results:
                time.sleep(0.1)
            client.close()  # close
        """,
    "for a property that asks what the user changes": """
        class Runner:
            @property
            def idle(self):
                return not self._busy

            def work(self):
                client.read()  # use
                self._busy.discard(1)

            def close(self):
                while not self.idle:
                    time.sleep(0.1)
                client.close()  # close
        """,
    "for a collection of its own class": """
        class Jobs:
            def finish(self, job):
                self._left -= 1

            def __len__(self):
                return self._left

        def work(jobs):
            client.read()  # use
            jobs.finish(1)

        def main():
            while len(jobs):
                time.sleep(0.1)
            client.close()  # close
        """,
    "for the status of the channel that the user reads": """
        def work(stream):
            stream.read()  # use

        def main():
            stdin, stdout, stderr = client.exec_command("make")
            Thread(target=work, args=(stdout,)).start()
            while not stdout.channel.exit_status_ready():
                time.sleep(0.1)
            client.close()  # close
        """,
    "in each round, of which the first was before the use": """
        def work():
            done.append(client.read())  # use

        def main():
            for host in hosts:
                while not done:
                    time.sleep(0.1)
                start(work)  # before
                client.close()  # close
        """,
    "after another time, in which the user was started": """
        def work():
            done.append(client.read())  # use

        def main():
            if first:
                while not done:
                    time.sleep(0.1)
                if new:
                    start(work)  # before
                client.close()  # close
        """,
    "somewhere else than it can be seen": """
        def work():
            client.read()  # use

        def main():
            client.close()  # close
        """,
}

NOT_WAITED = {
    "for a clock": """
        def work():
            done.append(client.read())  # use

        def main():
            end = time.monotonic() + 2
            while time.monotonic() < end:
                time.sleep(0.1)
            client.close()  # close
        """,
    "for a sum of its own rests": """
        class App:
            def work(self):
                self.out.append(client.read())  # use

            def grace(self, seconds):
                waited = 0
                while waited < seconds:
                    time.sleep(0.1)
                    waited += 0.1

            def run(self):
                self.grace(2)
                client.close()  # close
        """,
    "for a signal, at which the user only looks": """
        stopping = False

        def on_term(number, frame):
            global stopping
            stopping = True

        def work():
            while not stopping:
                client.read()  # use

        def main():
            signal.signal(signal.SIGTERM, on_term)
            while not stopping:
                time.sleep(0.1)
            client.close()  # close
        """,
    "for a queue that is empty as soon as the last job is taken": """
        def work():
            while True:
                job = jobs.get()
                client.read()  # use

        def main():
            for n in range(3):
                jobs.put(n)
            while not jobs.empty():
                time.sleep(0.1)
            client.close()  # close
        """,
    "for a list from which the user takes its work": """
        def work():
            while todo:
                host = todo.pop()
                client.read()  # use

        def main():
            while todo:
                time.sleep(0.1)
            client.close()  # close
        """,
    "for a command of its own": """
        def work(client):
            client.read()  # use

        def main():
            chan = client.get_transport().open_session()
            while not chan.exit_status_ready():
                time.sleep(0.1)
            client.close()  # close
        """,
    "for another thread's work": """
        def build(other):
            other.read()
            state["built"] = True

        def work(client, lines):
            lines.append(client.read())  # use

        def main():
            lines = []
            Thread(target=build, args=(other,)).start()
            Thread(target=work, args=(client, lines)).start()
            while not state["built"]:
                time.sleep(0.1)
            client.close()  # close
        """,
    "for anything after the use, as the loop was over before it": """
        def work(out):
            out.append(client.read())  # use

        def main():
            while not out:
                time.sleep(0.1)
            client = connect()
            Thread(target=work, args=(out,)).start()  # before
            client.close()  # close
        """,
    "for a connection that is tried again": """
        def work():
            done.append(client.read())  # use

        def main():
            while True:
                try:
                    client.connect("web1")
                    break
                except OSError:
                    time.sleep(1)
            client.close()  # close
        """,
}


def _stack(file: Path, text: str, mark: str) -> list[Site]:
    lines = [n for n, line in enumerate(text.splitlines(), 1) if line.endswith(f"# {mark}")]
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)]
    return [
        Site(
            file=str(file),
            line=line,
            function=next((f.name for f in functions[::-1] if f.lineno <= line <= (f.end_lineno or 0)), "<module>"),
        )
        for line in lines
    ]


def _ask(folder: Path, text: str) -> bool:
    file = folder / "app.py"
    file.write_text(text)
    before = _stack(file, text, "before")
    assert _stack(file, text, "close") and _stack(file, text, "use")
    return Looking().may_have_waited(_stack(file, text, "close"), _stack(file, text, "use"), [before] if before else ())


def _dedented(text: str) -> str:
    return "\n".join(line[8:] for line in text.strip("\n").splitlines())


@pytest.mark.parametrize("words", WAITED)
def test_a_loop_may_have_waited(words: str, tmp_path: Path) -> None:
    assert _ask(tmp_path, _dedented(WAITED[words]))


@pytest.mark.parametrize("words", NOT_WAITED)
def test_a_loop_cannot_have_waited(words: str, tmp_path: Path) -> None:
    assert not _ask(tmp_path, _dedented(NOT_WAITED[words]))


def test_what_another_file_of_the_program_changes_is_followed(tmp_path: Path) -> None:
    (tmp_path / "results.py").write_text("DONE = []\n\n\ndef record(host):\n    DONE.append(host)\n")
    text = (
        "import results\nfrom results import record\n\n\n"
        "def work():\n    client.read()  # use\n    record('web1')\n\n\n"
        "def main():\n    while len(results.DONE) < 3:\n        time.sleep(0.1)\n    client.close()  # close\n"
    )
    assert _ask(tmp_path, text)


@pytest.mark.parametrize("text", ["", "this is no Python", "\0"])
def test_files_that_cannot_be_read_leave_it_open(text: str, tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    file.write_text(text)
    site = Site(file=str(file), line=3, function="main")
    missing = Site(file=str(tmp_path / "gone.py"), line=3, function="main")
    for stack in ([site], [missing], [Site(file="<string>", line=1)]):
        assert Looking().may_have_waited(stack, stack)
