"""A fleet client: the agent is asked for its keys once, then all hosts are dialled with them."""
import os
import subprocess
import sys
import tempfile
import threading
import time

import paramiko

HOSTS = ["127.0.0.%d" % n for n in range(2, 10)]


class Fleet:
    def __init__(self):
        self.clients, self.errors = {}, {}

    def dial(self, host):
        agent = paramiko.Agent()
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        try:
            client.connect(host, int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], pkey=agent.get_keys()[0],
                           auth_timeout=5, banner_timeout=5, allow_agent=False, look_for_keys=False)
            self.clients[host] = client
        except Exception as error:
            client.close()
            self.errors[host] = error
        finally:
            agent.close()

    def dial_all(self):
        threads = [threading.Thread(target=self.dial, args=(h,), name=h) for h in HOSTS]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    def close(self):
        for client in self.clients.values():
            client.close()


def main():
    sock = os.path.join(tempfile.mkdtemp(), "agent.sock")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", sock], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not os.path.exists(sock):
            time.sleep(0.02)
        os.environ["SSH_AUTH_SOCK"] = sock
        subprocess.run(["ssh-add", "-q", os.environ["CASE_KEY"]], check=True)
        failed = 0
        for _ in range(3):
            fleet = Fleet()
            fleet.dial_all()
            fleet.close()
            failed += len(fleet.errors)
            print({h: "%s: %s" % (type(e).__name__, e) for h, e in fleet.errors.items()})
        return 1 if failed else 0
    finally:
        agent.kill()


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
