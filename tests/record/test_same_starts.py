"""However a program is started, it finds itself where plain Python puts it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipapp
from collections.abc import Callable
from pathlib import Path

import pytest
from twice import Run, environment

from paramedic.trace.reader import find_traces

LOOK = """
import os, sys
import re
def told(x): return re.sub("0x[0-9a-f]+", "0x", str(x).replace(os.getcwd(), "HERE"))
import __main__
for name in "__name__ __file__ __spec__ __cached__ __package__ __loader__ __doc__".split():
    value = vars(__main__).get(name, "none")
    print(name, type(value).__name__ if name == "__loader__" else told(value))
print(sys.argv, told(sys.path[0]), told(sys.orig_argv[1:]), sys.flags, sys.warnoptions, sys._xoptions)
print(__debug__, told(sys.exec_prefix), told(sys.prefix), sys.dont_write_bytecode, sys.stdout.line_buffering)
print([told(p) for p in sys.path if "paramedic" not in p], len(sys.path_hooks), sys.pycache_prefix)
print(sorted(name for name in os.environ if name.startswith("PYTHON") and name != "PYTHONPATH"))
class Thing: pass
import pickle
print(pickle.dumps(Thing), type(pickle.loads(pickle.dumps(Thing()))).__qualname__)
"""
Here = Callable[[Path], None]


def write(**files: str) -> Here:
    def prepare(here: Path) -> None:
        for name, text in files.items():
            path = here / name.replace("__in__", "/").replace("_py", ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return prepare


def archive(here: Path) -> None:
    folder = here / "zipped"
    folder.mkdir()
    (folder / "__main__.py").write_text(LOOK + "import inner\n")
    (folder / "inner.py").write_text("print(__file__.replace(os.getcwd(), '') if 0 else __name__)\n1 / 0\n")
    zipapp.create_archive(folder, here / "app.pyz")


def linked(here: Path) -> None:
    (here / "real").mkdir()
    (here / "real" / "app.py").write_text(LOOK + "import beside\n")
    (here / "real" / "beside.py").write_text("print('beside', __name__)\n")
    (here / "app").symlink_to("real/app.py")


def in_path(here: Path) -> None:
    (here / "lib").mkdir()
    (here / "lib" / "sitecustomize.py").write_text("import sys; sys.mine = 'sitecustomize'; print('site')\n")
    (here / "lib" / "usercustomize.py").write_text("print('user')\n")
    (here / "app.py").write_text(LOOK + "print(sys.mine, sys.modules['sitecustomize'].__file__.count('lib'))\n")


RAISES = "def f(x):\n    return 1 / x\n\nimport sys\nprint(sys.argv)\nf(0)\n"
STARTS: dict[str, tuple[Here, list[str], dict[str, str], str | None]] = {
    # prepare, command line, environment, standard input
    "a script": (write(app_py=LOOK), ["app.py", "a", "--b", "-c", "--", "ä"], {}, None),
    "a script in a folder": (write(sub__in__app_py=LOOK), ["sub/app.py"], {}, None),
    "a script without a suffix": (write(app=LOOK), ["./app", "-m"], {}, None),
    "a link to a script": (linked, ["app"], {}, None),
    "a module": (write(app_py=LOOK), ["-m", "app", "-x"], {}, None),
    "a module of a package": (write(pkg__in____init___py="", pkg__in__mod_py=LOOK), ["-m", "pkg.mod", "1"], {}, None),
    "a package": (
        write(pkg__in____init___py="print('init')", pkg__in____main___py=LOOK + "from . import x", pkg__in__x_py=""),
        ["-m", "pkg"],
        {},
        None,
    ),
    "a package without a main": (write(pkg__in____init___py=""), ["-m", "pkg"], {}, None),
    "a module that is not there": (write(), ["-m", "nowhere"], {}, None),
    "a module that fails": (write(app_py=RAISES), ["-m", "app", "x"], {}, None),
    "a module whose import fails": (write(app_py="import inner\n", inner_py=RAISES), ["-m", "app"], {}, None),
    "code": (write(), ["-c", LOOK, "a", "-b"], {}, None),
    "code that fails": (write(), ["-c", RAISES, "a"], {}, None),
    "code from standard input": (write(), ["-", "a"], {}, LOOK),
    "code from standard input, without a dash": (write(), [], {}, RAISES),
    "a folder": (write(folder__in____main___py=LOOK), ["folder", "a"], {}, None),
    "a folder without a main": (write(folder__in__x_py=""), ["folder"], {}, None),
    "an archive": (archive, ["app.pyz", "a"], {}, None),
    "a script that is not there": (write(), ["nothing.py"], {}, None),
    "a script that is not Python": (write(app_py="\x7fELF\0\1\2"), ["app.py"], {}, None),
    "a script with an error of syntax": (write(app_py="def f(:\n    pass\n"), ["app.py"], {}, None),
    "a script with a wrong indent": (write(app_py="if 1:\n  x = 1\n    y = 2\n"), ["app.py"], {}, None),
    "a script that is empty": (write(app_py=""), ["app.py"], {}, None),
    "a script that fails": (write(app_py=RAISES), ["app.py", "x"], {}, None),
    "a compiled script": (
        lambda here: (write(app_py=LOOK)(here), subprocess.run([sys.executable, "-m", "compileall", "-bq", here]))[0],
        ["app.pyc"],
        {},
        None,
    ),
    "without asserts": (write(app_py=LOOK + "assert 0"), ["-O", "app.py"], {}, None),
    "without docstrings": (write(app_py=LOOK), ["-OO", "app.py"], {}, None),
    "without bytecode": (write(app_py=LOOK + "import m", m_py=""), ["-B", "app.py"], {}, None),
    "without buffers": (write(app_py=LOOK), ["-u", "app.py"], {}, None),
    "with warnings as errors": (write(a_py="import warnings; warnings.warn('x')"), ["-W", "error", "a.py"], {}, None),
    "in development mode": (write(app_py=LOOK + "open('app.py')"), ["-X", "dev", "app.py"], {}, None),
    "without ranges in tracebacks": (write(app_py=RAISES), ["-X", "no_debug_ranges", "app.py"], {}, None),
    "in UTF-8 mode": (write(app_py=LOOK), ["-X", "utf8=0", "app.py"], {"LC_ALL": "C"}, None),
    "with a safe path": (write(app_py=LOOK), ["-P", "-c", LOOK], {}, None),
    "with quiet bytes": (write(app_py="print(b'' == '', str(b''))"), ["-b", "app.py"], {}, None),
    "with a variable for -O": (write(app_py=LOOK), ["app.py"], {"PYTHONOPTIMIZE": "1"}, None),
    "with a variable for -u": (write(app_py=LOOK), ["app.py"], {"PYTHONUNBUFFERED": "1"}, None),
    "with a fixed seed of hashes": (write(app_py="print(hash('a'))"), ["app.py"], {"PYTHONHASHSEED": "3"}, None),
    "with a path of the program's own": (in_path, ["app.py"], {"PYTHONPATH": "lib"}, None),
    "with an empty path": (write(app_py=LOOK), ["app.py"], {"PYTHONPATH": ""}, None),
    "with a folder for bytecode": (write(a_py=LOOK, m_py=""), ["a.py"], {"PYTHONPYCACHEPREFIX": "b"}, None),
    "with warnings in a variable": (
        write(app_py="import warnings; warnings.warn('x'); warnings.warn('y', DeprecationWarning)"),
        ["app.py"],
        {"PYTHONWARNINGS": "ignore::UserWarning"},
        None,
    ),
    "with faulthandler": (write(app_py=LOOK), ["-X", "faulthandler", "app.py"], {}, None),
    "with modules that are called as ours": (
        write(
            app_py="import token, ast, json, mmap, queue; print(token.mine, json.mine, queue.mine)",
            token_py="mine = 1",
            json__in____init___py="mine = 2",
            queue_py="mine = 3",
        ),
        ["app.py"],
        {},
        None,
    ),
    "with a module called paramedic": (
        write(app_py="import paramedic; print(paramedic.x)", paramedic_py="x = 1"),
        ["app.py"],
        {},
        None,
    ),
    "in a folder that is gone": (
        write(app_py="import os, sys; print(sys.argv)"),
        ["-c", "import os, sys; os.mkdir('d'); os.chdir('d'); os.rmdir('../d'); os.execv(sys.executable, "
         "[sys.executable, '-c', 'print(1)'])"],
        {},
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STARTS)
def test_it_starts_the_same(name: str, plain: Run, recorded: Run, tmp_path: Path) -> None:
    prepare, words, variables, given = STARTS[name]
    here = tmp_path / "here"
    here.mkdir()
    prepare(here)
    base = environment(tmp_path)
    base.pop("PYTHONPATH", None)
    options = {"cwd": here, "env": base | variables, "input": given}
    expected = plain(*words, **options)
    seen = sorted(str(p.relative_to(here)) for p in here.rglob("*"))
    assert expected.out or expected.err or name == "a script that is empty"
    done = recorded(*words, **options)
    assert not done.unlike(expected)
    assert sorted(str(p.relative_to(here)) for p in here.rglob("*")) == seen, "no file more, no bytecode less"


@pytest.mark.parametrize("flag", ["-I", "-E", "-S", "-s"])
def test_isolated_interpreters_run_unrecorded_at_worst(flag: str, plain: Run, recorded: Run, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(LOOK)
    words = (flag, "app.py", "a")
    done = recorded(*words, cwd=tmp_path)
    assert not done.unlike(plain(*words, cwd=tmp_path))


def test_a_child_of_each_kind_is_recorded(recorded: Run, tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text("import threading\nwith threading.Lock(): print('child', flush=True)\n")
    venv_script = tmp_path / "script"
    venv_script.write_text(
        f"#!{sys.executable}\nimport threading\nwith threading.Lock(): print('script', flush=True)\n"
    )
    venv_script.chmod(0o755)
    program = """
