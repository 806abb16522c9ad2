import os, sys, threading, time
import paramiko

ADDRESS = (os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]))
LOGIN = dict(username=os.environ["CASE_USER"], key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)


def dial(**extra):
    ssh = paramiko.SSHClient()
    ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    ssh.connect(*ADDRESS, timeout=10, **LOGIN, **extra)
    return ssh


import multiprocessing as mp

ssh = None

def setup():
    global ssh
    ssh = dial()

def ask(n):
    mine = dial()
    print(n, mine.exec_command("echo %d" % n, timeout=4)[1].read())
    mine.close()

def main():
    setup()
    print(ssh.exec_command("hostname", timeout=5)[1].read())
    context = mp.get_context("fork")
    processes = [context.Process(target=ask, args=(n,)) for n in range(2)]
    for p in processes: p.start()
    for p in processes: p.join(6)
    stuck = sum(p.is_alive() for p in processes)
    for p in processes:
        p.kill()
    ssh.close()
    return 3 if stuck else 0


if __name__ == "__main__":
    alarm = threading.Timer(60, os._exit, (3,))
    alarm.daemon = True
    alarm.start()
    sys.exit(main())
