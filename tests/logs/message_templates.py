"""Takes the templates of all log messages out of Paramiko's source, without running it.

    python tests/logs/message_templates.py FOLDER...

prints the templates of each ``paramiko`` folder as JSON; ``message_templates.json`` was made so from the released
wheels of the versions that it names.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

LOGGING_CALLS = {"_log", "log", "debug", "info", "warning", "error"}
PASSED_ON = {"_log", "log"}
"""Functions that only hand on what others log."""


def templates(folder: Path) -> set[str]:
    """``{}`` stands for a value."""
    found: set[str] = set()
    for path in sorted(folder.glob("*.py")):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef) and function.name not in PASSED_ON:
                found.update(_of_function(function))
    return found


def _of_function(function: ast.FunctionDef) -> Iterator[str]:
    names: dict[str, list[str]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names.setdefault(node.targets[0].id, []).extend(_texts(node.value, {}))
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            known = names.setdefault(node.target.id, [])
            known.extend([a + b for a in known for b in _texts(node.value, {})])
        elif isinstance(node, ast.For) and isinstance(node.iter, ast.Tuple):
            rows = [e.elts if isinstance(e, ast.Tuple) else [e] for e in node.iter.elts]
            targets = node.target.elts if isinstance(node.target, ast.Tuple) else [node.target]
            for row in rows:
                for target, value in zip(targets, row, strict=True):
                    if isinstance(target, ast.Name):
                        names.setdefault(target.id, []).extend(_texts(value, {}))
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LOGGING_CALLS:
            where = 1 if node.func.attr in PASSED_ON else 0
            if len(node.args) > where:
                yield from _texts(node.args[where], names)


def _texts(node: ast.expr, names: dict[str, list[str]]) -> list[str]:
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=values):
            return ["".join(v.value if isinstance(v, ast.Constant) else "{}" for v in values)]
        case ast.Call(func=ast.Attribute(attr="format", value=template), args=args):
            return [_filled(t, [_texts(a, names) for a in args]) for t in _texts(template, names)]
        case ast.Call(func=ast.Attribute(attr="format_binary"), args=[_, ast.Constant(value=str(prefix))]):
            return [prefix + "{}"]
        case ast.Call(func=ast.Attribute(attr="tb_strings")):
            return ["Traceback (most recent call last):"]
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return [a + b for a in _texts(left, names) for b in _texts(right, names)]
        case ast.Name(id=name) if name in names:
            return names[name] or ["{}"]
    return ["{}"]


def _filled(template: str, args: list[list[str]]) -> str:
    """Puts constants into the template, so that "{}: {}" becomes "kex algos: {}"; other values stay ``{}``."""
    for spec in ("{!r}", "{:d}", "{:x}"):
        template = template.replace(spec, "{}")
    return template if template != "{}: {}" else "|".join(f"{name}: {{}}" for name in args[0])


if __name__ == "__main__":
    json.dump({f: sorted(templates(Path(f))) for f in sys.argv[1:]}, sys.stdout, indent=1)
