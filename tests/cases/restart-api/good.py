"""An API that restarts services remotely, and must answer pings meanwhile."""
import asyncio
import os
import sys
import threading
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

class Service:
    def __init__(self, client, name):
        self.client = client
        self.name = name

    def _remote(self, command):
        stdin, stdout, _ = self.client.exec_command(command, timeout=10)
        answer = stdout.read().decode()
        stdout.channel.close()
        return answer

    async def restart(self):
        text = await asyncio.to_thread(self._remote, f"sleep 1.5; echo {self.name} restarted")
        await asyncio.sleep(0)
        return text


async def heart(beats):
    while True:
        beats.append(time.monotonic())
        await asyncio.sleep(0.05)


async def serve():
    beats = []
    client = await asyncio.to_thread(connect)
    pulse = asyncio.create_task(heart(beats))
    try:
        async with asyncio.TaskGroup() as group:
            for name in ("nginx", "redis"):
                group.create_task(Service(client, name).restart())
    finally:
        pulse.cancel()
        client.close()
    return max(b - a for a, b in zip(beats, beats[1:])) if len(beats) > 1 else 9.0


def main():
    gap = asyncio.run(serve())
    print(f"longest gap between two beats: {gap:.2f} s")
    return 1 if gap > 1 else 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
