"""The recorder's hot paths in C, `paramedic.trace._rows`, where they were built; without them Python does the same.

They are left out on a free-threaded interpreter, which they would give its lock back, and where the environment says
``PARAMEDIC_CORE=python``.

Threads: the one that imports.
"""

from __future__ import annotations

import os
import sys
from typing import Any

rows: Any = None
"""The module, or None."""
if os.environ.get("PARAMEDIC_CORE") != "python" and "t" not in getattr(sys, "abiflags", ""):
    try:
        from paramedic.trace import _rows
    except ImportError:  # there was no compiler, or it was built for another interpreter
        pass
    else:
        rows = _rows
