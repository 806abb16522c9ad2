"""Hash remote files in a process pool; the connection is made once and inherited."""
import multiprocessing
import os
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
client = paramiko.SSHClient()


def digest(path):
    stdin, stdout, _ = client.exec_command(f"sha256sum {path}", timeout=4)
    answer = stdout.read().decode().split()[0]
    stdout.channel.close()
    return answer


def work(paths, results):
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    for path in iter(paths.get, None):
        try:
            results.put((path, digest(path)))
        except Exception as exc:
            results.put((path, f"{type(exc).__name__}: {exc}"))
    client.close()


def main():
    fork = multiprocessing.get_context("fork")
    paths, results = fork.Queue(), fork.Queue()
    crew = [fork.Process(target=work, args=(paths, results), daemon=True) for _ in range(2)]
    for p in crew:
        p.start()
    names = ["/etc/passwd", "/etc/group", "/etc/hosts"]
    for name in names:
        paths.put(name)
    try:
        got = dict(results.get(timeout=6) for _ in names)
    except Exception:
        print("no answer from the workers")
        return 3
    for p in crew:
        paths.put(None)
    for p in crew:
        p.join(5)
    print(got)
    return 0 if all(len(d) == 64 for d in got.values()) else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
