import os, sys, threading, time
import paramiko

ADDRESS = (os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]))
LOGIN = dict(username=os.environ["CASE_USER"], key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)


def dial(**extra):
    ssh = paramiko.SSHClient()
    ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    ssh.connect(*ADDRESS, timeout=10, **LOGIN, **extra)
    return ssh


import tempfile
from concurrent.futures import ThreadPoolExecutor


class Store:
    def __init__(self, ssh):
        self.sftp = ssh.open_sftp()
        self.sftp.get_channel().settimeout(20)
        self.guard = threading.Lock()

    def names(self, folder):
        with self.guard:
            return self.sftp.listdir(folder)


def main():
    base = tempfile.mkdtemp()
    for d in "abcd":
        os.mkdir(base + "/" + d)
        open(base + "/" + d + "/" + d + ".txt", "w").close()
    ssh = dial()
    store = Store(ssh)
    with ThreadPoolExecutor(4) as pool:
        wrong = 0
        for _ in range(20):
            found = list(pool.map(lambda d: (d, store.names(base + "/" + d)), "abcd"))
            wrong += sum(names != [d + ".txt"] for d, names in found)
    ssh.close()
    print("wrong:", wrong)
    return int(wrong > 0)


if __name__ == "__main__":
    alarm = threading.Timer(60, os._exit, (3,))
    alarm.daemon = True
    alarm.start()
    sys.exit(main())
