"""Deploy, and show the log of the deployment meanwhile."""
import os
import sys
import threading

import paramiko


def connect():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(
        os.environ["CASE_HOST"],
        int(os.environ["CASE_PORT"]),
        os.environ["CASE_USER"],
        key_filename=os.environ["CASE_KEY"],
        timeout=10,
        allow_agent=False,
        look_for_keys=False,
    )
    return client


def show(client, shown):
    _, stdout, _ = client.exec_command("for i in 1 2 3 4 5 6; do echo step $i; sleep 0.2; done", timeout=10)
    for line in stdout:
        shown.append(line.strip())
        print("   ", line.strip())


def main():
    shown = []
    client = connect()
    log = threading.Thread(target=show, args=(client, shown), name="log")
    log.start()
    print(client.exec_command("echo deployed", timeout=10)[1].read().decode().strip())
    log.join()
    client.close()
    return 0 if len(shown) == 6 else 1


if __name__ == "__main__":
    guard = threading.Timer(20, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
