"""The bytes of a recording's file.

::

    0       file header: magic, version, length, JSON (one page of HEADER_BYTES, zero padded; its end is the STATUS)
    HEADER_BYTES + k * EXTENT_BYTES   extent k: EXTENT_BYTES / CHUNK_BYTES chunks
    chunk   CHUNK row, then rows of ROW_BYTES each; a row of kind 0 was never finished

A row's kind is its last byte, and it is stored last: a reader in another process, or one that comes after ``kill -9``,
sees a row whole or not at all (x86 and ARM64 keep the order of one thread's stores as seen through the GIL's fences;
`struct.pack_into` first clears the row, then stores its fields from left to right). Into the row of a call, 8 of its
bytes are stored once more when the call ends, in one piece: the time of its end, which is 0 until then.
"""

from __future__ import annotations

import struct
import sys
from typing import Literal

MAGIC = b"PARAMEDIC\r\n\x1a\n\x00\x00\x00"
VERSION = 3
FIRST_VERSION = 1
"""The oldest that is still read. Version 1 has a row of its own for a call's end, 2 a text for each thread's name."""
HEADER_BYTES = 65536
EXTENT_BYTES = 1 << 20
CHUNK_BYTES = 1 << 15
ROW_BYTES = 32
SUFFIX = ".pmrec"

ROW = struct.Struct("<QqIIIHBB")
"""t_ns, a, obj, site, b, op, flags, kind: as a reader takes a row apart."""

_NATIVE = sys.byteorder == "little" and struct.calcsize("@LlIIII") == ROW_BYTES  # Windows has no such long
WORD: Literal["L", "Q"] = "L" if _NATIVE else "Q"
"""Format of a number of 8 bytes; the interpreter stores a machine's own with a third of the work."""

STORED_ROW = struct.Struct("@LlIIII" if _NATIVE else "<QqIIII")
"""The same bytes as a writer puts them, op | kind << 24 as one number: fewer arguments are faster."""

SHORT_ROW = struct.Struct("@LlI8xI" if _NATIVE else "<QqI8xI")
"""The same, of a row whose ``site`` and ``b`` are 0."""

SPAN_ROW = struct.Struct("@L8xII4xI" if _NATIVE else "<Q8xII4xI")
"""The same, of a `Kind.SPAN` or `Kind.LATER`: the time of the end and the measure are stored when the call ends."""

ENDED_OTHERWISE = 1
"""In place of the time at which a call returned: a row of its own says how it ended."""

KIND_SHIFT = 24
FLAGS_SHIFT = 16
MOST_IN_FLAGS = 255
"""The flags of a `Kind.SPAN` are ``a`` + 1 of its call, where that is less."""

TEXT_ROW = struct.Struct("<IHB24sB")
"""text id, number of this piece, bytes in it | 0x80 if it is the last, bytes, kind."""

TEXT_BYTES = 24
LAST_PIECE = 0x80

HEAD = struct.Struct("<16sII")
"""magic, version, length of the JSON that follows."""

ROLE_ROWS = 0
ROLE_TEXTS = 1
"""``b`` of a chunk's first row."""

STATUS = struct.Struct("<QH1014s")
"""At the end of the header page: rows that were not kept, bytes of the sentence that follows: why recording stopped."""

STATUS_OFFSET = HEADER_BYTES - STATUS.size
