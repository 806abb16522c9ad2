"""Sends until a signal says stop."""
import os
import signal
import sys
import threading

import paramiko


def dial():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=10,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return client


stop = threading.Event()
signal.signal(signal.SIGUSR2, lambda signum, frame: stop.set())


def main():
    client = dial()
    channel = client.get_transport().open_session()
    channel.settimeout(10)
    channel.exec_command("wc -c")
    killer = threading.Timer(1, os.kill, (os.getpid(), signal.SIGUSR2))
    killer.start()
    sent = 0
    while not stop.is_set():
        channel.sendall(b"x" * 5000)
        sent += 5000
    channel.shutdown_write()
    count = b""
    while data := channel.recv(100):
        count += data
    killer.join()
    client.close()
    print(sent, count)
    return 0 if int(count) == sent else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
