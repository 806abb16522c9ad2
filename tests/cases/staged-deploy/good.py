"""Deploy a site: a stage is a task of the pool, and so is each of its hosts."""
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]

def connect():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, port=PORT, username=USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client

class Deployment:
    def __init__(self, workers):
        self.pool = ThreadPoolExecutor(workers, thread_name_prefix="deploy")
        self.stages = ThreadPoolExecutor(workers, thread_name_prefix="stage")

    def host(self, name):
        with connect() as client:
            stdin, stdout, _ = client.exec_command(f"sleep 0.2; echo {name}", timeout=30)
            answer = stdout.read().decode().strip()
            stdout.channel.close()
            return answer

    def stage(self, hosts):
        futures = [self.pool.submit(self.host, name) for name in hosts]
        wait(futures)
        return [f.result() for f in futures]

    def run(self, stages):
        running = [self.stages.submit(self.stage, hosts) for hosts in stages]
        return [f.result() for f in running]


def main():
    deployment = Deployment(2)
    print(deployment.run([["web-1", "web-2"], ["db-1", "db-2"]]))
    deployment.stages.shutdown()
    deployment.pool.shutdown()
    return 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
