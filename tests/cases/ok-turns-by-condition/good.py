"""Two threads share one shell and take turns."""
import os
import sys
import threading

import paramiko


def dial():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=30,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return client



class Turns:
    def __init__(self, channel):
        self.channel = channel
        self.turn = 0
        self.changed = threading.Condition()

    def ask(self, me, text):
        with self.changed:
            self.changed.wait_for(lambda: self.turn % 2 == me, timeout=30)
        self.channel.sendall("%s\n" % text)
        answer = b""
        while not answer.endswith(b"\n"):
            answer += self.channel.recv(100)
        with self.changed:
            self.turn += 1
            self.changed.notify_all()
        return answer


def player(me, turns, wrong):
    for n in range(5):
        text = "player %d move %d" % (me, n)
        answer = turns.ask(me, text)
        if answer.decode().strip() != text:
            wrong.append(answer)


def main():
    client = dial()
    channel = client.get_transport().open_session()
    channel.settimeout(30)
    channel.exec_command("cat")
    turns, wrong = Turns(channel), []
    players = [threading.Thread(target=player, args=(n, turns, wrong)) for n in (0, 1)]
    for p in players:
        p.start()
    for p in players:
        p.join()
    channel.close()
    client.close()
    return 1 if wrong else 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
