"""Remote build whose output goes line by line to our log; warnings are counted at the end."""
import logging
import os
import sys
import threading

import paramiko

logging.basicConfig(level=logging.WARNING, stream=sys.stdout, format="%(asctime)s %(name)s %(message)s")
build_log = logging.getLogger("build")
BUILD = """
i=0
while [ $i -lt 30 ]; do
  echo "CC module_$i.c"
  head -c 120000 /dev/zero | tr '\\0' w >&2
  i=$((i+1))
done
echo done
"""


class Builder:
    def __init__(self, ssh):
        self.ssh = ssh

    def build(self):
        _stdin, stdout, stderr = self.ssh.exec_command(BUILD)
        caught = []
        drain = threading.Thread(target=lambda: caught.append(stderr.read()), name="stderr")
        drain.start()
        lines = []
        for line in stdout:
            build_log.info(line.rstrip())
            lines.append(line)
        drain.join()
        (warnings,) = caught
        return lines, len(warnings), stdout.channel.recv_exit_status()


def main():
    with paramiko.SSHClient() as ssh:
        ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        ssh.connect(os.environ["CASE_HOST"], port=int(os.environ["CASE_PORT"]), username=os.environ["CASE_USER"],
                    key_filename=os.environ["CASE_KEY"], look_for_keys=False, allow_agent=False)
        lines, warnings, status = Builder(ssh).build()
    print(len(lines), "lines,", warnings, "bytes of warnings, status", status)
    return 0 if len(lines) == 31 and warnings == 3_600_000 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
