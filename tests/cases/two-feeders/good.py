"""Imports records into a remote loader; each source has a thread that writes its records to the loader's standard input."""
import argparse
import os
import queue
import sys
import threading

import paramiko

parser = argparse.ArgumentParser()
parser.add_argument("--sources", type=int, default=3)
parser.add_argument("--records", type=int, default=25)
args = parser.parse_args()
LOADER = "awk 'length($0) != 40001 {bad++} END {print bad+0, NR}'"


def record(source):
    return (chr(ord("a") + source) * 40001 + "\n").encode()


def main():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    channel = client.get_transport().open_session(timeout=10)
    channel.settimeout(15)
    channel.exec_command(LOADER)

    lines = queue.Queue(maxsize=10)

    def feed(source):
        for _ in range(args.records):
            lines.put(record(source))

    def write():
        while (line := lines.get()) is not None:
            channel.sendall(line)

    writer = threading.Thread(target=write, name="writer")
    writer.start()

    feeders = [threading.Thread(target=feed, args=(s,), name="source-%d" % s) for s in range(args.sources)]
    for feeder in feeders:
        feeder.start()
    for feeder in feeders:
        feeder.join()
    lines.put(None)
    writer.join()
    channel.shutdown_write()
    answer = b""
    while chunk := channel.recv(1024):
        answer += chunk
    bad, total = map(int, answer.split())
    print("%d bad of %d records" % (bad, total))
    client.close()
    return 0 if (bad, total) == (0, args.sources * args.records) else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
