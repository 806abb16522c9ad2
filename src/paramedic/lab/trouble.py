"""The one exception of the lab."""

from __future__ import annotations


class LabError(Exception):
    """The lab cannot do what it was asked for; the text is a sentence for the user."""
