"""A long remote job; keepalive is on so that a dead link is noticed."""
import os
import sys
import threading

import paramiko


def open_client():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=10,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    client.get_transport().set_keepalive(1)  # detects dead peers
    return client


def job(client, results):
    stdin, stdout, stderr = client.exec_command("sleep 3; echo result", timeout=6)
    try:
        results.append(stdout.read())
    except Exception as error:
        results.append(error)


def main():
    client, results = open_client(), []
    worker = threading.Thread(target=job, args=(client, results))
    worker.start()
    worker.join()
    print(results)
    client.close()
    return 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
