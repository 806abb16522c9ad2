"""A small device driver in the manner of network automation tools: one shell, send a command, read to the prompt."""
import os
import re
import socket
import sys
import threading
import time
import uuid

import paramiko

PROMPT = "device> "


class Device:
    def __init__(self):
        self.client = paramiko.SSHClient()
        self.client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        self.client.connect(
            hostname=os.environ["CASE_HOST"], port=int(os.environ["CASE_PORT"]), username=os.environ["CASE_USER"],
            key_filename=os.environ["CASE_KEY"], look_for_keys=False, allow_agent=False, timeout=10)
        self.shell = self.client.invoke_shell(term="dumb", width=511)
        self.shell.settimeout(5)
        self.guard = threading.RLock()
        self.shell.send("stty -echo; PS1='%s'; PROMPT_COMMAND=\n" % PROMPT)
        time.sleep(0.5)
        self.read_until_prompt()

    def read_until_prompt(self):
        output = ""
        while not output.endswith(PROMPT):
            data = self.shell.recv(4096)
            if not data:
                break
            output += data.decode(errors="replace")
        return output[: -len(PROMPT)]

    def send_command(self, text):
        with self.guard:
            self.shell.send(text + "\n")
            return self.read_until_prompt()

    def disconnect(self):
        self.client.close()


def poll(device, wrong):
    for _ in range(8):
        token = uuid.uuid4().hex
        try:
            answer = device.send_command("sleep 0.02; echo " + token)
        except socket.timeout:
            wrong.append("timeout")
            return
        if token not in answer:
            wrong.append(answer)


def main():
    device = Device()
    wrong = []
    pollers = [threading.Thread(target=poll, args=(device, wrong), name=name) for name in ("interfaces", "routes", "arp")]
    for p in pollers:
        p.start()
    for p in pollers:
        p.join()
    device.disconnect()
    print(len(wrong), "wrong answers")
    return 1 if wrong else 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, [3])
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
