import os, sys, threading, time
import paramiko

ADDRESS = (os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]))
LOGIN = dict(username=os.environ["CASE_USER"], key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)


def dial(**extra):
    ssh = paramiko.SSHClient()
    ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    ssh.connect(*ADDRESS, timeout=10, **LOGIN, **extra)
    return ssh


class Runner:
    """Runs commands and shows how far they are."""
    def __init__(self):
        self.ssh = dial()

    def run(self, command):
        chan = self.ssh.get_transport().open_session(timeout=10)
        chan.exec_command(command)
        got = b""
        while not chan.exit_status_ready():
            if chan.recv_ready():
                got += chan.recv(4096)
            time.sleep(0.02)
        while chunk := chan.recv(65536):
            got += chunk
        return chan.recv_exit_status(), got


def main():
    runner = Runner()
    results = []
    def work(n):
        results.append(runner.run("seq 1 %d" % n))
    threads = [threading.Thread(target=work, args=(n,)) for n in (30000, 40000)]
    for t in threads: t.start()
    for t in threads: t.join()
    runner.ssh.close()
    print([(s, len(g)) for s, g in results])
    return int(any(not g.endswith((b"30000\n", b"40000\n")) for _, g in results))


if __name__ == "__main__":
    alarm = threading.Timer(60, os._exit, (3,))
    alarm.daemon = True
    alarm.start()
    sys.exit(main())
