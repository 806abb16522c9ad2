"""Consumes a remote event stream with several asyncio consumers; blocking reads go to worker threads."""
import asyncio
import os
import sys
import threading

import paramiko

EVENTS = 3000


async def consumer(name, lines, bag):
    while (line := await lines.get()) is not None:
        bag.append(line.strip())
    await lines.put(None)


async def pump(stdout, lines):
    while line := await asyncio.to_thread(stdout.readline):
        await lines.put(line)
    await lines.put(None)


async def serve(client):
    bag = []
    _, stdout, _ = await asyncio.to_thread(client.exec_command, "seq -f 'event-%%06g-end' %d" % EVENTS)
    lines = asyncio.Queue(100)
    await asyncio.gather(pump(stdout, lines), *(consumer("c%d" % n, lines, bag) for n in range(4)))
    return bag


def main():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], port=int(os.environ["CASE_PORT"]), username=os.environ["CASE_USER"],
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    try:
        bag = asyncio.run(serve(client))
    finally:
        client.close()
    whole = {"event-%06d-end" % n for n in range(1, EVENTS + 1)}
    print(len(bag), "events,", len(set(bag) & whole), "whole")
    return 0 if set(bag) == whole and len(bag) == EVENTS else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
