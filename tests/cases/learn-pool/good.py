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

FILE = os.path.join(tempfile.mkdtemp(), "known_hosts")
write = threading.Lock()

def learn(n):
    ssh = paramiko.SSHClient()
    ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    try:
        ssh.connect("127.0.0.%d" % n, ADDRESS[1], timeout=10, **LOGIN)
        key = ssh.get_transport().get_remote_server_key()
    finally:
        ssh.close()
    with write, open(FILE, "a") as file:
        file.write("127.0.0.%d %s %s\n" % (n, key.get_name(), key.get_base64()))

def main():
    open(FILE, "w").close()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(learn, range(2, 10)))
    lost = 8 - len(open(FILE).read().splitlines())
    print("lost:", lost)
    return int(lost != 0)


if __name__ == "__main__":
    alarm = threading.Timer(60, os._exit, (3,))
    alarm.daemon = True
    alarm.start()
    sys.exit(main())
