"""Which cells' events may cancel what a rule has pending (`unless`), and how such an event is remembered for triggers to come."""

from __future__ import annotations

from engine.core.case import person_cell_id, value_cell_id
from engine.core.facts import Event
from engine.core.outcomes import Item
from engine.core.plan import BookPlan, RulePlan


def key_cell_id(event: Event, book: BookPlan) -> str | None:
    """The cell of the event's business object; the person's where its type has no key; None when the key is missing."""
    if event.cell_id is None:
        event.cell_id = _key_cell_id(event, book) or ""
    return event.cell_id or None


def _key_cell_id(event: Event, book: BookPlan) -> str | None:
    plan = book.events[event.type]
    if plan.key is None:
        return None if plan.broadcast else person_cell_id(event.user, event.phone)
    value = event.data.get(plan.key)
    return value_cell_id(plan.key, value) if value is not None else None


def watch(rule: RulePlan, item: Item, book: BookPlan) -> tuple[str, ...]:
    """The cells under which a timer of the rule is found by those who may cancel it."""
    event = item.event
    if event is None or not (rule.watches_key or rule.watches_user):
        return ()
    by_key = key_cell_id(event, book) if rule.watches_key else None
    by_user = person_cell_id(event.user, event.phone) if rule.watches_user else None
    if by_key is None or by_key == by_user:
        return (by_user,) if by_user is not None else ()
    return (by_key,) if by_user is None else (by_key, by_user)
