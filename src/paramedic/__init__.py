"""Paramedic: first aid for threads in programs that use Paramiko.

Nothing is imported here: ``import paramedic`` must stay cheap (< 30 ms), because production programs do it.
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
