"""Run a command on several hosts with a fabric group."""
import os
import sys
import threading

from fabric import Connection, ThreadingGroup

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]

def main():
    kwargs = {"key_filename": KEY, "allow_agent": False, "look_for_keys": False}
    hosts = [Connection(f"127.0.0.{n}", USER, PORT, connect_kwargs=kwargs) for n in (1, 2, 3)]
    with ThreadingGroup.from_connections(hosts) as group:
        results = group.run("echo hello", hide=True, in_stream=False)
    return 0 if all(r.stdout == "hello\n" for r in results.values()) and len(results) == 3 else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
