"""unlike-keys: an `unless` whose event is about another kind of object, so that it can never cancel. An error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rules.checks._spans import at_value, inner
from rules.findings import Finding, Severity
from rules.model import EventTrigger, EventType, Unless

if TYPE_CHECKING:
    from rules.draft import Draft

CODE = "unlike-keys"


def check(draft: Draft) -> Iterator[Finding]:
    """Each cancelling event that matches none of what triggers its rule."""
    events = draft.book.events
    for rule in draft.book.rules.values():
        if not isinstance(rule.on, EventTrigger):
            continue
        for item in rule.on.unless:
            for trigger in (events[event] for event in rule.on.events if event in events):
                problem = _problem(trigger, events.get(item.event), item)
                if problem is not None:
                    path = inner(draft, item.path, "event")
                    yield at_value(draft, CODE, Severity.ERROR, path, *problem)
                    break


def _problem(trigger: EventType, other: EventType | None, item: Unless) -> tuple[str, str] | None:
    """Why the two never meet, and what to do; None if they can."""
    if other is None:
        return None
    if item.by_user:
        without = next((event for event in (other, trigger) if event.broadcast), None)
        return (f"{without.type} is a broadcast and has no user to match by", "leave out `by`") if without else None
    if trigger.key != other.key:
        message = f"{other.type} is about {_about(other)}, {trigger.type} about {_about(trigger)}: they never match"
        return message, f"{{event: {other.type}, by: user}} matches by the user"
    return None


def _about(event: EventType) -> str:
    return event.key or ("nobody in particular" if event.broadcast else "the user")
