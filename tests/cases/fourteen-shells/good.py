import os, sys, threading, time
import paramiko

ADDRESS = (os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]))
LOGIN = dict(username=os.environ["CASE_USER"], key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)


def dial(**extra):
    ssh = paramiko.SSHClient()
    ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    ssh.connect(*ADDRESS, timeout=10, **LOGIN, **extra)
    return ssh


from concurrent.futures import ThreadPoolExecutor, as_completed

def session(ssh, gate, n):
    with gate:
        chan = ssh.get_transport().open_channel("session", timeout=10)
        try:
            chan.get_pty()
            chan.invoke_shell()
            chan.settimeout(5)
            chan.sendall("sleep 0.6; exit\n")
            while chan.recv(4096):
                pass
        finally:
            chan.close()
    return n

def main():
    ssh = dial()
    gate = threading.BoundedSemaphore(5)
    failed = 0
    with ThreadPoolExecutor(14) as pool:
        for f in as_completed([pool.submit(session, ssh, gate, n) for n in range(14)]):
            try:
                f.result()
            except paramiko.ChannelException as e:
                failed += 1
                print(e)
    ssh.close()
    return int(failed > 0)


if __name__ == "__main__":
    alarm = threading.Timer(60, os._exit, (3,))
    alarm.daemon = True
    alarm.start()
    sys.exit(main())
