"""What the recorder says about the process, from the JSON at a file's beginning; of a damaged one, what can be read.

Threads: pure.
"""

from __future__ import annotations

import json
import re
from typing import Any

from paramedic.model.operations import OPERATIONS

_TYPES: dict[str, type] = {
    **dict.fromkeys(("process", "parent", "started_ns"), int),
    **dict.fromkeys(("paramedic", "python", "platform", "level", "program"), str),
}
_VALUE = re.compile(r'"(\w+)": (-?\d+(?=[,}])|true|false|"[^"\\]*")')
_NAME = re.compile(r'"([\w.]+)"')
_FEWEST = 50
_MOST_LOST = 4
"""So many names of operations may be damaged: each that is left stands where ours does, so ours are theirs."""


def parsed(blob: bytes) -> dict[str, Any] | None:
    """The header, without what is not of the type that it should be; None if it is not one.

    Threads: pure.
    """
    try:
        header = json.loads(blob)
    except (ValueError, RecursionError):
        return None
    operations = header.get("operations") if isinstance(header, dict) else None
    if not isinstance(operations, list) or not all(isinstance(name, str) for name in operations):
        return None
    return {k: v for k, v in header.items() if isinstance(v, _TYPES.get(k, object))}


def salvaged(blob: bytes) -> dict[str, Any] | None:
    """What can be read of a damaged header; None if the operations' numbers cannot be told from it.

    Args:
        blob: where it was, and what follows it.

    Threads: pure.
    """
    text = blob.rstrip(b"\0").decode("utf-8", "replace")
    names = [name for name in _NAME.findall(text) if "." in name]
    places = {name: place for place, name in enumerate(OPERATIONS)}
    found = [places[name] for name in names if name in places]
    if len(found) < _FEWEST or found != sorted(set(found)) or found[-1] + 1 - len(found) > _MOST_LOST:
        return None  # of another version, or too little of it
    values = {key: json.loads(value) for key, value in _VALUE.findall(text)}
    header = {k: v for k, v in values.items() if isinstance(v, _TYPES.get(k, object))}
    return header | {"operations": list(OPERATIONS)}
