"""The time stamps that logs carry, as seconds since 1970.

A time without a zone counts as UTC: only differences matter, and one log has one zone. A stamp without a year
(syslog) gets the year 2000, one without a date the day 1970-01-01.
"""

from __future__ import annotations

import re
from calendar import timegm

_MONTHS = {m: i for i, m in enumerate((b"jan feb mar apr may jun jul aug sep oct nov dec").split(), 1)}

STAMP = (
    rb"\d{4}[-/.]?\d\d[-/.]?\d\d[ T_-]\d\d:?\d\d:?\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?"
    rb"|\d\d?[-/ .](?:\d\d|[A-Z][a-z]{2})[-/ .]\d{2,4}[ :T]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
    rb"|(?:[A-Z][a-z]{2} )?[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: \d{4})?"
    rb"|\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
    rb"|\d{9,10}\.\d{1,9}"
)
"""A regular expression (bytes, no groups) for the stamps that `seconds` reads."""

_YEAR_FIRST = re.compile(rb"(\d{4})[-/.]?(\d\d)[-/.]?(\d\d)[ T_-](\d\d):?(\d\d):?(\d\d)")
_DAY_FIRST = re.compile(rb"(\d\d?)[-/ .](\d\d|[A-Z][a-z]{2})[-/ .](\d{2,4})[ :T](\d\d):(\d\d):(\d\d)")
_MONTH_FIRST = re.compile(rb"(?:[A-Z][a-z]{2} )?([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d)")
_CLOCK = re.compile(rb"(\d\d):(\d\d):(\d\d)")
_EPOCH = re.compile(rb"\d{9,10}(?:\.\d{1,9})?\Z")
_REST = re.compile(rb"(?:[.,](\d{1,9}))?(?: (\d{4}))?(?: ?(Z|UTC|[+-]\d\d:?\d\d))?\Z")
_cache: dict[bytes, float | None] = {}


def seconds(stamp: bytes) -> float | None:
    """The time that a stamp says; None if it says none.

    Threads: any; a small cache is shared, and a lost entry is only computed again.
    """
    if _EPOCH.match(stamp):
        return float(stamp)
    known = next(((found, reader) for pattern, reader in _READERS if (found := pattern.match(stamp))), None)
    if known is None:
        return None
    found, reader = known
    head = found[0]
    whole = _cache.get(head, -1.0)
    if whole == -1.0:
        if len(_cache) > 5000:
            _cache.clear()
        try:
            whole = _cache[head] = reader(found)
        except (ValueError, KeyError, OverflowError):
            whole = _cache[head] = None
    rest = _REST.match(stamp, found.end())
    if whole is None or not rest:
        return whole
    fraction, _, zone = rest.groups()
    if fraction:
        whole += int(fraction) / 10 ** len(fraction)
    if zone and zone[0] in b"+-":
        digits = zone[1:].replace(b":", b"")
        offset = int(digits[:2]) * 3600 + int(digits[2:]) * 60
        whole += -offset if zone[:1] == b"+" else offset
    return whole


def paramiko_seconds(line: bytes) -> float | None:
    """The time of a line of `paramiko.util.log_to_file`, where its place in the line is known.

    Threads: as `seconds`.
    """
    second = _cache.get(line[5:22], -1.0)
    if second == -1.0:
        second = seconds(line[5:22])
    try:
        return None if second is None else second + int(line[23:26]) / 1000
    except ValueError:
        return second


def _year_first(found: re.Match[bytes]) -> float:
    return _utc(*map(int, found.groups()))


def _day_first(found: re.Match[bytes]) -> float:
    day, month, year, *clock = found.groups()
    number = int(month) if month.isdigit() else _MONTHS[month.lower()]
    full = int(year) + (2000 if len(year) == 2 else 0)
    if number > 12:  # month first, as in the United States
        day, number = str(number).encode(), int(day)
    return _utc(full, number, int(day), *map(int, clock))


def _month_first(found: re.Match[bytes]) -> float:
    month, day, *clock = found.groups()
    return _utc(2000, _MONTHS[month.lower()], int(day), *map(int, clock))


def _clock(found: re.Match[bytes]) -> float:
    return _utc(1970, 1, 1, *map(int, found.groups()))


def _utc(year: int, month: int, day: int, hour: int, minute: int, second: int) -> float:
    if not (1970 <= year < 2200 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 25 and minute < 60 and second < 62):
        raise ValueError("not a time")
    return float(timegm((year, month, day, hour, minute, second, 0, 0, 0)))


_READERS = ((_YEAR_FIRST, _year_first), (_MONTH_FIRST, _month_first), (_DAY_FIRST, _day_first), (_CLOCK, _clock))
