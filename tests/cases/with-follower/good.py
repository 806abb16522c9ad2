import os, sys, threading, time
import paramiko

ADDRESS = (os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]))
LOGIN = dict(username=os.environ["CASE_USER"], key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)


def dial(**extra):
    ssh = paramiko.SSHClient()
    ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    ssh.connect(*ADDRESS, timeout=10, **LOGIN, **extra)
    return ssh


class Follower(threading.Thread):
    def __init__(self, ssh, path):
        super().__init__(name="follower", daemon=True)
        self.ssh, self.path, self.lines, self.trouble = ssh, path, [], None
        self.stop = threading.Event()

    def run(self):
        try:
            while not self.stop.wait(0.1):
                stdin, out, _ = self.ssh.exec_command("tail -n 1 " + self.path, timeout=3)
                self.lines.append(out.read())
                out.channel.close()
        except Exception as error:
            self.trouble = error


def main():
    with dial() as ssh:
        follower = Follower(ssh, "/etc/passwd")
        follower.start()
        print(ssh.exec_command("sleep 0.5; uptime", timeout=5)[1].read())
        follower.stop.set()
        follower.join(5)
    follower.stop.set()
    follower.join(5)
    print(len(follower.lines), follower.trouble)
    return int(follower.trouble is not None)


if __name__ == "__main__":
    alarm = threading.Timer(60, os._exit, (3,))
    alarm.daemon = True
    alarm.start()
    sys.exit(main())
