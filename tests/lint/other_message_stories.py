"""What only looks like something that is said through sockets, processes, fifos, files, tables and servers.

Programs whose two calls, ``#1`` and ``#2``, nothing that is recorded orders; see test_unrecorded.
"""

from __future__ import annotations

NOT_EXCUSED = {
    "another word on the connection": """
        def work(address):
            with socket.create_connection(address) as line:
                line.sendall(b"READY\\n")
                sftp.stat("/")  #1
                line.sendall(b"DONE\\n")
        def main():
            server = socket.create_server(("127.0.0.1", 0))
            threading.Thread(target=work, args=(server.getsockname(),)).start()
            line, _ = server.accept()
            for word in line.makefile("r"):
                if word.strip() == "READY":
                    break
            sftp.stat("/")  #2
        """,
    "the first line of a fifo that is opened before": """
        def main():
            fifo = folder + "/over"
            os.mkfifo(fifo)
            def work():
                with open(fifo, "w") as out:
                    out.write("importing")
                    sftp.stat("/")  #1
            threading.Thread(target=work).start()
            with open(fifo) as told:
                print(told.readline())
                sftp.stat("/")  #2
        """,
    "input that is closed before": """
        import subprocess
        def feed(sink):
            sink.write(b"a")
            sink.close()
            sftp.stat("/")  #1
        def main():
            sort = subprocess.Popen(["sort"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            threading.Thread(target=feed, args=(sort.stdin,)).start()
            sort.stdout.read()
            sftp.stat("/")  #2
        """,
    "a file that says so before": """
        def work():
            MARK.write_text("finished")
            sftp.stat("/")  #1
            MARK.write_text("cleared")
        def main():
            threading.Thread(target=work).start()
            while MARK.read_text() != "finished":
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "rows that are changed before": """
        def work(path):
            db.execute("UPDATE job SET state = 'done' WHERE path = ?", (path,))
            sftp.stat(path)  #1
        def main():
            threading.Thread(target=work, args=("a",)).start()
            while db.execute("SELECT count(*) FROM job WHERE state <> 'done'").fetchone()[0] > 0:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a store that says so before": """
        import redis
        def work(store):
            store.set("job", "done")
            sftp.stat("/")  #1
            store.set("job", "closed")
        def main():
            store = redis.Redis()
            threading.Thread(target=work, args=(store,)).start()
            while store.get("job") != b"done":
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a property of any of several tasks": """
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
            while not any(task.ready for task in tasks):
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a file that each makes itself, and removes": """
        def work():
            open("busy", "w").close()
            sftp.stat("/")  #1
            os.remove("busy")
        def main():
            threading.Thread(target=work).start()
            while os.path.exists("busy"):
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "the part of a file that is renamed": """
        def work():
            sftp.get("/x", "x.part")  #1
            os.rename("x.part", "x")
        def main():
            threading.Thread(target=work).start()
            while not os.path.exists("x.part"):
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "handlers that ask another server": """
        import requests
        from http.server import BaseHTTPRequestHandler
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                requests.get(AUDIT)
                sftp.stat(self.path)  #12
                self.send_response(200)
        """,
    "a part of a line that is logged before": """
        def said(phrase):
            with open(LOG) as file:
                return phrase in file.read()
        def work():
            log.info("sync begins")
            sftp.stat("/")  #1
            log.info("sync complete")
        def main():
            threading.Thread(target=work).start()
            while not said("sync"):
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "the owner of each path": """
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
            with Owned(path):
                sftp.stat(path)  #12
        def main():
            for path in "abc":
                threading.Thread(target=work, args=(path,)).start()
        """,
    "another process, and another standard input": """
        import subprocess
        def copy(sink):
            sink.write(sftp.stat("/"))  #1
            sink.close()
        def main():
            cat = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
            other = subprocess.Popen(["sleep", "1"])
            threading.Thread(target=copy, args=(cat.stdin,)).start()
            other.wait()
            sftp.stat("/")  #2
        """,
    "a client that is tried to be connected again": """
        def work():
            client.exec_command("a")
            sftp.stat("/")  #1
            client.close()
        def main():
            threading.Thread(target=work).start()
            while True:
                try:
                    client.connect("host")
                    break
                except OSError:
                    time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a connection with another program": """
        def work():
            sftp.stat("/")  #1
            statistics = socket.create_connection(STATISTICS)
            statistics.sendall(b"1")
        def main():
            threading.Thread(target=work).start()
            clock = socket.create_connection(CLOCK)
            print(clock.recv(10))
            sftp.stat("/")  #2
        """,
    "a signal for which it is waited once, with a limit": """
        def work():
            sftp.stat("/")  #1
            os.kill(os.getpid(), signal.SIGUSR1)
        def main():
            threading.Thread(target=work).start()
            signal.sigtimedwait([signal.SIGUSR1], 0.5)
            sftp.stat("/")  #2
        """,
    "a number that is called before the work": """
        import itertools
        class Tickets:
            def __init__(self):
                self.tickets = itertools.count()
                self.serving = 0
            def turn(self):
                mine = next(self.tickets)
                while self.serving != mine:
                    time.sleep(0.1)
                self.serving += 1
        tickets = Tickets()
        def work():
            tickets.turn()
            sftp.stat("/")  #12
        def main():
            for _ in range(3):
                threading.Thread(target=work).start()
        """,
    "tasks that are called done before they are": """
        import queue
        tasks = queue.Queue()
        def work():
            while True:
                path = tasks.get()
                tasks.task_done()
                sftp.stat(path)  #1
        def main():
            threading.Thread(target=work).start()
            tasks.put("a")
            while tasks.unfinished_tasks:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "threads of another name": """
        def busy():
            return [t for t in threading.enumerate() if t.name.startswith("job-")]
        def work():
            sftp.stat("/")  #1
        def main():
            threading.Thread(target=work, name="copier").start()
            while busy():
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a database of each": """
        def work(path):
            db = sqlite3.connect(path + ".db", isolation_level=None)
            db.execute("BEGIN EXCLUSIVE")
            sftp.stat(path)  #12
            db.execute("COMMIT")
        def main():
            for path in "abc":
                threading.Thread(target=work, args=(path,)).start()
        """,
    "a transaction that locks nothing yet": """
        def work(path):
            db = sqlite3.connect(DATABASE, isolation_level=None)
            db.execute("BEGIN")
            sftp.stat(path)  #12
            db.execute("COMMIT")
        def main():
            for path in "abc":
                threading.Thread(target=work, args=(path,)).start()
        """,
    "a database that is let go before": """
        def work(path):
            db = sqlite3.connect(DATABASE, isolation_level=None)
            db.execute("BEGIN EXCLUSIVE")
            db.execute("COMMIT")
            sftp.stat(path)  #12
        def main():
            for path in "abc":
                threading.Thread(target=work, args=(path,)).start()
        """,
    "a file that is only read afterwards": """
        def work(path):
            sftp.stat("/")  #1
            print(open(path).read())
        def main():
            path = folder + "/there"
            threading.Thread(target=work, args=(path,)).start()
            while not os.path.exists(path):
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a file that is copied somewhere else": """
        import shutil
        def work(path):
            sftp.stat("/")  #1
            shutil.copy(path, folder + "/copy")
        def main():
            path = folder + "/there"
            threading.Thread(target=work, args=(path,)).start()
            while os.path.exists(path):
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "any row of several workers": """
        import sqlite3
        def work(base, number):
            sftp.stat("/")  #1
            base.execute("update jobs set state = 'done' where number = ?", (number,))
        def main():
            base = sqlite3.connect("jobs")
            for number in range(5):
                threading.Thread(target=work, args=(base, number)).start()
            while base.execute("select state from jobs order by state").fetchone()[0] != "done":
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a number of rows of which there need be one": """
        import sqlite3
        def work(base, number):
            sftp.stat("/")  #1
            base.execute("update jobs set state = 'done' where number = ?", (number,))
        def main():
            base = sqlite3.connect("jobs")
            for number in range(5):
                threading.Thread(target=work, args=(base, number)).start()
            while base.execute("select count(*) from jobs where state = 'done'").fetchone()[0] == 0:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """,
    "a view of a screen's, that works in a thread of its own, and the answer of a server": """
        import requests
        class Panel(ListView):
            def refresh(self):
                sftp.stat("/")  #1
        def main(panel):
            threading.Thread(target=panel.refresh).start()
            requests.get("http://status/ok")
            sftp.stat("/")  #2
        """,
    "a handler of a log, and the answer of a server": """
        import logging, urllib.request
        class ToHost(logging.Handler):
            def emit(self, record):
                sftp.stat("/")  #1
        def main():
            logging.getLogger("paramiko").addHandler(ToHost())
            urllib.request.urlopen("http://127.0.0.1:8000/over").read()
            sftp.stat("/")  #2
        """,
}
