import os, sys, threading, time
import paramiko

ADDRESS = (os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]))
LOGIN = dict(username=os.environ["CASE_USER"], key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)


def dial(**extra):
    ssh = paramiko.SSHClient()
    ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    ssh.connect(*ADDRESS, timeout=10, **LOGIN, **extra)
    return ssh


class Device:
    def __init__(self, name):
        self.name, self.lock, self.ssh = name, threading.Lock(), dial()

def copy(a, b):
    x, y = sorted((a, b), key=lambda d: d.name)
    with x.lock, y.lock:
        for d in (a, b):
            d.ssh.exec_command("true", timeout=5)[1].read()

def main():
    one, two = Device("one"), Device("two")
    first = threading.Thread(target=copy, args=(one, two), name="there")
    second = threading.Thread(target=copy, args=(two, one), name="back")
    first.start()
    time.sleep(1.5)
    second.start()
    first.join(); second.join()
    for d in (one, two): d.ssh.close()
    return 0


if __name__ == "__main__":
    alarm = threading.Timer(60, os._exit, (3,))
    alarm.daemon = True
    alarm.start()
    sys.exit(main())
