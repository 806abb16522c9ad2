"""Many short uploads; a reaper thread closes what is done so that the session limit is never reached."""
import os
import queue
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko

HOST, PORT, USER, KEY = (os.environ["CASE_" + n] for n in ("HOST", "PORT", "USER", "KEY"))
done = queue.SimpleQueue()
started = []
trouble = []


def reaper():
    while (channel := done.get()) is not None:
        channel.close()


def upload(client, number):
    stdin, stdout, stderr = client.exec_command("cat > /dev/null", timeout=10)
    stdin.write("payload %d\n" % number)
    stdin.flush()
    stdin.close()  # tells cat that this was all
    done.put(stdout.channel)


def main():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, int(PORT), USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    closer = threading.Thread(target=reaper, name="reaper")
    closer.start()
    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(upload, client, n) for n in range(60)]
        for future in futures:
            try:
                future.result()
            except Exception as error:
                trouble.append(error)
                print(type(error).__name__, error)
    done.put(None)
    closer.join()
    client.close()
    return 1 if trouble else 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
