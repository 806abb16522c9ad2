"""Who keeps what: the objects of the tree that have a known object as an attribute, or in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramedic.lint.values import Collection, Instance, Obj, Value, alternatives, native_objects

if TYPE_CHECKING:
    from paramedic.lint.world import World


def keepers(world: World) -> dict[int, list[Instance]]:
    """By identity of the object itself (not of a view of it), those who keep it.

    Threads: pure.
    """
    found: dict[int, list[Instance]] = {}
    for instance in [i for instances in world.instances.values() for i in instances]:
        kept = {id(obj.root) for values in instance.ever.values() for v in values for obj in _objects_of(v)}
        for key in kept:
            found.setdefault(key, []).append(instance)
    return found


def globals_of(world: World) -> frozenset[int]:
    """The identities of the objects that some module has as a global.

    Threads: pure.
    """
    scopes = [module.scope for module in world.modules.values()]
    return frozenset(id(o.root) for s in scopes for values in s.ever.values() for v in values for o in _objects_of(v))


def _objects_of(value: Value) -> list[Obj]:
    found = native_objects(value)
    for option in alternatives(value):
        if isinstance(option, Collection):
            found.extend(obj for one in option.everything() for obj in native_objects(one))
    return found
