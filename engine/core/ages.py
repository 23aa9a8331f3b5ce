"""The operators on the clock and the calendar: their closures, and when time alone can flip them.

`older_than`, `newer_than` and `within_next` look at the instant of judgement; `on_date` and `same_day_as` compare calendar days in the
person's zone. A flip is an instant at which the answer can change; there may be more of them than changes, never less.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, tzinfo
from typing import Any

from engine.core.facts import Scope
from engine.core.fields import Field, Fields, Reader
from engine.core.operators import Test, kind_of, literal, never
from engine.core.zones import EPOCH_ORDINAL, at_time, day_starts, offset, shift, shift_crossings, shift_days
from rules.model import DAY, Duration, Leaf, Ref

Flip = Callable[[Scope], int | None]
Instants = Callable[[Any, Scope], list[int]]

CLOCK_OPERATORS = ("older_than", "newer_than", "within_next")
CALENDAR_OPERATORS = ("on_date", "same_day_as")
_SLACK = 2 * DAY  # calendar days differ from as many times 24 hours by less than this, whatever the zone does


def looks_at_clock(leaf: Leaf) -> bool:
    """Whether the leaf's answer depends on the instant of judgement."""
    return leaf.op in CLOCK_OPERATORS or (leaf.op == "on_date" and leaf.operand == "today")


def time_test(leaf: Leaf, fields: Fields, zone: tzinfo) -> tuple[Test, Flip | None]:
    """The closure of a clock or calendar operator, and its next flip after scope.now (None: time alone never flips it)."""
    field = fields[leaf.field]
    kind = kind_of(field)
    if kind not in ("instant", "date"):
        return never, None
    if leaf.op in CALENDAR_OPERATORS:
        return _day_test(leaf, field, fields, zone)
    assert isinstance(leaf.operand, Duration)
    if leaf.op == "within_next":
        test, instants = _within_next(field, leaf.operand)
        return test, _flip(field.read, instants)
    return _age(field, leaf.operand, older=leaf.op == "older_than")


def _flip(read: Reader, instants: Instants) -> Flip:
    def flip(scope: Scope) -> int | None:
        value = read(scope)
        if value is None:
            return None
        now = scope.now
        return min([instant for instant in instants(value, scope) if instant > now], default=None)

    return flip


# ---- older_than, newer_than -------------------------------------------------------------------------------------------------------------


def _age(field: Field, length: Duration, *, older: bool) -> tuple[Test, Flip]:
    read = field.read
    threshold = _date_threshold(length) if kind_of(field) == "date" else _instant_threshold(length)
    span = length.micros

    def flip(scope: Scope) -> int | None:
        value = read(scope)
        found = threshold(value, scope.zone) if value is not None else None
        return found if found is not None and found > scope.now else None

    def test_exact(scope: Scope) -> bool:
        value = read(scope)
        return value is not None and (scope.now >= value + span) is older

    def test_calendar(scope: Scope) -> bool:
        value = read(scope)
        if value is None:
            return False
        beyond = scope.now - value - span
        if not -_SLACK < beyond < _SLACK:  # far from it the calendar need not be asked
            return (beyond > 0) is older
        found = threshold(value, scope.zone)
        return (found is not None and scope.now >= found) is older

    def test_date(scope: Scope) -> bool:
        value = read(scope)
        if value is None:
            return False
        found = threshold(value, scope.zone)
        return (found is not None and scope.now >= found) is older

    if kind_of(field) == "date":
        return test_date, flip
    return (test_calendar if length.is_calendar else test_exact), flip


def _instant_threshold(length: Duration) -> Callable[[int, tzinfo], int | None]:
    """The instant from which a value is older; None: beyond the end of time."""
    days = length.days * DAY if length.is_calendar else None

    def threshold(value: int, zone: tzinfo) -> int | None:
        try:
            return shift(value, length, 1, zone) if days is None else shift_days(value, days, zone)
        except ValueError:
            return None

    return threshold


def _date_threshold(length: Duration) -> Callable[[date, tzinfo], int | None]:
    """A date is 00:00 of its day; days are added before that is made an instant, so that a gap on the first day moves nothing later."""
    minutes, exact = (length.days * 1440, 0) if length.is_calendar else (0, length.micros)

    def threshold(value: date, zone: tzinfo) -> int | None:
        try:
            return at_time(value, minutes, zone) + exact
        except ValueError:
            return None

    return threshold


# ---- within_next ------------------------------------------------------------------------------------------------------------------------


