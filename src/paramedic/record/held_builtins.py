"""The builtins as they were when the recorder came in: the program may do with its own what it likes.

A function looks for a builtin in ``__builtins__`` of the module that it was defined in, as that was then
(``PyFunction_New``, CPython 3.11 to 3.14). Whoever stores None in ``builtins.id`` breaks therefore every function of
the process but those of a module that was given a copy before its first line. The modules of the recorder are: the
import system looks for them by a finder of their own, which nothing else uses.

Threads: the one that imports.
"""

from __future__ import annotations

import builtins
import os
import sys

# importlib.machinery's, which would have to be imported
from _frozen_importlib_external import SOURCE_SUFFIXES, ExtensionFileLoader, FileFinder, SourceFileLoader
from _imp import extension_suffixes
from types import ModuleType

_HELD = dict(vars(builtins))


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
    above = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for package in packages:
        folder = os.path.join(above, package)
        if os.path.isdir(folder):  # not in a zip file
            sys.path_importer_cache[folder] = FileFinder(
                folder, (ExtensionFileLoader, extension_suffixes()), (_Loader, SOURCE_SUFFIXES)
            )
