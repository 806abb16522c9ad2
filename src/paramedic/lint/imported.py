"""The files of a program's own that some of its files import, and what these import."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from paramedic.lint.passages import File

_OF_LIBRARIES = frozenset((*sys.stdlib_module_names, "paramiko"))
_MOST_FILES, _MOST_FOLDERS = 60, 4


def with_imported(files: Iterable[File], file_of: Callable[[str], File | None]) -> tuple[list[File], bool]:
    """Some files and all that they import; and whether that is all but the standard library and Paramiko.

    Args:
        files: of the program.
        file_of: reads one.

    Threads: one thread; reads files.
    """
    found = list({id(file): file for file in files}.values())
    whole = True
    for file in found:  # it grows
        for module in _modules(file):
            if module.partition(".")[0] in _OF_LIBRARIES:
                continue
            beside = [other for other in map(file_of, _paths(file, module)) if other is not None]
            if not beside or len(found) > _MOST_FILES:
                whole = False
                continue
            found += [other for other in beside if other not in found]
    return found, whole


def _modules(file: File) -> Iterator[str]:
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module:
                yield node.module
            else:
                yield from (alias.name for alias in node.names)


def _paths(file: File, module: str) -> Iterator[str]:
    """Where a module of the program's own may be: beside the file, or in a folder above it."""
    parts = module.split(".")
    for folder in [*Path(file.path).parents][:_MOST_FOLDERS]:
        for path in (folder.joinpath(*parts).with_suffix(".py"), folder.joinpath(*parts, "__init__.py")):
            if path.is_file():
                yield str(path)
                return
