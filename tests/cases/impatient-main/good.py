"""Asks many things at once and goes on when it has waited long enough."""
import concurrent.futures as cf
import os
import sys
import threading

import paramiko

QUESTIONS = {"fast": "echo 1", "slow": "sleep 1.5; echo 2", "slower": "sleep 2; echo 3"}


def ask(ssh, question):
    stdin, out, _ = ssh.exec_command(question, timeout=10)
    answer = out.read().decode().strip()
    status = out.channel.recv_exit_status()
    out.channel.close()
    if status != 0:
        raise RuntimeError("status %d" % status)
    return answer


def main():
    ssh = paramiko.SSHClient()
    answers = {}
    executor = cf.ThreadPoolExecutor(3)
    try:
        ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        ssh.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                    key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
        futures = {executor.submit(ask, ssh, q): name for name, q in QUESTIONS.items()}
        for future in cf.as_completed(futures, timeout=0.8):
            answers[futures[future]] = future.result()
    except cf.TimeoutError:
        print("some answers are late")
    finally:
        executor.shutdown()
        ssh.close()
    for future, name in futures.items():
        if name not in answers:
            try:
                answers[name] = future.result()
            except Exception as error:
                print(name, type(error).__name__, error)
    print(answers)
    return 0 if len(answers) == 3 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
