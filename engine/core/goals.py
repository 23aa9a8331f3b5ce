"""Goals: who was sent a message or held out, and whether the wished-for event followed in time."""

from __future__ import annotations

from engine.core.case import Case, Work
from engine.core.facts import Event, Scope
from engine.core.outcomes import Conversion
from engine.core.plan import EventPlan


def expose(case: Case, group: str) -> None:
    """Remember that the recipient was sent a message of the rule, or held out."""
    goal = case.rule.goal
    if goal is None or case.recipient_user is None:
        return
    cell = case.work.change_user(case.recipient_user)
    open_ones = [entry for entry in cell.exposures if entry[3] >= case.now]
    cell.exposures = (*open_ones, (case.rule.id, group, case.now, case.now + goal.within))


def convert(work: Work, plan: EventPlan, event: Event, scope: Scope) -> None:
    """Count the goals that the event reaches. An exposure converts once."""
    if event.user is None or (cell := work.user(event.user)) is None or not cell.exposures:
        return
    kept = []
    for entry in cell.exposures:
        rule, group, since, until = entry
        reached = since < event.time <= until and any(
            goal.rule == rule and (goal.when is None or goal.when.test(scope)) for goal in plan.goals
        )
        if reached:
            work.decision.conversions.append(Conversion(rule, event.user, group, event.time))
        else:
            kept.append(entry)
    if len(kept) != len(cell.exposures):
        work.change_user(event.user).exposures = tuple(kept)
