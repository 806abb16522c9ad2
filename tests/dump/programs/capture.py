"""Makes the dumps beside this folder again: runs each program to its hang and dumps it.

    python servers.py -- python capture.py NAME=PYTHON...     NAME is the folder, PYTHON an interpreter with a Paramiko

It needs py-spy and servers as CASES_SERVERS describes them (JSON: "host", "user", "key", "home", "ports" by profile):
OpenSSH at its defaults (stock), with many sessions (roomy) and with RekeyLimit 256K (rekey), a server that
never answers an exec (mute) and one with keyboard-interactive logins (kbdint). Paths are scrubbed from what it writes.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
DUMPS = HERE.parent / "dumps"
REGISTER = "import faulthandler, signal; faulthandler.register(signal.SIGUSR1)\n"


def scrubbed(text: str) -> str:
    """Without this machine's folders."""
    text = re.sub(r"^(Process \d+: ).*?(\w+\.py)$", r"\1python \2", text, flags=re.MULTILINE)
    text = re.sub(r"^(Python v[\d.]+) .*$", r"\1", text, flags=re.MULTILINE)
    text = re.sub(r"[^\s\"(]*/(lib/python3\.\d+/(?:site-packages/)?)", r"/usr/\1", text)
    return text.replace(str(HERE), "/srv/app")


def capture(program: Path, python: str, target: Path) -> None:
    """One program, dumped in its hang."""
    servers = json.loads(os.environ["CASES_SERVERS"])
    profile = program.read_text().split("\n", 1)[0].split()[-1]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as errors:
        Path(folder, "sitecustomize.py").write_text(REGISTER)
        environment = os.environ | {
            "CASE_HOST": servers["host"],
            "CASE_PORT": str(servers["ports"][profile]),
            "CASE_USER": servers["user"],
            "CASE_KEY": servers["key"],
            "HOME": servers["home"],
            "PYTHONPATH": folder,
        }
        process = subprocess.Popen(
            [python, program.name],
            cwd=HERE,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
        time.sleep(4)
        seen = process.pid
        if program.stem.endswith("fork"):
            seen = int(Path(f"/proc/{seen}/task/{seen}/children").read_text().split()[0])
        for suffix, options in (("pyspy.txt", []), ("locals.txt", ["--locals"])):
            done = subprocess.run(
                ["py-spy", "dump", "--pid", str(seen), *options], capture_output=True, text=True, check=True
            )
            (target / f"{program.stem}.{suffix}").write_text(scrubbed(done.stdout))
        errors.seek(0, os.SEEK_END)
        start = errors.tell()
        os.kill(seen, signal.SIGUSR1)
        time.sleep(0.5)
        errors.seek(start)
        (target / f"{program.stem}.faulthandler.txt").write_text(scrubbed(errors.read().decode()))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def main() -> None:
    """Captures every program with every interpreter that is named."""
    for word in sys.argv[1:]:
        name, _, python = word.partition("=")
        target = DUMPS / name
        target.mkdir(parents=True, exist_ok=True)
        for program in sorted([*HERE.glob("hangs_*.py"), *HERE.glob("works_*.py")]):
            try:
                capture(program, python, target)
            except (subprocess.CalledProcessError, OSError, IndexError) as error:
                print(f"{name} {program.stem}: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
