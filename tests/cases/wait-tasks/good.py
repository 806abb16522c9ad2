"""An asyncio service that checks units side by side."""
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

def check(client, unit):
    stdin, out, err = client.exec_command(f"test -e {unit}", timeout=10)
    if out.channel.recv_exit_status():
        raise RuntimeError(f"{unit} is missing")
    out.channel.close()
    return unit


async def survey(client):
    tasks = [asyncio.create_task(asyncio.to_thread(check, client, unit)) for unit in ("/etc", "/nope", "/usr")]
    done, pending = await asyncio.wait(tasks)
    for task in done:
        if task.exception():
            print("failed:", task.exception())
    print(len(done), "checked")


def main():
    with connect() as client:
        asyncio.run(survey(client))
    return 0

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
