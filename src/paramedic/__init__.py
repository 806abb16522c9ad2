"""Paramedic: first aid for threads in programs that use Paramiko.

Nothing is imported here: ``import paramedic`` must stay cheap (< 30 ms), because production programs do it.

PYTEST_DONT_REWRITE: pytest knows us by our plugin, and would warn that we are imported already, as we are in each
program that ``paramedic run`` starts.
"""

TYPE_CHECKING = False  # as in typing, whose import would cost more than all the rest
if TYPE_CHECKING:
    from paramedic.record.in_program import Recording as recording
    from paramedic.record.in_program import start, stop
    from paramedic.record.log_file import log_to_file
    from paramedic.record.watch import watch

__version__ = "0.1.0"
__all__ = ["__version__", "log_to_file", "recording", "start", "stop", "watch"]


def __getattr__(name: str) -> object:
    if name in ("recording", "start", "stop"):
        from paramedic.record import in_program

        return in_program.Recording if name == "recording" else getattr(in_program, name)
    if name == "log_to_file":
        from paramedic.record.log_file import log_to_file

        return log_to_file
    if name == "watch":
        from paramedic.record.watch import watch

        return watch
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
