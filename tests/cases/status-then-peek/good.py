"""Start remote services and keep what their start scripts say."""
import os
import sys
import threading
import time

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
START = "echo starting; (sleep 0.6; echo started) & sleep 0.1"


class Starter:
    def __init__(self, transport):
        self.transport = transport

    def done(self, channel):
        return channel.exit_status_ready()

    def start(self, command):
        channel = self.transport.open_session()
        channel.settimeout(10)
        channel.exec_command(command)
        said = b""
        while chunk := channel.recv(65536):
            said += chunk
        status = channel.recv_exit_status()
        channel.close()
        return status, said.decode()


def main():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    starter = Starter(client.get_transport())
    results = []
    threads = [threading.Thread(target=lambda: results.append(starter.start(START))) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    client.close()
    print(results)
    return 0 if results == [(0, "starting\nstarted\n")] * 3 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
