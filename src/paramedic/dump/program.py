"""The program that a dump names in its first line, and where its source may be."""

from __future__ import annotations

from pathlib import Path

from paramedic.dump import kernel

_INTERPRETERS = ("bin", "Scripts")


def folders_of(command: str, process: int | None) -> tuple[Path, ...]:
    """Folders in which the source of a program may be: its script's, its own while it still runs, its environment's.

    Args:
        command: as the dump prints it (``/srv/app/.venv/bin/python deploy.py``); "" where it does not.
        process: its id, where the dump has it.

    Threads: any thread; looks at the file system and ``/proc``.
    """
    words = command.split()
    if not words:
        return ()
    script = Path(next((w for w in words[1:] if w.endswith((".py", ".pyw"))), ""))
    found = [script.parent] if script.is_absolute() else []
    interpreter = Path(words[0])
    starts = []
    if process is not None and kernel.command_line(process) == command.strip():  # no other that has its number now
        starts.append(kernel.working_folder(process))
    if len(interpreter.parents) > 3 and interpreter.parent.name in _INTERPRETERS:
        environment = interpreter.parents[1]  # which lies in the program's folder, as most tools make it
        starts += [environment.parent] if _is_environment(environment) else []
    for start in starts:
        if start is not None:
            found += [start / script.parent, start] if not script.is_absolute() else [start]
    return tuple(dict.fromkeys(found))


def _is_environment(folder: Path) -> bool:
    try:
        return (folder / "pyvenv.cfg").is_file()
    except OSError:
        return False
