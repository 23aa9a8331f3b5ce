"""All time arithmetic: local clocks, calendar days, quiet hours, aligned windows, and instants as text.

Instants are int microseconds since 1970-01-01T00:00Z. A local time that does not exist moves forward by the gap; one that exists twice is
the first. Times of day are minutes since midnight, 0 to 1440. What leaves the years 0001-9999 raises ValueError.

The plain case is integer arithmetic: time is cut into stretches of 2^39 microseconds (6.4 days), and for each zone and stretch we keep the
UTC offset if the clock does not change in it or within two days around it. Only near a change are datetimes asked.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rules.model import DAY, HOUR, MINUTE, SECOND, Duration

Unit = Literal["minute", "hour", "day", "week", "month"]

EPOCH = datetime(1970, 1, 1)
EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_ORDINAL = EPOCH.toordinal()
MIN_INSTANT = (1 - EPOCH_ORDINAL) * DAY
MAX_INSTANT = (date.max.toordinal() + 1 - EPOCH_ORDINAL) * DAY - 1

# Zones whose meaning depends on the machine, or which count leap seconds.
_FOREIGN_ZONES = ("localtime", "posixrules", "posix/", "right/")
_STRETCH_BITS = 39
_MARGIN = 2 * DAY  # more than the largest offset and the largest change (24 hours, Pacific/Apia) together
_MAX_STRETCHES = 16_384
_CLOCKS = tuple(f"{hour:02}:{minute:02}" for hour in range(24) for minute in range(60))

# What has been worked out before. Nothing here changes an answer.
_zones: dict[str, ZoneInfo] = {}
_day_texts: dict[int, str] = {}  # day since 1970 -> 2026-06-03
_written_offsets: dict[str, int] = {}  # "+08:00" -> microseconds
_offsets: dict[tzinfo, dict[int, int | None]] = {}  # zone -> stretch -> offset, None where the clock changes nearby
_windows: dict[tuple[Unit, tzinfo], tuple[int, int]] = {}  # the window last asked for


def zone(name: str) -> tzinfo:
    """The IANA zone of this name. Raises KeyError for an unknown one, ValueError for what cannot be a name."""
    found = _zones.get(name)
    if found is None:
        if name.startswith(_FOREIGN_ZONES):
            raise ZoneInfoNotFoundError(f"no zone {name!r}")
        try:
            found = ZoneInfo(name)
        except OSError as error:  # a folder of zones, a name too long
            raise ZoneInfoNotFoundError(f"no zone {name!r}") from error
        _zones[name] = found
    return found


def offset(instant: int, zone: tzinfo) -> int:
    """Local time minus UTC at an instant, in microseconds."""
    try:
        known = _offsets[zone][instant >> _STRETCH_BITS]
    except KeyError:
        known = _survey(zone, instant >> _STRETCH_BITS)
    return _exact_offset(instant, zone) if known is None else known


def local(instant: int, zone: tzinfo) -> datetime:
    """The wall clock of an instant, without tzinfo; `fold` is 1 in the second pass of a repeated hour."""
    try:
        known = _plain_offset(instant, zone)
        if known is None:
            return _aware(instant, zone).replace(tzinfo=None)
        return EPOCH + timedelta(0, *divmod(instant + known, SECOND))
    except OverflowError as error:
        raise _out_of_range() from error


def local_date(instant: int, zone: tzinfo) -> date:
    """The calendar day of an instant."""
    return _date((instant + offset(instant, zone)) // DAY)


def resolve(naive: datetime, zone: tzinfo) -> int:
    """The instant of a wall clock reading (`fold` is ignored): a gap is passed over, of two the first is taken."""
    return _resolve(_micros(naive.replace(tzinfo=None) - EPOCH), zone)


def shift(instant: int, d: Duration, sign: Literal[1, -1], zone: tzinfo) -> int:
    """The instant a duration later (or earlier): `s m h` exactly, `d w` by calendar days with the same wall clock.

    No days at all is the instant itself, also in the second pass of a repeated hour.
    """
    if not d.is_calendar:
        return _checked(instant + sign * d.micros)
    return shift_days(instant, sign * d.days * DAY, zone)


def shift_days(instant: int, micros: int, zone: tzinfo) -> int:
    """The same wall clock some calendar days later or earlier, these given in microseconds."""
    if not micros:
        return instant
    try:  # what the lines below come to where the clock is plain, without their calls
        table = _offsets[zone]
        here, there = table[instant >> _STRETCH_BITS], table[instant + micros >> _STRETCH_BITS]
        if here is not None and there is not None:
            return instant + micros + here - there
    except KeyError:
        pass
    return _resolve(instant + offset(instant, zone) + micros, zone)


def shift_crossings(value: int, d: Duration, zone: tzinfo) -> list[int]:
    """The instants at which `value <= shift(now, d, 1, zone)` can change, in order; mostly one. Near changes of the clock there may be more
    of them than needed, never less: calendar days later is then no steady function of now.
    """
    if not d.is_calendar:
        return [value - d.micros]
    days = d.days * DAY
    about = _checked(value - days)
    if _plain_offset(value, zone) is not None and _plain_offset(about, zone) is not None:
        return [shift(value, d, -1, zone)] if d.amount else [value]
    reading = value + offset(value, zone)
    readings = {reading}
    for change in changes(value - _MARGIN, value + _MARGIN, zone):
        before, after = change + offset(change - 1, zone), change + offset(change, zone)
        readings |= {before, after, reading + before - after, reading + after - before}
    found = {about, *changes(about - _MARGIN, about + _MARGIN, zone)}
    for reading in readings:
        found |= {_resolve(reading - days, zone, 0), _resolve(reading - days, zone, 1)}
    return sorted(found)


def at_time(day: date, minutes: int, zone: tzinfo) -> int:
    """The instant of a time of day; 1440 is the next day's 00:00, and more counts on by calendar days."""
    return _resolve((day.toordinal() - EPOCH_ORDINAL) * DAY + minutes * MINUTE, zone)


