"""When schedules are due: crontab, instants, festivals, dates of users."""

from __future__ import annotations

from datetime import date, timedelta

import holidays
import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import calendar, zones
from rules.festivals import ALIASES, FESTIVALS
from rules.model import MINUTE, CronSchedule, DateSchedule, Duration, FestivalSchedule, OnceSchedule

SHANGHAI = zones.zone("Asia/Shanghai")
AT_10 = 600


def at(text: str, zone: str = "Asia/Shanghai") -> int:
    return zones.parse_instant(text, zones.zone(zone))


def shown(instant: int | None, zone: str = "Asia/Shanghai") -> str | None:
    if instant is None:
        return None
    reading = zones.local(instant, zones.zone(zone))
    return f"{reading:%Y-%m-%d %H:%M}" + (" again" if reading.fold else "")


def cron_ticks(cron: str, after: int, zone: str, count: int) -> list[str | None]:
    ticks: list[str | None] = []
    for _ in range(count):
        found = calendar.next_ticks(CronSchedule((), cron), after, zones.zone(zone))
        ticks.append(shown(found, zone))
        if found is None:
            break
        assert found > after
        after = found
    return ticks


# ---- cron -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cron", "after", "ticks"),
    [
        pytest.param("0 10 * * 1", "2026-06-01T10:00", ["2026-06-08 10:00", "2026-06-15 10:00"], id="Mondays, strictly after"),
        pytest.param("0 10 * * 1", "2026-06-01T09:59:59.999999", ["2026-06-01 10:00"], id="a microsecond before"),
        pytest.param("0 10 * * 0", "2026-06-01T00:00", ["2026-06-07 10:00"], id="0 is Sunday"),
        pytest.param("0 10 * * 7", "2026-06-01T00:00", ["2026-06-07 10:00"], id="7 is Sunday"),
        pytest.param("0 0 13 * 5", "2026-06-01T00:00", ["2026-06-05 00:00", "2026-06-12 00:00", "2026-06-13 00:00"], id="day or weekday"),
        pytest.param("*/20 8-9 * * *", "2026-06-01T08:30", ["2026-06-01 08:40", "2026-06-01 09:00"], id="steps and ranges"),
        pytest.param("30 9 1 jan,JUL *", "2026-06-01T00:00", ["2026-07-01 09:30", "2027-01-01 09:30"], id="names"),
        pytest.param("0 0 29 2 *", "2026-06-01T00:00", ["2028-02-29 00:00", "2032-02-29 00:00"], id="leap days"),
        pytest.param("0 0 31 2 *", "2026-06-01T00:00", [None], id="31 February never comes"),
        pytest.param("0 0 30 2 0", "2026-06-01T00:00", ["2027-02-07 00:00"], id="30 February or a Sunday in February"),
    ],
)
def test_cron(cron: str, after: str, ticks: list[str | None]) -> None:
    assert cron_ticks(cron, at(after), "Asia/Shanghai", len(ticks)) == ticks


