"""Workers meet at a barrier after each phase; whom it chooses looks at the folder for all, over the one SFTP client."""
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


def work(client, sftp, barrier, seen):
    _, stdout, stderr = client.exec_command("echo before", timeout=20)
    stdout.read()
    stderr.read()
    if barrier.wait(30) == 0:
        seen.append(len(sftp.listdir("/etc")))
    _, stdout, stderr = client.exec_command("echo after", timeout=20)
    stdout.read()
    stderr.read()
    rank = barrier.wait(30)
    if rank == 0:
        seen.append(sftp.stat("/etc/passwd").st_size)


def main():
    client = dial()
    sftp, barrier, seen = client.open_sftp(), threading.Barrier(4), []
    threads = [threading.Thread(target=work, args=(client, sftp, barrier, seen)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.close()
    return 0 if len(seen) == 2 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
