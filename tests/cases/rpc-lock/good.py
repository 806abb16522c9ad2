import os, sys, threading, time
import paramiko

ADDRESS = (os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]))
LOGIN = dict(username=os.environ["CASE_USER"], key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)


def dial(**extra):
    ssh = paramiko.SSHClient()
    ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    ssh.connect(*ADDRESS, timeout=10, **LOGIN, **extra)
    return ssh


class Rpc:
    """Requests and replies over `cat`, each line an answer to its line."""
    def __init__(self, ssh):
        self.stdin, self.stdout, _ = ssh.exec_command("cat", timeout=None)
        self.lock = threading.RLock()
        self.told = []

    def listen(self):
        while True:
            line = self.stdout.readline()
            if not line:
                return
            self.told.append(line)

    def tell(self, text):
        with self.lock:
            self.stdin.write(text + "\n")
            self.stdin.flush()


def main():
    ssh = dial()
    rpc = Rpc(ssh)
    listener = threading.Thread(target=rpc.listen, name="listener", daemon=True)
    listener.start()
    time.sleep(0.5)
    teller = threading.Thread(target=rpc.tell, args=("hello",), name="teller", daemon=True)
    teller.start()
    teller.join(6)
    if teller.is_alive():
        print("still waiting for the lock")
        return 3
    rpc.stdin.channel.shutdown_write()
    listener.join(5)
    ssh.close()
    print(rpc.told)
    return 0


if __name__ == "__main__":
    alarm = threading.Timer(60, os._exit, (3,))
    alarm.daemon = True
    alarm.start()
    sys.exit(main())
