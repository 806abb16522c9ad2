"""asyncio tasks share one SFTP client; an asyncio lock lets one at a time through."""
import asyncio
import os
import sys
import threading

import paramiko


def dial():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=10,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return client



class Files:
    def __init__(self, client):
        self.sftp = client.open_sftp()
        self.lock = asyncio.Lock()

    async def size(self, path):
        async with self.lock:
            return (await asyncio.to_thread(self.sftp.stat, path)).st_size

    async def names(self, path):
        async with self.lock:
            return await asyncio.get_running_loop().run_in_executor(None, self.sftp.listdir, path)


async def run(client):
    files = await asyncio.to_thread(Files, client)
    return await asyncio.gather(*(files.size("/etc/passwd") for _ in range(12)), *(files.names("/etc") for _ in range(6)))


def main():
    client = dial()
    results = asyncio.run(run(client))
    client.close()
    return 0 if len(results) == 18 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
