"""``[tool.paramedic]`` of the nearest pyproject.toml."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paramedic.model.finding import Confidence


class ConfigurationError(ValueError):
    """A pyproject.toml says something that cannot be meant; the message names the file and the way out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore:
    """One rule of ``ignore``: which findings to hide, and why.

    Attributes:
        hazard: name, code or alias; "" is any hazard.
        path: pattern for a file of one of the finding's steps, relative to ``folder`` (``*`` crosses folders);
            "" is anywhere.
        reason: why; "" is reported.
    """

    hazard: str = ""
    path: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The settings of a project; options on the command line come before them.

    Attributes:
        file: where they were read; None where there is no such table.
        folder: what patterns are relative to.
        ignore: rules that suppress findings.
        fail_on: findings from this confidence on make the exit status 1; None: none do.
        level: ``watch`` or ``check``; "" where not set.
        max_size_bytes: limit of one process's recording; None where not set.
        stall_s: seconds after which a wait that nothing can end is told; None where not set.
        lint: the table ``[tool.paramedic.lint]`` as it stands.
    """

    file: Path | None = None
    folder: Path = field(default_factory=Path)
    ignore: tuple[Ignore, ...] = ()
    fail_on: Confidence | None = None
    level: str = ""
    max_size_bytes: int | None = None
    stall_s: float | None = None
    lint: Mapping[str, Any] = field(default_factory=dict)


KEYS = ("ignore", "fail-on", "level", "max-size", "stall", "lint")
LEVELS = ("watch", "check")


def read_configuration(start: Path) -> Configuration:
    """The table of the nearest pyproject.toml, from ``start`` upwards, that has one.

    Raises:
        ConfigurationError: the file is no regular one or no TOML, or a setting is unknown or of the wrong kind.

    Threads: any thread; reads files.
    """
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        try:
            mode = file.stat().st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # a FIFO would be waited for, without an end
                raise ConfigurationError(f"{file} is no regular file, and was not opened")
            text = file.read_bytes()
        except OSError:  # it is not there, or not ours to read
            continue
        # Here, because `paramedic run` passes here before it starts the program, and mostly finds no such file.
        import tomllib

        try:
            data = tomllib.loads(text.decode("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{file} is not valid TOML: {error}") from None
        tool = data.get("tool")
        table = tool.get("paramedic") if isinstance(tool, dict) else None
        if table is not None:
            return parse_configuration(table, file)
    return Configuration(folder=start)


def parse_configuration(table: Any, file: Path) -> Configuration:
    """The settings in a table that was read from ``file``.

    Raises:
        ConfigurationError: a setting is unknown or of the wrong kind.

    Threads: pure.
    """
    table = _expect(table, dict, "tool.paramedic", "a table", file)
    _check_keys(table, KEYS, "tool.paramedic", file)
    level = _expect(table.get("level", ""), str, "level", "a string", file)
    if level and level not in LEVELS:
        raise ConfigurationError(f"{file}: level must be one of {', '.join(LEVELS)}, not {level!r}")
    stall = table.get("stall")
    if stall is not None and (isinstance(stall, bool) or not isinstance(stall, int | float) or stall <= 0):
        raise ConfigurationError(f"{file}: stall must be a number of seconds above 0, not {stall!r}")
    rules = _expect(table.get("ignore", []), list, "ignore", "a list of tables", file)
    return Configuration(
        file=file,
        folder=file.parent,
        ignore=tuple(_ignore(rule, file) for rule in rules),
        fail_on=_fail_on(table.get("fail-on"), file),
        level=level,
        max_size_bytes=_size(table.get("max-size"), file),
        stall_s=None if stall is None else float(stall),
        lint=_expect(table.get("lint", {}), dict, "lint", "a table", file),
    )


_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_UNITS |= {"K": 2**10, "M": 2**20, "G": 2**30}  # as of the GNU tools


def parse_size(text: str) -> int:
    """Bytes of "256 MB", "64KiB", "2G" or "1000000".

    Raises:
        ValueError: it is not a size above 0; the message says what is.

    Threads: pure.
    """
    compact = text.replace(" ", "").replace("_", "").upper()
    number = compact.rstrip("KMGIB")
    unit = compact[len(number) :]
    try:
        size = float(number) * _UNITS[unit]
    except (ValueError, KeyError):
        size = 0.0
    if not 0 < size < 2**63:
        raise ValueError(f"{text!r} is not a size; write it like 256MB or 1GiB")
    return int(size)


def _ignore(rule: Any, file: Path) -> Ignore:
    rule = _expect(rule, dict, "ignore", 'a list of tables like {hazard = "…", path = "…", reason = "…"}', file)
    _check_keys(rule, ("hazard", "path", "reason"), "ignore", file)
    values = {key: _expect(value, str, f"ignore.{key}", "a string", file) for key, value in rule.items()}
    if not values.get("hazard") and not values.get("path"):
        raise ConfigurationError(f"{file}: a rule of ignore needs a hazard or a path, or it would hide everything")
    return Ignore(**values)


def _fail_on(value: Any, file: Path) -> Confidence | None:
    if value is None:
        return None
    try:
        return Confidence(value)
    except ValueError:
        raise ConfigurationError(f"{file}: fail-on must be one of {', '.join(Confidence)}, not {value!r}") from None


def _size(value: Any, file: Path) -> int | None:
    if value is None:
        return None
    try:
        return parse_size(value if isinstance(value, str) else str(int(value)))
    except (ValueError, TypeError):
        raise ConfigurationError(f"{file}: max-size must be a size like '256MB', not {value!r}") from None


def _expect(value: Any, kind: type, name: str, words: str, file: Path) -> Any:
    if not isinstance(value, kind):
        raise ConfigurationError(f"{file}: {name} must be {words}, not {value!r}")
    return value


def _check_keys(table: Mapping[str, Any], known: tuple[str, ...], where: str, file: Path) -> None:
    for key in table:
        if key not in known:
            from difflib import get_close_matches

            from paramedic.check.lint_settings import SETTINGS  # which needs this module: only where it is asked

            near = get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            if key in SETTINGS and known is KEYS:
                hint = "write it in [tool.paramedic.lint]"
            raise ConfigurationError(f"{file}: {where} has no setting {key!r}; {hint}")
