"""A pipeline: one thread starts commands, one reads them, one takes the status and closes."""
import os
import queue
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

class Stage(threading.Thread):
    def __init__(self, work, source, sink):
        super().__init__(name=work.__name__)
        self.work, self.source, self.sink = work, source, sink

    def run(self):
        while (item := self.source.get()) is not None:
            self.sink.put(self.work(item))
        self.sink.put(None)


def main():
    client = connect()

    def begin(number):
        channel = client.get_transport().open_session(timeout=30)
        channel.settimeout(30)
        channel.exec_command(f"seq {number}; exit {number}")
        return channel, number

    def read(item):
        channel, number = item
        text = b""
        while data := channel.recv(4096):
            text += data
        return channel, number, text

    def finish(item):
        channel, number, text = item
        status = channel.recv_exit_status()
        channel.close()
        return status == number and text.count(b"\n") == number

    numbers, opened, read_, done = (queue.Queue(3) for _ in range(4))
    stages = [Stage(begin, numbers, opened), Stage(read, opened, read_), Stage(finish, read_, done)]
    for stage in stages:
        stage.start()
    feeder = threading.Thread(target=lambda: [numbers.put(n) for n in [*range(1, 9), None]])
    feeder.start()
    right = 0
    while (result := done.get()) is not None:
        right += result
    for thread in [feeder, *stages]:
        thread.join()
    client.close()
    return 0 if right == 8 else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
