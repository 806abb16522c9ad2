"""`typing.NamedTuple` for what is imported inside the observed program: a quarter of the work at import.

typing's compiles each annotation; a program that starts a hundred times a day under the recorder pays for it each time.
"""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:
    _OF_CLASS = {"__module__", "__qualname__", "__annotations__", "__firstlineno__", "__static_attributes__"}

    class _Fields(type):
        """Makes a named tuple of a class statement's annotations, defaults and methods."""

        def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, namespace)
            fields = namespace["__annotations__"]
            defaults = [namespace[field] for field in fields if field in namespace]
            made: type = namedtuple(name, fields, defaults=defaults, module=namespace["__module__"])
            for key, value in namespace.items():
                if key not in _OF_CLASS and key not in fields:
                    setattr(made, key, value)
            return made

    class NamedTuple(metaclass=_Fields):
        """Base of a class statement as of ``typing.NamedTuple``, in a module whose annotations are strings."""
