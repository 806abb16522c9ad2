"""Text that came from the observed program, made safe to show.

Thread names, paths and source lines are whatever the program (or whoever wrote its input) wanted. A terminal obeys
control characters and bidirectional overrides (CVE-2021-42574), so none is passed on.
"""

from __future__ import annotations

import re

_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL, C1: escape sequences begin with these
    "\u061c\u200b-\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff"  # direction, invisible, line ends
    "\ufff9-\ufffb\U000e0000-\U000e007f"  # annotations, tags
    "\ud800-\udfff]"  # lone surrogates: undecodable bytes of a file name
)


def printable(text: str) -> str:
    """The text in one line, with everything that a terminal would obey spelled as an escape (``\\x1b``).

    Threads: pure.
    """
    return _CONTROL.sub(_spelled, text)


def printable_lines(text: str) -> list[str]:
    """The same for text of several lines; tabs become four spaces.

    Threads: pure.
    """
    return [printable(line.expandtabs(4)) for line in text.splitlines()]


def _spelled(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape", "surrogatepass").decode("ascii")
