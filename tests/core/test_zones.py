"""Local clocks: daylight saving in all its forms, quiet hours, aligned windows, instants as text."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import zones
from rules.model import DAY, HOUR, MINUTE, SECOND, Duration

NAMES = (
    "UTC", "Asia/Shanghai", "America/New_York", "America/Sao_Paulo", "Europe/London", "Australia/Lord_Howe", "Pacific/Apia",
    "Asia/Urumqi", "America/St_Johns", "Asia/Gaza", "Antarctica/Troll", "Asia/Kolkata",
)  # fmt: skip


def at(text: str, zone: str | None = None) -> int:
    return zones.parse_instant(text, zones.zone(zone) if zone else None)


def shown(instant: int, zone: str) -> str:
    reading = zones.local(instant, zones.zone(zone))
    return reading.isoformat() + (" again" if reading.fold else "")


def interesting_instants() -> list[tuple[str, int]]:
    """Every change of the clock of the zones above in some telling years."""
    found = []
    for name in NAMES:
        for year in (1986, 1991, 2006, 2011, 2018, 2026, 2040):
            start = at(f"{year}-01-01T00:00Z")
            found += [(name, change) for change in zones.changes(start, start + 366 * DAY, zones.zone(name))]
    return found


CHANGES = interesting_instants()
AROUND = st.builds(
    lambda place, away: (place[0], place[1] + away),
    st.sampled_from(CHANGES),
    st.one_of(st.integers(-3 * DAY, 3 * DAY), st.integers(-6, 6).map(lambda half: half * HOUR // 2), st.integers(-2, 2)),
)
ANYWHERE = st.tuples(st.sampled_from(NAMES), st.integers(at("1900-01-01T00:00Z"), at("2100-01-01T00:00Z")))
PLACES = st.one_of(AROUND, ANYWHERE)
MINUTES = st.integers(0, 1439)


# ---- wall clocks and instants ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "reading", "instant"),
    [
        pytest.param("Asia/Shanghai", "2026-06-03T14:00", "2026-06-03T06:00Z", id="plain"),
        pytest.param("Asia/Shanghai", "1988-07-01T12:00", "1988-07-01T03:00Z", id="Shanghai had summer time"),
        pytest.param("Asia/Urumqi", "2026-06-03T14:00", "2026-06-03T08:00Z", id="Urumqi is two hours behind Beijing"),
        pytest.param("America/New_York", "2026-03-08T02:30", "2026-03-08T07:30Z", id="gap: 02:30 is 03:30"),
        pytest.param("America/New_York", "2026-03-08T02:00", "2026-03-08T07:00Z", id="gap: its first minute"),
        pytest.param("America/New_York", "2026-03-08T03:00", "2026-03-08T07:00Z", id="gap: its end"),
        pytest.param("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30Z", id="fold: the first"),
        pytest.param("America/New_York", "2026-11-01T02:00", "2026-11-01T07:00Z", id="fold: its end"),
        pytest.param("America/Sao_Paulo", "2018-11-04T00:00", "2018-11-04T03:00Z", id="midnight in a gap"),
        pytest.param("America/Sao_Paulo", "2018-02-17T23:30", "2018-02-18T01:30Z", id="fold before midnight"),
        pytest.param("America/Sao_Paulo", "2018-02-18T00:00", "2018-02-18T03:00Z", id="midnight after the fold"),
        pytest.param("Europe/London", "2026-03-29T01:15", "2026-03-29T01:15Z", id="London spring"),
        pytest.param("Europe/London", "2026-10-25T01:15", "2026-10-25T00:15Z", id="London autumn"),
        pytest.param("Australia/Lord_Howe", "2026-10-04T02:10", "2026-10-03T15:40Z", id="a gap of half an hour"),
        pytest.param("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45Z", id="a fold of half an hour"),
        pytest.param("Pacific/Apia", "2011-12-30T10:00", "2011-12-30T20:00Z", id="a day that never was"),
        pytest.param("Pacific/Apia", "2011-12-31T10:00", "2011-12-30T20:00Z", id="the day after it"),
    ],
)
def test_a_wall_clock_reading_is_one_instant(zone: str, reading: str, instant: str) -> None:
    assert zones.format_instant(at(reading, zone)) == zones.format_instant(at(instant))
    assert zones.resolve(datetime.fromisoformat(reading).replace(fold=1), zones.zone(zone)) == at(instant), "fold is ignored"


@pytest.mark.parametrize(
    ("zone", "instant", "reading"),
    [
        ("America/New_York", "2026-11-01T05:30Z", "2026-11-01T01:30:00"),
        ("America/New_York", "2026-11-01T06:30Z", "2026-11-01T01:30:00 again"),
        ("Asia/Shanghai", "2026-06-03T16:00:00.000001Z", "2026-06-04T00:00:00.000001"),
        ("Asia/Shanghai", "1988-07-01T03:00Z", "1988-07-01T12:00:00"),
    ],
)
def test_local_is_the_wall_clock(zone: str, instant: str, reading: str) -> None:
    assert shown(at(instant), zone) == reading


@settings(deadline=None)
@given(PLACES)
def test_local_agrees_with_zoneinfo(place: tuple[str, int]) -> None:
    name, instant = place
    expected = (zones.EPOCH_UTC + timedelta(microseconds=instant)).astimezone(ZoneInfo(name)).replace(tzinfo=None)

    got = zones.local(instant, zones.zone(name))

    assert (got, got.fold) == (expected, expected.fold)
    assert zones.local_date(instant, zones.zone(name)) == expected.date()
    since_midnight = expected - expected.replace(hour=0, minute=0, second=0, microsecond=0)
    assert round(zones.minutes_of_day(instant, zones.zone(name)) * MINUTE) == since_midnight // timedelta(microseconds=1)


@settings(deadline=None)
@given(PLACES)
def test_resolve_and_local_are_inverse_outside_repeated_hours(place: tuple[str, int]) -> None:
    name, instant = place
    reading = zones.local(instant, zones.zone(name))

    back = zones.resolve(reading, zones.zone(name))

    assert back < instant if reading.fold else back == instant


@pytest.mark.parametrize("name", ["Asia/Peking", "", "../etc/passwd", "America", "localtime", "right/UTC", "/etc/localtime", "a" * 300])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises((KeyError, ValueError)):
        zones.zone(name)


# ---- offsets of days ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "start", "length", "sign", "end"),
    [
        pytest.param("America/New_York", "2026-03-07T02:30", Duration(1, "d"), 1, "2026-03-08T03:30", id="a day later is in the gap"),
        pytest.param("America/New_York", "2026-03-07T02:30", Duration(24, "h"), 1, "2026-03-08T03:30", id="24 hours later"),
        pytest.param("America/New_York", "2026-03-07T12:00", Duration(1, "d"), 1, "2026-03-08T12:00", id="a short day"),
        pytest.param("America/New_York", "2026-03-07T12:00", Duration(24, "h"), 1, "2026-03-08T13:00", id="24 hours over a short day"),
        pytest.param("America/New_York", "2026-11-02T01:30", Duration(1, "d"), -1, "2026-11-01T01:30", id="a day earlier, twice"),
        pytest.param("Asia/Shanghai", "2026-06-03T10:00", Duration(2, "w"), 1, "2026-06-17T10:00", id="weeks"),
        pytest.param("Pacific/Apia", "2011-12-29T10:00", Duration(1, "d"), 1, "2011-12-31T10:00", id="into the day that never was"),
        pytest.param("America/Sao_Paulo", "2018-11-03T00:00", Duration(1, "d"), 1, "2018-11-04T01:00", id="midnight in a gap"),
    ],
)
def test_shift(zone: str, start: str, length: Duration, sign: int, end: str) -> None:
    assert shown(zones.shift(at(start, zone), length, 1 if sign > 0 else -1, zones.zone(zone)), zone) == f"{end}:00"


@settings(deadline=None)
@given(PLACES, st.integers(0, 400), st.sampled_from("smhdw"))
def test_shift_keeps_the_wall_clock_or_the_length(place: tuple[str, int], amount: int, unit: str) -> None:
    name, instant = place
    zone = zones.zone(name)
    length = Duration(amount, unit)  # type: ignore[arg-type]

    there = zones.shift(instant, length, 1, zone)

    if not length.is_calendar:
        assert there - instant == length.micros
        assert zones.shift(there, length, -1, zone) == instant
    elif amount:
        wanted = zones.local(instant, zone) + timedelta(days=length.days)
        assert there == zones.resolve(wanted, zone)
        if zones.local(there, zone) == wanted and not zones.local(instant, zone).fold:
            assert zones.shift(there, length, -1, zone) == instant
    else:
        assert there == instant


# ---- times of day -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "now", "minutes", "found"),
    [
        pytest.param("Asia/Shanghai", "2026-06-03T02:00Z", 600, "2026-06-03T10:00:00", id="right now"),
        pytest.param("Asia/Shanghai", "2026-06-03T02:00:01Z", 600, "2026-06-04T10:00:00", id="just missed"),
        pytest.param("America/New_York", "2026-11-01T05:00Z", 90, "2026-11-01T01:30:00", id="the first of two"),
        pytest.param("America/New_York", "2026-11-01T05:31Z", 90, "2026-11-01T01:30:00 again", id="the second of two"),
        pytest.param("America/New_York", "2026-11-01T06:31Z", 90, "2026-11-02T01:30:00", id="both past"),
        pytest.param("America/New_York", "2026-03-08T06:00Z", 150, "2026-03-08T03:30:00", id="in a gap"),
        pytest.param("America/New_York", "2026-03-08T07:15Z", 150, "2026-03-08T03:30:00", id="in a gap, seen from after it"),
        pytest.param("Pacific/Apia", "2011-12-30T09:00Z", 600, "2011-12-31T10:00:00", id="over a day that never was"),
        pytest.param("Asia/Shanghai", "2026-06-03T02:00Z", 1440, "2026-06-04T00:00:00", id="24:00"),
    ],
)
def test_next_time(zone: str, now: str, minutes: int, found: str) -> None:
    assert shown(zones.next_time(at(now), minutes, zones.zone(zone)), zone) == found


@settings(deadline=None)
@given(PLACES, MINUTES)
def test_next_time_is_the_first_at_or_after(place: tuple[str, int], minutes: int) -> None:
    name, instant = place
    zone = zones.zone(name)

    found = zones.next_time(instant, minutes, zone)

    assert instant <= found <= instant + 2 * DAY + 2 * HOUR
    assert zones.next_time(found, minutes, zone) == found
    days = [zones.local_date(instant, zone) + timedelta(days=days) for days in (-1, 0, 1, 2)]
    assert found <= min(ready for day in days if (ready := zones.at_time(day, minutes, zone)) >= instant)


# ---- quiet hours ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "now", "start", "end", "release"),
    [
        pytest.param("Asia/Shanghai", "2026-06-03T21:00", 1260, 480, "2026-06-04T08:00:00", id="from is quiet"),
        pytest.param("Asia/Shanghai", "2026-06-03T20:59:59.999999", 1260, 480, None, id="just before"),
        pytest.param("Asia/Shanghai", "2026-06-03T08:00", 1260, 480, None, id="to is not quiet"),
        pytest.param("Asia/Shanghai", "2026-06-03T07:59:59.999999", 1260, 480, "2026-06-03T08:00:00", id="the morning"),
        pytest.param("Asia/Shanghai", "2026-06-03T12:30", 720, 840, "2026-06-03T14:00:00", id="at noon"),
        pytest.param("Asia/Shanghai", "2026-06-03T23:00", 1320, 1440, "2026-06-04T00:00:00", id="until 24:00"),
        pytest.param("Asia/Shanghai", "2026-06-03T23:00", 1320, 0, "2026-06-04T00:00:00", id="until 00:00"),
        pytest.param("Asia/Shanghai", "2026-06-03T12:00", 600, 600, None, id="never"),
        pytest.param("America/New_York", "2026-03-08T01:00", 1260, 150, "2026-03-08T03:30:00", id="to in a gap"),
        pytest.param("America/New_York", "2026-11-01T05:10Z", 1260, 90, "2026-11-01T01:30:00", id="to twice, before both"),
        pytest.param("America/New_York", "2026-11-01T06:10Z", 1260, 90, "2026-11-01T01:30:00 again", id="to twice, quiet again"),
        pytest.param("America/Sao_Paulo", "2018-11-03T23:00", 1260, 1440, "2018-11-04T01:00:00", id="24:00 in a gap"),
        pytest.param("America/Sao_Paulo", "2018-02-18T01:30Z", 1260, 1440, "2018-02-18T00:00:00", id="the last hour twice"),
    ],
)
def test_quiet_hours(zone: str, now: str, start: int, end: int, release: str | None) -> None:
    instant = at(now, zone)

    assert zones.in_quiet(instant, start, end, zones.zone(zone)) == (release is not None)
    if release is not None:
        assert shown(zones.quiet_release(instant, start, end, zones.zone(zone)), zone) == release


@settings(deadline=None)
@given(PLACES, MINUTES, st.integers(0, 1440))
def test_a_release_is_later_and_never_quiet(place: tuple[str, int], start: int, end: int) -> None:
    name, instant = place
    zone = zones.zone(name)

    release = zones.quiet_release(instant, start, end, zone)

    assert instant < release <= instant + 4 * DAY
    if (start, end) != (0, 1440):
        assert not zones.in_quiet(release, start, end, zone)


@settings(deadline=None)
@given(PLACES, MINUTES, st.integers(0, 1440), st.data())
def test_between_now_and_next_quiet_it_is_not_quiet(place: tuple[str, int], start: int, end: int, data: st.DataObject) -> None:
    name, instant = place
    zone = zones.zone(name)

    found = zones.next_quiet(instant, start, end, zone)

    if found is None:
        assert start == end
        return
    assert found >= instant
    assert zones.in_quiet(found, start, end, zone)
    if found > instant:
        between = [*range(instant, found, max(SECOND, (found - instant) // 50)), found - 1, data.draw(st.integers(instant, found - 1))]
        assert not any(zones.in_quiet(moment, start, end, zone) for moment in between)


# ---- aligned windows --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "now", "unit", "start", "end"),
    [
        pytest.param("Asia/Shanghai", "2026-06-03T14:05:09", "minute", "2026-06-03T14:05:00", "2026-06-03T14:06:00", id="minute"),
        pytest.param("Asia/Kolkata", "2026-06-03T14:05:09", "hour", "2026-06-03T14:00:00", "2026-06-03T15:00:00", id="hour at +05:30"),
        pytest.param("Asia/Shanghai", "2026-06-03T00:00", "day", "2026-06-03T00:00:00", "2026-06-04T00:00:00", id="day"),
        pytest.param("Asia/Shanghai", "2026-06-07T23:59", "week", "2026-06-01T00:00:00", "2026-06-08T00:00:00", id="Sunday's week"),
        pytest.param("Asia/Shanghai", "2026-12-31T23:59", "month", "2026-12-01T00:00:00", "2027-01-01T00:00:00", id="month"),
        pytest.param("America/Sao_Paulo", "2018-11-04T05:00", "day", "2018-11-04T01:00:00", "2018-11-05T00:00:00", id="day from 01:00"),
        pytest.param("America/New_York", "2026-11-01T06:30Z", "hour", "2026-11-01T01:00:00 again", "2026-11-01T02:00:00", id="second hour"),
        pytest.param("Australia/Lord_Howe", "2026-10-04T02:40", "hour", "2026-10-04T02:30:00", "2026-10-04T03:00:00", id="half an hour"),
        pytest.param("Pacific/Apia", "2011-12-31T05:00", "day", "2011-12-31T00:00:00", "2012-01-01T00:00:00", id="after the lost day"),
        pytest.param("Pacific/Apia", "2011-12-29T05:00", "day", "2011-12-29T00:00:00", "2011-12-31T00:00:00", id="before the lost day"),
    ],
)
def test_aligned_windows(zone: str, now: str, unit: zones.Unit, start: str, end: str) -> None:
    instant = at(now, zone)

    assert shown(zones.aligned_start(instant, unit, zones.zone(zone)), zone) == start
    assert shown(zones.aligned_end(instant, unit, zones.zone(zone)), zone) == end


@settings(deadline=None)
@given(PLACES, st.sampled_from(["minute", "hour", "day", "week", "month"]))
def test_aligned_windows_tile_time(place: tuple[str, int], unit: zones.Unit) -> None:
    name, instant = place
    zone = zones.zone(name)

    start, end = zones.aligned_start(instant, unit, zone), zones.aligned_end(instant, unit, zone)

    assert start <= instant < end
    for inside in (start, (start + end) // 2, end - 1):
        assert (zones.aligned_start(inside, unit, zone), zones.aligned_end(inside, unit, zone)) == (start, end)
    assert zones.aligned_start(end, unit, zone) == end
    assert zones.aligned_end(start - 1, unit, zone) == start


# ---- text -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "zone", "shown"),
    [
        ("2026-06-03T14:00:00Z", None, "2026-06-03T14:00:00Z"),
        ("2026-06-03T14:00Z", None, "2026-06-03T14:00:00Z"),
        ("2026-06-03T14:00:00.5Z", None, "2026-06-03T14:00:00.500000Z"),
        ("2026-06-03T14:00:00.123456789Z", None, "2026-06-03T14:00:00.123456Z"),
        ("2026-06-03T14:00:00+08:00", None, "2026-06-03T06:00:00Z"),
        ("2026-06-03T14:00+0800", None, "2026-06-03T06:00:00Z"),
        ("2026-06-03T14:00:00-03:30", None, "2026-06-03T17:30:00Z"),
        ("2026-06-03 14:00", "Asia/Shanghai", "2026-06-03T06:00:00Z"),
        ("2026-06-03", "Asia/Shanghai", "2026-06-02T16:00:00Z"),
        ("0001-01-01T00:00Z", None, "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999Z", None, "9999-12-31T23:59:59.999999Z"),
        ("1969-12-31T23:59:59.999999Z", None, "1969-12-31T23:59:59.999999Z"),
    ],
)
def test_parse_instant(text: str, zone: str | None, shown: str) -> None:
    for _ in range(2):  # the second time the offset is known
        assert zones.format_instant(at(text, zone)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "14:00", "2026-06-03T14", "2026-06-03T25:00", "2026-02-30T10:00", "20260603T1400", "2026-W23-3T14:00",
        "2026-06-03T14:+8", "2026-06-03T14:00+8", "2026-06-03T14:00:00ZZ", "2026-06-03T14:00:00Z+08:00",
        "2026-06-03T14:00+08:00+08:00", "2026-06-03x14:00", "2026-06-03T14:", "2026-06-03T14:00:60", "0000-01-01T00:00",
        "10000-01-01T00:00", "０026-06-03T14:00", "2026-06-03T14:00:00 CST", "2026-13-01", "2026-6-3", "0001-01-01T00:00+08:00",
        "9999-12-31T23:00-08:00",
    ],
)  # fmt: skip
def test_what_is_no_instant_is_refused(text: str) -> None:
    at("2026-06-03T14:00+08:00")  # so that its offset is known

    with pytest.raises(ValueError):  # noqa: PT011 - the texts differ
        at(text, "Asia/Shanghai")


@pytest.mark.parametrize("text", ["2026-06-03T14:00", "2026-06-03", "2026-06-03T14:00:00.5"])
def test_without_a_zone_an_offset_is_needed(text: str) -> None:
    with pytest.raises(ValueError, match="offset"):
        at(text)


@settings(deadline=None)
@given(st.integers(zones.MIN_INSTANT, zones.MAX_INSTANT))
def test_instants_survive_their_text(instant: int) -> None:
    text = zones.format_instant(instant)

    assert at(text) == instant
    assert text == (zones.EPOCH + timedelta(microseconds=instant)).isoformat() + "Z"


@settings(deadline=None)
@given(st.dates())
def test_dates_survive_their_text(day: date) -> None:
    assert zones.parse_date(day.isoformat()) == day


@pytest.mark.parametrize("text", ["", "20260603", "2026-W23-3", "2026-06-03T00:00", "2026-6-3", "2026-02-29", "0000-01-01"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the texts differ
        zones.parse_date(text)


# ---- the ends of time -------------------------------------------------------------------------------------------------------------------

FAR = (zones.MIN_INSTANT, zones.MAX_INSTANT, zones.MIN_INSTANT - 1, zones.MAX_INSTANT + 1, 10**30, -(10**30))


@settings(deadline=None)
@pytest.mark.parametrize("name", ["UTC", "Asia/Shanghai", "America/New_York"])
@given(far=st.sampled_from(FAR), near=st.integers(-3 * DAY, 3 * DAY))
def test_far_away_is_a_value_error_at_worst(name: str, far: int, near: int) -> None:
    zone, instant = zones.zone(name), far + near
    for ask in (
        lambda: zones.local(instant, zone),
        lambda: zones.local_date(instant, zone),
        lambda: zones.shift(instant, Duration(10**12, "d"), 1, zone),
        lambda: zones.shift(instant, Duration(10**12, "s"), -1, zone),
        lambda: zones.shift(instant, Duration(1, "d"), 1, zone),
        lambda: zones.next_time(instant, 600, zone),
        lambda: zones.quiet_release(instant, 1260, 480, zone),
        lambda: zones.next_quiet(instant, 1260, 480, zone),
        lambda: zones.aligned_start(instant, "month", zone),
        lambda: zones.aligned_end(instant, "hour", zone),
        lambda: zones.format_instant(instant),
        lambda: zones.at_time(date.max, 1440, zone),
    ):
        try:
            ask()
        except ValueError:
            continue
