"""A little HTTP front for one machine: /uptime, /kernel and the like are answered by it."""
import os
import sys
import threading
import urllib.request
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
PAGES = {f"/page{n}": f"echo page {n}" for n in range(6)}

box = SSHClient()
box.set_missing_host_key_policy(AutoAddPolicy())
door = threading.Lock()


class Front(BaseHTTPRequestHandler):
    def do_GET(self):
        with door:
            transport = box.get_transport()
            if transport is None or not transport.is_active():
                box.connect(HOST, auth_timeout=4, **LOGIN)
        stdin, out, _ = box.exec_command(PAGES[self.path], timeout=5)
        body = out.read()
        out.channel.close()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = False  # server_close() waits for them


def main():
    server = Server(("127.0.0.1", 0), Front)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    wrong = []

    def visit(page):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}{page}", timeout=20) as answer:
                if answer.read().decode().strip() != page.strip("/").replace("page", "page "):
                    wrong.append(page)
        except OSError as problem:
            wrong.append(f"{page}: {problem}")

    visitors = [threading.Thread(target=visit, args=(page,)) for page in PAGES]
    for v in visitors:
        v.start()
    for v in visitors:
        v.join()
    server.shutdown()
    serving.join()
    server.server_close()
    box.close()
    print("wrong:", wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