import os, subprocess, sys, threading
def tell(words):
    with threading.Lock(): os.write(1, f"{words}\\n".encode())
subprocess.run([sys.executable, "child.py"])
subprocess.run(["./script"])
subprocess.run(f"{sys.executable} child.py", shell=True)
os.system(f"{sys.executable} child.py")
os.waitpid(os.posix_spawn(sys.executable, [sys.executable, "child.py"], os.environ), 0)
subprocess.run([sys.executable, "-E", "child.py"])
subprocess.run([sys.executable, "child.py"], env={"PATH": os.environ["PATH"]})
pid = os.fork()
if not pid:
    tell("forked")
    os._exit(0)
os.waitpid(pid, 0)
pid = os.fork()
if not pid:  # as daemons do
    os.setsid()
    if os.fork(): os._exit(0)
    os.chdir("/")
    tell("daemon")
    os.closerange(0, 1024)
    os._exit(0)
os.waitpid(pid, 0)
tell("parent")
os.execv(sys.executable, [sys.executable, "child.py"])
"""
    (tmp_path / "app.py").write_text(program)
    done = recorded("app.py", cwd=tmp_path)
    assert done.status == 0, done.err
    words = done.out.split()
    assert sorted(set(words)) == ["child", "daemon", "forked", "parent", "script"]
    # neither -E nor an environment without ours is recorded: that is the program's will
    locks = [sum(1 for event in trace.events() if trace.header["operations"][event.op] == "Lock.__init__" and event.obj)
             for trace in done.traces()]  # fmt: skip
    assert sum(1 for n in locks if n) == 9
    assert not done.gaps()


def test_the_environment_of_children_is_as_the_program_left_it(recorded: Run, plain: Run) -> None:
    program = """
