"""Locks that are not recorded, and what is taken out of containers.

Programs whose two calls, ``#1`` and ``#2``, nothing that is recorded orders; see test_unrecorded. Where the
later one's thread has started the earlier one's, ``#start`` says so.
"""

from __future__ import annotations

EXCUSED = {
    "each waits for what the one before it notes": """
        done = {}
        def work(n):
            while n and n - 1 not in done:
                time.sleep(0.1)
            sftp.stat("/")  #12
            with lock:
                done[n] = 1
        def main():
            for n in range(3):
                threading.Thread(target=work, args=(n,)).start()
        """,
    "a lock of each host's, and a client of each": """
        import multiprocessing
        class Host:
            def __init__(self, name):
                self.lock = multiprocessing.Lock()
                self.sftp = connect(name)
            def work(self):
                with self.lock:
                    self.sftp.stat("/")  #12
        def main():
            for name in "ab":
                threading.Thread(target=Host(name).work).start()
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
    "a file that is locked, whose path all are given": """
        def work(path):
            with open(path, "w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                sftp.stat("/")  #12
        def main():
            with tempfile.TemporaryDirectory() as folder:
                for name in "abc":
                    pool.submit(work, folder + "/lock")
        """,
    "a file that is locked, whose path is made once": """
        import fcntl
        def work(path):
            with open(path, "w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                sftp.stat("/")  #12
        def main():
            path = os.path.join(os.getcwd(), "lock")
            for _ in range(3):
                threading.Thread(target=work, args=(path,)).start()
        """,
    "a file that is locked, whose path two are given": """
        import fcntl
        def work(path):
            with open(path, "w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                sftp.stat("/")  #12
        def main():
            path = os.path.join(os.getcwd(), "lock")
            threading.Thread(target=work, args=(path,)).start()
            threading.Thread(target=work, args=(path,)).start()
        """,
    "a file that is locked, whose path is bound to what tasks do": """
        import fcntl, functools
        def work(path, n):
            with open(path, "w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                sftp.stat("/")  #12
        def main():
            path = os.path.join(os.getcwd(), "lock")
            list(pool.map(functools.partial(work, path), range(4)))
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
    "a lock that all workers were given": """
        import multiprocessing
        class Worker(threading.Thread):
            def __init__(self, lock):
                self.lock = lock
            def run(self):
                with self.lock:
                    sftp.stat("/")  #12
        def main():
            lock = multiprocessing.Lock()
            for _ in range(2):
                Worker(lock).start()
        """,
    "a semaphore for one": """
        import multiprocessing
        slots = multiprocessing.Semaphore(1)
        def work():
            with slots:
                sftp.stat("/")  #12
        """,
    "a lock that it looks whether it got": """
        import multiprocessing
        lock = multiprocessing.Lock()
        def work():
            if not lock.acquire(timeout=1):
                return
            sftp.stat("/")  #12
            lock.release()
        """,
    "a file that a class locks": """
        import fcntl
        class FileLock:
            def __enter__(self):
                self.file = open(LOCK, "w")
                fcntl.flock(self.file, fcntl.LOCK_EX)
            def __exit__(self, *error):
                self.file.close()
        def work():
            with FileLock():
                sftp.stat("/")  #12
        """,
    "a folder that only one can make": """
        @contextlib.contextmanager
        def locked():
            while True:
                try:
                    os.mkdir(LOCK)
                    break
                except FileExistsError:
                    time.sleep(0.1)
            yield
            os.rmdir(LOCK)
        def work():
            with locked():
                sftp.stat("/")  #12
        """,
    "the only token of a home-made lock": """
        class SpinLock:
            def __init__(self):
                self.tokens = [1]
            def __enter__(self):
                while True:
                    try:
                        self.token = self.tokens.pop()
                        return
                    except IndexError:
                        time.sleep(0.1)
            def __exit__(self, *error):
                self.tokens.append(self.token)
        lock = SpinLock()
        def work():
            with lock:
                sftp.stat("/")  #12
        """,
}
"""What only one of them has at a time."""

NOT_EXCUSED = {
    "each waits for what nobody of its kind notes": """
        done, there = {}, {}
        def work(n):
            while n and n - 1 not in there:
                time.sleep(0.1)
            sftp.stat("/")  #12
            done[n] = 1
        def main():
            for n in range(3):
                threading.Thread(target=work, args=(n,)).start()
        """,
    "a lock of each job's": """
        import multiprocessing
        class Job:
            def __init__(self):
                self.lock = multiprocessing.Lock()
        def work(job):
            with job.lock:
                sftp.stat("/")  #12
        def main():
            for job in (Job(), Job()):
                threading.Thread(target=work, args=(job,)).start()
        """,
    "lockf(), which keeps out other processes only": """
        import fcntl
        def work():
            with open("lock", "w") as file:
                fcntl.lockf(file, fcntl.LOCK_EX)
                sftp.stat("/")  #12
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
    "jobs that are taken out and, if they failed, put back": """
        def work():
            job = jobs.pop()
            try:
                sftp.stat(job)  #12
            except OSError:
                jobs.append(job)
        """,
    "several tokens": """
        tokens = 2
        def work():
            global tokens
            while tokens < 1:
                time.sleep(0.1)
            tokens -= 1
            sftp.stat("/")  #12
            tokens += 1
        """,
    "a lock of each worker's own": """
        import multiprocessing
        class Worker:
            def __init__(self):
                self.lock = multiprocessing.Lock()
            def work(self):
                with self.lock:
                    sftp.stat("/")  #12
        def main():
            for _ in range(2):
                threading.Thread(target=Worker().work).start()
        """,
    "a lock of each call's own": """
        import multiprocessing
        def work():
            lock = multiprocessing.Lock()
            with lock:
                sftp.stat("/")  #12
        """,
    "a semaphore for four": """
        import multiprocessing
        slots = multiprocessing.Semaphore(4)
        def work():
            with slots:
                sftp.stat("/")  #12
        """,
    "a lock that it may not have got": """
        import multiprocessing
        lock = multiprocessing.Lock()
        def work():
            lock.acquire(block=False)
            sftp.stat("/")  #12
        """,
    "a lock of a file that readers share": """
        import fcntl
        def work():
            with open("lock") as file:
                fcntl.flock(file, fcntl.LOCK_SH)
                sftp.stat("/")  #12
        """,
    "a lock of a file of each call's own": """
        import fcntl
        def fetch(name):
            with open(os.path.join(FOLDER, name), "w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                sftp.stat("/")  #12
        def main():
            for name in "ab":
                threading.Thread(target=fetch, args=(name,)).start()
        """,
    "a lock of a file whose path each is given": """
        import fcntl
        def work(path):
            with open(path, "w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                sftp.stat("/")  #12
        def main():
            for name in "abc":
                pool.submit(work, folder + name)
        """,
    "a lock of a file whose path is that of one of several": """
        import fcntl
        def work(path):
            with open(path, "w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                sftp.stat("/")  #12
        def visit(folder):
            pool.submit(work, folder + "/lock")
        def main():
            for name in "ab":
                visit(name)
        """,
    "a lock of a file of each starter's own": """
        import fcntl
        def work(path):
            with open(path, "w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                sftp.stat("/")  #12
        def one():
            path = "/var/a"
            threading.Thread(target=work, args=(path,)).start()
        def two():
            path = "/var/b"
            threading.Thread(target=work, args=(path,)).start()
        """,
    "a lock of a file whose path is changed between the starts": """
        import fcntl
        def work(path):
            with open(path, "w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                sftp.stat("/")  #12
        def main():
            path = "/var/a"
            threading.Thread(target=work, args=(path,)).start()
            path = "/var/b"
            threading.Thread(target=work, args=(path,)).start()
        """,
    "a lock of a file whose path each start is given": """
        import fcntl
        def work(path):
            with open(path, "w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                sftp.stat("/")  #12
        def begin(path):
            threading.Thread(target=work, args=(path,)).start()
        def main():
            begin("/a")
            begin("/b")
        """,
    "a lock of a file that is made for each start": """
        import fcntl, tempfile
        def work(path):
            with open(path, "w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                sftp.stat("/")  #12
        def begin():
            path = tempfile.mktemp()
            threading.Thread(target=work, args=(path,)).start()
        def main():
            begin()
            begin()
        """,
    "a lock of a file that is made for each task": """
        import fcntl, tempfile
        def work(path):
            with open(path, "w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                sftp.stat("/")  #12
        def main():
            for _ in range(3):
                threading.Thread(target=work, args=(tempfile.mktemp(),)).start()
        """,
    "a lock of a file whose path a loop makes": """
        import fcntl
        def work(path):
            with open(path, "w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                sftp.stat("/")  #12
        def main():
            number = 0
            while number < 4:
                path = f"/var/{number}"
                threading.Thread(target=work, args=(path,)).start()
                number += 1
        """,
    "a lock of a file that is open for all": """
        import fcntl
        file = open("lock", "w")
        def work():
            fcntl.flock(file, fcntl.LOCK_EX)
            sftp.stat("/")  #12
        """,
    "a lock of a file that was given back": """
        import fcntl
        def work():
            with open("lock", "w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                fcntl.flock(file, fcntl.LOCK_UN)
                sftp.stat("/")  #12
        """,
    "a lock of a file that was closed": """
        import fcntl
        def work():
            with open("lock", "w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
            sftp.stat("/")  #12
        """,
    "a deque into which it was put back before": """
        idle = deque()
        def work():
            sftp = idle.popleft()
            idle.append(sftp)
            sftp.stat("/")  #12
            idle.append(sftp)
        """,
    "a deque that has it several times": """
        idle = deque([client.open_sftp()] * 4)
        def work():
            sftp = idle.popleft()
            sftp.stat("/")  #12
            idle.append(sftp)
        """,
}
"""What keeps nobody out."""
