"""Several jobs, of which each has a state or says a word: whoever waits looks, or reads, until all are done, or one.

See test_unrecorded.
"""

from __future__ import annotations

EXCUSED = {
    "a pipe from which one byte of each worker is read, in one buffer": """
        def main():
            reads, writes = os.pipe()
            def work():
                sftp.stat("/")  #1
                os.write(writes, b".")
            for _ in range(3):
                threading.Thread(target=work).start()
            told = b""
            while len(told) < 3:
                told += os.read(reads, 3 - len(told))
            sftp.stat("/")  #2
        """,
    "a pipe from which one byte of each worker is read, one by one": """
        def main():
            reads, writes = os.pipe()
            def work():
                sftp.stat("/")  #1
                os.write(writes, b".")
            for _ in range(3):
                threading.Thread(target=work).start()
            for _ in range(3):
                os.read(reads, 1)
            sftp.stat("/")  #2
        """,
    "several jobs of which none is any more what it was made as, or while at work": """
        class Job:
            def __init__(self):
                self.state = "queued"
        jobs = [Job() for _ in range(3)]
        def work(job):
            job.state = "running"
            sftp.stat("/")  #1
            job.state = "done"
        def main():
            for job in jobs:
                threading.Thread(target=work, args=(job,)).start()
            while any(job.state != "done" for job in jobs):
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "several jobs that are all over, of which each says so in two steps": """
        class Job:
            def __init__(self):
                self.state = "queued"
        jobs = [Job() for _ in range(3)]
        def work(job):
            job.state = "running"
            sftp.stat("/")  #1
            job.state = "done"
        def main():
            for job in jobs:
                threading.Thread(target=work, args=(job,)).start()
            while not all(job.state in ("done", "failed") for job in jobs):
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
}

NOT_EXCUSED = {
    "a pipe from which the byte of one worker of several is read": """
        def main():
            reads, writes = os.pipe()
            def work():
                sftp.stat("/")  #1
                os.write(writes, b".")
            for _ in range(3):
                threading.Thread(target=work).start()
            os.read(reads, 1)
            sftp.stat("/")  #2
        """,
    "a pipe from which a byte of each worker is read, which each has written before": """
        def main():
            reads, writes = os.pipe()
            def work():
                os.write(writes, b".")
                sftp.stat("/")  #1
            for _ in range(3):
                threading.Thread(target=work).start()
            told = b""
            while len(told) < 3:
                told += os.read(reads, 3 - len(told))
            sftp.stat("/")  #2
        """,
    "several jobs that have all begun": """
        class Job:
            def __init__(self):
                self.state = "queued"
        jobs = [Job() for _ in range(3)]
        def work(job):
            job.state = "running"
            sftp.stat("/")  #1
            job.state = "done"
        def main():
            for job in jobs:
                threading.Thread(target=work, args=(job,)).start()
            while any(job.state == "queued" for job in jobs):
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "several jobs of which one is done, each in two steps": """
        class Job:
            def __init__(self):
                self.state = "queued"
        jobs = [Job() for _ in range(3)]
        def work(job):
            job.state = "running"
            sftp.stat("/")  #1
            job.state = "done"
        def main():
            for job in jobs:
                threading.Thread(target=work, args=(job,)).start()
            while not any(job.state == "done" for job in jobs):
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
}
