"""Feed lines to remote commands; a deadline closes those that take too long."""
import os
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]

def connect():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, port=PORT, username=USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client

def feed(channel, lines):
    try:
        for line in lines:
            channel.sendall(line + "\n")
        channel.shutdown_write()
    except OSError:
        pass


def job(client, number):
    channel = client.get_transport().open_session()
    channel.settimeout(5)
    channel.exec_command("cat >/dev/null")
    feeder = threading.Thread(target=feed, args=(channel, [f"{number}:{i}" for i in range(40)]))
    feeder.start()
    while channel.recv(1000):
        pass
    feeder.join()
    channel.close()


def main():
    client = connect()
    try:
        for number in range(60):
            job(client, number)
    except Exception as exc:
        print("after", number, "jobs:", type(exc).__name__, exc)
        return 1
    client.close()
    return 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
