"""The recorder's hot paths in C, `paramedic.trace._rows`, where they were built; without them Python does the same.

They are left out on a free-threaded interpreter, which they would give its lock back, where the environment says
``PARAMEDIC_CORE=python``, and where they were built from an earlier state of the source, which had less in it: in a
checkout that was updated and not built anew.

Threads: the one that imports.
"""

from __future__ import annotations

import os
import sys
from typing import Any

PARTS = (
    "Page Call Row Span Walker Text Begin End Enter Leave ThreadBegins ThreadEnds EndOf Gone Inside CalledBy Fed "
    "Received Sent Requested Confirmed Adopt Born ChannelEnds FileEnds"
).split()
"""What has to be there."""
STATE = 5
"""Of what C and Python ask of each other: raised in both, here and in _rows.c, whenever that changes, and with it what
_rows.pyi says."""
rows: Any = None
"""The module, or None."""
if os.environ.get("PARAMEDIC_CORE") != "python" and "t" not in getattr(sys, "abiflags", ""):
    try:
        from paramedic.trace import _rows
    except ImportError:  # there was no compiler, or it was built for another interpreter
        pass
    else:
        if getattr(_rows, "STATE", 0) == STATE and all(hasattr(_rows, name) for name in PARTS):
            rows = _rows