import os, subprocess
print(sorted(k for k in os.environ if not k.startswith("PARAMEDIC") and k != "PYTHONPATH"))
print(subprocess.run(["env"], env={}, capture_output=True).stdout)
"""
    assert not recorded("-c", program).unlike(plain("-c", program))


def test_another_interpreter_is_left_alone(tmp_path: Path, recorded: Run) -> None:
    """One in which Paramedic is not installed."""
    venv = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True, stdout=subprocess.DEVNULL)
    program = f"import subprocess; subprocess.run([{str(venv / 'bin' / 'python')!r}, '-c', 'print(1)'], check=True)"
    done = recorded("-c", program)
    assert (done.status, done.out, done.err) == (0, "1\n", "")
    assert done.folder is not None and len(find_traces(done.folder)) == 1
    assert os.path.exists(venv)


def test_the_bootstrap_is_understood_by_any_other_python() -> None:
    """A program may start ``/usr/bin/python2``: no annotations, no f-strings, nothing newer than that."""
    import ast

    from paramedic.record import launch

    tree = ast.parse(Path(launch.BOOTSTRAP, "sitecustomize.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        assert not isinstance(node, (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.Match, ast.AsyncFunctionDef))
        if isinstance(node, ast.FunctionDef):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            assert node.returns is None and not any(argument.annotation for argument in arguments)
            assert not node.args.posonlyargs and not node.args.kwonlyargs


OLDER = [
    found
    for version in ("2.7", "3.6", "3.7", "3.8", "3.9", "3.10")
    if (found := shutil.which(f"python{version}")) and not subprocess.run([found, "-c", ""]).returncode
]


@pytest.mark.parametrize("python", OLDER or [pytest.param("", marks=pytest.mark.skip("no older Python is installed"))])
def test_a_child_of_an_older_python_is_left_alone(python: str, recorded: Run) -> None:
    words = f"import subprocess; subprocess.run([{python!r}, '-c', 'print(1)'], check=True)"
    done = recorded("-c", words)
    assert (done.status, done.out, done.err) == (0, "1\n", "")
