"""When schedules are due: crontab lines, single instants, festivals, and the dates of users.

Every tick is strictly after the instant asked from. Wall clocks that do not exist move forward by the gap, of two the first counts, and
ticks that meet by that are one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache

from cronsim import CronSim, CronSimError
from cronsim.cronsim import Field as CronField
from lunar_python import Lunar, Solar

from engine.core.zones import at_time, local, local_date, offset, resolve
from rules.festivals import ALIASES, FESTIVALS, FestivalDate
from rules.model import DAY, CronSchedule, DateSchedule, Duration, FestivalSchedule, OnceSchedule

FIRST_FESTIVAL_YEAR, LAST_FESTIVAL_YEAR = 1950, 2099
_SOLAR_TERMS = {4: "清明", 12: "冬至"}


def next_ticks(schedule: CronSchedule | OnceSchedule | FestivalSchedule, after: int, zone: tzinfo) -> int | None:
    """The first tick after an instant; None: never again. Raises ValueError for a crontab line that is none, KeyError for no festival."""
    match schedule:
        case CronSchedule(cron=cron):
            return _next_cron(cron, after, zone)
        case OnceSchedule(at=at):
            return at if at > after else None
        case FestivalSchedule():
            return _next_festival(schedule, after, zone)


def user_ticks(schedule: DateSchedule, value: date | int, after: int, zone: tzinfo) -> int | None:
    """The first due instant after `after` for a user's date (a datetime counts as its day in the user's zone); None: never again.

    `yearly` begins with the date itself and comes back every year, a 29 February as 28 February in other years.
    """
    try:
        day = local_date(value, zone) if isinstance(value, int) else value
    except ValueError:  # the last hours of 9999, which people write for "never"
        return None
    first_year = max(day.year, local_date(after, zone).year - 1)
    ticks = []
    for before in schedule.before:
        days = _anniversaries(day, first_year) if schedule.yearly else (day,)
        ticks.append(_first_due(days, before, schedule, after, zone))
    return min([tick for tick in ticks if tick is not None], default=None)


def festival_date(name: str, year: int) -> date:
    """The day of a festival. `year` is the lunar year for lunar ones, so that 腊八 of 2026 is in January 2027.

    Raises KeyError for an unknown name, ValueError outside 1950-2099.
    """
    if not FIRST_FESTIVAL_YEAR <= year <= LAST_FESTIVAL_YEAR:
        raise ValueError(f"festivals are known for {FIRST_FESTIVAL_YEAR}-{LAST_FESTIVAL_YEAR}, not {year}")
    return _festival_date(FESTIVALS[ALIASES.get(name, name)], year)


# ---- cron -------------------------------------------------------------------------------------------------------------------------------


def _next_cron(cron: str, after: int, zone: tzinfo) -> int | None:
    """Readings of the wall clock in order, each made an instant.

    Across a gap the instants are not in order: 02:30 that does not exist comes after 03:00. So the readings begin as much earlier as the
    clock has just jumped, and behind a reading in a gap those that may come before it are looked at too.
    """
    jumped = max(offset(after, zone) - offset(after - DAY, zone), 0)
    best: int | None = None
    last = datetime.max
    for reading in _readings(cron, local(after, zone) - timedelta(microseconds=jumped)):
        if reading > last:
            break
        try:
            instant = resolve(reading, zone)
        except ValueError:
            break
        if instant > after and (best is None or instant < best):
            best = instant
            last = min(last, local(instant, zone))
    return best


def _readings(cron: str, after: datetime) -> Iterator[datetime]:
    """The wall clock readings of a crontab line after one, in order; none for a day that never comes, like 31 February."""
    if len(cron.split()) != 5:
        raise ValueError(f"{cron!r} is not a crontab line of five fields")
    try:
        yield from CronSim(cron, after)
    except CronSimError as error:
        if not _is_cron(cron):
            raise ValueError(f"{cron!r} is not a crontab line: {error}") from error
    except OverflowError:
        return


def _is_cron(cron: str) -> bool:
    """Whether each field is right by itself; together they may still never be."""
    try:
        for number, part in enumerate(cron.upper().split(), 1):
            CronField(number).parse(part)
    except CronSimError:
        return False
    return True


# ---- festivals --------------------------------------------------------------------------------------------------------------------------


def _next_festival(schedule: FestivalSchedule, after: int, zone: tzinfo) -> int | None:
    year = local_date(after, zone).year
    found = (
        _first_due(_festival_days(name, year), before, schedule, after, zone) for name in schedule.festivals for before in schedule.before
    )
    return min([tick for tick in found if tick is not None], default=None)


def _festival_days(name: str, year: int) -> Iterator[date]:
    """The days of a festival in order, beginning before the solar year."""
    for candidate in range(max(year - 2, FIRST_FESTIVAL_YEAR), LAST_FESTIVAL_YEAR + 1):
        yield festival_date(name, candidate)


@lru_cache(maxsize=4096)
def _festival_date(festival: FestivalDate, year: int) -> date:
    kind, month, day = festival
    match kind:
        case "solar":
            return date(year, month, day)
        case "sunday":
            first = date(year, month, 1)
            return first + timedelta(days=6 - first.weekday() + 7 * (day - 1))
        case "lunar":
            solar = Lunar.fromYmd(year, month, max(day, 1)).getSolar()
            return date(solar.getYear(), solar.getMonth(), solar.getDay()) - timedelta(days=0 if day else 1)
        case "term":
            term = _SOLAR_TERMS[month]
            return next(date(year, month, day) for day in range(1, 31) if Solar.fromYmd(year, month, day).getLunar().getJieQi() == term)


# ---- days, `before` them, at a time -----------------------------------------------------------------------------------------------------


def _anniversaries(day: date, first_year: int) -> Iterator[date]:
    for year in range(first_year, date.max.year + 1):
        try:
            yield day.replace(year=year)
        except ValueError:
            yield date(year, 2, 28)


def _first_due(days: Iterable[date], before: Duration, schedule: DateSchedule | FestivalSchedule, after: int, zone: tzinfo) -> int | None:
    """The first instant after `after` that is so long before one of the days, which come in order."""
    for day in days:
        try:
            tick = _due(day, before, schedule.at, zone)
        except (ValueError, OverflowError):  # before the year 1, or after 9999
            continue
        if tick > after:
            return tick
    return None


def _due(day: date, before: Duration, minutes: int, zone: tzinfo) -> int:
    if before.is_calendar:
        return at_time(day - timedelta(days=before.days), minutes, zone)
    return at_time(day, minutes, zone) - before.micros
