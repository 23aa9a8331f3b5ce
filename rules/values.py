"""Texts that stand for values: durations, times of day, instants, windows, shares. Each reader answers None for a text that is not one.

Structure asks them whether a value is good, build asks them for the value, so the two never disagree.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError

from rules.model import DAY, At, Duration, Window

LONGEST_DAYS = 36_525  # a hundred years: beyond it calendar arithmetic runs out of years
ALIGNED_UNITS = ("minute", "hour", "day", "week", "month")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DURATION = re.compile(r"([0-9]{1,10})([smhdw])")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)  # fmt: skip
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%")
_CRON = re.compile(r"[0-9A-Za-z*/,\-#]+(?: +[0-9A-Za-z*/,\-#]+){4}")


def duration(text: object) -> Duration | None:
    """`30s 10m 24h 3d 2w`: one number, one unit, at most a hundred years."""
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    length = Duration(int(match[1]), cast(Literal["s", "m", "h", "d", "w"], match[2]))
    return length if length.micros <= LONGEST_DAYS * DAY else None


def time_of_day(text: object) -> int | None:
    """`"HH:MM"`, 00:00 to 23:59, as minutes since midnight."""
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    return int(match[1]) * 60 + int(match[2]) if match else None


def closing_time(text: object) -> int | None:
    """Like `time_of_day`, and `"24:00"` is the end of the day (0: quiet hours that end at midnight end at the next day's start)."""
    return 0 if text == "24:00" else time_of_day(text)


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo | None:
    """The zone of an IANA name such as `Asia/Shanghai`, or `UTC`."""
    if "/" not in name and name not in ("UTC", "GMT"):
        return None  # the folder of zones also holds files such as `localtime`
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@lru_cache(maxsize=1)
def zone_names() -> tuple[str, ...]:
    """All zones there are, for a hint."""
    return tuple(sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")))


def instant(text: object, local: ZoneInfo) -> int | None:
    """An ISO 8601 instant in microseconds UTC. Without an offset it is in `local`; a bare date is 00:00.

    A local time in a gap moves forward by the gap, one that exists twice is the first: that is what `fold=0` means in Python.
    """
    if not isinstance(text, str) or not _INSTANT.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=local)
        return (aware.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None


def offset(text: object) -> Duration | None:
    """`+25h`: a length from a test's first event."""
    return duration(text[1:]) if isinstance(text, str) and text.startswith("+") else None


def at(text: object, local: ZoneInfo) -> At | None:
    """The `at` of a rule test: an instant, or an offset from the first event."""
    length = offset(text)
    return length if length is not None else instant(text, local)


def window(text: object) -> Window | None:
    """What a cap counts over: `60s` slides, `day` is aligned to the clock, `ever`."""
    if text == "ever":
        return Window("ever", text="ever")
    if isinstance(text, str) and text in ALIGNED_UNITS:
        return Window("aligned", unit=text, text=text)
    length = duration(text)
    return Window("sliding", micros=length.micros, text=str(text)) if length else None


def share(value: object) -> float | None:
    """`10%` or `0.1`, from 0 to 1."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if 0 <= value <= 1 else None
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    found = float(match[1]) / 100 if match else None
    return found if found is not None and found <= 1 else None


def is_cron(text: object) -> bool:
    """Whether it is a crontab(5) line of five parts."""
    if not isinstance(text, str) or not _CRON.fullmatch(text):
        return False
    try:
        CronSim(text, datetime.combine(_EPOCH, time(), UTC))
    except (CronSimError, ValueError):
        return False
    return True
