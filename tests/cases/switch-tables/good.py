"""Ask a switch for several tables in parallel with Netmiko."""
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from netmiko import ConnectHandler

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]

def session():
    return ConnectHandler(device_type="linux", host=HOST, port=PORT, username=USER, use_keys=True, key_file=KEY,
                          conn_timeout=8, fast_cli=True)


class Switch:
    def __init__(self):
        self.connection = session()
        self.turn = threading.Lock()

    def table(self, number):
        with self.turn:
            text = self.connection.send_command(f"echo table-{number}; sleep 0.1; echo rows-{number}", read_timeout=4)
        return f"table-{number}" in text and text.count("rows-") == 1


def main():
    switch = Switch()
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(switch.table, n) for n in range(4)]
    right = sum(f.exception() is None and f.result() for f in futures)
    print(right, "of 4 tables are right")
    switch.connection.disconnect()
    return 0 if right == 4 else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
