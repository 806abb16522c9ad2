import os, sys, threading, time
import paramiko

ADDRESS = (os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]))
LOGIN = dict(username=os.environ["CASE_USER"], key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)


def dial(**extra):
    ssh = paramiko.SSHClient()
    ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    ssh.connect(*ADDRESS, timeout=10, **LOGIN, **extra)
    return ssh


def main():
    ssh = dial()
    ssh.get_transport().set_keepalive(30)
    stdin, stdout, stderr = ssh.exec_command("tee /dev/stderr")
    payload = b"x" * 1000 + b"\n"
    sent = 0
    sizes = {}
    readers = [threading.Thread(target=lambda f=f, k=k: sizes.__setitem__(k, len(f.read()))) for k, f in (("out", stdout), ("err", stderr))]
    for r in readers: r.start()
    for _ in range(8000):
        stdin.write(payload)
        sent += len(payload)
    stdin.channel.shutdown_write()
    for r in readers: r.join()
    size = sizes["out"]
    ssh.close()
    print(sent, size)
    return int(size != sent)


if __name__ == "__main__":
    alarm = threading.Timer(60, os._exit, (3,))
    alarm.daemon = True
    alarm.start()
    sys.exit(main())
