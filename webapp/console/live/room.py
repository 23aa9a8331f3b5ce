"""What the views of the page share: the blueprint, the book in force, and what a visitor may see of personal data."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, g

from engine import traces
from engine.core.display import masked as masked_value
from engine.core.facts import Event
from engine.core.fields import Field
from engine.core.plan import BookPlan, RulePlan
from engine.runtime.live.watch import Watch
from engine.store.paging import BadCursor, place_of
from webapp import masking
from webapp.console import frame

blueprint = Blueprint("live", __name__, url_prefix="/live")


def watch() -> Watch:
    """What is asked."""
    return frame.house().service.watch


def env() -> str:
    """The environment that is looked at."""
    return frame.visitor().env


def plan() -> BookPlan | None:
    """The book in force, asked for once in a request."""
    if "live_plan" not in g:
        active = frame.house().service.book(env())
        g.live_plan = active.plan if active is not None else None
    found: BookPlan | None = g.live_plan
    return found


def rule_plan(rule: str) -> RulePlan | None:
    """A rule of the book in force."""
    book = plan()
    return book.rules.get(rule) if book is not None else None


def rule_name(rule: str) -> str:
    """A rule as people call it; its id where the book has none of it."""
    found = rule_plan(rule)
    return found.rule.name or rule if found is not None else rule


def event_name(type: str) -> str:
    """An event type as people call it."""
    book = plan()
    found = book.book.events.get(type) if book is not None else None
    return found.name or type if found is not None else type


def attribute(name: str, value: Any) -> str:
    """An attribute's value with its label, masked where it is personal."""
    book = plan()
    declared = book.book.attributes.get(name) if book is not None else None
    if declared is not None and (declared.secret or (declared.personal and not frame.visitor().sees_personal)):
        value = masked_value(Field(name, "user", declared.type, _read_nothing, declared=declared), value)
    elif declared is not None and declared.enum is not None:
        value = declared.enum.get(value, value)
    return str(shown(str(value)))


def trace_of(occurrence: str) -> str:
    """The trace id of an occurrence."""
    return traces.trace_of(env(), occurrence)


def shown(value: Any) -> Any:
    """A value without phone numbers, for those who may not see them."""
    return value if frame.visitor().sees_personal else masking.masked(value)


def number(phone: str | None) -> str:
    """A phone number as the visitor may see it."""
    return "—" if not phone else str(phone) if frame.visitor().sees_personal else str(masking.masked({"phone": phone})["phone"])


def data_of(event: Event) -> dict[str, Any]:
    """What an event says: secrets are stars for everybody, personal data for those who may not see it."""
    book = plan()
    declared = book.book.events[event.type].data if book is not None and event.type in book.book.events else {}
    found = {}
    for name, value in event.data.items():
        known = declared.get(name)
        hides = known is not None and (known.secret or not frame.visitor().sees_personal)
        found[name] = (
            masked_value(Field(name, "event", known.type, _read_nothing, declared=known), value) if hides and known is not None else value
        )
    return {name: shown(value) for name, value in found.items()}


def text_of(text: str | None, event: Event | None) -> str:
    """A text that was sent, without the secrets of its event."""
    if text is None:
        return ""
    book = plan()
    if event is not None and book is not None and event.type in book.book.events:
        for name, declared in book.book.events[event.type].data.items():
            value = event.data.get(name)
            hides = declared.secret or (declared.personal and not frame.visitor().sees_personal)
            if hides and isinstance(value, str) and value:
                text = text.replace(value, "****")
    return str(shown(text))


def _read_nothing(_scope: Any) -> Any:
    return None


def checked_cursor(cursor: str | None, *kinds: type) -> str | None:
    """A cursor from an address, or a page that says that there is none such."""
    if not cursor:
        return None
    try:
        place_of(cursor, *kinds)
    except BadCursor:
        abort(404)
    return cursor


def whole(text: str | None, most: int = 1 << 53) -> int | None:
    """A number from an address; None for what is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 17 and int(text) <= most else None
