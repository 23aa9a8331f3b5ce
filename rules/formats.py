"""The formats that the schema names (`format: hongyan-*`): what one text may look like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from rules import values

_CAP_WORDS = ("user", "phone", "phone_prefix", "ip_network", "all")
_ANY_ZONE = ZoneInfo("UTC")


def is_field(text: str) -> bool:
    """A field with its root: `event.amount`, `a.city`, `user.address.city`."""
    parts = text.split(".")
    return len(parts) > 1 and all(part.isidentifier() for part in parts)


def is_day(text: str) -> bool:
    """`today`, or a calendar day."""
    return text == "today" or (len(text) == 10 and values.instant(text, _ANY_ZONE) is not None)


def is_days(text: str) -> bool:
    """A duration of whole days."""
    length = values.duration(text)
    return length is not None and length.is_calendar


def _texts_that(holds: Callable[[str], bool]) -> Callable[[Any], bool]:
    """A format looks at texts only; what is no text is the business of `type`."""
    return lambda value: not isinstance(value, str) or holds(value)


FORMATS: Mapping[str, Callable[[Any], bool]] = {
    "hongyan-at": _texts_that(lambda text: values.at(text, _ANY_ZONE) is not None),
    "hongyan-by": _texts_that(lambda text: text == "user" or is_field(text)),
    "hongyan-cap-by": _texts_that(lambda text: text in _CAP_WORDS or is_field(text)),
    "hongyan-cron": _texts_that(values.is_cron),
    "hongyan-day": _texts_that(is_day),
    "hongyan-days": _texts_that(is_days),
    "hongyan-duration": _texts_that(lambda text: values.duration(text) is not None),
    "hongyan-field": _texts_that(is_field),
    "hongyan-field-name": _texts_that(str.isidentifier),
    "hongyan-instant": _texts_that(lambda text: values.instant(text, _ANY_ZONE) is not None),
    "hongyan-share": lambda value: not isinstance(value, str | int | float) or values.share(value) is not None,
    "hongyan-timezone": _texts_that(lambda text: values.zone(text) is not None),
    "hongyan-user-field": _texts_that(lambda text: is_field(text) and text.startswith("user.")),
    "hongyan-window": _texts_that(lambda text: values.window(text) is not None),
}
