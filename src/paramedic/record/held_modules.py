"""The recorder's modules: their builtins as they were when it came in, and their code from one file.

A function looks for a builtin in ``__builtins__`` of the module that it was defined in, as that was then
(``PyFunction_New``, CPython 3.11 to 3.14). Whoever stores None in ``builtins.id`` breaks therefore every function of
the process but those of a module that was given a copy before its first line. The modules of the recorder are: the
import system looks for them by a finder of their own, which nothing else uses.

The import system takes longer to look for forty modules, and to open and check a file for each, than they take to run.
So what one start has imported is kept in a `cache_file`, and the next one runs it from there, if no source has changed.

Threads: the one that starts a recording, before there are others.
"""

from __future__ import annotations

import builtins
import os
import sys

# importlib.machinery's, which would have to be imported
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import SOURCE_SUFFIXES, ExtensionFileLoader, FileFinder, SourceFileLoader
from _imp import extension_suffixes
from types import CodeType, ModuleType

from paramedic import __version__

_HELD = dict(vars(builtins))
_KIND = "modules"
_ABOVE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

_Kept = tuple[str, str, tuple[int, int] | None, CodeType]
"""A module's name, file, that file's stamp, and code."""


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = _HELD
        super().exec_module(module)


def hold(*packages: str) -> None:
    """Modules of these packages that are imported from now on keep the builtins of now.

    Args:
        packages: names of packages beside this one.

    Threads: the one that imports.
    """
    for package in packages:
        folder = os.path.join(_ABOVE, package)
        if os.path.isdir(folder):  # not in a zip file
            sys.path_importer_cache[folder] = FileFinder(
                folder, (ExtensionFileLoader, extension_suffixes()), (_Loader, SOURCE_SUFFIXES)
            )


def import_kept() -> set[str]:
    """Import all that `keep` has kept, if it is as it was then.

    Returns:
        The names of the modules that are imported now.

    Threads: the one that starts a recording, before there are others.
    """
    from paramedic.record import cache_file  # which is held itself

    kept: list[_Kept] = cache_file.read(_KIND, _ABOVE, __version__).get(_KIND, [])
    if any(cache_file.stamp(path) != stamp for _, path, stamp, _ in kept):
        return set()
    missing = [(name, path, code) for name, path, _, code in kept if name not in sys.modules]
    try:
        for name, path, code in missing:
            __import__(name.rpartition(".")[0])
            _run(name, path, code)
    except Exception:  # not the state of things that it was kept in
        for name, *_ in missing:
            parent, _, own = name.rpartition(".")
            sys.modules.pop(name, None)
            if parent in sys.modules:
                vars(sys.modules[parent]).pop(own, None)
        return set()
    return {name for name, *_ in kept}


def _run(name: str, path: str, code: CodeType) -> None:
    """What the import system does for a module that is found and not there yet."""
    spec = ModuleSpec(name, _Loader(name, path), origin=path)
    module = ModuleType(name)
    parent, _, own = name.rpartition(".")
    module.__dict__.update(__spec__=spec, __file__=path, __loader__=spec.loader, __package__=parent, __builtins__=_HELD)
    spec.has_location = True
    sys.modules[name] = module
    exec(code, module.__dict__)
    setattr(sys.modules[parent], own, module)


def keep(known: set[str]) -> None:
    """Keep what is imported of the recorder, for `import_kept` of the next start; does nothing if nothing is new.

    It makes no folder: a program's child that has nothing to do with Paramiko leaves nothing in an empty home. Once
    rewritten code was kept, there is one.

    Args:
        known: what is kept already.

    Threads: the one that starts a recording; reads and writes files.
    """
    from paramedic.record import cache_file

    # in the order in which they were ready: whatever one of them imports comes before it
    modules = [(n, m) for n, m in list(sys.modules.items()) if type(m) is ModuleType]
    loaders = {name: vars(module).get("__loader__") for name, module in modules}
    ours = {name: loader for name, loader in loaders.items() if isinstance(loader, _Loader)}
    if not ours.keys() - known or not cache_file.can_save():
        return
    kept: list[_Kept] = []
    for name, loader in ours.items():
        stamp = cache_file.stamp(loader.path)  # first: what is written meanwhile must not pass for what is kept
        code = loader.get_code(name)
        if stamp is None or code is None:
            return
        kept.append((name, loader.path, stamp, code))
    cache_file.save(_KIND, _ABOVE, __version__, {_KIND: kept})
