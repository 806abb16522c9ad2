"""Found first on ``PYTHONPATH`` by every interpreter that `paramedic run` starts, or that such a program starts in turn.

So the program itself is run by ``python`` exactly as without us: ``sys.argv``, ``__main__``, tracebacks, ``-m`` and ``-c``
are the interpreter's own. This folder is taken off ``sys.path`` again, and a sitecustomize of the user's is run after all.
"""


def _begin() -> None:
    import os
    import sys

    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [p for p in sys.path if os.path.abspath(p) != here]
    configured = os.environ.get("PARAMEDIC_RECORD")
    if configured:
        try:
            from paramedic.record import launch

            launch.begin(configured)
        except ImportError:  # another interpreter, in which Paramedic is not installed: not ours to watch
            pass
        except Exception as e:
            try:
                os.write(2, f"paramedic: not recording: {type(e).__name__}: {e}\n".encode())
            except OSError:
                pass
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    theirs = PathFinder.find_spec("sitecustomize", sys.path)
    if theirs is not None and theirs.loader is not None:  # the user's own, which ours has hidden
        module = module_from_spec(theirs)
        sys.modules["sitecustomize"] = module
        theirs.loader.exec_module(module)


_begin()
del _begin
