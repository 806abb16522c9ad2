import os, sys, threading, time
import paramiko

ADDRESS = (os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]))
LOGIN = dict(username=os.environ["CASE_USER"], key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)


def dial(**extra):
    ssh = paramiko.SSHClient()
    ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    ssh.connect(*ADDRESS, timeout=10, **LOGIN, **extra)
    return ssh


import select

def watch(chan, got, lock):
    fd = chan.fileno()
    while True:
        ready, _, _ = select.select([fd], [], [], 1)
        if ready:
            with lock:
                got.append(len(chan.recv(512)))
                if got[-1] == 0: return
        elif chan.closed:
            return

def main():
    ssh = dial()
    chan = ssh.get_transport().open_session(timeout=10)
    chan.exec_command("for i in 1 2 3 4 5 6 7 8 9; do echo $i; sleep 0.1; done")
    got, lock = [], threading.Lock()
    threads = [threading.Thread(target=watch, args=(chan, got, lock), daemon=True) for _ in range(2)]
    for t in threads: t.start()
    for t in threads: t.join(6)
    stuck = sum(t.is_alive() for t in threads)
    ssh.close()
    print(got, stuck)
    return 3 if stuck else 0


if __name__ == "__main__":
    alarm = threading.Timer(12, os._exit, (3,))
    alarm.daemon = True
    alarm.start()
    sys.exit(main())
