"""Ask a router's console several things at once from an asyncio tool."""
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

class Console:
    def __init__(self, client):
        self.shell = client.invoke_shell(width=200)
        self.shell.settimeout(3)
        self.send("PS1='' PS2=''; stty -echo; echo ready-$((1))\n")
        self.until("ready-1")

    def send(self, text):
        self.shell.sendall(text)

    def until(self, mark):
        seen = ""
        while mark not in seen:
            seen += self.shell.recv(4096).decode(errors="replace")
        return seen

    def ask(self, number):
        self.send(f"sleep 0.05; echo value {number}; echo end-$(({number}))\n")
        return self.until(f"end-{number}")


async def main_async(console):
    numbers = list(range(10, 16))
    turn = asyncio.Lock()

    async def ask(number):
        async with turn:
            return await asyncio.to_thread(console.ask, number)

    tasks = [ask(n) for n in numbers]
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    wrong = 0
    for number, answer in zip(numbers, answers):
        if isinstance(answer, Exception) or f"value {number}" not in answer or answer.count("value") != 1:
            wrong += 1
            print(number, "got", repr(answer)[:70])
    return wrong


def main():
    client = connect()
    try:
        console = Console(client)
        return 1 if asyncio.run(main_async(console)) else 0
    finally:
        client.close()


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
