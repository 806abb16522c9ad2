"""Two producers write records into one remote file."""
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

def produce(stdin, letter, lock):
    for _ in range(150):
        with lock:
            stdin.write((letter * 3000) + "\n")
            stdin.flush()


def main():
    with connect() as client:
        stdin, out, err = client.exec_command("sort | uniq -c | wc -l; cat >/dev/null", timeout=20)
        out.channel.set_combine_stderr(True)
        lock = threading.Lock()
        crew = [threading.Thread(target=produce, args=(stdin, x, lock)) for x in "abc"]
        for t in crew:
            t.start()
        for t in crew:
            t.join()
        stdin.channel.shutdown_write()
        kinds = int(out.read())
    print(kinds)
    return 0 if kinds == 3 else 1

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
