"""Two threads that take turns through pipes, and those that only seem to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_unrecorded import judged

TAKEN = {
    "a pair of sockets": """
        def main():
            a, b = socket.socketpair()
            def first():
                for _ in range(4):
                    sftp.stat("/")  #1
                    a.send(b"x")
                    a.recv(1)
            def second():
                for _ in range(4):
                    b.recv(1)
                    sftp.stat("/")  #2
                    b.send(b"x")
            for f in (first, second):
                threading.Thread(target=f).start()
        """,
    "two pipes, of which one is read by the loop's head": """
        r1, w1 = os.pipe()
        r2, w2 = os.pipe()
        def first():
            for _ in range(4):
                sftp.stat("/")  #1
                os.write(w1, b"x")
                os.read(r2, 1)
        def second():
            while os.read(r1, 1):
                sftp.stat("/")  #2
                os.write(w2, b"x")
        for f in (first, second):
            threading.Thread(target=f).start()
        """,
    "two pipes, and a third thread that lets one begin": """
        r1, w1 = os.pipe()
        r2, w2 = os.pipe()
        def first():
            for _ in range(4):
                os.read(r2, 1)
                sftp.stat("/")  #1
                os.write(w1, b"x")
        def second():
            for _ in range(4):
                os.read(r1, 1)
                sftp.stat("/")  #2
                os.write(w2, b"x")
        os.write(w1, b"x")
        for f in (first, second):
            threading.Thread(target=f).start()
        """,
    "who has started the other one begins": """
        import multiprocessing
        def second(end):
            for _ in range(4):
                end.recv()
                sftp.stat("/")  #2
                end.send(1)
        def main():
            ours, theirs = multiprocessing.Pipe()
            threading.Thread(target=second, args=(theirs,)).start()
            for name in names:
                sftp.stat(name)  #1
                ours.send(1)
                ours.recv()
        """,
    "the word and the wait in a method": """
        class App:
            def __init__(self):
                self.a, self.b = socket.socketpair()
            def swap(self):
                self.a.sendall(b"x")
                self.a.recv(1)
            def first(self):
                for _ in range(4):
                    sftp.stat("/")  #1
                    self.swap()
            def second(self):
                for _ in range(4):
                    self.b.recv(1)
                    sftp.stat("/")  #2
                    self.b.sendall(b"x")
            def main(self):
                threading.Thread(target=self.first).start()
                threading.Thread(target=self.second).start()
        """,
    "a batch of calls in each round, a helper that answers, and a farewell": """
        a, b = socket.socketpair()
        def answer(word):
            b.sendall(word)
        def first():
            for some in batches:
                for path in some:
                    sftp.stat(path)  #1
                a.sendall(b"x")
                if not a.recv(16):
                    break
            a.close()
        def second():
            while b.recv(16):
                try:
                    sftp.stat("/")  #2
                except OSError:
                    print("not there")
                answer(b"ok")
            b.sendall(b"bye")
        for f in (first, second):
            threading.Thread(target=f).start()
        """,
}
NOT_TAKEN = {
    "a word that is already there": """
        a, b = socket.socketpair()
        def first():
            for _ in range(4):
                sftp.stat("/")  #1
                a.send(b"x")
                a.recv(1)
        def second():
            for _ in range(4):
                b.recv(1)
                sftp.stat("/")  #2
                b.send(b"x")
        a.send(b"go")
        for f in (first, second):
            threading.Thread(target=f).start()
        """,
    "who waits before it says that it is over": """
        a, b = socket.socketpair()
        def first():
            for _ in range(4):
                sftp.stat("/")  #1
                a.recv(1)
                a.send(b"x")
        def second():
            for _ in range(4):
                b.recv(1)
                sftp.stat("/")  #2
                b.send(b"x")
        b.send(b"go")
        for f in (first, second):
            threading.Thread(target=f).start()
        """,
    "nobody waits for the answer": """
        a, b = socket.socketpair()
        def first():
            for _ in range(4):
                sftp.stat("/")  #1
                a.send(b"x")
        def second():
            for _ in range(4):
                b.recv(1)
                sftp.stat("/")  #2
                b.send(b"x")
        for f in (first, second):
            threading.Thread(target=f).start()
        """,
    "who answers before its call": """
        a, b = socket.socketpair()
        def first():
            for _ in range(4):
                sftp.stat("/")  #1
                a.send(b"x")
                a.recv(1)
        def second():
            for _ in range(4):
                b.recv(1)
                b.send(b"x")
                sftp.stat("/")  #2
        for f in (first, second):
            threading.Thread(target=f).start()
        """,
    "who says so before its call": """
        a, b = socket.socketpair()
        def first():
            for _ in range(4):
                a.send(b"x")
                sftp.stat("/")  #1
                a.recv(1)
        def second():
            for _ in range(4):
                b.recv(1)
                sftp.stat("/")  #2
                b.send(b"x")
        for f in (first, second):
            threading.Thread(target=f).start()
        """,
    "several that answer": """
        a, b = socket.socketpair()
        def first():
            for _ in range(4):
                sftp.stat("/")  #1
                a.send(b"xxx")
                a.recv(1)
        def second():
            for _ in range(4):
                b.recv(1)
                sftp.stat("/")  #2
                b.send(b"x")
        threading.Thread(target=first).start()
        for _ in range(3):
            threading.Thread(target=second).start()
        """,
    "a wait in some rounds only": """
        a, b = socket.socketpair()
        def first():
            for n in range(4):
                sftp.stat("/")  #1
                a.send(b"x")
                if n % 2:
                    a.recv(1)
        def second():
            for _ in range(4):
                b.recv(1)
                sftp.stat("/")  #2
                b.send(b"x")
        for f in (first, second):
            threading.Thread(target=f).start()
        """,
    "two words under way": """
        r1, w1 = os.pipe()
        r2, w2 = os.pipe()
        def first():
            for _ in range(4):
                os.read(r2, 1)
                sftp.stat("/")  #1
                os.write(w1, b"x")
        def second():
            for _ in range(4):
                os.read(r1, 1)
                sftp.stat("/")  #2
                os.write(w2, b"x")
        os.write(w1, b"x")
        os.write(w2, b"x")
        for f in (first, second):
            threading.Thread(target=f).start()
        """,
    "a third one that says it, too": """
        a, b = socket.socketpair()
        def first():
            for _ in range(4):
                sftp.stat("/")  #1
                a.send(b"x")
                a.recv(1)
        def second():
            for _ in range(4):
                b.recv(1)
                sftp.stat("/")  #2
                b.send(b"x")
        def third():
            while True:
                time.sleep(1)
                a.send(b"tick")
        for f in (first, second, third):
            threading.Thread(target=f).start()
        """,
    "a wait with a limit": """
        r1, w1 = os.pipe()
        r2, w2 = os.pipe()
        def first():
            for _ in range(4):
                sftp.stat("/")  #1
                os.write(w1, b"x")
                select.select([r2], [], [], 0.1)
        def second():
            for _ in range(4):
                os.read(r1, 1)
                sftp.stat("/")  #2
                os.write(w2, b"x")
        for f in (first, second):
            threading.Thread(target=f).start()
        """,
    "a limit of the socket's, which is caught": """
        a, b = socket.socketpair()
        a.settimeout(0.1)
        def first():
            for _ in range(4):
                sftp.stat("/")  #1
                a.send(b"x")
                try:
                    a.recv(1)
                except TimeoutError:
                    pass
        def second():
            for _ in range(4):
                b.recv(1)
                sftp.stat("/")  #2
                b.send(b"x")
        for f in (first, second):
            threading.Thread(target=f).start()
        """,
    "a word that is longer than what is read": """
        a, b = socket.socketpair()
        def first():
            for _ in range(4):
                sftp.stat("/")  #1
                a.send(b"done")
                a.recv(1)
        def second():
            while b.recv(1):
                sftp.stat("/")  #2
                b.send(b"x")
        for f in (first, second):
            threading.Thread(target=f).start()
        """,
    "who only looks, and not for long": """
        a, b = socket.socketpair()
        def first():
            for _ in range(4):
                sftp.stat("/")  #1
                a.send(b"x")
                if not select.select([a], [], [], 0.1)[0]:
                    print("late")
        def second():
            while b.recv(1):
                sftp.stat("/")  #2
                b.send(b"x")
        for f in (first, second):
            threading.Thread(target=f).start()
        """,
    "who goes on before the answer": """
        a, b = socket.socketpair()
        def first():
            for path in paths:
                sftp.stat(path)  #1
                a.send(b"x")
                if path in urgent:
                    continue
                a.recv(1)
        def second():
            while b.recv(1):
                sftp.stat("/")  #2
                b.send(b"x")
        for f in (first, second):
            threading.Thread(target=f).start()
        """,
    "a word for each of several calls": """
        a, b = socket.socketpair()
        def first():
            for some in batches:
                for path in some:
                    sftp.stat(path)  #1
                    a.send(b"x")
                a.recv(1)
        def second():
            while b.recv(1):
                sftp.stat("/")  #2
                b.send(b"x")
        for f in (first, second):
            threading.Thread(target=f).start()
        """,
}


def judged_both_ways(program: str, folder: Path) -> list[str]:
    """What keeps the calls apart, whichever of the two came later."""
    turned = re.sub(r"#([12])\b", lambda mark: "#2" if mark[1] == "1" else "#1", program)
    return [judged(each, folder).doubt for each in (program, turned)]


@pytest.mark.parametrize("how", TAKEN)
def test_who_takes_turns_does_not_meet_the_other_one(how: str, tmp_path: Path) -> None:
    assert all(judged_both_ways(TAKEN[how], tmp_path))


@pytest.mark.parametrize("how", NOT_TAKEN)
def test_who_may_go_on_before_the_answer_may_meet_the_other_one(how: str, tmp_path: Path) -> None:
    assert not any(judged_both_ways(NOT_TAKEN[how], tmp_path))
