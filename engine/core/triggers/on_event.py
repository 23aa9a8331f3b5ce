"""Event triggers: judged at once, or with an offset, for which a timer is set (`after`, `before`/`of`, `at`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from engine.core.case import Case, Work, item_of_event, occurrence_of
from engine.core.facts import Event, Scope, UserCell
from engine.core.fields import Fields
from engine.core.outcomes import Fanout, Item, Timer
from engine.core.plan import RulePlan
from engine.core.stages.when import failing_node
from engine.core.watching import watch
from engine.core.zones import at_time, format_instant, local, next_time, shift
from rules.model import EventTrigger

Due = Callable[[Scope], list[tuple[str, int]] | None]
Judge = Callable[[Case], None]


def plan_due(trigger: EventTrigger, fields: Fields) -> Due | None:
    """When the rule is due after an event: (occurrence suffix, instant) for each offset. None: the rule has no offset."""
    if not trigger.has_offset:
        return None
    if trigger.before:
        return _before(trigger, fields)
    if trigger.at is not None:
        return _at(trigger.at, trigger.after.days if trigger.after is not None else None)
    after = trigger.after
    assert after is not None
    return lambda scope: [("", shift(scope.event.time, after, 1, scope.zone))] if scope.event is not None else None


def _before(trigger: EventTrigger, fields: Fields) -> Due:
    assert trigger.of is not None
    read = fields[trigger.of].read
    several = len(trigger.before) > 1

    def due(scope: Scope) -> list[tuple[str, int]] | None:
        value = read(scope)
        if value is None:
            return None
        try:
            instant = at_time(value, 0, scope.zone) if isinstance(value, date) else value
            return [(f"@-{offset}" if several else "", shift(instant, offset, -1, scope.zone)) for offset in trigger.before]
        except ValueError:
            return None  # a date that stands for "never", at the edge of the calendar: there is no instant before it

    return due


def _at(minutes: int, days: int | None) -> Due:
    def due(scope: Scope) -> list[tuple[str, int]] | None:
        assert scope.event is not None
        time = scope.event.time
        if days is None:
            return [("", next_time(time, minutes, scope.zone))]
        return [("", at_time(local(time, scope.zone).date() + timedelta(days=days), minutes, scope.zone))]

    return due


def meet(work: Work, rule: RulePlan, event: Event, user: UserCell | None, scope: Scope, judge: Judge) -> None:
    """An event of the rule's type came: judge it, or promise to judge it later. `scope` is that of the event and user."""
    if rule.due is None:
        judge(Case(work, rule, item_of_event(rule.id, event), user, scope))
        return
    for suffix, due in rule.due(scope) or ():
        item = Item(rule.id, occurrence_of(event) + suffix, due, event=event, user=event.user, phone=event.phone)
        _meet_offset(Case(work, rule, item, user, scope), judge)


def _meet_offset(case: Case, judge: Judge) -> None:
    rule, now, due = case.rule, case.now, case.item.instant
    for stage in rule.gate:
        verdict = stage(case)
        if verdict is not None:
            case.conclude(verdict)
            return
    if rule.event_when is not None and not rule.event_when.test(case.scope):
        case.conclude(case.verdict("skip", "condition_false", failing_node(rule.event_when, case.scope)))
        return
    if due >= now:
        _promise(case)
        case.conclude(case.verdict("schedule", "timer_set", lambda: {"due": format_instant(due)}))
        return
    if now - due > rule.late_by:
        if rule.late == "skip":
            case.conclude(case.verdict("skip", "late", lambda: {"due": format_instant(due), "late_seconds": (now - due) / 1_000_000}))
            return
        case.item.instant = now
    judge(case)


def _promise(case: Case) -> None:
    item = case.item
    timer_id = f"due|{item.rule}|{item.occurrence}|{item.user or item.phone or ''}"
    case.work.set_timer(Timer(timer_id, "due", item.instant, item=item, watch=watch(case.rule, item, case.work.book)))


def judge_or_fan_out(case: Case, judge: Judge) -> None:
    """For a broadcast or a tick: its own part, then everybody of the audience."""
    for stage in case.rule.opening:
        verdict = stage(case)
        if verdict is not None:
            case.conclude(verdict)
            return
    case.work.decision.fanouts.append(Fanout(case.item))
