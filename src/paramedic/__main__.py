"""``python -m paramedic`` is the command ``paramedic``."""

import sys

from paramedic.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
