"""A monitoring check: asks a machine for its disk space, and gives up after three seconds."""
import asyncio
import os
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
OK, UNKNOWN = 0, 3


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


def usage(client):
    stdin, out, _ = client.exec_command("df --output=pcent /", timeout=3)
    answer = out.read().decode().split()[-1]
    out.channel.close()
    return answer


async def check():
    client = await asyncio.to_thread(dial)
    asyncio.get_running_loop().call_later(3, client.close)
    try:
        print("DISK OK", await asyncio.wait_for(asyncio.to_thread(usage, client), 4))
        return OK
    except (asyncio.TimeoutError, paramiko.SSHException, EOFError, OSError) as problem:
        print("DISK UNKNOWN", type(problem).__name__)
        return UNKNOWN
    finally:
        client.close()


def main():
    return 0 if asyncio.run(check()) in (OK, UNKNOWN) else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
