"""A slow consumer holds back a fast reader."""
import os
import sys
import threading
import queue
import time

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

def read(channel, lines):
    rest = b""
    while data := channel.recv(32768):
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            lines.put(line)
    lines.put(None)


def main():
    lines = queue.Queue(maxsize=50)
    with connect() as client:
        channel = client.get_transport().open_session()
        channel.set_combine_stderr(True)
        channel.exec_command("i=0; while [ $i -lt 700 ]; do printf '%05000d\\n' $i; i=$((i+1)); done")
        reader = threading.Thread(target=read, args=(channel, lines))
        reader.start()
        count = 0

        def consume():
            nonlocal count
            while lines.get() is not None:
                count += 1
                if count % 100 == 0:
                    time.sleep(1.0)

        consumer = threading.Thread(target=consume)
        consumer.start()
        print(channel.recv_exit_status())
        reader.join()
        consumer.join()
    print(count)
    return 0 if count == 700 else 1

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
