"""A web front over a small pool of connections."""
import os
import queue
import sys
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from paramiko import AutoAddPolicy, SSHClient

LOGIN = {
    "port": int(os.environ["CASE_PORT"]),
    "username": os.environ["CASE_USER"],
    "key_filename": os.environ["CASE_KEY"],
    "allow_agent": False,
    "look_for_keys": False,
}
HOST = os.environ["CASE_HOST"]


def open_box(address: str = HOST) -> SSHClient:
    box = SSHClient()
    box.set_missing_host_key_policy(AutoAddPolicy())
    box.connect(address, **LOGIN)
    return box


class Pool:
    def __init__(self, size: int) -> None:
        self.idle: queue.LifoQueue[SSHClient] = queue.LifoQueue()
        self.all = [open_box() for _ in range(size)]
        for box in self.all:
            self.idle.put(box)

    @contextmanager
    def borrow(self):
        box = self.idle.get(timeout=20)
        try:
            yield box
        finally:
            self.idle.put(box)

    def close(self) -> None:
        for box in self.all:
            box.close()


class Front(BaseHTTPRequestHandler):
    pool: Pool

    def do_GET(self) -> None:
        with self.pool.borrow() as box:
            stdin, out, _ = box.exec_command("echo " + self.path.strip("/"), timeout=10)
            body = out.read()
            out.channel.close()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = False  # server_close() waits for them


def main() -> int:
    Front.pool = Pool(3)
    server = Server(("127.0.0.1", 0), Front)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()

    def visit(n: int) -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/page{n}", timeout=30) as answer:
            return answer.read().decode().strip() == f"page{n}"

    with ThreadPoolExecutor(8) as visitors:
        right = list(visitors.map(visit, range(24)))
    server.shutdown()
    serving.join()
    server.server_close()
    Front.pool.close()
    print(sum(right), "of 24")
    return 0 if all(right) else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
