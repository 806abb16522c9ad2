"""Connecting while a module is imported. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC212",
    name="connect-at-import",
    family=Family.WAITING,
    summary=(
        "threads are started and waited for while a module is being imported, and they need that module's import lock"
    ),
    symptom=(
        "The program hangs at import: the main thread in Future.result or Thread.join under <module>, workers"
        " in _ModuleLock.acquire (importlib._bootstrap)"
    ),
    why=(
        "Python holds a lock for each module while its body runs; a worker that imports the module (directly,"
        " by a lazy import or by unpickling) waits for it, while the importing thread waits for the worker. "
        "Paramiko's own part is only that connecting takes long"
    ),
    fix=(
        'Connect and start threads in a function that runs after import (under if __name__ == "__main__", or '
        "at first use)."
    ),
    change="""\
- client = connect()              # at import
+ if __name__ == "__main__":
+     main(connect())
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/104",
        "https://github.com/paramiko/paramiko/issues/735",
        "https://github.com/paramiko/paramiko/issues/162",
        "https://github.com/blaze/odo/issues/196",
    ),
)
