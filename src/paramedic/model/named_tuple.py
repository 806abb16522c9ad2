"""`typing.NamedTuple` for what is imported inside the observed program: a tenth of the work at import.

typing's compiles each annotation and `collections.namedtuple` a ``__new__``; a program that starts a hundred times a
day under the recorder pays for it each time. To make one of these takes longer: where many are made, `_make` does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:
    from collections import _tuplegetter

    class _Fields(type):
        """Makes a tuple's class of a class statement's annotations, defaults and methods."""

        def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> type:
            fields = tuple(namespace.get("__annotations__", ()))
            own = {key: value for key, value in namespace.items() if key not in fields}
            own["__slots__"] = ()
            own["_fields"] = own["__match_args__"] = fields
            own["_field_defaults"] = {field: namespace[field] for field in fields if field in namespace}
            own.update((field, _tuplegetter(at, "")) for at, field in enumerate(fields))
            return super().__new__(cls, name, bases, own)

    class NamedTuple(tuple, metaclass=_Fields):
        """Base of a class statement as of ``typing.NamedTuple``, in a module whose annotations are strings."""

        def __new__(cls, *values: Any, **named: Any) -> NamedTuple:
            defaults = cls._field_defaults
            try:
                values += tuple([named.pop(f) if f in named else defaults[f] for f in cls._fields[len(values) :]])
            except KeyError as e:
                raise TypeError(f"{cls.__name__}() needs {e}") from None
            if named or len(values) != len(cls._fields):
                raise TypeError(f"{cls.__name__}() takes {', '.join(cls._fields)}")
            return tuple.__new__(cls, values)

        @classmethod
        def _make(cls, values: Iterable[Any]) -> NamedTuple:
            return tuple.__new__(cls, values)

        def _replace(self, **named: Any) -> NamedTuple:
            made = tuple.__new__(type(self), map(named.pop, self._fields, self))
            if named:
                raise ValueError(f"{type(self).__name__} has no {', '.join(named)}")
            return made

        def _asdict(self) -> dict[str, Any]:
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self) -> str:
            return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self._asdict().items())})"

        def __getnewargs__(self) -> tuple[Any, ...]:
            return tuple(self)
