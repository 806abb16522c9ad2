"""What the recorder changes is indistinguishable while it records, and back when it stops.

No list of what is watched is trusted: everything that any module or class holds is looked at before, meanwhile, after.
"""

from __future__ import annotations

import json

import pytest
from twice import Run

LOOK = """
import inspect, json, sys, threading
import asyncio, concurrent.futures, concurrent.futures.thread, multiprocessing.pool, queue, signal, sched, socketserver
import logging.handlers, paramiko, paramiko.agent, paramiko.server, paramiko.sftp_server, paramiko.proxy

CHANGING = {"_counter", "_dangling", "_active", "_limbo"}  # a thread's own account

def plain(function):
    return inspect.isfunction(function) and function.__module__ not in ("__main__", __name__)

def ours(name):
    return name.split(".")[0] in ("paramedic", "__main__")

def places():
    "What stands where: in each module, and in each class that a module made."
    for name, module in list(sys.modules.items()):
        if not inspect.ismodule(module) or ours(name):
            continue
        for key, value in list(vars(module).items()):
            yield f"{name}:{key}", value
            if isinstance(value, type) and value.__module__ == name:
                for part, inner in list(vars(value).items()):
                    if isinstance(inner, (staticmethod, classmethod)):
                        inner = inner.__func__
                    yield f"{name}:{key}.{part}", inner

def asked(question):
    try:
        return str(question())
    except Exception as error:
        return type(error).__name__  # its words have the name of the type as C or as Python writes it

def said(thing):
    answers = [asked(lambda: inspect.signature(thing))]
    for name in ("__name__", "__qualname__", "__module__", "__doc__", "__annotations__", "__defaults__",
                 "__kwdefaults__", "__type_params__"):
        answers.append(asked(lambda: getattr(thing, name)))
    return answers

kept = []
def look():
    seen = {}
    for where, value in places():
        if where.rpartition(":")[2].rpartition(".")[2] in CHANGING:
            continue
        seen[where] = [id(value), id(value.__code__) if plain(value) else 0]
        kept.append((value, value.__code__ if plain(value) else None))
    return seen

def told_at(names):
    return {where: said(value) for where, value in places() if where in names and callable(value)}

def unlike(one, other):
    return sorted(where for where in one.keys() & other.keys() if one[where] != other[where])
"""
START = {
    "from the beginning": """
from paramedic.record.session import Options, Session
def start(folder):
    session = Session(Options(directory=folder, level=sys.argv[2]))
    session.start()
    return session.stop
""",
    "from inside the program": """
import paramedic
def start(folder):
    recording = paramedic.recording(folder, level=sys.argv[2])
    recording.__enter__()
    return lambda: recording.__exit__(None, None, None)
""",
}
STORY = """
before = look()
stop = start(sys.argv[1] + "/1")
during = look()
thread = threading.Thread(target=threading.Lock().acquire); thread.start(); thread.join()
stop()
after = look()
replaced = set(unlike(before, during))
told = told_at(replaced)
stop = start(sys.argv[1] + "/2")
told_meanwhile = told_at(replaced)
stop()
print(json.dumps({
    "replaced": sorted(replaced),
    "told": [[name, told[name], told_meanwhile[name]] for name in unlike(told, told_meanwhile)],
    "left": unlike(before, after), "again": unlike(before, look()),
    "gone": sorted(before.keys() - after.keys()), "more": sorted(after.keys() - before.keys()),
    "finders": [type(finder).__module__ for finder in sys.meta_path], "looked_at": len(before),
}))
"""


@pytest.mark.parametrize("level", ["watch", "check"])
@pytest.mark.parametrize("how", START)
def test_the_very_same_objects_are_back(how: str, level: str, plain: Run, tmp_path: object) -> None:
    done = plain("-c", LOOK + START[how] + STORY, str(tmp_path), level)
    assert done.status == 0, done.err
    told = json.loads(done.out)
    assert told["looked_at"] > 10_000
    names = {where.rpartition(":")[2] for where in told["replaced"]}
    assert len(names) > (60 if level == "watch" else 110), "the recorder was on"
    assert {"Channel.recv", "SSHClient.connect", "Thread.start"} <= names
    assert ({"Lock", "RLock", "SimpleQueue", "Queue.put", "Future.result"} <= names) is (level == "check")
    assert told["told"] == [], "nobody can tell what is watched"
    assert (told["left"], told["again"]) == ([], [])
    assert (told["gone"], [where for where in told["more"] if "paramedic" in where]) == ([], [])
    assert not any(module.startswith("paramedic") for module in told["finders"])
