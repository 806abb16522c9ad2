"""Three workers, three phases: in each phase one of them has the SFTP client."""
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


barrier = threading.Barrier(3)


def worker(number, sftp, seen):
    for phase in range(6):
        if phase % 3 == number:
            seen.append((phase, len(sftp.listdir("/etc"))))
        barrier.wait(10)


def main():
    client = dial()
    sftp, seen = client.open_sftp(), []
    threads = [threading.Thread(target=worker, args=(n, sftp, seen), name="w%d" % n) for n in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    client.close()
    return 0 if [phase for phase, _ in seen] == list(range(6)) else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