@pytest.mark.parametrize(
    ("zone", "cron", "after", "ticks"),
    [
        pytest.param("America/New_York", "30 2 * * *", "2026-03-07T12:00", ["2026-03-08 03:30", "2026-03-09 02:30"], id="in a gap"),
        pytest.param(
            "America/New_York", "*/30 * * * *", "2026-03-08T01:00",
            ["2026-03-08 01:30", "2026-03-08 03:00", "2026-03-08 03:30", "2026-03-08 04:00"], id="over a gap, ticks that meet are one",
        ),
        pytest.param("America/New_York", "15,45 2,3 * * *", "2026-03-08T03:20", ["2026-03-08 03:45", "2026-03-09 02:15"], id="after a gap"),
        pytest.param("America/New_York", "50 2 * * *", "2026-03-08T03:20", ["2026-03-08 03:50"], id="moved by the gap, asked after it"),
        pytest.param(
            "America/New_York", "45 2,3 * * *", "2026-03-08T01:00", ["2026-03-08 03:45", "2026-03-09 02:45"], id="02:45 and 03:45 meet",
        ),
        pytest.param(
            "America/New_York", "59 2 * * *", "2026-03-08T01:00", ["2026-03-08 03:59", "2026-03-09 02:59"], id="the last of a gap",
        ),
        pytest.param(
            "America/New_York", "59 2,3 8 3 *", "2026-03-08T01:00", ["2026-03-08 03:59", "2027-03-08 02:59"], id="not in order, one",
        ),
        pytest.param(
            "America/New_York", "50 2 * * *", "2026-03-08T01:00", ["2026-03-08 03:50", "2026-03-09 02:50"], id="late in a gap",
        ),
        pytest.param(
            "America/New_York", "50,10 2,3 * * *", "2026-03-08T03:00", ["2026-03-08 03:10", "2026-03-08 03:50"], id="02:50 before 03:10",
        ),
        pytest.param(
            "America/New_York", "0,50 2,3 8 3 *", "2026-03-08T01:00", ["2026-03-08 03:00", "2026-03-08 03:50", "2027-03-08 02:00"],
            id="02:50 is after 03:00",
        ),
        pytest.param("America/New_York", "30 1 * * *", "2026-11-01T00:00", ["2026-11-01 01:30", "2026-11-02 01:30"], id="twice: the first"),
        pytest.param(
            "America/New_York", "*/30 * * * *", "2026-11-01T01:00", ["2026-11-01 01:30", "2026-11-01 02:00"], id="not in the second pass",
        ),
        pytest.param("America/New_York", "*/30 * * * *", "2026-11-01T06:10Z", ["2026-11-01 02:00"], id="asked in the second pass"),
        pytest.param("America/Sao_Paulo", "0 0 * * *", "2018-11-03T12:00", ["2018-11-04 01:00", "2018-11-05 00:00"], id="midnight in gap"),
        pytest.param("Pacific/Apia", "0 10 * * *", "2011-12-29T12:00", ["2011-12-31 10:00", "2012-01-01 10:00"], id="a day that never was"),
        pytest.param("Pacific/Apia", "0 10 30 12 *", "2011-12-29T12:00", ["2011-12-31 10:00", "2012-12-30 10:00"], id="on that day"),
        pytest.param("Australia/Lord_Howe", "10 2 * * *", "2026-10-03T12:00", ["2026-10-04 02:40", "2026-10-05 02:10"], id="half an hour"),
        pytest.param(
            "Australia/Lord_Howe", "25,35 2 * * *", "2026-10-03T12:00", ["2026-10-04 02:35", "2026-10-04 02:55"], id="02:25 is after 02:35",
        ),
    ],
)  # fmt: skip
def test_cron_where_the_clock_changes(zone: str, cron: str, after: str, ticks: list[str]) -> None:
    assert cron_ticks(cron, at(after, zone), zone, len(ticks)) == ticks


@settings(deadline=None)
@given(
    st.sampled_from(["* * * * *", "*/7 * * * *", "0 * * * *", "13,40 1-3 * * *", "25,35 2 * * *", "30 2 * * *", "0 0 * * *",
                     "30 23 * * 0,3"]),
    st.sampled_from([("America/New_York", "2026-03-08"), ("America/New_York", "2026-11-01"), ("Australia/Lord_Howe", "2026-10-04"),
                     ("America/Sao_Paulo", "2018-11-04"), ("America/St_Johns", "2006-10-29"), ("Pacific/Apia", "2011-12-30")]),
    st.integers(-30 * 60, 30 * 60),
)  # fmt: skip
def test_cron_is_the_readings_made_instants(cron: str, day: tuple[str, str], minutes: int) -> None:
    """All naive ticks of the days around, resolved: the next tick is the first of them that is later."""
    zone = zones.zone(day[0])
    after = at(day[1], day[0]) + minutes * MINUTE
    first = zones.local(after, zone).replace(second=0, microsecond=0) - timedelta(days=1, hours=1)
    readings = CronSim(cron, first)
    last = first + timedelta(days=9 if cron.endswith("0,3") else 3)
    instants = set()
    while (reading := next(readings)) < last:
        instants.add(zones.resolve(reading, zone))

    assert calendar.next_ticks(CronSchedule((), cron), after, zone) == min(instant for instant in instants if instant > after)


