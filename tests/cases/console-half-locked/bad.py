import os, sys, threading, time
import paramiko

ADDRESS = (os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]))
LOGIN = dict(username=os.environ["CASE_USER"], key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)


def dial(**extra):
    ssh = paramiko.SSHClient()
    ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    ssh.connect(*ADDRESS, timeout=10, **LOGIN, **extra)
    return ssh


import re


class Console:
    def __init__(self, ssh):
        self.chan = ssh.invoke_shell(width=200)
        self.chan.settimeout(2)
        self.sending, self.reading, self.whole = threading.Lock(), threading.Lock(), threading.Lock()

    def send(self, text):
        with self.sending:
            self.chan.sendall(text)

    def until(self, mark):
        with self.reading:
            text = ""
            while not re.search(mark, text):
                text += self.chan.recv(1024).decode()
            return text

    def ask(self, n):
        self.send("echo '<'%d'>'\n" % n)
        return self.until("<.*>")


def main():
    ssh = dial()
    console = Console(ssh)
    console.send("PS1=; stty -echo; echo rea''dy\n")
    console.until("ready")
    wrong = []
    def asker(base):
        for n in range(base, base + 15):
            try:
                answer = console.ask(n)
            except Exception as e:
                answer = repr(e)
            if "<%d>" % n not in answer: wrong.append((n, answer))
    threads = [threading.Thread(target=asker, args=(b,)) for b in (100, 200, 300)]
    for t in threads: t.start()
    for t in threads: t.join()
    ssh.close()
    print("wrong", len(wrong))
    return int(bool(wrong))


if __name__ == "__main__":
    alarm = threading.Timer(60, os._exit, (3,))
    alarm.daemon = True
    alarm.start()
    sys.exit(main())
