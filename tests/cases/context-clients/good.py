"""asyncio tasks, each with a connection of its own in a context variable."""
import asyncio
import contextvars
import os
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
current = contextvars.ContextVar("client")


def connect():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, port=PORT, username=USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client

def remote(command):
    stdin, stdout, _ = current.get().exec_command(command, timeout=5)
    answer = stdout.read().decode().strip()
    stdout.channel.close()
    return answer


async def task(number):
    client = await asyncio.to_thread(connect)
    token = current.set(client)
    try:
        one = await asyncio.to_thread(remote, f"echo {number}")
        two = await asyncio.to_thread(remote, f"echo {one}{one}")
        return two
    finally:
        current.reset(token)
        await asyncio.to_thread(client.close)


async def everything():
    return await asyncio.gather(*(task(n) for n in range(5)))


def main():
    answers = asyncio.run(everything())
    return 0 if answers == ["00", "11", "22", "33", "44"] else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
