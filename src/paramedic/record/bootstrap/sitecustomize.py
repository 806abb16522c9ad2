"""Found first on ``PYTHONPATH`` by every interpreter that `paramedic run` starts, or that such a program starts in
turn.

So the program itself is run by ``python`` exactly as without us: ``sys.argv``, ``__main__``, tracebacks, ``-m`` and
``-c`` are the interpreter's own. This folder is taken off ``sys.path`` again, and then a sitecustomize of the user's is
imported in place of this one.

A program may start any other Python, also one that is fifteen years old: what stands here is understood by all of them.
"""

import sys


def _begin():
    # type: () -> None
    import gc
    import os

    here = os.path.dirname(os.path.abspath(__file__))
    # not abspath: the current folder may be gone, and ours is absolute
    sys.path[:] = [p for p in sys.path if os.path.normpath(p) != here]
    sys.path_importer_cache.pop(here, None)
    configured = os.environ.get("PARAMEDIC_RECORD")
    if not configured:
        return
    before = set(sys.modules)
    writes_none = sys.dont_write_bytecode
    if getattr(sys, "pycache_prefix", None):
        sys.dont_write_bytecode = True  # that folder is the program's
        try:  # and this module's is there already
            cached = globals()["__cached__"]
            os.remove(cached)
            os.removedirs(os.path.dirname(cached))
        except (OSError, KeyError, TypeError):
            pass
    collects = gc.isenabled()
    gc.disable()  # all that is made here stays
    try:
        from paramedic.record import held_modules

        known = held_modules.import_kept()
        from paramedic.record import launch

        launch.begin(configured)
        try:
            held_modules.keep(known)
        except Exception:  # it is recorded all the same
            pass
    except ImportError:  # another interpreter, in which Paramedic is not installed: not ours to watch
        pass
    except Exception as e:
        try:
            os.write(2, ("paramedic: not recording: %s: %s\n" % (type(e).__name__, e)).encode())  # noqa: UP031
        except OSError:
            pass
    finally:
        sys.dont_write_bytecode = writes_none
        if collects:
            gc.enable()
    _unhide(set(sys.modules) - before)


def _unhide(ours):
    # type: (set[str]) -> None
    """Forget those modules that we have imported and that the program has its own of, beside its script.

    Its folder is not on ``sys.path`` yet: what we import here is the standard library's ``token``, and a program with
    a ``token.py`` would get that instead of its own.
    """
    import os

    if getattr(sys.flags, "safe_path", False) or not getattr(sys, "argv", None):
        return
    script = sys.argv[0]
    try:
        if script in ("", "-c", "-m"):
            folder = os.getcwd()
        else:
            folder = os.path.realpath(script)
            folder = folder if os.path.isdir(folder) else os.path.dirname(folder)
    except OSError:  # the current folder is gone: nothing is imported from there
        return
    for top in {name.partition(".")[0] for name in ours} - set(sys.builtin_module_names):
        stem = os.path.join(folder, top)
        if os.path.isfile(stem + ".py") or os.path.isfile(os.path.join(stem, "__init__.py")):
            home = getattr(sys.modules.get(top), "__file__", None)
            if home and os.path.dirname(os.path.realpath(home)) not in (folder, stem):
                for name in [n for n in ours if n == top or n.startswith(top + ".")]:
                    sys.modules.pop(name, None)


try:
    _begin()
except Exception as _error:
    sys.stderr.write("paramedic: %s: %s\n" % (type(_error).__name__, _error))  # noqa: UP031
# The import system gives whoever imports `sitecustomize` what stands here when this module ends. Where the user has
# none, this raises what the `site` module expects then.
del sys.modules["sitecustomize"]
import sitecustomize  # type: ignore[import-not-found]  # noqa: E402, F401
