"""[tool.paramedic]: what is understood, and what is refused in which words."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from paramedic.check.configuration import (
    Configuration,
    ConfigurationError,
    Ignore,
    parse_configuration,
    parse_size,
    read_configuration,
)
from paramedic.model.finding import Confidence

EVERYTHING = """
[tool.paramedic]
fail-on = "possible"
level = "watch"
max-size = "64MB"
stall = 2.5
ignore = [
    {hazard = "shared-channel", path = "tests/*", reason = "on purpose"},
    {path = "vendor", reason = "not ours"},
]
[tool.paramedic.lint]
baseline = "x"
"""


def test_everything_is_read(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(EVERYTHING)
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert read_configuration(deep) == Configuration(
        file=tmp_path / "pyproject.toml",
        folder=tmp_path,
        ignore=(
            Ignore(hazard="shared-channel", path="tests/*", reason="on purpose"),
            Ignore(path="vendor", reason="not ours"),
        ),
        fail_on=Confidence.POSSIBLE,
        level="watch",
        max_size_bytes=64_000_000,
        stall_s=2.5,
        lint={"baseline": "x"},
    )


def test_the_nearest_table_counts_not_the_nearest_file(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "pyproject.toml").write_text('[tool.paramedic]\nlevel = "watch"\n')
    (inner / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert read_configuration(inner).level == "watch"
    (inner / "pyproject.toml").write_text("[tool.paramedic]\n")
    assert read_configuration(inner).level == ""


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pyproject.toml")
    with pytest.raises(ConfigurationError, match="is no regular file"):
        read_configuration(tmp_path)


def test_no_table_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool]\nparamedics = 1\n")
    found = read_configuration(tmp_path)
    assert (found.file, found.ignore, found.fail_on) == (None, (), None)


REFUSED = {
    "a key that is nearly right": ("fail_on = 'observed'", "no setting 'fail_on'; did you mean 'fail-on'?"),
    "a key from nowhere": ("zzz = 1", "no setting 'zzz'; known are ignore, fail-on"),
    "a confidence that is none": ("fail-on = 'sure'", "fail-on must be one of observed, possible, advice, not 'sure'"),
    "a confidence that is a list": ("fail-on = ['observed']", "fail-on must be one of"),
    "a level that is none": ("level = 'deep'", "level must be one of watch, check"),
    "a level that is a number": ("level = 3", "level must be a string"),
    "a size that is none": ("max-size = 'big'", "max-size must be a size like '256MB'"),
    "a negative size": ("max-size = -1", "max-size must be a size"),
    "a size that is a list": ("max-size = []", "max-size must be a size"),
    "a stall that is no number": ("stall = '5'", "stall must be a number of seconds above 0"),
    "a stall of nothing": ("stall = 0", "stall must be a number of seconds above 0"),
    "a stall that is true": ("stall = true", "stall must be a number"),
    "one rule without a list": ("ignore = {hazard = 'x'}", "ignore must be a list of tables"),
    "rules that are strings": ("ignore = ['shared-channel']", "ignore must be a list of tables like {hazard"),
    "a rule that hides everything": ("ignore = [{reason = 'tired'}]", "needs a hazard or a path"),
    "a rule with a typing error": ("ignore = [{hazzard = 'x'}]", "did you mean 'hazard'?"),
    "a rule with a number": ("ignore = [{hazard = 102}]", "ignore.hazard must be a string"),
    "lint that is no table": ("lint = 1", "lint must be a table"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_meant_is_refused(name: str) -> None:
    text, words = REFUSED[name]
    with pytest.raises(ConfigurationError) as caught:
        parse_configuration(tomllib.loads(text), Path("/p/pyproject.toml"))
    assert words in str(caught.value)
    assert str(caught.value).startswith("/p/pyproject.toml: ")


@pytest.mark.parametrize("data", [b"[tool.paramedic\n", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "pyproject.toml").write_bytes(data)
    with pytest.raises(ConfigurationError, match="not valid TOML"):
        read_configuration(tmp_path)


@pytest.mark.parametrize("text", ["[tool]\nparamedic = 3\n", "tool = 3\n"])
def test_a_table_that_is_no_table(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    if "paramedic" in text:
        with pytest.raises(ConfigurationError, match="must be a table"):
            read_configuration(tmp_path)
    else:
        assert read_configuration(tmp_path).file is None


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("256MB", 256_000_000),
        ("256 MB", 256_000_000),
        ("1GiB", 2**30),
        ("2G", 2**31),
        ("1.5k b", 1500),
        ("64kib", 65536),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "0", "-1MB", "1XB", "nan", "inf", "1e400", "9" * 30, "1 MB 2"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size(text)
