"""``[tool.paramedic.lint]``: what may stand there, and its ``per-file-ignores`` as rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from paramedic.check.configuration import KEYS, Configuration, ConfigurationError, Ignore

SETTINGS: Mapping[str, type] = {
    "exclude": list,
    "select": list,
    "ignore": list,
    "per-file-ignores": dict,
    "pedantic": bool,
    "jobs": int,
    "baseline": str,
}
"""Keys of the table and what each must be."""

_WORDS = {bool: "true or false", int: "a number", str: "a string", list: "a list", dict: "a table"}


def check_settings(configuration: Configuration) -> Mapping[str, Any]:
    """The table as it stands.

    Raises:
        ConfigurationError: a setting is unknown or of the wrong kind.

    Threads: pure.
    """
    for key, value in configuration.lint.items():
        if key not in SETTINGS:
            where = f"{configuration.file}: tool.paramedic.lint has no setting {key!r}"
            if key in KEYS:
                raise ConfigurationError(f"{where}: write it in [tool.paramedic]")
            raise ConfigurationError(f"{where}; known are {', '.join(SETTINGS)}")
        wanted = SETTINGS[key]
        if not isinstance(value, wanted):
            raise ConfigurationError(
                f"{configuration.file}: tool.paramedic.lint.{key} must be {_WORDS[wanted]}, not {value!r}"
            )
    return configuration.lint


def names_of(given: Iterable[str]) -> list[str]:
    """The hazards that names, codes, aliases and beginnings of codes (``PMC1``) mean.

    Raises:
        UnknownHazard: one of them means none.

    Threads: pure.
    """
    from paramedic.hazards.catalogue import CATALOGUE, UnknownHazard, by_name  # only where somebody chooses

    names = []
    for name in given:
        try:
            found = [by_name(name).name]
        except UnknownHazard:
            found = [h.name for h in CATALOGUE if name.upper().startswith("PMC") and h.code.startswith(name.upper())]
            if not found:
                raise
        names.extend(found)
    return names


def with_file_ignores(configuration: Configuration) -> Configuration:
    """The configuration with a rule of ``ignore`` for each file pattern and hazard of ``per-file-ignores``.

    Raises:
        ConfigurationError: a value is no list of names, or a name means no hazard.

    Threads: pure.
    """
    table = configuration.lint.get("per-file-ignores")
    if not table:
        return configuration
    rules = [
        Ignore(hazard=name, path=path, reason=f"per-file-ignores of {pattern}")
        for pattern, given in table.items()
        for name in _ignored(configuration, pattern, given)
        for path in _paths(pattern)
    ]
    return replace(configuration, ignore=(*configuration.ignore, *rules))


def _ignored(configuration: Configuration, pattern: str, given: Any) -> list[str]:
    from paramedic.hazards.catalogue import UnknownHazard

    where = f"{configuration.file}: tool.paramedic.lint.per-file-ignores.{pattern!r}"
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise ConfigurationError(f"{where} must be a list of names or codes, not {given!r}")
    if "ALL" in given:
        return [""]
    try:
        return names_of(given)
    except UnknownHazard as error:
        raise ConfigurationError(f"{where}: {error}") from None


def _paths(pattern: str) -> list[str]:
    """The patterns of ``ignore`` that mean what one means to ruff: a bare name is a file or folder anywhere."""
    if "/" not in pattern:
        return [pattern, f"*/{pattern}"]
    return [pattern, pattern[3:]] if pattern.startswith("**/") else [pattern]
