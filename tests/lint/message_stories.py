"""What is said through sockets, other processes, fifos, files, tables and servers.

Programs whose two calls, ``#1`` and ``#2``, nothing that is recorded orders; see test_unrecorded.
"""

from __future__ import annotations

EXCUSED = {
    "a word on a connection that each side has made for itself": """
        def work(address):
            with socket.create_connection(address) as line:
                line.sendall(b"BEGIN\\n")
                sftp.stat("/")  #1
                line.sendall(b"DONE\\n")
        def main():
            server = socket.create_server(("127.0.0.1", 0))
            threading.Thread(target=work, args=(server.getsockname(),)).start()
            line, _ = server.accept()
            with line.makefile("r") as words:
                for word in words:
                    if word.strip() == "DONE":
                        break
            sftp.stat("/")  #2
        """,
    "a program that ends when its input does": """
        import subprocess
        def feed(sink):
            for path in "abc":
                sink.write(sftp.stat(path))  #1
            sink.close()
        def main():
            sort = subprocess.Popen(["sort"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            threading.Thread(target=feed, args=(sort.stdin,)).start()
            sort.stdout.read()
            sftp.stat("/")  #2
        """,
    "a fifo that is opened for the report": """
        def main():
            fifo = folder + "/over"
            os.mkfifo(fifo)
            def work():
                size = sftp.stat("/")  #1
                with open(fifo, "w") as out:
                    print(size, file=out)
            threading.Thread(target=work).start()
            with open(fifo) as told:
                print(told.read())
            sftp.stat("/")  #2
        """,
    "a state in a file that is written again and again": """
        import json
        class Status:
            def __init__(self, path):
                self.path = path
            def write(self, state):
                self.path.write_text(json.dumps({"state": state}))
            @property
            def state(self):
                return json.loads(self.path.read_text())["state"]
        def work(status):
            status.write("running")
            sftp.stat("/")  #1
            status.write("finished")
        def main():
            status = Status(path)
            threading.Thread(target=work, args=(status,)).start()
            while status.state != "finished":
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a file that is tried to be read until it is there": """
        def work():
            sftp.stat("/")  #1
            MARK.touch()
        def main():
            threading.Thread(target=work).start()
            while True:
                try:
                    MARK.stat()
                    break
                except FileNotFoundError:
                    time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "rows of a table, of which none is open": """
        def left():
            return db().execute("SELECT count(*) FROM job WHERE state <> 'done'").fetchone()[0]
        def work(path):
            sftp.stat(path)  #1
            db().execute("UPDATE job SET state = 'done' WHERE path = ?", (path,))
        def main():
            for path in "abc":
                threading.Thread(target=work, args=(path,)).start()
            while left() > 0:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "the answer of a server that has done it": """
        import urllib.request
        from http.server import BaseHTTPRequestHandler
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                sftp.stat(self.path)  #1
                self.send_response(200)
        def main():
            urllib.request.urlopen(url)
            sftp.stat("/")  #2
        """,
    "the reply to a line, of a server that has done it": """
        import socketserver
        class Sizes(socketserver.StreamRequestHandler):
            def handle(self):
                for line in self.rfile:
                    size = sftp.stat(line).st_size  #1
                    self.wfile.write(size)
        def main():
            with socket.create_connection(server.server_address) as connection:
                lines = connection.makefile("rw")
                lines.write("/etc")
                print(lines.readline())
                sftp.stat("/")  #2
        """,
    "a line of a log, for which the file is searched": """
        def said(phrase):
            with open(LOG) as file:
                return phrase in file.read()
        def work():
            log.info("sync begins")
            sftp.stat("/")  #1
            log.info("sync complete")
        def main():
            threading.Thread(target=work).start()
            while not said("sync complete"):
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a name of which one thread is the owner": """
        owners = {}
        class Owned:
            def __init__(self, name):
                self.name = name
            def __enter__(self):
                me = threading.get_ident()
                while owners.setdefault(self.name, me) != me:
                    time.sleep(0.1)
            def __exit__(self, *exc):
                del owners[self.name]
        def work(path):
            with Owned("files"):
                sftp.stat(path)  #12
        def main():
            for path in "abc":
                threading.Thread(target=work, args=(path,)).start()
        """,
    "a connection of multiprocessing's": """
        from multiprocessing.connection import Client, Listener
        def work(address):
            with Client(address) as c:
                c.send(sftp.stat("/").st_size)  #1
        def main():
            with Listener(("localhost", 0)) as listener:
                threading.Thread(target=work, args=(listener.address,)).start()
                with listener.accept() as c:
                    print(c.recv())
            sftp.stat("/")  #2
        """,
    "a store on another machine": """
        import redis
        def work(store):
            store.set("job", "running")
            sftp.stat("/")  #1
            store.set("job", "done")
        def main():
            store = redis.Redis()
            threading.Thread(target=work, args=(store,)).start()
            while store.get("job") != b"done":
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a property of each of several tasks": """
        class Task:
            def __init__(self, path):
                self.path = path
                self.result = None
            @property
            def ready(self):
                return self.result is not None
        def work(task):
            task.result = sftp.stat(task.path)  #1
        def main():
            tasks = [Task(p) for p in "abc"]
            for task in tasks:
                threading.Thread(target=work, args=(task,)).start()
            while not all(task.ready for task in tasks):
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "something that is tried to be taken until it is there": """
        done = []
        def work():
            sftp.stat("/")  #1
            done.append("x")
        def main():
            threading.Thread(target=work).start()
            while True:
                try:
                    done.pop()
                except IndexError:
                    time.sleep(0.1)
                else:
                    break
            sftp.stat("/")  #2
        """,
    "the last line of a process that is ended": """
        import subprocess
        def work(ping):
            sftp.stat("/")  #1
            ping.terminate()
        def main():
            ping = subprocess.Popen(["ping", "x"], stdout=subprocess.PIPE)
            threading.Thread(target=work, args=(ping,)).start()
            for line in iter(ping.stdout.readline, b""):
                print(line)
            sftp.stat("/")  #2
        """,
    "an attribute that is not there yet": """
        class Job:
            def run(self):
                sftp.stat("/")  #1
                self.result = 1
        def main():
            job = Job()
            threading.Thread(target=job.run).start()
            while getattr(job, "result", None) is None:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a file that goes away": """
        def work():
            sftp.stat("/")  #1
            os.remove("busy")
        def main():
            open("busy", "w").close()
            threading.Thread(target=work).start()
            while os.path.exists("busy"):
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a method of a list that is called at the end": """
        def work(path, on_done):
            size = sftp.stat(path)  #1
            on_done(size)
        def main():
            sizes = []
            threading.Thread(target=work, args=("a", sizes.append)).start()
            while not sizes:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a signal that is waited for again and again": """
        def work():
            sftp.stat("/")  #1
            os.kill(os.getpid(), signal.SIGUSR1)
        def main():
            threading.Thread(target=work).start()
            while signal.sigtimedwait([signal.SIGUSR1], 0.5) is None:
                print("not yet")
            sftp.stat("/")  #2
        """,
    "a state that a match looks at": """
        import enum
        class State(enum.Enum):
            NEW = enum.auto()
            DONE = enum.auto()
        class Job:
            def __init__(self):
                self.state = State.NEW
            def run(self):
                sftp.stat("/")  #1
                self.state = State.DONE
            def settle(self):
                while True:
                    match self.state:
                        case State.DONE:
                            return
                        case _:
                            time.sleep(0.1)
        def main():
            job = Job()
            threading.Thread(target=job.run).start()
            job.settle()
            sftp.stat("/")  #2
        """,
    "a lock of tickets, which is entered": """
        import itertools
        class Tickets:
            def __init__(self):
                self.tickets = itertools.count()
                self.serving = 0
            def __enter__(self):
                mine = next(self.tickets)
                while self.serving != mine:
                    time.sleep(0.1)
            def __exit__(self, *exc):
                self.serving += 1
        lock = Tickets()
        def work():
            with lock:
                sftp.stat("/")  #12
        def main():
            for _ in range(3):
                threading.Thread(target=work).start()
        """,
    "tasks of a queue that are not done": """
        import queue
        tasks = queue.Queue()
        def work():
            while True:
                path = tasks.get()
                sftp.stat(path)  #1
                tasks.task_done()
        def main():
            threading.Thread(target=work).start()
            for path in "abc":
                tasks.put(path)
            while tasks.unfinished_tasks:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "threads that are there no more": """
        def busy():
            return [t for t in threading.enumerate() if t.name.startswith("job-")]
        def work():
            sftp.stat("/")  #1
        def main():
            threading.Thread(target=work, name="job-1").start()
            while busy():
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a database that is locked": """
        def work(path):
            db = sqlite3.connect(DATABASE, isolation_level=None)
            db.execute("BEGIN EXCLUSIVE")
            sftp.stat(path)  #12
            db.execute("COMMIT")
        def main():
            for path in "abc":
                threading.Thread(target=work, args=(path,)).start()
        """,
}
