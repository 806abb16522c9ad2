"""Waits for an event on a quiet remote stream."""
import os
import sys
import threading

import paramiko


def dial():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=10,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return client



def wait_for_event(client, got):
    stdin, out, _ = client.exec_command("sleep 7; echo event", timeout=15)
    got.append(out.readline())
    out.channel.close()


def main():
    client = dial()
    got = []
    thread = threading.Thread(target=wait_for_event, args=(client, got), name="waiter")
    thread.start()
    for _ in range(3):
        client.exec_command("echo meanwhile", timeout=5)[1].read()
    thread.join()
    client.close()
    return 0 if got == ["event\n"] else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
