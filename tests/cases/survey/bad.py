"""Ask a machine forty things at once from asyncio; the connection is shared since channels are cheap."""
import asyncio
import os
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

class Shell:
    def __init__(self, client):
        self.client = client

    def _ask(self, command):
        stdin, stdout, _ = self.client.exec_command(command, timeout=6)
        answer = stdout.read().decode().strip()
        stdout.channel.close()
        return answer

    async def ask(self, command):
        return await asyncio.to_thread(self._ask, command)


async def survey(client):
    asyncio.get_running_loop().set_default_executor(__import__("concurrent.futures").futures.ThreadPoolExecutor(30))
    shell = Shell(client)
    return await asyncio.gather(*(shell.ask(f"sleep 0.5; echo {n}") for n in range(30)), return_exceptions=True)


def main():
    client = connect()
    answers = asyncio.run(survey(client))
    client.close()
    failed = [a for a in answers if isinstance(a, Exception)]
    print(len(answers) - len(failed), "answers;", failed[:1])
    return 1 if failed else 0


if __name__ == "__main__":
    watchdog = threading.Timer(9, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
