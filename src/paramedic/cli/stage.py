"""The program that ``paramedic demo`` runs: ``python -m paramedic.cli.stage HAZARD bad|good``.

The server is told in the environment, so that the program's command line stays readable in the report.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from dataclasses import asdict

from paramedic.hazards.catalogue import by_name, folder_of
from paramedic.lab.server import Server

VARIABLE = "PARAMEDIC_DEMO_SERVER"


def server_to_text(server: Server) -> str:
    """A running lab as the value of an environment variable.

    Threads: pure.
    """
    return json.dumps(asdict(server))


def server_from_text(text: str) -> Server:
    """The inverse of `server_to_text`.

    Raises:
        ValueError: the text was not made by it.

    Threads: pure.
    """
    data = json.loads(text)
    return Server(**{**data, "hosts": tuple(data["hosts"])})


def main() -> None:
    """Runs one side of one hazard's proof.

    Threads: main thread; blocks until the demo has ended.
    """
    name, side = sys.argv[1:]
    demo = importlib.import_module(f"paramedic.hazards.{folder_of(by_name(name))}.demo")
    getattr(demo, side)(server_from_text(os.environ.pop(VARIABLE)))


if __name__ == "__main__":
    main()
