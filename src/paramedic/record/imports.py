"""Tell when a module has been imported, whoever imports it and however late: we import only what the program does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

Listener = Callable[[ModuleType], None]
Failed = Callable[[str, Exception], None]
_IMPORTLIB = "<frozen importlib._bootstrap_external>"


class ImportWatch:
    """A finder that finds nothing itself, but has the found loader call back when the module is ready.

    Threads: the import system calls it under the module's import lock; the listeners run there.
    """

    def __init__(self, listeners: dict[str, Listener], failed: Failed = lambda name, error: None) -> None:
        """Nothing is watched before `install`.

        Args:
            listeners: what to call, by module name; each is called once.
            failed: is told what a listener raised: it must not reach the program's import.
        """
        self._listeners = listeners
        self._failed = failed

    def install(self) -> None:
        """Call back for what is loaded already, and watch for the rest."""
        for name in list(self._listeners):
            module = sys.modules.get(name)
            if module is not None and getattr(getattr(module, "__spec__", None), "_initializing", False) is not True:
                self._tell(name, module)
        if self._listeners:
            sys.meta_path.insert(0, self)

    def remove(self) -> None:
        """Watch no longer."""
        self._listeners.clear()
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The spec that the other finders give, with a loader that tells us; None for all but the watched modules."""
        if self._listeners and sys.meta_path[0] is not self:
            # Somebody has put a finder before us since, as pytest does, and it may find a watched module alone. One
            # assignment, so that another thread that walks the list meets a finder twice at worst, and misses none.
            sys.meta_path[:] = [self, *(f for f in sys.meta_path if f is not self)]
        if name not in self._listeners:
            return None
        for finder in list(sys.meta_path):
            if finder is self:
                continue
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find(name, path, target) if find is not None else None
            if spec is not None:
                self._tell_when_ready(spec.loader, name)
                return spec
        return None

    def _tell(self, name: str, module: ModuleType) -> None:
        listener = self._listeners.pop(name, None)
        if listener is not None:
            try:
                listener(module)
            except Exception as e:
                self._failed(name, e)

    def _tell_when_ready(self, loader: Any, name: str) -> None:
        # a loader that is a class (of a frozen module) is everybody's
        if isinstance(loader, type) or "exec_module" in getattr(loader, "__dict__", {"exec_module": None}):
            return
        plain = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            loader.__dict__.pop("exec_module", None)
            plain(module)
            if module.__name__ == name:  # a zip file has one loader for all its modules
                self._tell(name, module)
            if not self._listeners:
                self.remove()

        # The import system leaves its own frames out of a traceback; so this one is left out, too.
        exec_module.__code__ = exec_module.__code__.replace(co_filename=_IMPORTLIB)
        loader.exec_module = exec_module
