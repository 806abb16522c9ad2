"""Main takes a slot for each job; the job gives it back."""
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

def job(client, slots, results, n):
    try:
        stdin, out, err = client.exec_command(f"sleep 0.3; echo {n}", timeout=30)
        results.append(out.read())
        err.read()
        out.channel.close()
        if n % 3 == 0:
            raise ValueError(n)
    except ValueError:
        results.append(b"")
    finally:
        slots.release()


def main():
    slots, results = threading.BoundedSemaphore(3), []
    with connect() as client:
        crew = []
        for n in range(9):
            slots.acquire()
            crew.append(threading.Thread(target=job, args=(client, slots, results, n)))
            crew[-1].start()
        for t in crew:
            t.join()
    print(len(results))
    return 0

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
