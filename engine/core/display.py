"""How a value is shown in a text: plain, or by the filters of a template. What it may not contain is the matter of `sanitise`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, tzinfo
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from engine.core.facts import Scope
from engine.core.fields import Field
from engine.core.phones import MASK, mask
from engine.core.zones import format_instant, offset
from rules.model import FieldDef
from rules.template import Filter

MAX_DEPTH = 8  # of lists and objects inside each other
SECRET = "******"

Step = Callable[[Any, Scope], Any]


class TemplateError(Exception):
    """A text cannot be made for this recipient: a value is missing or unfit. `field` is "" where no field is to blame."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class Unfit(ValueError):
    """The value cannot be shown so; the text is the reason. Becomes a TemplateError where the field is known."""


# ---- plain ----------------------------------------------------------------------------------------------------------------------


def show(value: Any, scope: Scope, depth: int = 0) -> str:
    """A value without filter. Lists are 甲、乙 and objects k:v、k:v, with a comma in other languages; null members are left out."""
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is bool:
        return ("是" if value else "否") if is_chinese(scope) else "true" if value else "false"
    if kind is int:
        return _digits(value)
    if kind is float:
        return show_float(value)
    if isinstance(value, date):
        return value.isoformat()
    if depth >= MAX_DEPTH:
        raise Unfit(f"more than {MAX_DEPTH} lists inside each other")
    comma = "、" if is_chinese(scope) else ", "
    if isinstance(value, list | tuple):
        return comma.join([show(member, scope, depth + 1) for member in value if member is not None])
    if isinstance(value, dict):
        return comma.join([f"{name}:{show(member, scope, depth + 1)}" for name, member in value.items() if member is not None])
    raise Unfit("is nothing that can be shown")


def is_chinese(scope: Scope) -> bool:
    """Whether 是 and 天 are understood; also where no language is known, as in a book without locale."""
    return not scope.locale or scope.locale[:2].lower() == "zh"


def show_float(value: float) -> str:
    """The shortest digits that mean this number, never with an exponent; a whole number has no point (199.0 is 199)."""
    if not math.isfinite(value):
        raise Unfit("is not a finite number")
    if value.is_integer():
        return str(int(value))
    text = repr(value)
    return format(Decimal(text), "f") if "e" in text else text


def _digits(value: int) -> str:
    if value.bit_length() > 4096:  # beyond all JSON numbers; Python refuses such conversions, as they take long
        raise Unfit("is too large a number")
    return str(value)


def show_instant(micros: int, zone: tzinfo) -> str:
    """`2026-06-03 22:00` on the wall clock of the zone."""
    try:
        text = format_instant(micros + offset(micros, zone))
    except (ValueError, OverflowError):
        raise Unfit("lies outside the years 0001 to 9999") from None
    return f"{text[:10]} {text[11:16]}"


# ---- filters --------------------------------------------------------------------------------------------------------------------

_CENT = Decimal("0.01")
_CENTS = Context(prec=400, rounding=ROUND_HALF_UP)
_WRITTEN_DURATION = re.compile(r"([0-9]{1,9})([smhdw])", re.ASCII).fullmatch
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_CHINESE_UNITS = ("天", "小时", "分钟", "秒")
_SHORT_UNITS = ("d ", "h ", "m ", "s ")


def money(value: Any, scope: Scope) -> str:
    """`12.00`: two decimals, half up as the number is written (2.675 is 2.68), no thousands separators."""
    if type(value) is int:
        return _digits(value) + ".00"
    if type(value) is not float or not math.isfinite(value):
        raise Unfit("money is for numbers")
    text = repr(value)
    if text[-2:-1] == ".":
        return text + "0"
    if text[-3:-2] == ".":
        return text
    return format(Decimal(text).quantize(_CENT, context=_CENTS), "f")


def duration(value: Any, scope: Scope) -> str:
    """`2天3小时` of a number of seconds (a fraction is cut), or of a length as the language writes it (`90m`). Zero is 0秒."""
    if type(value) is str:
        written = _WRITTEN_DURATION(value)
        if written is None:
            raise Unfit("duration is for seconds, or texts like 90m")
        seconds = int(written[1]) * _UNIT_SECONDS[written[2]]
    elif (type(value) is int or (type(value) is float and math.isfinite(value))) and value >= 0:
        seconds = int(value)
    else:
        raise Unfit("duration is for seconds, zero or more")
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = _CHINESE_UNITS if is_chinese(scope) else _SHORT_UNITS
    amounts = zip((days, hours, minutes, rest), units, strict=True)
    return "".join([f"{_digits(amount)}{unit}" for amount, unit in amounts if amount]).rstrip() or f"0{units[-1]}".rstrip()


