"""The remote side, as the walker sees it."""
import os

import paramiko


class Remote:
    def __init__(self):
        self._transport = paramiko.Transport((os.environ["CASE_HOST"], int(os.environ["CASE_PORT"])))
        self._transport.connect(username=os.environ["CASE_USER"],
                                pkey=paramiko.Ed25519Key(filename=os.environ["CASE_KEY"]))
        self._sftp = paramiko.SFTPClient.from_transport(self._transport)

    def entries(self, folder):
        return self._sftp.listdir_attr(folder)

    def size(self, path):
        return self._sftp.lstat(path).st_size

    def close(self):
        self._sftp.close()
        self._transport.close()
