"""A dashboard that polls by timers of the loop."""
import os
import sys
import threading
import asyncio

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

class Dashboard:
    def __init__(self, client):
        self.client = client
        self.samples = []
        self.beats = 0

    def sample(self):
        stdin, out, _ = self.client.exec_command("sleep 1.2; uptime", timeout=20)
        answer = out.read()
        out.channel.close()
        return answer

    def poll(self):
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, self.sample).add_done_callback(lambda f: self.samples.append(f.result()))
        if len(self.samples) < 2:
            loop.call_later(0.1, self.poll)

    async def run(self):
        asyncio.get_running_loop().call_soon(self.poll)
        while len(self.samples) < 2:
            self.beats += 1
            await asyncio.sleep(0.05)


def main():
    with connect() as client:
        board = Dashboard(client)
        asyncio.run(board.run())
    print(board.beats)
    return 1 if board.beats < 12 else 0

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
