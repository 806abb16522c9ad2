"""An orchestrator: a task deploys a site, and has each of the site's steps done by the same executor."""
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko


class Orchestrator:
    def __init__(self):
        self.executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="orchestrator")
        self.steps = ThreadPoolExecutor(max_workers=4, thread_name_prefix="steps")
        self.client = paramiko.SSHClient()
        self.client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        self.client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                            key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)

    def step(self, command):
        return self.client.exec_command(command, timeout=10)[1].read().decode().strip()

    def site(self, name):
        first = self.step("echo prepare " + name)
        rest = list(self.steps.map(self.step, ["echo copy " + name, "echo restart " + name]))
        return [first, *rest]

    def deploy(self, names):
        sites = [self.executor.submit(self.site, name) for name in names]
        return [site.result() for site in sites]


def main():
    orchestrator = Orchestrator()
    for lines in orchestrator.deploy(["blog", "shop", "wiki"]):
        print(lines)
    orchestrator.executor.shutdown()
    orchestrator.steps.shutdown()
    orchestrator.client.close()
    return 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
