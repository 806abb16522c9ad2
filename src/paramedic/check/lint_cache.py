"""What earlier lint runs found, kept by content, so that an unchanged file is not read again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paramedic import __version__
from paramedic.model.report import Gap, finding_from_json, finding_to_json

if TYPE_CHECKING:
    from paramedic.check.lint import FileResult

_FORM = 8


class LintCache:
    """One file in the cache's folder for each set of files that is linted.

    An entry holds while every file that was read for it has the same content, and the same files are linted (another
    file may be what an import means). A file of the same size and time is taken for unchanged without reading it.

    Threads: one thread; two processes may use one folder, the last to end wins.
    """

    def __init__(self, folder: Path, files: list[Path]) -> None:
        from paramedic.check.lint import FileResult

        self._make = FileResult
        names = hashlib.blake2b("\0".join([os.getcwd(), *map(str, files)]).encode("utf-8", "surrogateescape"))
        self._file = folder / f"lint-{names.hexdigest()[:24]}.json"
        stamp = self._stamp()
        self._old = self._load(stamp)
        self._new: dict[str, Any] = {"form": stamp, "flags": {}, "results": {}}
        self._digests: dict[str, str] = {}

    @staticmethod
    def _stamp() -> str:
        """Changes with every version of the rules: the newest change in our own package."""
        package = Path(__file__).parent.parent
        newest = 0
        for folder in ("lint", "hazards"):
            for path in (package / folder).rglob("*.py"):
                newest = max(newest, path.stat().st_mtime_ns)
        return f"{_FORM}:{__version__}:{newest}"

    def _load(self, stamp: str) -> dict[str, Any]:
        try:
            data = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return {"flags": {}, "results": {}}
        good = isinstance(data, dict) and data.get("form") == stamp
        good = good and isinstance(data.get("flags"), dict) and isinstance(data.get("results"), dict)
        return data if good else {"flags": {}, "results": {}}

    @staticmethod
    def _state(path: Path) -> list[int]:
        status = os.stat(path)
        return [status.st_size, status.st_mtime_ns]

    def flags_of(self, path: Path) -> str | None:
        """What the byte search found in the file last time; None where it may have changed.

        Threads: any; does not block.
        """
        entry = self._old["flags"].get(str(path))
        try:
            if not isinstance(entry, list) or len(entry) != 3 or entry[:2] != self._state(path):
                return None
        except OSError:
            return None
        self._new["flags"][str(path)] = entry
        return str(entry[2])

    def note_flags(self, path: Path, flags: str) -> None:
        """Keeps what the byte search found.

        Threads: any; does not block.
        """
        with contextlib.suppress(OSError):
            self._new["flags"][str(path)] = [*self._state(path), flags]

    def _digest(self, path: str) -> str:
        known = self._digests.get(path)
        if known is None:
            try:
                known = hashlib.blake2b(Path(path).read_bytes(), digest_size=16).hexdigest()
            except OSError:
                known = ""
            self._digests[path] = known
        return known

    def result_of(self, group: tuple[Path, ...]) -> FileResult | None:
        """What was found from these files last time, if nothing that was read for them has changed.

        Threads: any; does not block.
        """
        name = "\0".join(map(str, group))
        entry = self._old["results"].get(name)
        try:
            if entry is None or any(self._digest(p) != d for p, d in entry["read"].items()):
                return None
            known = self._make(
                paths=group,
                findings=tuple(finding_from_json(f) for f in entry["findings"]),
                read=tuple(map(Path, entry["read"])),
                gaps=tuple(Gap(**g) for g in entry["gaps"]),
                seen=entry["seen"],
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            return None  # somebody else wrote there: it is read again
        self._new["results"][name] = entry
        return known

    def note_result(self, result: FileResult) -> None:
        """Keeps what was found.

        Threads: any; does not block.
        """
        self._new["results"]["\0".join(map(str, result.paths))] = {
            "read": {str(p): self._digest(str(p)) for p in result.read},
            "findings": [finding_to_json(f) for f in result.findings],
            "seen": {k: list(places) for k, places in result.seen.items()} if result.seen is not None else None,
            "gaps": [{"reason": g.reason, "detail": g.detail, "count": g.count} for g in result.gaps],
        }

    def save(self) -> None:
        """Writes the cache; where that is not possible, there is none next time.

        Threads: any; does not block.
        """
        if self._new == self._old:
            return
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            beside = self._file.with_name(f"{self._file.name}.{os.getpid()}")
            beside.write_text(json.dumps(self._new), encoding="utf-8", errors="surrogateescape")
            os.replace(beside, self._file)


def default_folder() -> Path:
    """Where caches live: ``$XDG_CACHE_HOME/paramedic`` or ``~/.cache/paramedic``.

    Threads: any.
    """
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "paramedic"
