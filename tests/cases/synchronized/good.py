"""A connection object whose methods are synchronized, and a heartbeat on the same connection."""
import functools
import os
import sys
import threading
import time

import paramiko


def synchronized(method):
    @functools.wraps(method)
    def call(self, *args, **kwargs):
        with self._lock:
            return method(self, *args, **kwargs)
    return call


class Connection:
    def __init__(self):
        self._lock = threading.RLock()
        self._closed = False
        self._client = paramiko.SSHClient()
        self._client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        self._client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                             key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)

    def run(self, command):
        stdin, out, _ = self._client.exec_command(command, timeout=30)
        answer = out.read().decode()
        out.channel.close()
        return answer

    @synchronized
    def close(self):
        self._closed = True
        self._client.close()


beats = []


def heartbeat(connection, stop):
    while not stop.is_set():
        connection.run("echo alive")
        beats.append(time.monotonic())
        stop.wait(0.25)


def main():
    connection = Connection()
    stop = threading.Event()
    beat = threading.Thread(target=heartbeat, args=(connection, stop), name="heartbeat")
    beat.start()
    time.sleep(0.6)
    connection.run("sleep 4; echo backup done")
    time.sleep(0.6)
    stop.set()
    beat.join()
    connection.close()
    gap = max(b - a for a, b in zip(beats, beats[1:]))
    print("longest gap between heartbeats: %.1f s" % gap)
    return 1 if gap > 3 else 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
