"""Whether the source around a login on a bare Transport shows nobody who looks at the server's key.

Threads: one thread; reads files.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from paramedic.lint.passages import File, Places, name_of
from paramedic.model.finding import Site

_LOOKS = ("get_remote_server_key", "hostkey", "host_key", "host_keys", "HostKeys", "_verify_key")
_HARMLESS = frozenset(("from_transport", "closing", "enter_context", "push", "print", "append", "SFTPClient"))
"""Calls that are given a transport and ask nothing of it."""


class UnseenKeys:
    """Reads the files that stacks name, each once.

    Threads: one thread; reads files.
    """

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._places = Places()

    def nobody_looks(self, stack: Sequence[Site], method: str) -> bool:
        """Whether those on a stack look at no key, and give the transport to nobody who might.

        Args:
            stack: of the login, innermost first.
            method: its name.
        """
        files = [self._places.file(site.file) for site in stack]
        if not files or any(file is None or _looks(file) for file in files):
            return False
        place = next(iter(self._places.places(stack[:1], method)), None)
        if place is None or not isinstance(place.node, ast.Call) or not isinstance(place.node.func, ast.Attribute):
            return False
        name = name_of(place.node.func.value)
        return bool(name) and not any(_is_given(node, name) for node in ast.walk(place.file.tree))


def _looks(file: File) -> bool:
    if any(name in file.uses for name in _LOOKS):
        return True
    bases = (name_of(base) for classes in file.classes.values() for one in classes for base in one.bases)
    return any("Transport" in base for base in bases)


def _is_given(node: ast.AST, name: str) -> bool:
    """Whether a call is given what goes by this name."""
    if not isinstance(node, ast.Call) or name_of(node.func) in _HARMLESS:
        return False
    return any(name_of(value) == name for value in (*node.args, *(keyword.value for keyword in node.keywords)))
