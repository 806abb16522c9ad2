"""Text for HTML: what came from the observed program is only ever text there.

Threads: pure.
"""

from __future__ import annotations

from html import escape

from paramedic.report.escaping import printable


def escaped(text: str) -> str:
    """One line of text, as the content of an element."""
    return escape(printable(text), quote=False)


def escaped_lines(text: str) -> str:
    """Text that keeps its line ends."""
    return "\n".join(escaped(line.expandtabs(4)) for line in text.splitlines())


def attribute(text: str) -> str:
    """The value of an attribute, to be put between double quotes."""
    return escape(printable(text), quote=True)


def link(address: str) -> str:
    """A link that is followed only when somebody clicks on it; other schemes than https stay text."""
    if not address.startswith("https://"):
        return escaped(address)
    return f'<a rel="noreferrer noopener" href="{attribute(address)}">{escaped(address)}</a>'
