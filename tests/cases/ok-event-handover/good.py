"""The SFTP client goes to a worker and back, told by events."""
import os
import sys
import threading

import paramiko


def dial():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=10,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return client


ready, finished = threading.Event(), threading.Event()
box = {}


def worker():
    ready.wait(10)
    box["sizes"] = [box["sftp"].stat(p).st_size for p in ("/etc/passwd", "/etc/group")]
    finished.set()


def main():
    thread = threading.Thread(target=worker, name="worker")
    thread.start()
    client = dial()
    box["sftp"] = client.open_sftp()
    box["sftp"].listdir("/etc")
    ready.set()
    finished.wait(10)
    box["sftp"].listdir("/")
    thread.join()
    client.close()
    return 0 if len(box["sizes"]) == 2 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
