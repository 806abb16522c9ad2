"""Visit many machines through a relay, one after the other."""
import os
import subprocess
import sys
import tempfile
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
RELAY = ("import os,select,socket,sys\n"
         "s=socket.create_connection((sys.argv[1],int(sys.argv[2])))\n"
         "while 1:\n"
         " r=select.select([0,s],[],[])[0]\n"
         " for a,w in ((0,s.sendall),(s,lambda d:os.write(1,d))):\n"
         "  if a in r:\n"
         "   d=os.read(0,9999) if a==0 else s.recv(9999)\n"
         "   if not d: sys.exit()\n"
         "   w(d)\n")


HISTORY = []
SCRIPT = os.path.join(tempfile.mkdtemp(), "relay.py")


class Visit:
    def __enter__(self):
        HISTORY.append(self)
        with open(SCRIPT, "w") as f:
            f.write(RELAY)
        self.proxy = paramiko.ProxyCommand(f"{sys.executable} {SCRIPT} {HOST} {PORT}")
        self.client = paramiko.SSHClient()
        self.client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        self.client.connect(HOST, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False, sock=self.proxy)
        return self.client

    def __exit__(self, *_):
        self.client.close()
        self.tidy()

    def tidy(self):
        process = self.proxy.process
        process.wait(5)
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()


def zombies():
    told = subprocess.run(["ps", "--ppid", str(os.getpid()), "-o", "stat="], capture_output=True, text=True).stdout
    return told.count("Z")


def main():
    for _ in range(6):
        with Visit() as client:
            stdin, stdout, _ = client.exec_command("id -un", timeout=5)
            stdout.read()
            stdout.channel.close()
    descriptors = len(os.listdir("/proc/self/fd"))
    print(zombies(), "zombies", descriptors, "descriptors")
    return 1 if descriptors > 15 or zombies() > 2 else 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
