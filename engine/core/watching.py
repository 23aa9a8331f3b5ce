"""Which cells' events may cancel what a rule has pending (`unless`), and how such an event is remembered for triggers to come."""

from __future__ import annotations

from engine.core.case import person_cell_id, value_cell_id
from engine.core.facts import Event
from engine.core.outcomes import Item
from engine.core.plan import BookPlan, RulePlan


def key_cell_id(event: Event, book: BookPlan) -> str | None:
    """The cell of the event's business object; the person's where its type has no key; None when the key is missing."""
    plan = book.events[event.type]
    if plan.key is None:
        return None if plan.broadcast else person_cell_id(event.user, event.phone)
    return value_cell_id(plan.key, event.data[plan.key]) if event.data.get(plan.key) is not None else None


def watch(rule: RulePlan, item: Item, book: BookPlan) -> tuple[str, ...]:
    """The cells under which a timer of the rule is found by those who may cancel it."""
    cells = []
    if item.event is not None:
        if rule.watches_key:
            cells.append(key_cell_id(item.event, book))
        if rule.watches_user:
            cells.append(person_cell_id(item.event.user, item.event.phone))
    return tuple(dict.fromkeys(cell for cell in cells if cell is not None))
