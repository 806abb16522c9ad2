# ruff: noqa: UP031
"""The ways in which people print ``sys._current_frames()``, as found in answers, libraries and services.

``install(folder)`` makes SIGUSR2 write one file for each of them.
"""

import logging
import os
import pprint
import signal
import sys
import threading
import traceback


def recipe(out):
    """The recipe of many answers since 2008 (also django-extensions' and uWSGI's)."""
    code = ["\n*** STACKTRACE - START ***\n"]
    for ident, stack in sys._current_frames().items():
        code.append("\n# ThreadID: %s" % ident)
        for filename, line, name, text in traceback.extract_stack(stack):
            code.append('File: "%s", line %d, in %s' % (filename, line, name))
            if text:
                code.append("  %s" % text.strip())
    code.append("\n*** STACKTRACE - END ***\n")
    out.write("\n".join(code))


def enumerated(out):
    """``print(thread)``, then its stack."""
    for thread in threading.enumerate():
        print(thread, file=out)
        traceback.print_stack(sys._current_frames()[thread.ident], file=out)
        print(file=out)


def ruled(out):
    """A rule with the name and the ident in it."""
    for ident, frame in sys._current_frames().items():
        name = next((t.name for t in threading.enumerate() if t.ident == ident), "?")
        out.write(f"---------- Thread {ident} ({name}) ----------\n")
        out.write("".join(traceback.format_stack(frame)))


def cry(out):
    """As ``celery.utils.debug.cry``: a name alone, then rules."""
    rule = "=" * 49
    for ident, frame in sys._current_frames().items():
        thread = next((t for t in threading.enumerate() if t.ident == ident), None)
        if thread is not None:
            print(f"{thread.name}\n{rule}", file=out)
            traceback.print_stack(frame, file=out)
            print(f"{rule}\nLOCAL VARIABLES\n{rule}", file=out)
            pprint.pprint(dict.fromkeys(frame.f_locals, "..."), stream=out)
            print("\n", file=out)


def logged(out):
    """One log record for each thread: only its first line has the log's prefix."""
    log = logging.Logger("watchdog")
    handler = logging.StreamHandler(out)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-8s [%(name)s] %(message)s"))
    log.addHandler(handler)
    for ident, frame in sys._current_frames().items():
        names = {t.ident: t.name for t in threading.enumerate()}
        log.warning("thread %s stack:\n%s", names.get(ident), "".join(traceback.format_stack(frame)))


def keyed(out):
    """``Thread: name id`` and the lines of the stack one by one, indented once more."""
    for thread in threading.enumerate():
        out.write(f"Thread: {thread.name} {thread.ident}\n")
        for entry in traceback.format_stack(sys._current_frames()[thread.ident]):
            for text in entry.splitlines():
                out.write(f"    {text}\n")
        out.write("\n")


STYLES = [recipe, enumerated, ruled, cry, logged, keyed]


def install(folder):
    def write_all(*_):
        for style in STYLES:
            with open(os.path.join(folder, style.__name__), "w") as out:
                style(out)
        open(os.path.join(folder, "done"), "w").close()

    signal.signal(signal.SIGUSR2, write_all)
