"""Whether a message may leave now, looked at before every attempt: switches, suppressions, its chain, its time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import tzinfo

from engine.core.outcomes import Item, Message, Timer
from engine.core.plan import BookPlan, RulePlan
from engine.core.validity import valid_until
from engine.core.watching import watch
from engine.core.zones import in_quiet, quiet_release
from engine.store.states import State


@dataclass(frozen=True, slots=True)
class Stay:
    """It does not leave. `frees`: its cap slots are given back; `goes_on`: its chain takes the next channel instead; `release`: when it is
    judged again."""

    state: State
    reason: str
    frees: bool = True
    goes_on: bool = False
    release: int | None = None


def look(message: Message, book: BookPlan, scopes: Collection[str], zone: tzinfo, now: int, *, untouched: bool) -> Stay | None:
    """None: it may leave. `scopes` are what its number is suppressed for, `zone` is the recipient's, `untouched`: certainly nobody has
    got it by an earlier attempt."""
    if {f"rule:{message.rule}", f"type:{message.type}"} & book.stopped:
        return Stay(State.CANCELLED, "stopped", untouched)
    if "blocked" in scopes:
        return Stay(State.CANCELLED, "blocked", untouched)
    if message.type in scopes or "all" in scopes:
        return Stay(State.CANCELLED, "suppressed", untouched)
    rule = book.rules.get(message.rule)
    if message.rest and rule is not None and now > message.at + rule.rule.send.fallback_after.micros:
        return Stay(State.EXPIRED, "fallback", frees=False)  # the next channel has taken over, with the slots
    if message.send_until is not None and now > message.send_until:
        return _too_late(message, rule, zone, now, untouched)
    if f"channel:{message.channel}" in book.stopped:
        return Stay(State.CANCELLED, "stopped", untouched, goes_on=bool(message.rest) and untouched)
    return None


def _too_late(message: Message, rule: RulePlan | None, zone: tzinfo, now: int, untouched: bool) -> Stay:
    worthless = valid_until(rule, message.item) if rule is not None else now - 1
    expired = Stay(State.EXPIRED, "expired", untouched)
    # A chain that may not go on ends; and what somebody may have got already is not sent anew.
    if (worthless is not None and now > worthless) or message.position > 0 or not untouched or rule is None:
        return expired
    quiet = rule.quiet
    if quiet is None or not in_quiet(now, quiet.start, quiet.end, zone):
        return Stay(State.CANCELLED, "quiet_hours", release=now)
    if quiet.then == "drop":
        return Stay(State.CANCELLED, "quiet_hours")
    release = quiet_release(now, quiet.start, quiet.end, zone)
    if worthless is not None and release > worthless:
        return expired
    return Stay(State.CANCELLED, "quiet_hours", release=release)


def release_timer(message: Message, due: int, book: BookPlan) -> Timer:
    """The promise to judge it again, the same that quiet hours give."""
    item = message.item
    again = Item(
        item.rule, item.occurrence, item.instant, event=item.event, aliases=item.aliases, user=item.user, phone=item.phone, waited=True
    )
    rule = book.rules.get(message.rule)
    return Timer(
        f"release|{message.rule}|{message.occurrence}|{message.user or message.to}",
        "release",
        due,
        item=again,
        recipient=(message.user, message.phone),
        watch=watch(rule, item, book) if rule is not None else (),
    )
