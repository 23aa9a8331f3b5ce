"""Schedules of the book as timers: one per rule, for its next tick. Core computes when that is."""

from __future__ import annotations

from engine.core.calendar import next_ticks
from engine.core.outcomes import Item, Timer
from engine.core.plan import TickPlan
from engine.core.zones import format_instant
from engine.runtime.desk import Desk
from rules.model import CronSchedule, FestivalSchedule, OnceSchedule


def set_tick(desk: Desk, rule: str, after: int) -> None:
    """Promise the next tick of a rule, if it is on a schedule and there is one."""
    plan = next((tick for tick in desk.plan.ticks if tick.rule.id == rule), None)
    if plan is not None:
        _set(desk, plan, after)


def set_ticks(desk: Desk, after: int) -> None:
    """Promise the next tick of every rule on a schedule. A rule that is gone ends with its next tick."""
    for plan in desk.plan.ticks:
        _set(desk, plan, after)


def _set(desk: Desk, plan: TickPlan, after: int) -> None:
    assert isinstance(plan.schedule, CronSchedule | OnceSchedule | FestivalSchedule)
    at = next_ticks(plan.schedule, after, desk.plan.zone)
    if at is not None:
        desk.set_timer(Timer(f"tick|{plan.rule.id}", "tick", at, item=Item(plan.rule.id, format_instant(at), at)))
