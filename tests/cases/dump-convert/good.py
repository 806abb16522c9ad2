"""Compress database dumps on the big machine: the dump goes up on stdin, the result comes back on stdout."""
import asyncio
import io
import os
import shutil
import sys
import threading

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

def convert(client, dump):
    stdin, stdout, _ = client.exec_command("tr a-z A-Z", timeout=None)
    def feed():
        shutil.copyfileobj(dump, stdin, 65536)
        stdin.flush()
        stdin.channel.shutdown_write()

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        return stdout.read()
    finally:
        feeder.join()


async def convert_all(client, dumps):
    return await asyncio.gather(*(asyncio.to_thread(convert, client, dump) for dump in dumps))


def main():
    client = connect()
    dumps = [io.BytesIO(b"insert into t values\n" * 400_000) for _ in range(2)]
    converted = asyncio.run(convert_all(client, dumps))
    client.close()
    print([len(c) for c in converted])
    return 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
