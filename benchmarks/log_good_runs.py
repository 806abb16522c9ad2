"""Are the debug logs of programs that do it right left in peace?

    python benchmarks/log_good_runs.py CASES [NAME ...]

CASES is a folder of cases with ``servers.py``, ``run.py`` and a ``good.py`` in each. Each good run is logged with
``paramiko.util.log_to_file``; whatever is found in its log above advice is a false alarm. The log is also cut at many
places, at its end and at its beginning, as a rotated one is: what is found then is printed as well, as a share.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from paramedic.check.log import NothingOfParamiko, report_of_logs

CUTS = 40
WRAPPER = """
import os, runpy, sys
import paramiko.util
paramiko.util.log_to_file(os.environ["CASE_LOG"])
sys.argv = sys.argv[1:]
sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def loud(path: Path) -> list[tuple[str, str]]:
    """Hazard and confidence of what is found above advice."""
    try:
        findings = report_of_logs([str(path)]).report.findings
    except NothingOfParamiko:
        return []
    return [(f.hazard, str(f.confidence)) for f in findings if f.confidence != "advice"]


def main() -> int:
    cases = Path(sys.argv[1]).resolve()
    if "CASES_SERVERS" not in os.environ:
        again = [sys.executable, str(cases / "servers.py"), "--", sys.executable, *sys.argv]
        return subprocess.run(again).returncode
    names = sys.argv[2:] or sorted(p.parent.name for p in cases.glob("*/good.py"))
    alarms = 0
    cut_alarms: Counter[tuple[str, str, str]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        wrapper, log, part = (Path(folder) / name for name in ("wrapper.py", "paramiko.log", "part.log"))
        wrapper.write_text(WRAPPER)
        for name in names:
            log.unlink(missing_ok=True)
            command = [sys.executable, str(cases / "run.py"), name, "good", "--", sys.executable, str(wrapper), "{}"]
            ended = subprocess.run(command, env=os.environ | {"CASE_LOG": str(log)}, capture_output=True)
            if not log.exists():
                print(f"{name:28s} no log (status {ended.returncode})")
                continue
            found = loud(log)
            alarms += len(found)
            lines = log.read_bytes().splitlines(keepends=True)
            print(f"{name:28s} {len(lines):6d} lines  {found or 'quiet'}", flush=True)
            for cut in range(CUTS):
                at = len(lines) * cut // CUTS
                for half, piece in (("end", lines[:at]), ("beginning", lines[at:])):
                    part.write_bytes(b"".join(piece))
                    cut_alarms.update((half, *x) for x in loud(part))
    print(f"{alarms} false alarms in {len(names)} good runs")
    for (half, hazard, confidence), count in cut_alarms.most_common():
        print(f"cut at its {half}: {hazard} ({confidence}) in {count} of {CUTS * len(names)} pieces")
    return 1 if alarms else 0


if __name__ == "__main__":
    sys.exit(main())
