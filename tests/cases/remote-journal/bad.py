"""Distributes files over two SFTP sessions; what was done is logged on the host itself.

Sometimes a worker hangs in open(), or "Garbage packet received" comes out of nowhere.
"""
import logging
import os
import queue
import sys
import threading
import time

import paramiko

log = logging.getLogger("distribute")


class RemoteFileHandler(logging.Handler):
    """Keeps the log in a remote file."""

    def __init__(self, sftp, path):
        super().__init__()
        self._file = sftp.open(path, "a")
        self.setFormatter(logging.Formatter("%(asctime)s %(threadName)s %(message)s"))

    def emit(self, record):
        try:
            self._file.write(self.format(record) + "\n")
            self._file.flush()
        except Exception:
            self.handleError(record)

    def close(self):
        self._file.close()
        super().close()


def connect():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(
        os.environ["CASE_HOST"], port=int(os.environ["CASE_PORT"]), username=os.environ["CASE_USER"],
        key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False, timeout=10,
    )
    return client


def worker(jobs, sftp, errors):
    while (job := jobs.get()) is not None:
        name, size = job
        log.info("putting %s", name)
        try:
            with sftp.open(name, "wb") as out:
                out.write(os.urandom(size))
            sftp.remove(name)
        except Exception as error:
            errors.append(error)
        log.info("done with %s", name)


def main():
    client = connect()
    sessions = [client.open_sftp(), client.open_sftp()]
    path = f"/tmp/remote-journal-{os.getpid()}"
    handler = RemoteFileHandler(sessions[0], path)  # a session less
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    queues, errors = [queue.SimpleQueue() for _ in sessions], []
    threads = [
        threading.Thread(target=worker, args=(jobs, sftp, errors), name=f"put-{number}")
        for number, (jobs, sftp) in enumerate(zip(queues, sessions))
    ]
    for thread in threads:
        thread.start()
    for number in range(4):
        queues[number % 2].put((f"/tmp/journal-{os.getpid()}-{number}", 20_000))
        time.sleep(0.2)
    for jobs in queues:
        jobs.put(None)
    for thread in threads:
        thread.join(30)
    log.removeHandler(handler)
    handler.close()
    sessions[-1].remove(path)
    client.close()
    print(f"{4 - len(errors)} files")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
