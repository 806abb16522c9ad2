"""Changes keys often, as the security team wants, while jobs run."""
import os
import sys
import threading

import paramiko


def rekeyer(transport, stop, errors):
    while not stop.wait(0.05):
        try:
            transport.packetizer.need_rekey()
        except Exception as error:
            errors.append(error)
            return


def job(client, errors):
    for _ in range(40):
        try:
            stdin, out, _ = client.exec_command("true", timeout=10)
            out.read()
            out.channel.close()
        except Exception as error:
            errors.append(error)
            return


def main():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    # the server changes keys after so many bytes, RekeyLimit in sshd_config: nobody here asks for it
    errors, stop = [], threading.Event()
    threading.Thread(target=rekeyer, args=(client.get_transport(), stop, errors), name="rekeyer", daemon=True).start()
    jobs = [threading.Thread(target=job, args=(client, errors), name="job-%d" % n) for n in range(4)]
    for j in jobs:
        j.start()
    for j in jobs:
        j.join()
    stop.set()
    client.close()
    print([repr(e) for e in errors])
    return 1 if errors else 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
