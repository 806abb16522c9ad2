"""The matrix: every Python by the oldest, the middle and the newest Paramiko that we promise.

``nox`` runs all that the machine has; ``nox -s "tests-3.12(paramiko='2.12.0')"`` runs one.
"""

import nox

nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests", "lint"]

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
# 2.12: Debian 12 and Ubuntu 24.04; 3.5 and 4.0: the last of their line; "latest": what pip gives.
PARAMIKOS = ["2.12.0", "3.5.1", "4.0.0", "latest"]


def _install(session: nox.Session) -> None:
    session.install("--editable", ".", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "dev"))


@nox.session(python=PYTHONS)
@nox.parametrize("paramiko", PARAMIKOS)
def tests(session: nox.Session, paramiko: str) -> None:
    """All tests."""
    _install(session)
    if paramiko != "latest":
        session.install(f"paramiko=={paramiko}")
    session.run("python", "-m", "pytest", "-n", "2", "--dist", "loadgroup", *session.posargs)


@nox.session(python=PYTHONS[0])
def lint(session: nox.Session) -> None:
    """ruff, mypy --strict, import-linter."""
    _install(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")
