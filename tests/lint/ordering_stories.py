"""Waits that are not recorded, by which the later call comes after the earlier one.

Programs whose two calls, ``#1`` and ``#2``, nothing that is recorded orders; see test_unrecorded. Where the
later one's thread has started the earlier one's, ``#start`` says so.
"""

from __future__ import annotations

EXCUSED = {
    "one's own flag, of several objects with a client each": """
        class Host:
            def __init__(self, name):
                self.sftp = connect(name)
                self.done = False
            def work(self):
                self.sftp.stat("/")  #1
                self.done = True
            def wait(self):
                while not self.done:
                    time.sleep(0.1)
                self.sftp.stat("/")  #2
        def main():
            hosts = [Host(name) for name in "abc"]
            for host in hosts:
                threading.Thread(target=host.work).start()
        """,
    "one's own flag, of several calls with a client each": """
        def deploy(name):
            sftp = connect(name)
            done = []
            def work():
                sftp.stat("/")  #1
                done.append(1)
            threading.Thread(target=work).start()
            while not done:
                time.sleep(0.1)
            sftp.stat("/")  #2
        def main():
            for name in "abc":
                threading.Thread(target=deploy, args=(name,)).start()
        """,
    "a signal whose handler sets the flag": """
        free = False
        def on_signal(number, frame):
            global free
            free = True
        def work():
            sftp.stat("/")  #1
            os.kill(os.getpid(), signal.SIGUSR1)
        def main():
            signal.signal(signal.SIGUSR1, on_signal)
            while not free:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a callback": """
        class App:
            def __init__(self):
                self.pending = 1
            def finished(self):
                self.pending -= 1
            def main(self):
                threading.Thread(target=work, args=(sftp, self.finished)).start()
                while self.pending:
                    time.sleep(0.1)
                sftp.stat("/")  #2
        def work(sftp, on_done):
            sftp.stat("/")  #1
            on_done()
        """,
    "a condition that a general function waits for": """
        def wait_until(condition):
            while not condition():
                time.sleep(0.1)
        def main():
            sizes = []
            def work():
                sizes.append(sftp.stat("/"))  #1
            wait_until(lambda: sizes)
            sftp.stat("/")  #2
        """,
    "a selector": """
        import selectors
        def main():
            here, there = socket.socketpair()
            selector = selectors.DefaultSelector()
            selector.register(here, 1)
            def work():
                sftp.stat("/")  #1
                there.send(b"x")
            selector.select()
            sftp.stat("/")  #2
        """,
    "one of several states": """
        class Job:
            def __init__(self):
                self.state = "new"
            def run(self):
                self.state = "running"
                try:
                    sftp.stat("/")  #1
                except OSError:
                    self.state = "failed"
                else:
                    self.state = "done"
        def main():
            job = Job()
            while job.state not in ("done", "failed"):
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a worker that does what it is asked for, and answers": """
        questions, answers = [], []
        def worker():
            while True:
                while not questions:
                    time.sleep(0.1)
                path = questions.pop()
                answers.append(sftp.stat(path))  #1
        def main():
            for path in "ab":
                questions.append(path)
                while not answers:
                    time.sleep(0.1)
                answers.pop()
                sftp.stat("/")  #2
        """,
    "turns of two functions": """
        class Game:
            def __init__(self):
                self.turn = "ping"
            def ping(self):
                for _ in range(3):
                    while self.turn != "ping":
                        time.sleep(0.1)
                    sftp.stat("/")  #2
                    self.turn = "pong"
            def pong(self):
                for _ in range(3):
                    while self.turn != "pong":
                        time.sleep(0.1)
                    sftp.stat("/")  #1
                    self.turn = "ping"
        """,
    "a flag that is polled": """
        def main():
            done = []
            def work():
                sftp.stat("/")  #1
                done.append(1)
            while not done:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a flag of an object, polled by a method": """
        class App:
            def work(self):
                self.sftp.stat("/")  #1
                self.finish()
            def finish(self):
                self.is_done = True
            def wait_done(self):
                for _ in range(100):
                    if self.is_done:
                        break
                    time.sleep(0.1)
            def main(self):
                self.wait_done()
                self.sftp.stat("/")  #2
        """,
    "a flag that is set by who called the function that made the call": """
        ready = False
        def use():
            sftp.stat("/")  #1
        def work():
            global ready
            use()  #1^
            ready = True
        def main():
            while True:
                if ready:
                    break
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a list of results of a lambda": """
        def main():
            results = []
            start(lambda: results.append(sftp.stat("/")))  #1
            while len(results) < 1:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a file": """
        def work():
            sftp.stat("/")  #1
            open(path, "w").close()
        def main():
            while not os.path.exists(path):
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a pipe": """
        def main():
            reads, writes = os.pipe()
            def work():
                sftp.stat("/")  #1
                os.write(writes, b"x")
            os.read(reads, 1)
            sftp.stat("/")  #2
        """,
    "a pair of sockets and select()": """
        class App:
            def __init__(self):
                self.ours, self.theirs = socket.socketpair()
            def work(self):
                sftp.stat("/")  #1
                self.theirs.send(b"x")
            def main(self):
                select.select([self.ours], [], [])
                sftp.stat("/")  #2
        """,
    "a flag of another file's": """
        import state
        def work():
            sftp.stat("/")  #1
            state.done = True
        def main():
            while not state.done:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a list of the function around the later one": """
        def main():
            done = []
            def later():
                while not done:
                    time.sleep(0.1)
                sftp.stat("/")  #2
            start(later)
            sftp.stat("/")  #1
            done.append(1)
        """,
    "a result that is put into a list, or stored": """
        class App:
            def ask(self):
                return sftp.stat("/")  #1
            def work(self):
                self.answer = self.ask()  #1^
            def main(self):
                while self.answer is None:
                    time.sleep(0.1)
                sftp.stat("/")  #2
        """,
    "two statements on one line": """
        done = []
        def work(): sftp.stat("/"); done.append(1)  #1
        while not done: time.sleep(0.1)
        sftp.stat("/")  #2
        """,
    "a list that a thread was started with": """
        def work(sftp, results):
            results.append(sftp.stat("/"))  #1
        def main():
            answers = []
            threading.Thread(target=work, args=(sftp, answers)).start()
            while not answers:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a pipe's end that a method was submitted with": """
        class App:
            def work(self, end):
                sftp.stat("/")  #1
                end.send(1)
            def main(self):
                ours, theirs = Pipe()
                pool.submit(self.work, theirs)
                ours.recv()
                sftp.stat("/")  #2
        """,
    "a list that the loop over the call's result fills": """
        def main():
            done = []
            def work():
                for name in sftp.listdir("/"):  #1
                    done.append(name)
            while not done:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "an event of multiprocessing's": """
        import multiprocessing
        ready = multiprocessing.Event()
        def work():
            sftp.stat("/")  #1
            ready.set()
        def main():
            ready.wait()
            sftp.stat("/")  #2
        """,
    "a turn that is given on": """
        turn = 0
        def work(me, other):
            global turn
            while turn != me:
                time.sleep(0.1)
            sftp.stat("/")  #12
            turn = other
        """,
    "a signal": """
        def work():
            sftp.stat("/")  #1
            os.kill(os.getpid(), signal.SIGUSR1)
        def main():
            signal.sigwait([signal.SIGUSR1])
            sftp.stat("/")  #2
        """,
    "a limit that is an error when it is over": """
        def main():
            done = []
            def work():
                sftp.stat("/")  #1
                done.append(1)
            end = time.time() + 0.5
            while not done:
                if time.time() > end:
                    raise TimeoutError
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a limit that was not reached": """
        def main():
            done = []
            def work():
                sftp.stat("/")  #1
                done.append(1)
            deadline = time.time() + 60
            while not done and time.time() < deadline:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a limit after which it is looked whether it was in vain": """
        def main():
            done = []
            def work():
                sftp.stat("/")  #1
                done.append(1)
            for _ in range(5):
                if done:
                    break
                time.sleep(0.1)
            if not done:
                return
            sftp.stat("/")  #2
        """,
    "a state that is neither at first nor at work what is waited for": """
        class Job:
            def __init__(self):
                self.state = "queued"
            def run(self):
                self.state = "running"
                sftp.stat("/")  #1
                self.state = "done"
        def main():
            job = Job()
            threading.Thread(target=job.run).start()
            while job.state != "done":
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a flag of each call's own helper": """
        def copy(path):
            done = []
            def look():
                sftp.stat(path)  #1
                done.append(1)
            threading.Thread(target=look).start()  #start
            while not done:
                time.sleep(0.1)
            sftp.stat("/")  #2
        def main():
            for path in "ab":
                threading.Thread(target=copy, args=(path,)).start()
        """,
    "the results of all of several threads": """
        def main():
            results = []
            def work():
                results.append(sftp.stat("/"))  #1
            for _ in range(3):
                threading.Thread(target=work).start()
            while len(results) < 3:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "each of several workers": """
        class Worker(threading.Thread):
            def __init__(self):
                self.done = False
            def run(self):
                sftp.stat("/")  #1
                self.done = True
        def main():
            workers = [Worker() for _ in range(3)]
            for worker in workers:
                while not worker.done:
                    time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a count to nothing": """
        class Crew:
            def __init__(self):
                self.left = 3
            def work(self):
                sftp.stat("/")  #1
                self.left -= 1
        def main():
            crew = Crew()
            for _ in range(3):
                threading.Thread(target=crew.work).start()
            while crew.left > 0:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "those who are busy, as who starts them notes": """
        class Group:
            def __init__(self):
                self.busy = set()
            def run(self, name):
                sftp.stat("/")  #1
                self.busy.discard(name)
            def start(self, names):
                self.busy.update(names)
                for name in names:
                    threading.Thread(target=self.run, args=(name,)).start()
            def wait(self):
                while self.busy:
                    time.sleep(0.1)
                sftp.stat("/")  #2
        """,
    "each says that it is busy, and waits until nobody is": """
        class Store:
            def __init__(self):
                self.busy = False
            def use(self):
                while self.busy:
                    time.sleep(0.1)
                self.busy = True
                sftp.stat("/")  #12
                self.busy = False
        """,
    "a turn of an object's, which each gives on": """
        class Table:
            def __init__(self):
                self.turn = 0
            def play(self, me):
                while self.turn != me:
                    time.sleep(0.1)
                sftp.stat("/")  #12
                self.turn = (me + 1) % 2
        def main():
            table = Table()
            for n in range(2):
                threading.Thread(target=table.play, args=(n,)).start()
        """,
    "a byte in a pipe, which each takes and gives back": """
        take, give = os.pipe()
        def work():
            os.read(take, 1)
            sftp.stat("/")  #12
            os.write(give, b"x")
        def main():
            for _ in range(3):
                threading.Thread(target=work).start()
        """,
    "a pipe that is read on the line of the call": """
        import multiprocessing
        ours, theirs = multiprocessing.Pipe()
        def work():
            sftp.stat("/")  #1
            theirs.send(1)
        def main():
            print(ours.recv(), sftp.stat("/"))  #2
        """,
    "one statement after the other on a line": """
        done = []
        def work():
            sftp.stat("/"); done.append(1)  #1
        def main():
            while not done: time.sleep(0.1)
            print("x"); sftp.stat("/"); print("y")  #2
        """,
}
