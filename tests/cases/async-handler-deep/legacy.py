"""The old synchronous library."""
import os

import paramiko


class HostApi:
    def __init__(self):
        self._client = paramiko.SSHClient()
        self._client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        self._client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                             key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)

    def _run(self, command):
        _, out, _ = self._client.exec_command(command, timeout=20)
        return out.read().decode().strip()

    def facts(self, name):
        return self._run("sleep 1.2; echo facts of " + name)

    def close(self):
        self._client.close()
