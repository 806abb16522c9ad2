"""Tell when a module has been imported, whoever imports it and however late: we import nothing that the program does not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Listener = Callable[[ModuleType], None]


class ImportWatch:
    """A finder that finds nothing itself, but has the found loader call back when the module is ready.

    Threads: the import system calls it under the module's import lock; the listeners run there.
    """

    def __init__(self, listeners: dict[str, Listener]) -> None:
        self._listeners = listeners

    def install(self) -> None:
        """Call back for what is loaded already, and watch for the rest."""
        for name in list(self._listeners):
            module = sys.modules.get(name)
            if module is not None and getattr(getattr(module, "__spec__", None), "_initializing", False) is not True:
                self._listeners.pop(name)(module)
        if self._listeners:
            sys.meta_path.insert(0, self)  # type: ignore[arg-type]

    def remove(self) -> None:
        """Watch no longer."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)  # type: ignore[arg-type]

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The spec that the other finders give, with a loader that tells us; None for all but the watched modules."""
        if name not in self._listeners:
            return None
        for finder in list(sys.meta_path):
            if finder is self:
                continue
            find = getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find is not None else None
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    self._tell_when_ready(spec.loader, name)
                return spec  # type: ignore[no-any-return]
        return None

    def _tell_when_ready(self, loader: Any, name: str) -> None:
        plain = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            loader.__dict__.pop("exec_module", None)
            plain(module)
            listener = self._listeners.pop(name, None)
            if listener is not None:
                listener(module)
            if not self._listeners:
                self.remove()

        try:
            loader.exec_module = exec_module
        except (
            AttributeError
        ):  # a loader without a __dict__, or a built-in class: look again when somebody imports more
            pass
