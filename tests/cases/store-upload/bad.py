"""A remote store used by a build: artifacts are uploaded as they come."""
import dataclasses
import os
import shutil
import sys
import tempfile
import threading
import traceback
from pathlib import Path

import paramiko


@dataclasses.dataclass
class Store:
    root: str
    client: paramiko.SSHClient = dataclasses.field(default_factory=paramiko.SSHClient)
    sftp: paramiko.SFTPClient = None

    def open(self):
        self.client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        self.client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                            key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
        self.sftp = self.client.open_sftp()
        return self

    def save(self, name, path):
        remote = self.root + "/" + name
        self.sftp.put(str(path), remote)
        return self.sftp.stat(remote).st_size

    def close(self):
        self.client.close()


class Uploader(threading.Thread):
    def __init__(self, store, path):
        super().__init__(name="upload " + path.name, daemon=True)
        self.store, self.path, self.size = store, path, None

    def run(self):
        try:
            self.size = self.store.save(self.path.name, self.path)
        except Exception:
            traceback.print_exc()


def main():
    here, there = Path(tempfile.mkdtemp()), tempfile.mkdtemp()
    try:
        files = []
        for n in range(4):
            files.append(here / ("artifact-%d.bin" % n))
            files[-1].write_bytes(os.urandom(700_000))
        store = Store(there).open()
        uploads = [Uploader(store, path) for path in files]
        for upload in uploads:
            upload.start()
        for upload in uploads:
            upload.join(6)
        if any(upload.is_alive() for upload in uploads):
            print("some uploads hang")
            return 3
        wrong = [p.name for p in files if not (Path(there) / p.name).exists() or (Path(there) / p.name).read_bytes() != p.read_bytes()]
        print("damaged:", wrong)
        store.close()
        return 1 if wrong else 0
    finally:
        shutil.rmtree(here, True)
        shutil.rmtree(there, True)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
