"""Runs the deploy steps of a host side by side over one Fabric connection."""
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from fabric import Config, Connection

STEPS = ["echo migrate", "echo static", "echo cache", "echo workers"]


def connection():
    config = Config(overrides={"load_ssh_configs": False})
    return Connection(
        os.environ["CASE_HOST"], user=os.environ["CASE_USER"], port=int(os.environ["CASE_PORT"]), config=config,
        connect_kwargs={"key_filename": os.environ["CASE_KEY"], "allow_agent": False, "look_for_keys": False,
                        "auth_timeout": 5, "banner_timeout": 5},
    )


def main():
    conn = connection()
    conn.open()
    failed = 0
    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(conn.run, step, hide=True, in_stream=False, timeout=8) for step in STEPS]
    for step, result in zip(STEPS, results):
        try:
            print(step, "->", result.result().stdout.strip())
        except Exception as error:
            failed += 1
            print(step, "->", type(error).__name__, error)
    conn.close()
    return 1 if failed else 0


if __name__ == "__main__":
    t = threading.Timer(25, lambda: os._exit(3))
    t.daemon = True
    t.start()
    sys.exit(main())
