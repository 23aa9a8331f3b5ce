"""Checks of JSON values against declared fields, each compiled to one function (docs/decisions/reading-events.md)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import re2

from engine.core.facts import Json
from engine.core.zones import parse_date, parse_instant
from engine.nearest import did_you_mean, nearest
from engine.refusals import Fault, kind, shown_value
from rules.model import FieldDef

Check = Callable[[Json], Fault | None]

# An event of another century is a mistake in a clock (Go's zero time, milliseconds for seconds); values in `data` may lie anywhere.
FIRST_TIME = 0
LAST_TIME = 32_503_680_000_000_000  # the year 3000


def instant(text: Json) -> int | None:
    """Microseconds since the epoch of a time with offset (seconds may be left out), or None for anything else."""
    try:
        return parse_instant(text, None)
    except (ValueError, TypeError, LookupError):  # no time, or without an offset; no text
        return None


def instant_fault(value: Json, shown: str) -> str:
    """What is wrong with a value that `instant` does not take."""
    if type(value) is not str:
        return f"must be a time with offset, got {shown}"
    try:
        naive = datetime.fromisoformat(value).tzinfo is None
    except ValueError:
        naive = False
    return f"must have an offset (Z or +08:00), got {shown}" if naive else f"must be a time like 2026-06-01T10:00:00+08:00, got {shown}"


def time_fault(value: Json) -> str:
    """What is wrong with the time of an event or a receipt."""
    if value is None:
        return "is missing"
    shown = shown_value(value)
    return f"must lie between 1970 and 3000, got {shown}" if instant(value) is not None else instant_fault(value, shown)


_LINK = re.compile(r"https?://[^\s/?#\x00-\x20【】]+[^\s\x00-\x20【】]*", re.IGNORECASE)
_HUGE = 1.7976931348623157e308
_EXACT = 2.0**53


def field_check(field: FieldDef) -> Check:
    """A function that says what is wrong with a value of this field (never None), or None when it is right."""
    # Values of secret and personal fields appear in no message.
    shown = kind if field.secret or field.personal or field.type == "phone" else shown_value
    check = _TYPES[field.type](field, shown)
    if field.enum is None or field.type in ("list", "object"):
        return check
    allowed = frozenset(field.enum)
    names = [value for value in allowed if isinstance(value, str)]
    listed = ", ".join(shown_value(value) for value in field.enum)

    def check_enum(value: Json) -> Fault | None:
        fault = check(value)
        if fault is None and value not in allowed:
            meant = did_you_mean(value, names) if isinstance(value, str) else ""
            return (), f"must be one of {listed}, got {shown(value)}{meant}"
        return fault

    return check_enum


def _string(field: FieldDef, shown: Callable[[Json], str]) -> Check:
    low, high, pattern = _bound(field, "minLength", 0), _bound(field, "maxLength", _HUGE), field.schema.get("pattern")
    search = re2.compile(str(pattern)).search if pattern is not None else None

    def check(value: Json) -> Fault | None:
        if type(value) is not str:
            return (), f"must be a text, got {shown(value)}"
        if not low <= len(value) <= high:
            return (), f"must have {_between(low, high)} characters, has {len(value)}"
        if search is not None and search(value) is None:
            return (), f"must match {pattern}, got {shown(value)}"
        return None

    return check


def _number(field: FieldDef, shown: Callable[[Json], str]) -> Check:
    low, high = _bound(field, "minimum", -_HUGE), _bound(field, "maximum", _HUGE)

    def check(value: Json) -> Fault | None:
        if type(value) is not float and type(value) is not int:
            return (), f"must be a number, got {shown(value)}"
        if not low <= value <= high:  # false for NaN and the infinities, too
            return (), f"must be {_between(low, high)}, got {shown(value)}"
        return None

    return check


def _integer(field: FieldDef, shown: Callable[[Json], str]) -> Check:
    low, high = _bound(field, "minimum", -_HUGE), _bound(field, "maximum", _HUGE)

    def check(value: Json) -> Fault | None:
        if type(value) is not int and not (type(value) is float and value.is_integer() and -_EXACT <= value <= _EXACT):
            return (), f"must be a whole number, got {shown(value)}"
        if not low <= value <= high:
            return (), f"must be {_between(low, high)}, got {shown(value)}"
        return None

    return check


def _bound(field: FieldDef, word: str, default: float) -> float:
    value = field.schema.get(word)
    return value if isinstance(value, (int, float)) else default


def _between(low: float, high: float) -> str:
    if high == _HUGE:
        return "finite" if low == -_HUGE else f"at least {low}"
    return f"at most {high}" if low in (0, -_HUGE) else f"between {low} and {high}"


def _boolean(_: FieldDef, shown: Callable[[Json], str]) -> Check:
    return lambda value: None if type(value) is bool else ((), f"must be true or false, got {shown(value)}")


def _date(_: FieldDef, shown: Callable[[Json], str]) -> Check:
    def check(value: Json) -> Fault | None:
        try:
            parse_date(value)
        except (ValueError, TypeError, LookupError):
            return (), f"must be a date like 2026-06-01, got {shown(value)}"
        return None

    return check


def _datetime(_: FieldDef, shown: Callable[[Json], str]) -> Check:
    read = datetime.fromisoformat

    def check(value: Json) -> Fault | None:
        # What `parse_instant` takes, without working out the instant; at the ends of the calendar it is asked itself.
        try:
            shaped = value[13] == ":" and value[7] == "-" and value[10] in "T " and read(value).tzinfo is not None
            if shaped and (value[:4] not in ("0001", "9999") or instant(value) is not None):
                return None
        except (ValueError, TypeError, LookupError):
            pass
        return (), instant_fault(value, shown(value))

    return check


def _link(field: FieldDef, shown: Callable[[Json], str]) -> Check:
    text = _string(field, shown)

    def check(value: Json) -> Fault | None:
        fault = text(value)
        if fault is None and _LINK.fullmatch(value) is None:
            return (), f"must be a link that starts with http:// or https://, got {shown(value)}"
        return fault

    return check


def _list(field: FieldDef, shown: Callable[[Json], str]) -> Check:
    item = field_check(field.items) if field.items is not None else None

    def check(value: Json) -> Fault | None:
        if type(value) is not list:
            return (), f"must be a list, got {shown(value)}"
        if item is not None:
            for position, member in enumerate(value):
                fault = item(member) if member is not None else ((), "must not be null")
                if fault is not None:
                    return (position, *fault[0]), fault[1]
        return None

    return check


def _object(field: FieldDef, shown: Callable[[Json], str]) -> Check:
    plan = [(name, not inner.optional, field_check(inner)) for name, inner in (field.properties or {}).items()]

    def check(value: Json) -> Fault | None:
        if type(value) is not dict:
            return (), f"must be an object, got {shown(value)}"
        for name, required, inner in plan:
            member = value.get(name)
            fault = inner(member) if member is not None else ((), absent(name, value)) if required else None
            if fault is not None:
                return (name, *fault[0]), fault[1]
        return None

    return check


_TYPES: Mapping[str, Callable[[FieldDef, Callable[[Json], str]], Check]] = {
    "string": _string,
    "phone": _string,
    "link": _link,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "list": _list,
    "object": _object,
}


def absent(name: str, values: Mapping[str, Json], declared: Iterable[str] = ()) -> str:
    if name in values:
        return "must not be null"
    meant = nearest(name, [given for given in values if given not in declared])
    return f'is missing (there is "{meant}")' if meant is not None else "is missing"


def whole(data: dict[str, Json], integers: Sequence[str]) -> dict[str, Json]:
    """The same with 5 for 5.0 in integer fields, so that texts and keys show 5."""
    for name in integers:
        value = data.get(name)
        if type(value) is float:
            data = {**data, name: int(value)}
    return data