def _upper(value: Any, scope: Scope) -> str:
    return _text(value, "upper").upper()


def _lower(value: Any, scope: Scope) -> str:
    return _text(value, "lower").lower()


def _mask(value: Any, scope: Scope) -> str:
    return mask(_text(value, "mask"))


def _text(value: Any, name: str) -> str:
    if type(value) is not str:
        raise Unfit(f"{name} is for texts")
    return value


def _truncate(characters: int) -> Step:
    """At most so many characters, without an ellipsis (it would be one more, and make many a GSM-7 text UCS-2)."""
    return lambda value, scope: _text(value, "truncate")[:characters].rstrip("\u200d")


def _label(declared: FieldDef | None) -> Step:
    """The enum's label; of a list, the labels of its members."""
    if declared is not None and declared.type == "list":
        return _labels(declared.items)
    names = declared.enum if declared is not None else None
    if not names:
        return _unfit("label needs a field with an enum")
    known = names

    def label(value: Any, scope: Scope) -> str:
        found = known.get(value) if isinstance(value, str | int | float) else None
        if found is None:
            raise Unfit("is none of the enum's values")
        return str(found)

    return label


def _labels(member: FieldDef | None) -> Step:
    one = _label(member)
    return lambda value, scope: [one(item, scope) for item in value] if isinstance(value, list | tuple) else one(value, scope)


def _unfit(reason: str) -> Step:
    def refuse(value: Any, scope: Scope) -> Any:
        raise Unfit(reason)

    return refuse


def _instant_text(value: Any, scope: Scope) -> str:
    return show_instant(value, scope.zone)


def _instant_date(value: Any, scope: Scope) -> str:
    return show_instant(value, scope.zone)[:10]


def _instant_time(value: Any, scope: Scope) -> str:
    return show_instant(value, scope.zone)[11:]


def _day(value: Any, scope: Scope) -> str:
    if not isinstance(value, date):
        raise Unfit("date is for dates and instants")
    return value.isoformat()


_FOR_INSTANTS: dict[str, Step] = {"datetime": _instant_text, "date": _instant_date, "time": _instant_time}
_FOR_NUMBERS: dict[str, Step] = {"money": money, "duration": duration}
_FOR_TEXTS: dict[str, Step] = {"upper": _upper, "lower": _lower, "mask": _mask, "duration": duration}
_PLAIN: dict[str, dict[str, Step]] = {
    "datetime": _FOR_INSTANTS,
    "date": {"date": _day},
    "integer": _FOR_NUMBERS,
    "number": _FOR_NUMBERS,
    "string": _FOR_TEXTS,
    "phone": _FOR_TEXTS,
    "any": {"date": _day} | _FOR_NUMBERS | _FOR_TEXTS,  # events disagree about the type: what the value itself allows
}


def step(filter: Filter, kind: str, field: Field) -> Step:
    """One filter (not `default`) on a value of a type. Where the two do not fit, the step raises `Unfit` whenever it is asked."""
    if filter.name == "truncate" and kind in ("string", "phone", "any"):
        return _truncate(int(str(filter.args[0])))
    if filter.name == "label" and kind != "link":
        return _label(field.declared)
    return _PLAIN.get(kind, {}).get(filter.name) or _unfit(f"{filter.name} does not fit a {kind}")


def plain_step(kind: str) -> Step:
    """What stands for the missing filter: an instant is shown in the person's zone, the rest as `show` does."""
    return _instant_text if kind == "datetime" else show


# ---- masked ---------------------------------------------------------------------------------------------------------------------


def masked(field: Field, value: Any) -> Any:
    """The value as logs, traces and pages may show it: secrets are stars, personal texts and phones lose their middle."""
    declared = field.declared
    if declared is None:
        return mask(value) if field.type == "phone" and isinstance(value, str) else value
    return _masked(declared, value)


def _masked(declared: FieldDef, value: Any) -> Any:
    if value is None:
        return None
    if declared.secret:
        return SECRET
    if declared.personal or declared.type == "phone":
        return mask(value) if isinstance(value, str) else MASK
    if isinstance(value, dict) and declared.properties:
        known = declared.properties
        return {name: _masked(known[name], member) if name in known else member for name, member in value.items()}
    if isinstance(value, list | tuple) and declared.items is not None:
        return [_masked(declared.items, member) for member in value]
    return value
