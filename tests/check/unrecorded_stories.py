"""Programs whose two calls, in the lines ``#1`` and ``#2``, nothing that is recorded orders; see test_unrecorded."""

from __future__ import annotations

EXCUSED = {
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
    "a pipe that takes the result": """
        def main():
            ours, theirs = Pipe()
            def work():
                theirs.send(sftp.stat("/"))  #1
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
    "a lock of multiprocessing's": """
        import multiprocessing as mp
        lock = mp.get_context("fork").RLock()
        def work():
            with lock:
                sftp.stat("/")  #12
        """,
    "a lock of multiprocessing's that is acquired": """
        from multiprocessing import Lock
        class App:
            def __init__(self):
                self.lock = Lock()
            def work(self):
                self.lock.acquire()
                try:
                    sftp.stat("/")  #12
                finally:
                    self.lock.release()
        """,
    "a file that is locked": """
        def work():
            with open("lock", "w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                sftp.stat("/")  #12
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
    "a deque out of which each takes it": """
        def work():
            while True:
                try:
                    sftp = idle.popleft()
                    break
                except IndexError:
                    time.sleep(0.1)
            sftp.stat("/")  #12
            idle.append(sftp)
        """,
    "a list out of which a function takes it": """
        def take():
            try:
                return idle.pop()
            except IndexError:
                return connect()
        def use(sftp):
            return sftp.stat("/")  #12
        def work():
            sftp = take()
            try:
                use(sftp)  #12^
            finally:
                idle.append(sftp)
        """,
    "a dictionary of which it is an item": """
        def work():
            name, sftp = free.popitem()
            sftp.stat("/")  #12
            free[name] = sftp
        """,
    "a context manager that takes it out and puts it back": """
        @contextlib.contextmanager
        def borrowed():
            sftp = idle.pop()
            try:
                yield sftp
            finally:
                idle.append(sftp)
        def work():
            with borrowed() as sftp:
                sftp.stat("/")  #12
        """,
}
"""How the later thread may have waited after all."""

NOT_EXCUSED = {
    "a queue of jobs, which is recorded": """
        import queue
        jobs = queue.Queue()
        def work():
            while True:
                job = jobs.get()
                sftp.stat(job)  #12
                jobs.task_done()
        """,
    "a pipe of each worker's own": """
        class Worker:
            def run(self):
                while True:
                    job = self.pipe.recv()
                    sftp.stat(job)  #12
                    self.pipe.send("done")
        """,
    "a list of which each thread was started with its own": """
        def work(sftp, results):
            sftp.stat("/")  #1
            results.append(1)
        def watch(sftp, results):
            while not results:
                time.sleep(0.1)
            sftp.stat("/")  #2
        def main():
            mine, theirs = [], []
            threading.Thread(target=work, args=(sftp, mine)).start()
            threading.Thread(target=watch, args=(sftp, theirs)).start()
        """,
    "locks of threading's, which are recorded: they must be several": """
        import threading
        class App:
            def __init__(self):
                self.lock = threading.Lock()
            def work(self):
                with self.lock:
                    sftp.stat("/")  #12
        """,
    "a lock that only one of them holds": """
        import multiprocessing
        lock = multiprocessing.Lock()
        def work():
            with lock:
                sftp.stat("/")  #1
        def other():
            sftp.stat("/")  #2
        """,
    "a lock that was given back": """
        import multiprocessing
        lock = multiprocessing.Lock()
        def work():
            lock.acquire()
            lock.release()
            sftp.stat("/")  #12
        """,
    "a dictionary that one asks and the other fills": """
        sizes = {}
        def work():
            sizes.get("/")
            sftp.stat("/")  #12
            sizes["/"] = 1
        """,
    "a variable of the module's that has the name of a worker's": """
        def work():
            sftp.stat("/")  #1
            _, out, _ = client.exec_command("x")
            out.read()
        _, out, _ = client.exec_command("y")
        out.read()
        sftp.stat("/")  #2
        """,
    "rounds until the connection is up": """
        def work():
            sftp.stat("/")  #1
            transport.open_session()
        def main():
            while not transport.is_active():
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "rounds that look at the object itself": """
        def work():
            sftp.stat("/")  #1
            sftp.close()
        def main():
            while sftp.sock is None:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a file that others write": """
        def work():
            sftp.stat("/")  #1
            log(os.path.join(home, "x"))
        def main():
            while not os.path.exists(flag):
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "nothing": """
        def work():
            sftp.stat("/")  #12
        """,
    "a flag by which both begin at the same time": """
        go = False
        def work():
            while not go:
                time.sleep(0.1)
            sftp.stat("/")  #12
            print("done")
        """,
    "a flag that others set": """
        def main():
            done = []
            def work():
                sftp.stat("/")  #1
                print("x")
            def other():
                done.append(1)
            while not done:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a flag of the same name that is another one's": """
        def work():
            sftp.stat("/")  #1
            done = True
        def main():
            done = False
            while not done:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a flag that the other one only looks at": """
        def beat():
            while True:
                sftp.stat(".")  #1
                if not running:
                    break
                time.sleep(1)
        def main():
            while running:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a flag that is polled later": """
        def main():
            done = []
            def work():
                sftp.stat("/")  #1
                done.append(1)
            sftp.stat("/")  #2
            while not done:
                time.sleep(0.1)
        """,
    "a flag that is set before the call": """
        def main():
            done = []
            def work():
                done.append(1)
                sftp.stat("/")  #1
            while not done:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "each reads the output of its own command": """
        def work(client):
            _, out, _ = client.exec_command("x")
            out.read()
            sftp.stat("/")  #12
            _, out, _ = client.exec_command("y")
            out.read()
        """,
    "an attempt that is repeated": """
        def work():
            for _ in range(3):
                try:
                    connect(host)
                    break
                except OSError:
                    time.sleep(1)
            sftp.stat("/")  #12
            connect(host)
        """,
    "jobs that are taken out and, if they failed, put back": """
        def work():
            job = jobs.pop()
            try:
                sftp.stat(job)  #12
            except OSError:
                jobs.append(job)
        """,
    "a file that is no Python": "this is (no Python  #12",
}
