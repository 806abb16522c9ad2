"""``python -m paramedic.lab``: the same as ``paramedic lab``."""

from __future__ import annotations

import argparse
import sys

from paramedic.lab.console import add_arguments, manners_from, serve
from paramedic.lab.trouble import LabError


def main() -> int:
    """Serve until Ctrl-C; returns the exit status.

    Threads: main thread; blocks.
    """
    parser = argparse.ArgumentParser(
        prog="python -m paramedic.lab",
        description="An SSH server on loopback, with real commands and SFTP, that misbehaves as you ask.",
    )
    add_arguments(parser)
    try:
        return serve(manners_from(parser.parse_args()))
    except LabError as error:
        print(f"paramedic lab: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
