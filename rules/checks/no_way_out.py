"""no-way-out: a message that can never be sent, whatever happens. A warning."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cronsim import CronSim

from rules.checks._spans import at_value, inner
from rules.checks._texts import carriers, looks
from rules.checks._types import zone_of
from rules.findings import Finding, Severity
from rules.model import (
    DAY,
    MINUTE,
    CronSchedule,
    DateSchedule,
    Duration,
    EventTrigger,
    FestivalSchedule,
    OnceSchedule,
    Path,
    QuietHours,
    Rule,
)

if TYPE_CHECKING:
    from rules.draft import Draft

CODE = "no-way-out"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_MINUTES = DAY // MINUTE


def check(draft: Draft) -> Iterator[Finding]:
    """Per rule, each reason for which nothing of it can leave."""
    for rule in draft.book.rules.values():
        yield from _no_content(draft, rule)
        yield from _outside_of_active(draft, rule)
        yield from _always_quiet(draft, rule)
        yield from _always_late(draft, rule)
        if rule.holdout >= 1:
            path = inner(draft, rule.path, "holdout")
            yield _finding(draft, path, f"everybody is held out of {rule.id}", "a share below 100%")


def _finding(draft: Draft, path: Path, message: str, hint: str) -> Finding:
    return at_value(draft, CODE, Severity.WARNING, path, message, hint)


def _no_content(draft: Draft, rule: Rule) -> Iterator[Finding]:
    for look in looks(draft, rule):
        if not carriers(rule, look.template):
            there = ", ".join(look.template.contents)
            what = f"the template {look.template.id}" if look.template.id else "the content written here"
            message = f"{what} has nothing for {', '.join(rule.send.channels)}"
            yield _finding(draft, inner(draft, rule.send.path, "channel"), message, f"it has: {there}")


def _outside_of_active(draft: Draft, rule: Rule) -> Iterator[Finding]:
    if not isinstance(rule.on, OnceSchedule):
        return
    at = rule.on.at
    if (rule.active_from is not None and at < rule.active_from) or (rule.active_until is not None and at >= rule.active_until):
        yield _finding(draft, inner(draft, rule.on.path, "at"), "this instant is outside of `active`", "move one of the two")


# ---- quiet hours ------------------------------------------------------------------------------------------------------------------


def _always_quiet(draft: Draft, rule: Rule) -> Iterator[Finding]:
    """A trigger at fixed times of day that all lie in quiet hours, whose end the message does not live to see."""
    type_ = draft.book.message_types.get(rule.send.type)
    quiet = rule.send.quiet_hours or (type_.quiet_hours if type_ else None)
    valid_for = rule.send.valid_for or (type_.valid_for if type_ else None)
    times = _times_of_day(draft, rule)
    if quiet is None or not times:
        return
    waits = [_wait(quiet, minute) for minute in times]
    if not all(wait is not None and _ends(quiet, wait, valid_for) for wait in waits):
        return
    if quiet.then == "drop":
        message = "it is due in quiet hours, which drop it"
    else:
        message = f"it is due in quiet hours and has expired (valid_for: {valid_for}) when they end"
    yield _finding(draft, inner(draft, rule.on.path, "at", "cron"), message, "another time, or other quiet hours")


def _wait(quiet: QuietHours, minute: int) -> int | None:
    """How many minutes of quiet are left at a time of day; None outside of them. Quiet hours of no length are another finding."""
    length = (quiet.end - quiet.start) % DAY_MINUTES
    passed = (minute - quiet.start) % DAY_MINUTES
    return length - passed if passed < length else None


def _ends(quiet: QuietHours, wait: int, valid_for: Duration | None) -> bool:
    return quiet.then == "drop" or (valid_for is not None and wait * MINUTE > valid_for.micros)


def _times_of_day(draft: Draft, rule: Rule) -> set[int]:
    """The minutes since midnight at which the rule is judged, as the recipient's clock shows them; empty where they vary.

    A schedule in the book's zone is read as if all recipients lived there.
    """
    match rule.on:
        case EventTrigger(at=at) if at is not None and rule.send.to is None:
            return {at}
        case FestivalSchedule(at=at) | DateSchedule(at=at):
            return {at}
        case OnceSchedule(at=instant):
            local = (EPOCH + timedelta(microseconds=instant)).astimezone(zone_of(draft))
            return {local.hour * 60 + local.minute}
        case CronSchedule(cron=cron):
            parts = CronSim(cron, EPOCH)
            return {hour * 60 + minute for hour in parts.hours for minute in parts.minutes if isinstance(minute, int)}
        case _:
            return set()


# ---- offsets ----------------------------------------------------------------------------------------------------------------------


def _always_late(draft: Draft, rule: Rule) -> Iterator[Finding]:
    """Before the event itself: nobody hears of it in time."""
    on = rule.on
    if not isinstance(on, EventTrigger) or on.of not in ("event.time", "event.received") or on.late == "send":
        return
    if all(length.micros > on.late_by.micros for length in on.before):
        message = f"{on.of} is past when the event arrives, so this is always too late"
        yield _finding(draft, inner(draft, on.path, "before"), message, "`after`, or another field in `of`")
