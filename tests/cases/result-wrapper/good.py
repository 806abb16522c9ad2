"""A subprocess.run for remote commands."""
import os
import sys
import threading
from dataclasses import dataclass

import paramiko


@dataclass(frozen=True)
class Completed:
    status: int
    stdout: bytes
    stderr: bytes

    def check(self):
        if self.status:
            raise RuntimeError("exit status %d: %r" % (self.status, self.stderr[-200:]))
        return self


class Remote:
    def __init__(self, **kwargs):
        self._client = paramiko.SSHClient()
        self._client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        self._client.connect(**kwargs)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._client.close()

    def run(self, command):
        """Runs a command to its end."""
        channel = self._client.get_transport().open_session()
        channel.exec_command(command)
        channel.shutdown_write()
        errors = []
        reader = threading.Thread(target=lambda: errors.append(channel.makefile_stderr("rb").read()))
        reader.start()
        stdout = channel.makefile("rb").read()
        reader.join()
        stderr = errors[0]
        status = channel.recv_exit_status()
        channel.close()
        return Completed(status, stdout, stderr)


def main():
    sizes = []
    with Remote(hostname=os.environ["CASE_HOST"], port=int(os.environ["CASE_PORT"]), username=os.environ["CASE_USER"],
                key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False) as remote:
        for megabytes in (1, 3, 5):
            done = remote.run("head -c %d /dev/zero" % (megabytes * 1048576)).check()
            sizes.append(len(done.stdout))
            print(sizes[-1], "bytes", flush=True)
    return 0 if sizes == [1048576, 3 * 1048576, 5 * 1048576] else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
