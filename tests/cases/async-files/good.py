"""An async API that serves remote configuration files; reads happen in worker threads."""
import asyncio
import os
import sys
import tempfile
import threading

import paramiko


class Files:
    def __init__(self, transport):
        self.transport = transport
        self.slots = asyncio.Semaphore(6)

    def read(self, path):
        with self.transport.open_sftp_client() as sftp, sftp.open(path) as handle:
            return handle.read()

    async def get(self, path):
        async with self.slots:
            return await asyncio.to_thread(self.read, path)


async def serve(files, paths):
    return await asyncio.gather(*(files.get(p) for p in paths))


def main():
    paths = []
    for n in range(24):
        fd, path = tempfile.mkstemp()
        os.write(fd, b"%d\n" % n * 20_000)
        os.close(fd)
        paths.append(path)
    transport = paramiko.Transport((os.environ["CASE_HOST"], int(os.environ["CASE_PORT"])))
    transport.connect(username=os.environ["CASE_USER"], pkey=paramiko.Ed25519Key.from_private_key_file(os.environ["CASE_KEY"]))
    files = Files(transport)
    try:
        texts = asyncio.run(serve(files, paths))
        wrong = sum(text != b"%d\n" % n * 20_000 for n, text in enumerate(texts))
    except Exception as error:
        print(type(error).__name__, error, flush=True)
        os._exit(1)
    finally:
        for path in paths:
            os.unlink(path)
    transport.close()
    print(wrong, "files are wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
