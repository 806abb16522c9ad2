"""Append records to one remote file: the header by one thread, then the body by another, then the trailer."""
import os
import sys
import tempfile
import threading

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

def main():
    with tempfile.TemporaryDirectory() as folder, connect() as client:
        path = os.path.join(folder, "records")
        sftp = client.open_sftp()
        sftp.get_channel().settimeout(5)
        out = sftp.open(path, "w")
        header_written = threading.Event()

        def header():
            out.write("header\n")
            out.flush()
            header_written.set()

        def body():
            header_written.wait(5)
            for n in range(20):
                out.write(f"{n}\n")
            out.flush()

        threads = [threading.Thread(target=body), threading.Thread(target=header)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        out.write("end\n")
        out.close()
        sftp.close()
        lines = open(path).read().split()
    return 0 if lines == ["header", *map(str, range(20)), "end"] else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
