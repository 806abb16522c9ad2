"""What this process, its children and the whole machine have used so far."""

from __future__ import annotations

import os
import resource
from pathlib import Path


def cpu_s() -> float:
    mine, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + children.ru_utime + children.ru_stime


def busy_s() -> float:
    """What all processors have worked since the machine was started: also the server's part, and anybody's beside."""
    user, nice, system, _, _, irq, softirq, *_ = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def peak_mb() -> float:
    # ru_maxrss would be the parent's: a child inherits it.
    status = Path("/proc/self/status").read_text().split()
    return int(status[status.index("VmHWM:") + 1]) / 1024
