"""Remote jobs' output goes into a queue, pumped by a thread for each, until the channel says that it is closed."""
import os
import queue
import sys
import threading
import time

import paramiko


class Pump(threading.Thread):
    def __init__(self, channel, out):
        super().__init__()
        self.channel, self.out = channel, out

    def run(self):
        while not self.channel.closed:
            if self.channel.recv_ready():
                self.out.put(self.channel.recv(1000))
            else:
                time.sleep(0.01)


def run(client, command):
    channel = client.get_transport().open_session(timeout=10)
    channel.settimeout(10)
    channel.set_combine_stderr(True)
    out = queue.Queue()
    channel.exec_command(command)
    pump = Pump(channel, out)
    pump.start()
    pump.join()
    return b"".join(out.get() for _ in range(out.qsize()))


def main():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(
        os.environ["CASE_HOST"], port=int(os.environ["CASE_PORT"]), username=os.environ["CASE_USER"],
        key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False, timeout=10,
    )
    sizes = [len(run(client, "seq 20000")) for _ in range(5)]
    client.close()
    print(sizes)
    return 0 if set(sizes) == {108894} else 1


if __name__ == "__main__":
    sys.exit(main())
