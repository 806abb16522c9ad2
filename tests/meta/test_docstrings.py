"""Every public callable says what it does, who may call it from where, and what it raises."""

from __future__ import annotations

import ast
import builtins
import re
from fnmatch import fnmatch
from functools import cache

from source_tree import Callable_, modules, public_callables

# Modules whose functions need no docstring, each with the reason. Keep this short.
EXEMPT = {
    "paramedic.hazards.*.demo": "programs to be shown, run in a process of their own; not an API",
}


def exempt(module: str) -> bool:
    return any(fnmatch(module, pattern) for pattern in EXEMPT)


@cache
def everything_public() -> list[Callable_]:
    return [
        callable_
        for name, tree in modules().items()
        if not any(part.startswith("_") for part in name.split("."))
        for callable_ in public_callables(name, tree)
    ]


def sections(docstring: str) -> dict[str, list[str]]:
    """Heading -> its lines, Google style; text on the heading's own line counts."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in docstring.splitlines():
        heading = re.match(r"(Args|Attributes|Returns|Yields|Raises|Threads|Examples?|Note):(.*)$", line)
        if heading:
            current = found.setdefault(heading[1], [])
            if heading[2].strip():
                current.append(heading[2].strip())
        elif current is not None and (line.startswith(" ") or not line.strip()):
            current.append(line)
        elif line.strip():
            current = None
    return found


def raised_names(docstring: str) -> list[str]:
    text = sections(docstring).get("Raises", [])
    indents = [len(line) - len(line.lstrip()) for line in text if line.strip()]
    outer = min(indents, default=0)
    names = [re.match(r"\s*`?([A-Za-z_][\w.]*(?:`?, `?[A-Za-z_][\w.]*)*)`?:", line) for line in text]
    return [
        name.strip(" `")
        for line, match in zip(text, names, strict=True)
        if match and len(line) - len(line.lstrip()) == outer
        for name in match[1].split(",")
    ]


def known_names(tree: ast.Module) -> set[str]:
    known = set(dir(builtins))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            known |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            known.add(node.name)
        elif isinstance(node, ast.Assign):
            known |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return known


def test_every_public_callable_has_a_docstring() -> None:
    assert [str(c) for c in everything_public() if not exempt(c.module) and not ast.get_docstring(c.node)] == []


def says_threads(docstring: str) -> bool:
    return bool(" ".join(sections(docstring).get("Threads", [])).strip())


def test_every_public_callable_says_which_threads_may_call_it() -> None:
    """Itself, or its class for all of its methods, or its module for all that is in it."""
    covered = {name for name, tree in modules().items() if says_threads(ast.get_docstring(tree) or "")}
    silent = [
        str(c)
        for c in everything_public()
        if c.kind != "property"
        and not exempt(c.module)
        and c.module not in covered
        and not says_threads(ast.get_docstring(c.node) or "")
        and not says_threads(c.class_docstring)
    ]
    assert silent == []


def test_exceptions_named_under_raises_exist() -> None:
    trees = modules()
    everywhere = {node.name for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    wrong = []
    known_in = {name: known_names(tree) | everywhere for name, tree in trees.items()}
    for c in everything_public():
        known = known_in[c.module]
        names = raised_names(ast.get_docstring(c.node) or "")
        wrong += [f"{c}: {name}" for name in names if name.split(".")[0] not in known]
        if "Raises" in sections(ast.get_docstring(c.node) or "") and not names:
            wrong.append(f"{c}: 'Raises:' names nothing")
    assert wrong == []


def test_what_is_raised_in_the_open_is_documented() -> None:
    """A `raise Name(...)` in the function's own body is part of its contract."""
    missing = []
    for c in everything_public():
        if c.kind == "property" or exempt(c.module):
            continue
        documented = {name.split(".")[-1] for name in raised_names(ast.get_docstring(c.node) or "")}
        for name in _raised_in(c.node):
            if not covers(documented | {"AssertionError", "NotImplementedError"}, name):
                missing.append(f"{c}: {name}")
    assert missing == []


def covers(names: set[str], name: str) -> bool:
    """Whether an exception or a base of it (as far as Python's own go) is among these names."""
    kind = getattr(builtins, name, None)
    bases = {base.__name__ for base in kind.__mro__} if isinstance(kind, type) else {name}
    return bool(names & bases)


def _raised_in(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    found: set[str] = set()
    caught: set[str] = set()
    stack: list[ast.AST] = list(function.body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            caught |= {name.split(".")[-1] for name in re.findall(r"[\w.]+", ast.unparse(node.type))}
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            found.add(ast.unparse(node.exc.func).split(".")[-1])
        stack.extend(ast.iter_child_nodes(node))
    return {name for name in found if name[:1].isupper() and not covers(caught, name)}


def test_the_exemptions_are_still_needed() -> None:
    names = list(modules())
    assert all(reason and any(fnmatch(name, pattern) for name in names) for pattern, reason in EXEMPT.items())


STORIES = {
    "no section at all": ("Does it.", []),
    "one exception": ("Does it.\n\nRaises:\n    ValueError: when wrong,\n        or very wrong.", ["ValueError"]),
    "two exceptions": (
        "D.\n\nRaises:\n    OSError: a.\n    socket.timeout: b.\n\nThreads: any.",
        ["OSError", "socket.timeout"],
    ),
    "prose": ("D.\n\nRaises: whatever it likes", []),
}


def test_the_reader_of_docstrings_reads() -> None:
    assert {story: raised_names(text) for story, (text, _) in STORIES.items()} == {
        story: names for story, (_, names) in STORIES.items()
    }
    tree = ast.parse("def f():\n    raise ValueError('x')\n")
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    assert _raised_in(function) == {"ValueError"}
