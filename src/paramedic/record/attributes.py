"""Attributes of the program's modules and classes that we put in, and how each is taken out again.

Threads: the thread that starts or stops a recording; setting one is a single assignment.
"""

from __future__ import annotations

from typing import Any

from paramedic.model.named_tuple import NamedTuple

NOTHING = object()
"""Stands for what is not there."""


class Attribute(NamedTuple):
    """An attribute of a module or a class that is ours meanwhile.

    Attributes:
        owner: the module or class.
        name: of the attribute.
        ours: what it is as long as it is recorded.
        before: what stood there; `NOTHING` where the class inherits it, or has nothing of that name.
    """

    owner: Any
    name: str
    ours: Any
    before: Any = NOTHING

    def apply(self) -> None:
        """Put ours in.

        Threads: see the module's text.
        """
        setattr(self.owner, self.name, self.ours)

    def undo(self) -> None:
        """Put back what stood there.

        Threads: see the module's text.
        """
        if self.owner.__dict__.get(self.name) is not self.ours:
            return  # the program (gevent, say) has put its own there
        if self.before is NOTHING:
            delattr(self.owner, self.name)
        else:
            setattr(self.owner, self.name, self.before)
