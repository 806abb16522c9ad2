"""Checksums of the members of a remote archive without fetching it whole: a few threads read them.

Now and then a member comes out wrong, most often right after the cache has been cleared.
"""
import hashlib
import io
import os
import sys
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor

import paramiko

SIZE = 30_000


def connect():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(
        os.environ["CASE_HOST"], port=int(os.environ["CASE_PORT"]), username=os.environ["CASE_USER"],
        key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False, timeout=10,
    )
    return client


def content(number):
    return bytes([65 + number]) * SIZE


def packed(count):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for number in range(count):
            info = tarfile.TarInfo(f"part-{number}")
            info.size = SIZE
            tar.addfile(info, io.BytesIO(content(number)))
    return buffer.getvalue()


class Archive:
    """A remote archive that stays open, as its table of contents is expensive."""

    def __init__(self, sftp, path):
        self._file = sftp.open(path, "rb")
        self._tar = tarfile.open(fileobj=self._file, mode="r:")
        self.members = self._tar.getmembers()

    def digest(self, member):
        stream = self._tar.extractfile(member)
        digest = hashlib.sha256()
        while block := stream.read(8192):  # !
            digest.update(block)
        return member.name, digest.hexdigest()

    def close(self):
        self._tar.close()
        self._file.close()


def main():
    client = connect()
    sftp = client.open_sftp()
    path = f"/tmp/archive-members-{os.getpid()}.tar"
    with sftp.open(path, "wb") as out:
        out.write(packed(4))
    archive = Archive(sftp, path)
    wrong = []
    with ThreadPoolExecutor(3, thread_name_prefix="digest") as pool:
        futures = []
        for member in archive.members:  # as requests for them come in
            futures.append(pool.submit(archive.digest, member))
            time.sleep(0.3)
        for number, future in enumerate(futures):
            name, digest = future.result()
            if digest != hashlib.sha256(content(number)).hexdigest():
                wrong.append(name)
    archive.close()
    sftp.remove(path)
    client.close()
    print("all right" if not wrong else f"wrong: {wrong}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
