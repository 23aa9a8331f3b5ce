"""Count: fires when so many events lie in the window, and again only after the window has emptied below that."""

from __future__ import annotations

from bisect import bisect_right, insort

from engine.core.case import Work, item_of_event, person_cell_id, value_cell_id
from engine.core.facts import Event, Scope
from engine.core.outcomes import Item
from engine.core.plan import CountPlan, EventPlan


def reached(work: Work, plan: EventPlan, event: Event, scope: Scope) -> list[Item]:
    """The counts that this event completes."""
    return [item for count in plan.counts if (item := _meet(work, count, event, scope)) is not None]


def _meet(work: Work, plan: CountPlan, event: Event, scope: Scope) -> Item | None:
    if plan.test is not None and not plan.test(scope):
        return None
    if plan.by is None:
        cell_id = person_cell_id(event.user, event.phone)
    else:
        value = plan.by(scope)
        cell_id = value_cell_id(plan.by_name, value) if value is not None else None
    if cell_id is None:
        return None
    is_user = cell_id.startswith("user:")
    cell = work.change_user(cell_id[5:]) if is_user else work.change(cell_id, work.now + plan.within + work.book.disorder + 1)
    times, armed = cell.windows.get(plan.rule.id, ((), True))
    in_order = not times or event.time >= times[-1]
    kept = list(times)
    fires = False
    if in_order:
        # The window ends at this event; an event received late only fills it, for the events to come (fine print 10).
        kept = kept[bisect_right(kept, event.time - plan.within) :]
        armed = armed or len(kept) < plan.at_least
        fires = armed and len(kept) + 1 >= plan.at_least
        armed = armed and not fires
    insort(kept, event.time)
    cell.windows = {**cell.windows, plan.rule.id: (tuple(kept), armed)}
    return item_of_event(plan.rule.id, event) if fires else None