def _within_next(field: Field, length: Duration) -> tuple[Test, Instants]:
    if kind_of(field) == "instant":
        return _instant_within_next(field.read, length)
    return _date_within_next(field.read, length)


def _instant_within_next(read: Reader, length: Duration) -> tuple[Test, Instants]:
    span = length.micros

    def test_exact(scope: Scope) -> bool:
        value = read(scope)
        return value is not None and scope.now < value <= scope.now + span

    def test_calendar(scope: Scope) -> bool:
        value = read(scope)
        if value is None or value <= scope.now:
            return False
        beyond: int = value - scope.now - span
        if not -_SLACK < beyond < _SLACK:
            return beyond < 0
        try:
            return bool(value <= shift(scope.now, length, 1, scope.zone))
        except ValueError:  # the end lies beyond the end of time
            return True

    def instants(value: int, scope: Scope) -> list[int]:
        try:
            return [*shift_crossings(value, length, scope.zone), value]
        except ValueError:
            return [value]

    return (test_calendar if length.is_calendar else test_exact), instants


def _date_within_next(read: Reader, length: Duration) -> tuple[Test, Instants]:
    """By calendar days: tomorrow up to today + 7. By hours: 00:00 of the day, as an instant."""
    if not length.is_calendar:
        start = _date_threshold(Duration(0, "s"))
        span = length.micros

        def test_exact(scope: Scope) -> bool:
            value = read(scope)
            if value is None:
                return False
            found = start(value, scope.zone)
            return found is not None and scope.now < found <= scope.now + span

        def instants_exact(value: date, scope: Scope) -> list[int]:
            found = start(value, scope.zone)
            return [] if found is None else [found - span, found]

        return test_exact, instants_exact
    days = length.days

    def test(scope: Scope) -> bool:
        value = read(scope)
        return value is not None and 0 < value.toordinal() - EPOCH_ORDINAL - _day(scope.now, scope.zone) <= days

    def instants(value: date, scope: Scope) -> list[int]:
        return [*_starts(value.toordinal() - days, scope.zone), *_starts(value.toordinal(), scope.zone)]

    return test, instants


# ---- on_date, same_day_as ---------------------------------------------------------------------------------------------------------------


def _day_test(leaf: Leaf, field: Field, fields: Fields, zone: tzinfo) -> tuple[Test, Flip | None]:
    day = _day_reader(field)
    assert day is not None
    if leaf.op == "on_date" and leaf.operand == "today":
        return _today(field, day)
    if isinstance(leaf.operand, Ref):
        other = _day_reader(fields[leaf.operand.field])
    else:
        other = _literal_day(leaf.operand, zone)
    if other is None:
        return never, None

    def test(scope: Scope) -> bool:
        wanted = other(scope)
        return wanted is not None and day(scope) == wanted

    return test, None


def _today(field: Field, day: Callable[[Scope], int | None]) -> tuple[Test, Flip]:
    def test(scope: Scope) -> bool:
        return day(scope) == _day(scope.now, scope.zone)

    def flip(scope: Scope) -> int | None:
        found = day(scope)
        if found is None:
            return None
        ordinal = found + EPOCH_ORDINAL
        starts = [*_starts(ordinal, scope.zone), *_starts(ordinal + 1, scope.zone)]
        return min([instant for instant in starts if instant > scope.now], default=None)

    return test, flip


def _day(instant: int, zone: tzinfo) -> int:
    """The calendar day of an instant, counted from 1970-01-01."""
    return (instant + offset(instant, zone)) // DAY


def _day_reader(field: Field) -> Callable[[Scope], int | None] | None:
    """How to read the day of a date or datetime; None for a field that is neither."""
    read = field.read
    match kind_of(field):
        case "date":

            def date_day(scope: Scope) -> int | None:
                value = read(scope)
                return None if value is None else value.toordinal() - EPOCH_ORDINAL

            return date_day
        case "instant":

            def instant_day(scope: Scope) -> int | None:
                value = read(scope)
                return None if value is None else _day(value, scope.zone)

            return instant_day
        case _:
            return None


def _literal_day(operand: Any, zone: tzinfo) -> Callable[[Scope], int | None] | None:
    as_date = literal(operand, "date", zone)
    if as_date is not None:
        number = as_date.toordinal() - EPOCH_ORDINAL
        return lambda _scope: number
    instant = literal(operand, "instant", zone)
    return None if instant is None else lambda scope: _day(instant, scope.zone)


def _starts(ordinal: int, zone: tzinfo) -> tuple[int, ...]:
    try:
        return day_starts(date.fromordinal(ordinal), zone)
    except (ValueError, OverflowError):
        return ()
