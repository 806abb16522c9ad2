"""Attributes of the program's modules and classes that we put in, and how each is taken out again.

Threads: the thread that starts or stops a recording; setting one is a single assignment.
"""

from __future__ import annotations

from typing import Any

from paramedic.model.named_tuple import NamedTuple
from paramedic.record.probe import MARK


class Replaced(NamedTuple):
    """A module attribute that we stand in for."""

    owner: Any
    name: str
    original: Any
    ours: Any

    def apply(self) -> None:
        """Put ours in.

        Threads: see the module's text.
        """
        setattr(self.owner, self.name, self.ours)

    def undo(self) -> None:
        """Put the original back.

        Threads: see the module's text.
        """
        if self.owner.__dict__.get(self.name) is self.ours:  # or the program (gevent, say) has put its own there
            setattr(self.owner, self.name, self.original)


class Overridden(NamedTuple):
    """A method that a class inherits from one that is written in C, and has from us meanwhile."""

    owner: type
    name: str
    ours: Any

    def apply(self) -> None:
        """Put ours in.

        Threads: see the module's text.
        """
        setattr(self.owner, self.name, self.ours)

    def undo(self) -> None:
        """Let the class inherit it again.

        Threads: see the module's text.
        """
        if vars(self.owner).get(self.name) is self.ours:
            delattr(self.owner, self.name)


class Unmarked(NamedTuple):
    """What the objects of a class have for an id while they have none of their own."""

    owner: type
    name: str = MARK

    def apply(self) -> None:
        """Put it in.

        Threads: see the module's text.
        """
        setattr(self.owner, self.name, 0)

    def undo(self) -> None:
        """Take it out.

        Threads: see the module's text.
        """
        if vars(self.owner).get(self.name) == 0:
            delattr(self.owner, self.name)