def next_time(instant: int, minutes: int, zone: tzinfo) -> int:
    """The first such local time at or after an instant; in a repeated hour the second one counts too, when the first is past."""
    known = _plain_offset(instant, zone)
    if known is None:
        return min(found for found in _readings(instant, minutes, zone) if found >= instant)
    found = instant - (instant + known) % DAY + minutes * MINUTE
    return _checked(found if found >= instant else found + DAY)


def minutes_of_day(instant: int, zone: tzinfo) -> float:
    """Minutes since midnight on the wall clock, exact to the microsecond."""
    return (instant + offset(instant, zone)) % DAY / MINUTE


# ---- quiet hours --------------------------------------------------------------------------------------------------------------------


def in_quiet(instant: int, start: int, end: int, zone: tzinfo) -> bool:
    """Whether the wall clock reads `[start, end)`. start > end crosses midnight; start == end is never quiet."""
    clock = (instant + offset(instant, zone)) % DAY
    if start <= end:
        return start * MINUTE <= clock < end * MINUTE
    return clock >= start * MINUTE or clock < end * MINUTE


def quiet_release(instant: int, start: int, end: int, zone: tzinfo) -> int:
    """The next `end` after an instant, and not itself quiet.

    Where `end` falls into a gap it is moved forward like every local time; where it comes twice, the next one counts. Quiet hours of a
    whole day (0 to 1440) have no such instant: their `end` is then returned, so that the one who asks looks again once a day.
    """
    known = _plain_offset(instant, zone)
    if known is None:
        ends = sorted(found for found in _readings(instant, end, zone) if found > instant)
        return next((found for found in ends if not in_quiet(found, start, end, zone)), ends[0])
    found = instant - (instant + known) % DAY + end % 1440 * MINUTE
    return _checked(found if found > instant else found + DAY)


def next_quiet(instant: int, start: int, end: int, zone: tzinfo) -> int | None:
    """The first instant at or after this one at which it is quiet; None when it never is (start == end)."""
    if start == end:
        return None
    if in_quiet(instant, start, end, zone):
        return instant
    known = _plain_offset(instant, zone)
    if known is None:  # the clock may also jump into quiet hours
        starts = [*_readings(instant, start, zone), *changes(instant, instant + 3 * DAY, zone)]
        return min(found for found in starts if found >= instant and in_quiet(found, start, end, zone))
    found = instant - (instant + known) % DAY + start * MINUTE
    return _checked(found if found >= instant else found + DAY)


# ---- windows aligned to the clock -----------------------------------------------------------------------------------------------------


def aligned_start(instant: int, unit: Unit, zone: tzinfo) -> int:
    """Where the running minute, hour, day, week (from Monday) or month began. Windows of a unit never overlap and leave no gap."""
    return _aligned(instant, unit, zone)[0]


def aligned_end(instant: int, unit: Unit, zone: tzinfo) -> int:
    """Where the running window ends and the next one begins; always after the instant."""
    return _aligned(instant, unit, zone)[1]


def _aligned(instant: int, unit: Unit, zone: tzinfo) -> tuple[int, int]:
    window = _windows.get((unit, zone))
    if window is None or not window[0] <= instant < window[1]:
        window = _windows[unit, zone] = _window(instant, unit, zone)
    return window