@pytest.mark.parametrize("cron", ["", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * * 8", "a * * * *"])
def test_what_is_no_cron_is_refused(cron: str) -> None:
    with pytest.raises(ValueError, match="crontab"):
        calendar.next_ticks(CronSchedule((), cron), 0, SHANGHAI)


def test_cron_ends_with_time() -> None:
    assert calendar.next_ticks(CronSchedule((), "0 0 1 1 *"), at("9999-06-01"), zones.zone("UTC")) is None


def test_once() -> None:
    once = OnceSchedule((), at("2026-06-16T10:00"))

    assert calendar.next_ticks(once, at("2026-06-16T09:59"), SHANGHAI) == once.at
    assert calendar.next_ticks(once, once.at, SHANGHAI) is None


# ---- festivals --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("春节", "2026-02-17"), ("端午", "2026-06-19"), ("中秋", "2026-09-25"), ("除夕", "2026-02-16"), ("元宵", "2026-03-03"),
        ("清明", "2026-04-05"), ("七夕", "2026-08-19"), ("重阳", "2026-10-18"), ("国庆", "2026-10-01"), ("元旦", "2026-01-01"),
        ("母亲节", "2026-05-10"), ("父亲节", "2026-06-21"), ("冬至", "2026-12-22"), ("圣诞", "2026-12-25"), ("劳动节", "2026-05-01"),
        ("春节", "2027-02-06"), ("清明", "2027-04-05"), ("端午", "2027-06-09"), ("中秋", "2027-09-15"), ("清明", "2024-04-04"),
        ("端午", "2009-05-28"), ("中秋", "2025-10-06"), ("除夕", "2025-01-28"),
    ],
)  # fmt: skip
def test_festivals(name: str, day: str) -> None:
    assert calendar.festival_date(name, int(day[:4])) == date.fromisoformat(day)


def test_a_lunar_festival_at_the_year_s_end_belongs_to_the_lunar_year() -> None:
    assert calendar.festival_date("腊八", 2026) == date(2027, 1, 15)


def test_every_festival_is_known_in_every_year() -> None:
    for name in (*FESTIVALS, *ALIASES):
        for year in (1950, 1984, 2033, 2099):
            assert abs((calendar.festival_date(name, year) - date(year, 7, 1)).days) < 240


@pytest.mark.parametrize(("name", "theirs"), [("春节", "春节"), ("清明", "清明节"), ("端午", "端午节"), ("中秋", "中秋节")])
def test_festivals_agree_with_another_library(name: str, theirs: str) -> None:
    """`holidays` works them out by itself; from 2008 on these four are public holidays."""
    public = holidays.country_holidays("CN", years=range(2008, 2100), language="zh_CN")

    for year in range(2008, 2100):
        assert theirs in public[calendar.festival_date(name, year)].split("; ")


def test_an_unknown_festival_or_year_is_refused() -> None:
    with pytest.raises(KeyError):
        calendar.festival_date("双十一", 2026)
    with pytest.raises(ValueError, match="1950-2099"):
        calendar.festival_date("春节", 2100)


@pytest.mark.parametrize(
    ("names", "before", "after", "tick"),
    [
        pytest.param(["端午"], ["3d"], "2026-06-01T00:00", "2026-06-16 10:00", id="three days before"),
        pytest.param(["端午"], ["3d"], "2026-06-16T10:00", "2027-06-06 10:00", id="the next year"),
        pytest.param(["端午"], ["3d", "0d"], "2026-06-16T10:00", "2026-06-19 10:00", id="several"),
        pytest.param(["中秋", "国庆"], ["0d"], "2026-09-25T10:00", "2026-10-01 10:00", id="the first of several festivals"),
        pytest.param(["元旦"], ["3d"], "2026-12-28T00:00", "2026-12-29 10:00", id="before, in the old year"),
        pytest.param(["腊八"], ["0d"], "2026-12-31T00:00", "2027-01-15 10:00", id="a lunar year later than the year"),
        pytest.param(["腊八"], ["0d"], "2022-01-01T00:00", "2022-01-10 10:00", id="twice in 2022, first"),
        pytest.param(["腊八"], ["0d"], "2022-01-11T00:00", "2022-12-30 10:00", id="twice in 2022, second"),
        pytest.param(["春节"], ["1w"], "2026-02-10T10:00", "2027-01-30 10:00", id="weeks"),
        pytest.param(["春节"], ["0d"], "2099-06-01T00:00", None, id="after the last known year"),
        pytest.param(["春节"], ["0d"], "1800-06-01T00:00", "1950-02-17 10:00", id="before the first known year"),
    ],
)
def test_festival_schedules(names: list[str], before: list[str], after: str, tick: str | None) -> None:
    lengths = tuple(Duration(int(text[:-1]), text[-1]) for text in before)  # type: ignore[arg-type]
    schedule = FestivalSchedule((), tuple(names), lengths, AT_10)

    assert shown(calendar.next_ticks(schedule, at(after), SHANGHAI)) == tick


