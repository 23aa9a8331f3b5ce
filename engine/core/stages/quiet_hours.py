"""The hours in which the recipient is left alone, in the recipient's zone: wait for their end, or drop."""

from __future__ import annotations

from engine.core.case import Case
from engine.core.outcomes import Item, Timer, Verdict
from engine.core.plan import BookPlan, RulePlan, Stage
from engine.core.validity import valid_until
from engine.core.watching import watch
from engine.core.zones import format_instant, in_quiet, quiet_release


def build(rule: RulePlan, book: BookPlan) -> Stage | None:
    """The stage, where the rule or its type has quiet hours."""
    return _stage if rule.quiet is not None else None


def _stage(case: Case) -> Verdict | None:
    quiet, zone = case.rule.quiet, case.text_scope.zone
    assert quiet is not None
    if not in_quiet(case.now, quiet.start, quiet.end, zone):
        return None
    release = quiet_release(case.now, quiet.start, quiet.end, zone)
    if quiet.then == "drop":
        return case.verdict("skip", "quiet_hours", {"until": format_instant(release)})
    worthless = valid_until(case.rule, case.item)
    if worthless is not None and release > worthless:
        return case.verdict("skip", "expired", {"valid_until": format_instant(worthless), "until": format_instant(release)})
    _wait(case, release)
    return case.verdict("defer", "quiet_hours", lambda: {"until": format_instant(release)})


def _wait(case: Case, release: int) -> None:
    item = case.item
    again = Item(
        item.rule, item.occurrence, item.instant, event=item.event, aliases=item.aliases, user=item.user, phone=item.phone, waited=True
    )
    person = case.recipient_user or case.to
    case.work.set_timer(
        Timer(
            f"release|{item.rule}|{item.occurrence}|{person}",
            "release",
            release,
            item=again,
            recipient=(case.recipient_user, case.person_phone),
            watch=watch(case.rule, item, case.work.book),
        )
    )
