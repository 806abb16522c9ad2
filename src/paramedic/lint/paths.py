"""Which file a path names: whether it is the same one each time that the program comes there.

``flock()`` keeps apart who has opened one file. A path that a loop makes anew, that each caller gives, or that
``tempfile`` has made for this call alone, keeps nobody apart.

Threads: one thread.
"""

from __future__ import annotations

import ast

from paramedic.lint.identity import Identity
from paramedic.lint.passages import Def, name_of

_FRESH = frozenset(
    """mktemp mkstemp mkdtemp NamedTemporaryFile TemporaryFile TemporaryDirectory uuid1 uuid4 token_hex token_urlsafe
    urandom time time_ns monotonic now random randint choice getpid get_ident get_native_id current_thread next
    input pop popleft get""".split()
)
"""What gives something else each time."""
_STEPS = 5


def origin(identity: Identity, path: ast.expr, steps: int = _STEPS) -> str | None:
    """The expression that a path comes from; None where it may be another path the next time.

    Args:
        identity: the variables of the file.
        path: as ``open()`` is given it.
        steps: how many names are followed.

    Threads: one thread.
    """
    if isinstance(path, ast.Name):
        return _name(identity, path, steps) if steps else None
    for node in ast.walk(path):
        if isinstance(node, ast.Call) and name_of(node.func) in _FRESH:
            return None
        if isinstance(node, ast.Attribute):
            thing = identity.thing(node)
            if thing is not None and identity.is_many(thing):
                return None
        elif isinstance(node, ast.Name) and (not steps or _name(identity, node, steps) is None):
            return None
    return ast.unparse(path)


def _name(identity: Identity, node: ast.Name, steps: int) -> str | None:
    """The same for a name: what it was given, or itself where that happens once."""
    home: ast.AST = identity.file.home(node)
    while isinstance(home, Def | ast.Lambda) and node.id not in identity.file.variables(home):
        home = identity.file.home(home)
    thing = identity.thing(node)
    if not isinstance(home, Def | ast.Lambda):
        return None if thing is not None and identity.is_many(thing) else node.id
    own = [n for n in identity.file.own(home) if isinstance(n, ast.Name) and n.id == node.id]
    stores = [n for n in own if isinstance(n.ctx, ast.Store)]
    if not stores:
        given = identity.given(home, node.id)
        one = {(id(identity.file.home(path)), ast.unparse(path)) for path in given}
        return origin(identity, given[0], steps - 1) if len(one) == 1 else None
    if len(stores) > 1 or identity.varies(node):
        return None
    parent = identity.file.parent(stores[0])
    value = parent.value if isinstance(parent, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) else None
    known = origin(identity, value, steps - 1) if value is not None else None
    if known is None and _is_done_once(identity, home, stores[0]):
        return node.id
    return known


def _is_done_once(identity: Identity, home: ast.AST, node: ast.AST) -> bool:
    """Whether the program comes to a place of a function once."""
    file = identity.file
    calls = [u for u in file.uses.get(getattr(home, "name", ""), ()) if isinstance(file.parent(u), ast.Call)]
    if file.is_repeated(node) or not isinstance(home, Def) or identity.is_several(home):
        return False
    return len(calls) < 2 and not any(map(file.is_repeated, calls))
