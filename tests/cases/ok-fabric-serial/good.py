"""Runs a step on several hosts, a Connection each."""
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from fabric import Config, Connection


def step(n):
    with Connection(
        os.environ["CASE_HOST"], user=os.environ["CASE_USER"], port=int(os.environ["CASE_PORT"]),
        config=Config(overrides={"load_ssh_configs": False}),
        connect_kwargs={"key_filename": os.environ["CASE_KEY"], "allow_agent": False, "look_for_keys": False},
    ) as conn:
        return conn.run("echo step %d" % n, hide=True, in_stream=False).stdout.strip()


def main():
    with ThreadPoolExecutor(4) as pool:
        steps = list(pool.map(step, range(6)))
    return 0 if steps == ["step %d" % n for n in range(6)] else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
