"""Attributes of Python objects in the memory of another process, read from ``/proc/PID/mem``.

py-spy prints the addresses of objects, not what is in them; the counters of a channel's window are what tells a quiet
server from a full window. Only plain instances of classes are read, only CPython 3.11 to 3.14 with a GIL on 64 bits,
and everything is checked on the way: what does not look right is None. Nothing is written and nothing is stopped.
"""

from __future__ import annotations

import os
import re
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

_SUPPORTED = ((3, 11), (3, 12), (3, 13), (3, 14))
_INLINE_VALUES, _MANAGED_DICT, _HEAP_TYPE = 1 << 2, 1 << 4, 1 << 9
_MAX_NAME = 200
_MAX_ATTRIBUTES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """An object that is an attribute of another one.

    Attributes:
        address: where it is.
        kind: name of its class, as the type has it ("_thread.lock", "BufferedPipe").
    """

    address: int
    kind: str


Value = None | bool | int | float | str | Reference
"""What an attribute holds, as far as it can be told."""


class Unreadable(Exception):
    """The memory does not hold what it should, or may not be read."""


class Memory:
    """The memory of one process.

    Threads: for one thread at a time; reads a file, stops nothing.
    """

    def __init__(self, process: int) -> None:
        """Opens the process's memory.

        Raises:
            Unreadable: it may not be read, or its Python is of a version or kind whose layout is not known here.
        """
        version = python_version(process)
        if version not in _SUPPORTED or sys.maxsize < 2**32 or sys.byteorder != "little":
            raise Unreadable(f"no layout for Python {version}")
        self._version: tuple[int, int] = version
        try:
            self._file = os.open(f"/proc/{process}/mem", os.O_RDONLY)
        except OSError as error:
            raise Unreadable(str(error)) from None

    def close(self) -> None:
        """Closes the file; the object is of no use afterwards."""
        os.close(self._file)

    def attributes(self, address: int) -> dict[str, Value]:
        """The attributes that an instance itself has.

        Raises:
            Unreadable: there is no such instance.
        """
        found: dict[str, Value] = {}
        for name, where in self._slots(address).items():
            try:
                found[name] = self._value(where)
            except Unreadable:
                continue  # it was replaced in this moment, or is nothing that we know
        return found

    def kind(self, address: int) -> str:
        """The name of an object's class.

        Raises:
            Unreadable: there is no object.
        """
        return self._c_text(self._pointer(self._pointer(address + 8) + 24))

    def length(self, address: int) -> int:
        """``len()`` of an ``array.array`` or another object that keeps its length where arrays do.

        Raises:
            Unreadable: there is no such object.
        """
        size = self._signed(address + 16)
        if not 0 <= size < 1 << 40:
            raise Unreadable("a length that no object has")
        return size

    def in_cell(self, address: int) -> Reference:
        """The object in a cell: of a variable that inner functions use too.

        Raises:
            Unreadable: it is no cell, or an empty one.
        """
        if self.kind(address) != "cell":
            raise Unreadable("no cell")
        inner = self._pointer(address + 16)
        return Reference(address=inner, kind=self.kind(inner))

    def descriptor(self, address: int) -> int:
        """The file descriptor of a ``socket.socket``; -1 for one that is closed.

        Raises:
            Unreadable: there is no such object.
        """
        return int(struct.unpack("<i", self._read(address + 16, 4))[0])

    def called(self, address: int) -> str:
        """The qualified name of a function, method or built-in.

        Raises:
            Unreadable: it is none of these.
        """
        kind = self.kind(address)
        if kind == "method":
            return self.called(self._pointer(address + 16))
        if kind == "function":
            return self._text(self._pointer(address + 40))
        if kind == "builtin_function_or_method":
            return self._c_text(self._pointer(self._pointer(address + 16)))
        raise Unreadable(f"a {kind}")

    # -- instances ----------------------------------------------------------------------------------------------

    def _slots(self, address: int) -> dict[str, int]:
        """Attribute name -> address of the value."""
        cls = self._pointer(address + 8)
        flags = self._pointer(cls + 168)
        if not flags & _HEAP_TYPE or not flags & _MANAGED_DICT:
            raise Unreadable("no instance with attributes of its own")
        keys = self._pointer(cls + (872 if self._version == (3, 11) else 880))
        if self._version == (3, 11):
            values, mapping = self._pointer(address - 32), self._pointer(address - 24)
        elif self._version == (3, 12):
            either = self._pointer(address - 24)
            values, mapping = (either + 1, 0) if either & 1 else (0, either)  # the tag is a subtraction of one
        else:
            mapping = self._pointer(address - 24)
            inline = flags & _INLINE_VALUES and not mapping
            values = address + self._signed(cls + 32) + 8 if inline else 0
        if mapping:
            return self._entries(self._pointer(mapping + 32), self._values_of(mapping))
        if not values:
            raise Unreadable("an instance without attributes")
        return self._entries(keys, values)

    def _values_of(self, mapping: int) -> int:
        values = self._pointer(mapping + 40)
        return values + 8 if values and self._version >= (3, 13) else values

    def _entries(self, keys: int, values: int) -> dict[str, int]:
        header = self._read(keys, 32)
        index_bytes, kind = header[9], header[10]
        count = struct.unpack_from("<q", header, 24)[0]
        if index_bytes > 24 or kind > 2 or not 0 <= count <= _MAX_ATTRIBUTES:
            raise Unreadable("no table of attributes")
        size = 24 if kind == 0 else 16
        table = self._read(keys + 32 + (1 << index_bytes), size * count)
        found: dict[str, int] = {}
        for number in range(count):
            key, value = struct.unpack_from("<QQ", table, size * number + (8 if kind == 0 else 0))
            if values:
                value = self._pointer(values + 8 * number)
            if key and value:
                found[self._text(key)] = value
        return found

    def _value(self, address: int) -> Value:
        kind = self.kind(address)
        if kind == "NoneType":
            return None
        if kind in ("bool", "int"):
            number = self._int(address)
            return bool(number) if kind == "bool" else number
        if kind == "float":
            return float(struct.unpack("<d", self._read(address + 16, 8))[0])
        if kind == "str":
            try:
                return self._text(address)
            except Unreadable:
                return ""
        return Reference(address=address, kind=kind)

    def _int(self, address: int) -> int:
        if self._version == (3, 11):
            size = self._signed(address + 16)
            digits, sign = abs(size), -1 if size < 0 else 1
        else:
            tag = self._pointer(address + 16)
            digits, sign = tag >> 3, (1, 0, -1, 1)[tag & 3]
        if digits > 8:
            raise Unreadable("a number that no counter reaches")
        words = struct.unpack(f"<{digits}I", self._read(address + 24, 4 * digits))
        number = sum(int(word) << (30 * place) for place, word in enumerate(words))
        return int(sign * number)

    def _text(self, address: int) -> str:
        """A compact ASCII string: names of attributes are no other."""
        size = self._signed(address + 16)
        if not 0 <= size <= _MAX_NAME:
            raise Unreadable("a string that no name is as long as")
        data = self._read(address + (48 if self._version == (3, 11) else 40), size)
        if not data.isascii():
            raise Unreadable("a string that is no name")
        return data.decode("ascii")

    def _c_text(self, address: int) -> str:
        data = b""
        while b"\0" not in data and len(data) < _MAX_NAME:
            data += self._read(address + len(data), 16)
        return data.partition(b"\0")[0].decode("ascii", "replace")

    def _pointer(self, address: int) -> int:
        return int(struct.unpack("<Q", self._read(address, 8))[0])

    def _signed(self, address: int) -> int:
        return int(struct.unpack("<q", self._read(address, 8))[0])

    def _read(self, address: int, size: int) -> bytes:
        if not 0 < address < 1 << 62:
            raise Unreadable("no address")
        try:
            data = os.pread(self._file, size, address)
        except (OSError, OverflowError) as error:
            raise Unreadable(str(error)) from None
        if len(data) != size:
            raise Unreadable("the memory ends")
        return data


def python_version(process: int) -> tuple[int, int] | None:
    """The version of the CPython that a process runs, by the names of its program and library; None if unknown.

    A free-threaded build is None: its objects are laid out differently.

    Threads: any thread; reads ``/proc``.
    """
    try:
        names = [os.readlink(f"/proc/{process}/exe")]
        names += Path(f"/proc/{process}/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    pattern = re.compile(r"/(?:lib)?python(\d)\.(\d+)(t?)(?:\.so[.\d]*|/lib-dynload/.*)?$")
    for name in names:
        match = pattern.search(name)
        if match:
            return None if match[3] else (int(match[1]), int(match[2]))
    return None