# ---- dates of users ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "yearly", "before", "after", "tick"),
    [
        pytest.param("1990-06-05", True, ["0d"], "2026-06-01T00:00", "2026-06-05 10:00", id="birthday"),
        pytest.param("1990-06-05", True, ["0d"], "2026-06-05T10:00", "2027-06-05 10:00", id="the next one"),
        pytest.param("1992-02-29", True, ["0d"], "2026-01-01T00:00", "2026-02-28 10:00", id="29 February in a common year"),
        pytest.param("1992-02-29", True, ["0d"], "2028-01-01T00:00", "2028-02-29 10:00", id="29 February in a leap year"),
        pytest.param("1992-02-29", True, ["1d"], "2026-01-01T00:00", "2026-02-27 10:00", id="before is counted from the anniversary"),
        pytest.param("1992-03-01", True, ["1d"], "2028-01-01T00:00", "2028-02-29 10:00", id="the day before 1 March"),
        pytest.param("1990-01-02", True, ["7d", "3d"], "2026-12-26T10:00", "2026-12-30 10:00", id="before, over the new year"),
        pytest.param("2030-06-05", True, ["0d"], "2026-01-01T00:00", "2030-06-05 10:00", id="not before the date itself"),
        pytest.param("2026-06-10", False, ["7d", "3d"], "2026-06-01T00:00", "2026-06-03 10:00", id="an expiry, first reminder"),
        pytest.param("2026-06-10", False, ["7d", "3d"], "2026-06-03T10:00", "2026-06-07 10:00", id="an expiry, second reminder"),
        pytest.param("2026-06-10", False, ["7d", "3d"], "2026-06-07T10:00", None, id="an expiry, done"),
        pytest.param("0001-01-01", False, ["7d"], "2026-06-07T10:00", None, id="before the year 1"),
        pytest.param("9999-12-31", True, ["0d"], "9999-12-31T11:00", None, id="after 9999"),
    ],
)
def test_dates_of_users(value: str, yearly: bool, before: list[str], after: str, tick: str | None) -> None:
    lengths = tuple(Duration(int(text[:-1]), text[-1]) for text in before)  # type: ignore[arg-type]
    schedule = DateSchedule((), "user.date", lengths, AT_10, yearly)

    assert shown(calendar.user_ticks(schedule, date.fromisoformat(value), at(after), SHANGHAI)) == tick


@pytest.mark.parametrize(
    ("zone", "value", "tick"),
    [
        ("Asia/Shanghai", "2026-06-09T20:00Z", "2026-06-10 10:00"),
        ("America/New_York", "2026-06-10T02:00Z", "2026-06-09 10:00"),
        ("Asia/Shanghai", "9999-12-31T23:59Z", None),
    ],
)
def test_a_datetime_counts_as_its_day_in_the_user_s_zone(zone: str, value: str, tick: str | None) -> None:
    schedule = DateSchedule((), "user.expires_at", at=AT_10)

    assert shown(calendar.user_ticks(schedule, at(value), at("2026-06-01"), zones.zone(zone)), zone) == tick


@settings(deadline=None)
@given(
    st.dates(date(1950, 1, 1), date(2060, 1, 1)),
    st.lists(st.integers(0, 500), min_size=1, max_size=3),
    st.integers(at("2024-01-01"), at("2033-01-01")),
    st.sampled_from(["Asia/Shanghai", "America/New_York", "Pacific/Apia"]),
)
def test_anniversaries_are_the_first_of_all(day: date, before: list[int], after: int, zone: str) -> None:
    schedule = DateSchedule((), "user.date", tuple(Duration(days, "d") for days in before), AT_10, yearly=True)
    every = []
    for year in range(day.year, 2070):
        leap = day.replace(year=2000)
        anniversary = date(year, 2, 28) if leap == date(2000, 2, 29) and year % 4 else leap.replace(year=year)
        every += [zones.at_time(anniversary - timedelta(days=days), AT_10, zones.zone(zone)) for days in before]

    assert calendar.user_ticks(schedule, day, after, zones.zone(zone)) == min(tick for tick in every if tick > after)
