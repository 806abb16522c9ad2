"""The same program, written differently: what a hazard is called or where its parts stand must not matter."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable

Files = dict[str, str]
"""Sources by file name; ``program.py`` is the one that is run."""


def as_written(source: str) -> Files:
    """Unchanged."""
    return {"program.py": source}


def other_imports(source: str) -> Files:
    """Paramiko, threading and executors by other import spellings."""

    class Rename(ast.NodeTransformer):
        def __init__(self) -> None:
            self.names: set[str] = set()

        def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
            self.generic_visit(node)
            if isinstance(node.value, ast.Name) and node.value.id == "threading":
                self.names.add(node.attr)
                return ast.copy_location(ast.Name(id=f"the_{node.attr}", ctx=node.ctx), node)
            if isinstance(node.value, ast.Name) and node.value.id == "paramiko":
                node.value.id = "ssh_library"
            return node

        def visit_Name(self, node: ast.Name) -> ast.AST:
            if node.id == "ThreadPoolExecutor":
                return ast.copy_location(ast.parse("futures.ThreadPoolExecutor", mode="eval").body, node)
            return node

    tree = ast.parse(source)
    rename = Rename()
    body = [rename.visit(s) for s in tree.body if "ThreadPoolExecutor" not in _import_text(s)]
    head = "import paramiko as ssh_library\nimport concurrent.futures as futures\n"
    head += "".join(f"from threading import {n} as the_{n}\n" for n in sorted(rename.names))
    tree.body = [*ast.parse(head).body, *body]
    return {"program.py": _text(tree)}


def _import_text(node: ast.stmt) -> str:
    return ast.unparse(node) if isinstance(node, (ast.Import, ast.ImportFrom)) else ""


def in_another_module(source: str) -> Files:
    """Everything but main() lives in a module that main() imports."""
    tree = ast.parse(source)
    mains = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "main"]
    guards = [n for n in tree.body if isinstance(n, ast.If)]
    if not mains:
        return {"program.py": source}
    names = [n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef))]
    names += [t.id for n in tree.body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)]
    wanted = [n for n in dict.fromkeys(names) if n != "main"]
    imports = [n for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
    parts = [n for n in tree.body if n not in mains and n not in guards]
    if not wanted:
        return {"program.py": source}
    program = ast.Module(
        body=[*imports, *ast.parse(f"from parts import {', '.join(wanted)}").body, *mains, *guards], type_ignores=[]
    )
    return {"program.py": _text(program), "parts.py": _text(ast.Module(body=parts, type_ignores=[]))}


def in_a_class(source: str) -> Files:
    """Functions become methods of a class, and what main() makes becomes attributes of its object."""
    tree = ast.parse(source)
    functions = [n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    names = {f.name for f in functions}
    main = next((f for f in functions if f.name == "main"), None)
    if main is None:
        return {"program.py": source}
    nested = {n.name for n in ast.walk(main) if isinstance(n, ast.FunctionDef) and n is not main}
    kept = {
        t.id
        for s in main.body
        for n in [s, *getattr(s, "body", [])]
        if isinstance(n, ast.Assign) and isinstance(n.value, ast.Call)
        for t in n.targets
        if isinstance(t, ast.Name)
    } - nested

    class Attributes(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            if node.id in kept or node.id in names:
                return ast.copy_location(
                    ast.Attribute(value=ast.Name(id="self", ctx=ast.Load()), attr=node.id, ctx=node.ctx), node
                )
            return node

    class Methods(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            if node.id in names:
                return ast.copy_location(
                    ast.Attribute(value=ast.Name(id="self", ctx=ast.Load()), attr=node.id, ctx=node.ctx), node
                )
            return node

    methods = []
    for function in functions:
        changed = copy.deepcopy(function)
        changed.body = [(Attributes() if function is main else Methods()).visit(s) for s in changed.body]
        changed.args.args.insert(0, ast.arg(arg="self"))
        methods.append(changed)
    owner = ast.ClassDef(name="Program", bases=[], keywords=[], body=methods, decorator_list=[], type_params=[])
    position = tree.body.index(functions[-1])
    body = []
    for index, node in enumerate(tree.body):
        if index == position:
            body.append(owner)
        elif node not in functions:
            outside = _class_uses(node, names)
            body.append(outside)
    text = _text(ast.Module(body=body, type_ignores=[]))
    return {"program.py": text.replace("sys.exit(main())", "sys.exit(Program().main())")}


def _class_uses(node: ast.stmt, names: set[str]) -> ast.stmt:
    """A class of the module calls what are methods now through an object of its own."""

    class Outside(ast.NodeTransformer):
        def visit_Name(self, inner: ast.Name) -> ast.AST:
            if inner.id in names and isinstance(node, ast.ClassDef):
                return ast.copy_location(ast.parse(f"Program().{inner.id}", mode="eval").body, inner)
            return inner

    return Outside().visit(node)  # type: ignore[no-any-return]


def by_lambda_and_partial(source: str) -> Files:
    """Threads and pools get their arguments through functools.partial and lambda."""

    class Wrap(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            name = ast.unparse(node.func)
            if name == "threading.Thread":
                target = next((k for k in node.keywords if k.arg == "target"), None)
                args = next((k for k in node.keywords if k.arg == "args"), None)
                if target is not None and args is not None and isinstance(args.value, ast.Tuple):
                    given = ", ".join([ast.unparse(target.value), *map(ast.unparse, args.value.elts)])
                    target.value = ast.parse(f"functools.partial({given})", mode="eval").body
                    node.keywords.remove(args)
            elif name.endswith(".submit") and len(node.args) > 1:
                call = ast.unparse(ast.Call(func=node.args[0], args=node.args[1:], keywords=node.keywords))
                node.args, node.keywords = [ast.parse(f"lambda: {call}", mode="eval").body], []
            elif name.endswith(".map") and len(node.args) == 2:
                node.args[0] = ast.parse(f"lambda one: {ast.unparse(node.args[0])}(one)", mode="eval").body
            return node

    return {"program.py": "import functools\n" + _text(Wrap().visit(ast.parse(source)))}


def through_a_context_manager(source: str) -> Files:
    """What connect() gives comes out of a @contextmanager that closes it."""
    tree = ast.parse(source)
    main = next((n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "main"), None)
    if main is None:
        return {"program.py": source}
    for index, node in enumerate(main.body):
        if isinstance(node, ast.Assign) and ast.unparse(node.value) == "connect()" and index + 1 < len(main.body):
            target = ast.unparse(node.targets[0])
            block = ast.parse(f"with opened() as {target}:\n    pass").body[0]
            assert isinstance(block, ast.With)
            block.body = main.body[index + 1 :]
            main.body = [*main.body[:index], block]
            manager = ast.parse(
                "@contextlib.contextmanager\ndef opened():\n    thing = connect()\n    try:\n        yield thing\n"
                "    finally:\n        thing.close()\n"
            ).body
            tree.body = [
                *ast.parse("import contextlib").body,
                *_before_main(tree, main),
                *manager,
                *_from_main(tree, main),
            ]
            break
    return {"program.py": _text(tree)}


def _before_main(tree: ast.Module, main: ast.stmt) -> list[ast.stmt]:
    return tree.body[: tree.body.index(main)]


def _from_main(tree: ast.Module, main: ast.stmt) -> list[ast.stmt]:
    return tree.body[tree.body.index(main) :]


def _text(tree: ast.Module) -> str:
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


SPELLINGS: dict[str, Callable[[str], Files]] = {
    "as written": as_written,
    "by other imports": other_imports,
    "in another module": in_another_module,
    "in a class": in_a_class,
    "by lambda and partial": by_lambda_and_partial,
    "through a context manager": through_a_context_manager,
}
