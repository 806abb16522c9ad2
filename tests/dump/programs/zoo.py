# ruff: noqa
"""One thread for each thing that a thread of a Paramiko program can wait for; the function says which.

Needs the servers of `capture.py`: CASES_SERVERS in the environment. Prints "ready" once all threads have settled.
"""

import asyncio
import json
import logging
import multiprocessing
import os
import queue
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from concurrent.futures import Future, ThreadPoolExecutor

import paramiko
import paramiko.agent
import paramiko.pipe

warnings.simplefilter("ignore")
SERVERS = json.loads(os.environ["CASES_SERVERS"])
HOST, USER, KEY, PORTS = SERVERS["host"], SERVERS["user"], SERVERS["key"], SERVERS["ports"]
silent = threading.Event()  # set once the black hole has swallowed the connections


def dial(profile):
    c = paramiko.SSHClient()
    c.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    c.connect(HOST, PORTS[profile], USER, key_filename=KEY, timeout=20, allow_agent=False, look_for_keys=False)
    return c


good = dial("roomy")
holes = {
    n: dial("blackhole") for n in ("channel_open", "global_request", "clear_to_send", "sftp_reply", "socket_write")
}
files = holes["sftp_reply"].open_sftp()
login = paramiko.Transport(socket.create_connection((HOST, PORTS["blackhole"])))
login.start_client()
never = threading.Event()
held, free = threading.Lock(), threading.Semaphore(0)
held.acquire()


def session(command="sleep 1000"):
    chan = good.get_transport().open_session()
    chan.exec_command(command)
    return chan


def listener(greeting=b"", backlog=5):
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(backlog)

    def greet():
        while greeting:
            conn, _ = s.accept()
            conn.sendall(greeting)
            kept.append(conn)

    threading.Thread(target=greet, daemon=True, name="greeter").start()
    kept.append(s)
    return s.getsockname()


kept = []


def output():
    session().recv(10)


def stderr():
    session().makefile_stderr("r").read()


def exit_status():
    session().recv_exit_status()


def send_window():
    session().sendall(b"x" * 10_000_000)


def channel_open():
    silent.wait()
    holes["channel_open"].exec_command("true")


def request_reply():
    dial("mute").exec_command("true")


def global_request():
    silent.wait()
    holes["global_request"].get_transport().global_request("ping@paramedic", wait=True)


def clear_to_send():
    silent.wait()
    t = holes["clear_to_send"].get_transport()
    threading.Thread(target=t.renegotiate_keys, name="rekeyer").start()
    while t.clear_to_send.is_set():
        time.sleep(0.01)
    t.send_ignore(10)


def handshake():
    paramiko.Transport(socket.create_connection(listener(b"SSH-2.0-quiet\r\n"))).start_client()


def authentication():
    silent.wait()
    login.auth_password(USER, "x")


def banner():
    t = paramiko.Transport(socket.create_connection(listener()))
    t.banner_timeout = 1000
    kept.append(t)
    t.start()  # its own thread waits for the banner


def accept():
    good.get_transport().accept(1000)


def sftp_reply():
    silent.wait()
    files.stat("/")


def agent():
    path = os.path.join(tempfile.mkdtemp(), "agent")
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen()
    kept.append(s)
    os.environ["SSH_AUTH_SOCK"] = path
    paramiko.agent.Agent()


def socket_write():
    silent.wait()
    while True:
        holes["socket_write"].get_transport().send_ignore(30000)


def pipe_byte():
    p = paramiko.pipe.make_pipe()
    p._set = True
    p.clear()


def proxy():
    t = paramiko.Transport(paramiko.ProxyCommand("sleep 1000"))
    t.banner_timeout = 1000
    kept.append(t)
    t.start()


def answer(title, instructions, prompts):  # on the transport thread
    never.wait()


def callback():
    t = paramiko.Transport(socket.create_connection((HOST, PORTS["kbdint"])))
    t.start_client()
    threading.Thread(target=t.auth_interactive, args=(USER, answer), daemon=True, name="asker").start()


def connect():
    address = listener(backlog=0)
    for _ in range(8):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(address)
        kept.append(s)
    c = paramiko.SSHClient()
    c.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    c.connect(*address, username=USER, password="x", allow_agent=False, look_for_keys=False)


locked = session()
locked.lock.acquire()


def paramiko_lock():
    locked.sendall(b"x")


def lock():
    with held:
        pass


def semaphore():
    free.acquire()


def logging_lock():
    handler = logging.StreamHandler(open(os.devnull, "w"))
    other = threading.Thread(target=handler.acquire)
    other.start()
    other.join()
    handler.handle(logging.makeLogRecord({"msg": "x"}))


def waits_on_queue():
    queue.Queue().get()


def future():
    Future().result()


def join():
    threading.enumerate()[0].join()


def event():
    threading.Event().wait()


def condition():
    c = threading.Condition()
    with c:
        c.wait()


def timer():
    t = threading.Timer(1000, print)
    t.daemon = True
    t.start()


def select():
    s = selectors.DefaultSelector()
    s.register(kept[0], selectors.EVENT_WRITE)
    s.select()


def process():
    subprocess.Popen(["sleep", "1000"]).wait()


def loop():
    asyncio.run(asyncio.sleep(1000))


def pool_work():
    p = ThreadPoolExecutor(1, thread_name_prefix="pool")
    p.submit(len, "").result()
    kept.append(p)


def main():
    own = [f for f in globals().values() if callable(f) and getattr(f, "__module__", "") == "__main__"]
    shapes = [f for f in own if f not in (main, dial, session, listener, answer)]
    for f in shapes:
        threading.Thread(target=f, name=f.__name__, daemon=True).start()
    time.sleep(5)  # the black hole swallows after 2 s
    silent.set()
    time.sleep(3)
    print("ready", flush=True)
    never.wait()


main()
