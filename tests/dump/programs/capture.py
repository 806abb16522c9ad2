"""Makes the dumps beside this folder again: runs each program to its hang and dumps it.

    python servers.py -- python capture.py NAME=PYTHON...     NAME is the folder, PYTHON an interpreter with a Paramiko

NAME=PYTHON,zoo captures `zoo.py` alone, in every form that there is a tool for.

It needs py-spy (and for the zoo pystack and gdb) and servers as CASES_SERVERS describes them (JSON: "host", "user",
"key", "home", "ports" by profile): OpenSSH at its defaults (stock), with many sessions (roomy) and with RekeyLimit
256K (rekey), a server that never answers an exec (mute), one with keyboard-interactive logins (kbdint) and a relay
that goes silent (blackhole). Paths are scrubbed from what it writes.
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
    text = re.sub(
        r"^(?:\[New LWP|\[Thread debugging|Using host libthread_db|warning: ).*\n", "", text, flags=re.MULTILINE
    )
    text = re.sub(r"[^\s\"(]*/(lib/python3\.\d+/(?:site-packages/)?)", r"/usr/\1", text)
    text = re.sub(r"[^\s\"('=:]*/([\w.+-]+\.(?:c|h|cpp|so[.\d]*|pyx))\b", r"/usr/src/\1", text)
    text = re.sub(r"[^\s\"(]*/bin/(python3\.\d+)\b", r"/usr/bin/\1", text)
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


FORMS = {
    "pyspy": ["py-spy", "dump", "--pid"],
    "locals": ["py-spy", "dump", "--locals", "--pid"],
    "native": ["py-spy", "dump", "--native", "--pid"],
    "pystack": ["pystack", "remote"],
    "pystack-native": ["pystack", "remote", "--native", "--locals"],
    "gdb": [
        "gdb",
        "-batch",
        "-iex",
        "set auto-load safe-path /",
        "-ex",
        "set pagination off",
        "-ex",
        "thread apply all py-bt",
        "-p",
    ],
}


def capture_zoo(python: str, target: Path) -> None:
    """The zoo in every form."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "sitecustomize.py").write_text(
            f"import faulthandler, printing, signal\nprinting.install({folder!r})\n"
            f"faulthandler.register(signal.SIGUSR1, file=open({folder + '/fh'!r}, 'w'))\n"
        )
        process = subprocess.Popen(
            [python, "zoo.py"],
            cwd=HERE,
            env=os.environ | {"PYTHONPATH": f"{folder}:{HERE}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert process.stdout is not None
        process.stdout.readline()
        for suffix, command in FORMS.items():
            done = subprocess.run([*command, str(process.pid)], capture_output=True, text=True)
            if done.stdout:
                (target / f"zoo.{suffix}.txt").write_text(scrubbed(done.stdout))
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            os.kill(process.pid, number)
            time.sleep(1)
        while not Path(folder, "done").exists():
            time.sleep(0.1)
        (target / "zoo.faulthandler.txt").write_text(scrubbed(Path(folder, "fh").read_text()))
        import printing

        for style in printing.STYLES:
            text = Path(folder, style.__name__).read_text()
            (target / f"zoo.printed-{style.__name__}.txt").write_text(scrubbed(text))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def main() -> None:
    """Captures every program with every interpreter that is named."""
    for word in sys.argv[1:]:
        name, _, python = word.partition("=")
        if python.endswith(",zoo"):
            capture_zoo(python.removesuffix(",zoo"), DUMPS / name)
            continue
        target = DUMPS / name
        target.mkdir(parents=True, exist_ok=True)
        for program in sorted([*HERE.glob("hangs_*.py"), *HERE.glob("works_*.py")]):
            try:
                capture(program, python, target)
            except (subprocess.CalledProcessError, OSError, IndexError) as error:
                print(f"{name} {program.stem}: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