def _window(instant: int, unit: Unit, zone: tzinfo) -> tuple[int, int]:
    known = _plain_offset(instant, zone)
    if unit in ("minute", "hour"):
        length = MINUTE if unit == "minute" else HOUR
        here = offset(instant, zone)
        start = instant - (instant + here) % length
        end = start + length
        if known is None:  # a change of the clock ends a window and begins another
            start = max([start, *changes(start, instant, zone)])
            end = min([end, *changes(instant, end, zone)])
        return start, end
    if known is not None and unit == "day":
        start = instant - (instant + known) % DAY
        return start, start + DAY
    try:
        return _aligned_days(instant, unit, zone)
    except OverflowError as error:
        raise _out_of_range() from error


def _aligned_days(instant: int, unit: Unit, zone: tzinfo) -> tuple[int, int]:
    day = local_date(instant, zone)
    if _plain_offset(instant, zone) is None:
        if day_start(day, zone) > instant:
            day -= timedelta(days=1)
        elif day_start(day + timedelta(days=1), zone) <= instant:  # the clock went back over midnight: still the new day
            day += timedelta(days=1)
    if unit == "day":
        first, after = day, day + timedelta(days=1)
    elif unit == "week":
        first = day - timedelta(days=day.weekday())
        after = first + timedelta(days=7)
    else:
        first = day.replace(day=1)
        after = (first + timedelta(days=31)).replace(day=1)
    return day_start(first, zone), day_start(after, zone)


def day_start(day: date, zone: tzinfo) -> int:
    """The first instant of a calendar day. Where midnight is in a gap, that is the change itself, which `at_time(day, 0)` need not be."""
    return day_starts(day, zone)[0]


def day_starts(day: date, zone: tzinfo) -> tuple[int, ...]:
    """All instants at which the calendar day can become this one or the one before; more than one only where midnight comes twice."""
    naive = (day.toordinal() - EPOCH_ORDINAL) * DAY
    first = _resolve(naive, zone)
    if _plain_offset(first, zone) is not None:
        return (first,)
    second = _resolve(naive, zone, fold=1)
    if first == second:
        return (first,)
    if first > second:  # a gap
        return tuple(changes(second, first, zone))
    return tuple(sorted({first, second, *changes(first, second, zone)}))


def changes(after: int, until: int, zone: tzinfo) -> list[int]:
    """The instants in `(after, until]` at which the zone's offset changes."""
    found = []
    low = after
    low_offset = _exact_offset(low, zone)
    while low < until:
        high = min(low + DAY, until)  # no two changes of any zone lie within one day
        high_offset = _exact_offset(high, zone)
        if high_offset != low_offset:
            found.append(_bisect(low, high, low_offset, zone))
        low, low_offset = high, high_offset
    return found


def _bisect(low: int, high: int, low_offset: int, zone: tzinfo) -> int:
    while high - low > 1:
        middle = (low + high) // 2
        if _exact_offset(middle, zone) == low_offset:
            low = middle
        else:
            high = middle
    return high


# ---- text ---------------------------------------------------------------------------------------------------------------------------


def parse_instant(text: str, zone: tzinfo | None) -> int:
    """ISO 8601: `2026-06-03T14:00[:00[.000000]]` with `Z` or `+08:00`, without an offset in `zone`; a bare date is 00:00 in `zone`.

    A space may stand for the T. Digits beyond the microsecond are cut. Raises ValueError for anything else, and where a zone is needed
    and `zone` is None.
    """
    if len(text) < 16 or text[13] != ":" or text[10] not in "T " or text[7] != "-":
        if zone is None:
            raise ValueError(f"{text!r} is not a date and time with an offset")
        return at_time(parse_date(text), 0, zone)
    ahead = _written_offsets.get(text[-6:])
    if ahead is not None:
        return _checked(_micros(_naive(text[:-6]) - EPOCH) - ahead)
    stamp = datetime.fromisoformat(text)
    if stamp.tzinfo is None:
        if zone is None:
            raise ValueError(f"{text!r} has no offset")
        return _resolve(_micros(stamp - EPOCH), zone)
    if text[-6] in "+-":  # a new way to write an offset; there are at most 2,878
        ahead = _micros(stamp.utcoffset() or timedelta())
        _naive(text[:-6])
        _written_offsets[text[-6:]] = ahead
    return _checked(_micros(stamp - EPOCH_UTC))


def _naive(text: str) -> datetime:
    stamp = datetime.fromisoformat(text)
    if stamp.tzinfo is not None:
        raise ValueError(f"{text!r} has two offsets")
    return stamp


