"""Two workers take lines of one command."""
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

def take(lines, lock, results):
    while True:
        with lock:
            line = lines.readline()
        if not line:
            return
        results.append(line)


def main():
    results = []
    with connect() as client:
        channel = client.get_transport().open_session()
        channel.set_combine_stderr(True)
        channel.exec_command("i=0; while [ $i -lt 3000 ]; do echo line-$i-end; i=$((i+1)); done")
        lock = threading.Lock()
        files = [channel.makefile("r")] * 2
        crew = [threading.Thread(target=take, args=(f, lock, results)) for f in files]
        for t in crew:
            t.start()
        for t in crew:
            t.join()
    broken = [r for r in results if not r.startswith("line-") or not r.endswith("-end\n")]
    print(len(results), len(broken))
    return 1 if broken or len(results) != 3000 else 0

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
