"""Jobs that each have a state, which whoever waits looks at again and again: of all of them, or of one.

See test_unrecorded.
"""

from __future__ import annotations

EXCUSED = {
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
