"""How things are said: words for codes in the visitor's language, instants in the book's zone, figures with their separators."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from flask import Flask, g

from engine.core.phones import mask
from engine.core.zones import EPOCH_UTC, parse_instant
from engine.runtime.books import ActiveBook
from engine.words import CHANNELS, OUTCOMES, REASONS, ROLES, STAGES, STATES, TYPES, Word
from webapp.console import frame

_DEFAULT_ZONE = ZoneInfo("Asia/Shanghai")  # before anything is published
_WEEKDAYS = {"zh": ("周一", "周二", "周三", "周四", "周五", "周六", "周日"), "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_KINDS: Mapping[str, Mapping[str, Word]] = {
    "outcome": OUTCOMES, "reason": REASONS, "channel": CHANNELS, "state": STATES, "stage": STAGES, "type": TYPES, "role": ROLES,
}  # fmt: skip
# Shape, and with it the colour: verdict outcomes and message states (visual.md).
MARKS: Mapping[str, str] = {
    "send": "sent", "schedule": "scheduled", "defer": "deferred", "skip": "skipped", "cancel": "cancelled",
    "accepted": "sent", "delivered": "delivered", "waiting": "deferred", "expired": "skipped", "cancelled": "cancelled",
    "rejected": "failed", "undelivered": "failed", "queued": "open", "submitting": "open", "unknown": "open",
}  # fmt: skip


def install(app: Flask) -> None:
    """The filters of the templates."""
    app.jinja_env.filters.update(
        instant=instant, day=day, short_day=short_day, weekday=weekday, clock=clock, count=count, money=money, phone=phone, word=word,
        mark=MARKS.__getitem__,
    )  # fmt: skip
    app.jinja_env.globals.update(now=lambda: frame.house().service.clock.now(), instant=instant, clock=clock, day=day)


def is_chinese() -> bool:
    """Whether the visitor reads Chinese."""
    return bool(g.get("locale", "zh") == "zh")


def word(code: str, kind: str) -> str:
    """The word for a code, of a kind: outcome, reason, channel, state, stage, type, role. An unknown code stands for itself."""
    found = _KINDS[kind].get(code)
    return code if found is None else found.zh if is_chinese() else found.en


# ---- instants ---------------------------------------------------------------------------------------------------------------------------


def book_zone() -> tzinfo:
    """The zone of the book in force."""
    active = _book()
    return active.plan.zone if active is not None else _DEFAULT_ZONE


def book_title() -> str:
    """The name of the book in force; "" before there is one."""
    active = _book()
    return active.plan.book.name or active.plan.book.id if active is not None else ""


def _book() -> ActiveBook | None:
    """The book in force, asked for once in a request."""
    if "book" not in g:
        g.book = frame.house().service.book()
    found: ActiveBook | None = g.book
    return found


def moment(value: int | str, zone: tzinfo | None = None) -> datetime:
    """An instant (microseconds UTC, or as the API writes it) on the wall clock of a zone (the book's)."""
    micros = parse_instant(value, None) if isinstance(value, str) else value
    return (EPOCH_UTC + timedelta(microseconds=micros)).astimezone(zone or book_zone())


def day(value: int | str, zone: tzinfo | None = None) -> str:
    """`6月16日 周二`; with the year where it is not this one."""
    at = moment(value, zone)
    this_year = moment(frame.house().service.clock.now(), zone).year == at.year
    if is_chinese():
        return f"{'' if this_year else f'{at.year}年'}{at.month}月{at.day}日 {_WEEKDAYS['zh'][at.weekday()]}"
    return f"{_WEEKDAYS['en'][at.weekday()]} {at.day} {_MONTHS[at.month - 1]}{'' if this_year else f' {at.year}'}"


def short_day(value: int | str, zone: tzinfo | None = None) -> str:
    """`16日`, beside days that are said in full."""
    at = moment(value, zone)
    return f"{at.day}日" if is_chinese() else f"{at.day} {_MONTHS[at.month - 1]}"


def weekday(value: date) -> str:
    """`周二`."""
    return _WEEKDAYS["zh" if is_chinese() else "en"][value.weekday()]


def clock(value: int | str, zone: tzinfo | None = None, seconds: bool = False) -> str:
    """`21:40`, or `21:40:07`."""
    return moment(value, zone).strftime("%H:%M:%S" if seconds else "%H:%M")


def instant(value: int | str | None, zone: tzinfo | None = None, seconds: bool = False) -> str:
    """`6月16日 周二 21:40`. A dash for None."""
    return "—" if value is None else f"{day(value, zone)} {clock(value, zone, seconds)}"


# ---- figures ----------------------------------------------------------------------------------------------------------------------------


def count(value: float) -> str:
    """`12,406`."""
    return f"{value:,}"


def money(value: float | None, digits: int | None = None) -> str:
    """`¥0.045`; `digits` after the point, else as many as are needed, two at least. A dash for None."""
    if value is None:
        return "—"
    text = f"{abs(value):,.{6 if digits is None else digits}f}"
    if digits is None:
        whole, _, rest = text.partition(".")
        text = f"{whole}.{rest.rstrip('0').ljust(2, '0')}"
    return f"{'−' if value < 0 else ''}¥{text}"


def phone(value: str | None) -> str:
    """`138****8000`. A dash for None."""
    return mask(value) if value else "—"
