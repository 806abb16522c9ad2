"""The use cases: a source becomes findings, findings become a verdict."""

DEFAULT_STALL_S = 5.0
"""After so long a wait that nothing can end is told."""
