"""Waits that are for something else, or may be over before the earlier call is.

Programs whose two calls, ``#1`` and ``#2``, nothing that is recorded orders; see test_unrecorded. Where the
later one's thread has started the earlier one's, ``#start`` says so.
"""

from __future__ import annotations

NOT_EXCUSED = {
    "a flag that a timer sets, too": """
        class Link:
            def __init__(self):
                self.free = False
            def first(self):
                sftp.stat("/")  #1
                self.free = True
            def give_up(self):
                self.free = True
            def second(self):
                while not self.free:
                    time.sleep(0.1)
                sftp.stat("/")  #2
        def main():
            link = Link()
            threading.Timer(5, link.give_up).start()
        """,
    "tries of its own that it counts": """
        def main():
            done = []
            def work():
                sftp.stat("/")  #1
                done.append(1)
            tries = 0
            while not done:
                tries += 1
                if tries > 6:
                    break
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "half of what one does who goes on": """
        blocks = 0
        def reader():
            global blocks
            for _ in range(6):
                sftp.stat("/")  #1
                blocks += 1
        def main():
            while blocks < 3:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
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
    "a limit of requests in a time": """
        last = 0
        def work():
            global last
            while time.time() - last < 0.2:
                time.sleep(0.1)
            sftp.stat("/")  #12
            last = time.time()
        """,
    "a limit of those who are active": """
        class Crawler:
            LIMIT = 4
            def __init__(self):
                self.active = 0
            def visit(self):
                while self.active >= self.LIMIT:
                    time.sleep(0.1)
                self.active += 1
                sftp.stat("/")  #12
                self.active -= 1
        """,
    "the first result of several threads": """
        def main():
            results = []
            def work():
                results.append(sftp.stat("/"))  #1
            for _ in range(3):
                threading.Thread(target=work).start()
            while not results:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "one of several workers, each with its flag": """
        class Worker(threading.Thread):
            def __init__(self):
                self.done = False
            def run(self):
                sftp.stat("/")  #1
                self.done = True
        def main():
            one, two = Worker(), Worker()
            while not two.done:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a limit that was reached": """
        def main():
            done = []
            def work():
                sftp.stat("/")  #1
                done.append(1)
            deadline = time.time() + 0.5
            while not done and time.time() < deadline:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a number of looks, which may be in vain": """
        def main():
            done = []
            def work():
                sftp.stat("/")  #1
                done.append(1)
            for _ in range(5):
                if done:
                    break
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "select() with a limit, and nobody looks at what it returns": """
        ours, theirs = socket.socketpair()
        def work():
            sftp.stat("/")  #1
            theirs.send(b"x")
        def main():
            select.select([ours], [], [], 0.3)
            sftp.stat("/")  #2
        """,
    "a journal in which the beginning is noted, too": """
        def main():
            journal = []
            def work():
                journal.append("begins")
                sftp.stat("/")  #1
                journal.append("ends")
            while not journal:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a wait that was over before the other one was started": """
        class Job:
            def run(self):
                sftp.stat("/")  #1
                self.state = "done"
        def main():
            job = Job()
            while job.state != "done":
                time.sleep(0.1)
            threading.Thread(target=job.run).start()  #start
            sftp.stat("/")  #2
        """,
    "a wait that was over before the task was submitted": """
        def work(done):
            sftp.stat("/")  #1
            done.append(1)
        def main():
            done = []
            while not done:
                time.sleep(0.1)
            pool.submit(work, done)
            sftp.stat("/")  #2
        """,
    "a flag that the other one only prints": """
        state = {"stopping": False}
        def work():
            sftp.stat("/")  #1
            print("stopping is", state["stopping"])
        def main():
            while not state["stopping"]:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "another item of the same dictionary": """
        state = {"copied": False, "seen": 0}
        def work():
            sftp.stat("/")  #1
            state["seen"] = 1
        def main():
            while not state["copied"]:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a value that does not end the wait": """
        class Job:
            def __init__(self):
                self.state = "new"
            def run(self):
                sftp.stat("/")  #1
                self.state = "copying"
        def main():
            job = Job()
            while job.state != "done":
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "beats of a heart that goes on": """
        beats = 0
        def beat():
            global beats
            while True:
                sftp.stat(".")  #1
                beats += 1
                time.sleep(1)
        def main():
            while beats < 1:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "one who says that it is busy, and one who only looks": """
        class Store:
            def __init__(self):
                self.busy = False
            def save(self):
                self.busy = True
                sftp.stat("/")  #1
                self.busy = False
            def size(self):
                while self.busy:
                    time.sleep(0.1)
                sftp.stat("/")  #2
        """,
    "a method of the same name, of another class": """
        class Log:
            def finish(self):
                self.lines = 1
        class Job:
            def finish(self):
                self.is_done = True
        def main():
            job, log = Job(), Log()
            def work():
                sftp.stat("/")  #1
                log.finish()
            while not job.is_done:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "wait() of a process": """
        import subprocess
        class Job:
            def wait(self):
                while not self.is_done:
                    time.sleep(0.1)
        def main():
            job = Job()
            def work():
                sftp.stat("/")  #1
                job.is_done = True
            process = subprocess.Popen(["x"])
            process.wait()
            sftp.stat("/")  #2
        """,
    "a wait that is only sometimes": """
        def main(verbose):
            done = []
            def work():
                sftp.stat("/")  #1
                done.append(1)
            if verbose:
                while not done:
                    time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a flag of each call": """
        def copy(path):
            done = []
            def look():
                sftp.stat(path)  #1
                done.append(1)
            threading.Thread(target=look).start()
            while not done:
                time.sleep(0.1)
            sftp.stat("/")  #2
        def main():
            for path in "ab":
                threading.Thread(target=copy, args=(path,)).start()
        """,
    "a look, without a wait": """
        def main():
            done = []
            def work():
                sftp.stat("/")  #1
                done.append(1)
            if not done:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a pipe to which others write, too": """
        wakes, rings = os.pipe()
        def work():
            sftp.stat("/")  #1
            os.write(rings, b"x")
        def main():
            for _ in range(3):
                threading.Thread(target=work).start()
            os.read(wakes, 1)
            sftp.stat("/")  #2
        """,
    "a file that is no Python": "this is (no Python  #12",
}
