"""Two phases with two locks; the phases never overlap."""
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


link, table = threading.Lock(), threading.Lock()
rows = {}


def load(client):
    with link:
        _, out, _ = client.exec_command("seq 5", timeout=10)
        with table:
            rows.update((int(line), "new") for line in out)


def push(client):
    with table:
        with link:
            for key in rows:
                stdin, out, _ = client.exec_command("echo %d" % key, timeout=10)
                rows[key] = out.read()
                out.channel.close()


def main():
    client = dial()
    for phase in (load, push):
        thread = threading.Thread(target=phase, args=(client,), name=phase.__name__)
        thread.start()
        thread.join()
    client.close()
    return 0 if len(rows) == 5 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
