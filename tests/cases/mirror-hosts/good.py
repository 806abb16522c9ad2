"""Mirrors folders between pairs of hosts; a host is locked while it takes part in a copy."""
import os
import sys
import threading

import paramiko


class Host:
    def __init__(self, address):
        self.address = address
        self.busy = threading.Lock()
        self.ssh = paramiko.SSHClient()
        self.ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        self.ssh.connect(address, int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                         key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)

    def run(self, command):
        return self.ssh.exec_command(command, timeout=10)[1].read()


def mirror(source, target):
    first, second = sorted((source, target), key=lambda host: host.address)
    with first.busy:
        with second.busy:
            listing = source.run("sleep 0.5; ls /etc | head -3")
            target.run("cat >/dev/null <<EOF\n%s\nEOF" % listing.decode())


def main():
    east, west = Host("127.0.0.2"), Host("127.0.0.3")
    copies = [threading.Thread(target=mirror, args=pair, name="%s to %s" % (pair[0].address, pair[1].address))
              for pair in ((east, west), (west, east))]
    for copy in copies:
        copy.start()
    for copy in copies:
        copy.join()
    for host in (east, west):
        host.ssh.close()
    return 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
