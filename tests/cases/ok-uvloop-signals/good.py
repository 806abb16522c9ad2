"""On uvloop, one thread after the other uses an SFTP client; the loop is told when each is done."""
import asyncio
import os
import sys
import threading

import paramiko
import uvloop


def dial():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=10,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return client



async def sizes(sftp, paths):
    loop, found = asyncio.get_running_loop(), []
    for path in paths:
        size = loop.create_future()

        def look(path=path, size=size):
            bytes_ = sftp.stat(path).st_size
            loop.call_soon_threadsafe(size.set_result, bytes_)

        threading.Thread(target=look, daemon=True).start()
        found.append(await size)
    return found


def main():
    client = dial()
    sftp = client.open_sftp()
    results = uvloop.run(sizes(sftp, ["/etc/passwd", "/etc/hosts", "/etc/group"] * 3))
    client.close()
    return 0 if len(results) == 9 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
