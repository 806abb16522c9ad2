"""A pre-forking server: children drop what they inherited and connect themselves."""
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

def child(inherited, out):
    inherited.get_transport().atfork()
    with connect() as own:
        stdin, stdout, _ = own.exec_command("echo child", timeout=5)
        os.write(out, stdout.read())
        stdout.channel.close()


def main():
    client = connect()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            child(client, write)
            status = 0
        finally:
            os._exit(status)
    _, told = os.waitpid(pid, 0)
    stdin, stdout, _ = client.exec_command("echo parent", timeout=5)
    answer = stdout.read()
    stdout.channel.close()
    client.close()
    print(os.read(read, 100), answer, told)
    return 0 if answer == b"parent\n" and told == 0 else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