def format_instant(instant: int) -> str:
    """`2026-06-03T14:00:00Z`, with six digits of fraction where it is not zero."""
    day, rest = divmod(instant, DAY)
    text = _day_texts.get(day) or _day_text(day)
    seconds, fraction = divmod(rest, SECOND)
    minutes, seconds = divmod(seconds, 60)
    if fraction:
        return f"{text}T{_CLOCKS[minutes]}:{seconds:02}.{fraction:06}Z"
    return f"{text}T{_CLOCKS[minutes]}:{seconds:02}Z"


def _day_text(day: int) -> str:
    if len(_day_texts) >= _MAX_STRETCHES:
        _day_texts.clear()
    return _day_texts.setdefault(day, _date(day).isoformat())


def parse_date(text: str) -> date:
    """`2026-06-03`, nothing else; ValueError otherwise."""
    if len(text) != 10 or text[4] != "-" or text[7] != "-":
        raise ValueError(f"{text!r} is not a date")
    return date.fromisoformat(text)


# ---- below: offsets -----------------------------------------------------------------------------------------------------------------


def _plain_offset(instant: int, zone: tzinfo) -> int | None:
    """The offset, if the clock does not change within two days around the instant."""
    try:
        return _offsets[zone][instant >> _STRETCH_BITS]
    except KeyError:
        return _survey(zone, instant >> _STRETCH_BITS)


def _survey(zone: tzinfo, stretch: int) -> int | None:
    """Remembers the offset of a stretch if it is the same throughout and two days around (no zone changes twice within a day)."""
    table = _offsets.setdefault(zone, {})
    if len(table) >= _MAX_STRETCHES:
        table.clear()
    low, high = (stretch << _STRETCH_BITS) - _MARGIN, (stretch + 1 << _STRETCH_BITS) + _MARGIN
    found: int | None = None
    if low - DAY > MIN_INSTANT and high + DAY < MAX_INSTANT:
        seen = {_exact_offset(instant, zone) for instant in (*range(low, high, DAY), high)}
        found = seen.pop() if len(seen) == 1 else None
    table[stretch] = found
    return found


def _exact_offset(instant: int, zone: tzinfo) -> int:
    # Near the ends of time a local reading may not exist, but the offset is that of a few days away ("9999-12-31" is a common "never").
    inside = min(max(_checked(instant), MIN_INSTANT + _MARGIN), MAX_INSTANT - _MARGIN)
    ahead = _aware(inside, zone).utcoffset()
    assert ahead is not None
    return _micros(ahead)


def _aware(instant: int, zone: tzinfo) -> datetime:
    try:
        return (EPOCH_UTC + timedelta(microseconds=instant)).astimezone(zone)
    except OverflowError as error:
        raise _out_of_range() from error


def _resolve(naive: int, zone: tzinfo, fold: Literal[0, 1] = 0) -> int:
    """The instant of a wall clock reading in microseconds; fold as in PEP 495."""
    # Read as if it were UTC it is at most a day off, so where the clock is plain here it is plain there.
    known = _plain_offset(naive, zone)
    if known is not None:
        return naive - known
    try:
        reading = (EPOCH + timedelta(microseconds=naive)).replace(tzinfo=zone, fold=fold)
        ahead = reading.utcoffset()
    except OverflowError as error:
        raise _out_of_range() from error
    assert ahead is not None
    return _checked(naive - _micros(ahead))


def _readings(instant: int, minutes: int, zone: tzinfo) -> set[int]:
    """The instants around this one at which the wall clock reads so: of yesterday (a gap may move it) to the day after tomorrow."""
    today = (instant + offset(instant, zone)) // DAY * DAY + minutes * MINUTE
    folds: tuple[Literal[0], Literal[1]] = (0, 1)
    found = {_resolve(today + days * DAY, zone) for days in (-2, -1, 0, 1, 2)}
    for days in (-1, 0, 1):
        first, second = (_resolve(today + days * DAY, zone, fold) for fold in folds)
        if first < second:  # a repeated hour; in a gap fold=1 would mean a time before it
            found.add(second)
    return found


def _date(days: int) -> date:
    try:
        return date.fromordinal(days + EPOCH_ORDINAL)
    except OverflowError as error:
        raise _out_of_range() from error


def _micros(delta: timedelta) -> int:
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds


def _checked(instant: int) -> int:
    if MIN_INSTANT <= instant <= MAX_INSTANT:
        return instant
    raise _out_of_range()


def _out_of_range() -> ValueError:
    return ValueError("the instant lies outside the years 0001 to 9999")
