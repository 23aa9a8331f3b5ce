"""A recorded order as a story: its events, its people with what was known of them, and their earlier events from which traits come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from engine.core.facts import Event, Json, UserCell
from engine.core.zones import format_instant
from engine.runtime.errors import NotFound
from engine.runtime.service import Service
from engine.store import cells, codec, events
from engine.store.columns import key_of
from engine.store.schema import events as events_table
from engine.store.store import Tx
from rules.model import Rulebook
from webapp.console.simulator.masked import masked
from webapp.console.simulator.story import Story

LOOKED_AT = 200_000  # the latest events, among which a business key is looked for: it has no index
MAX_ORDER_EVENTS = 200
MAX_EARLIER_EVENTS = 60  # of each person


def of_order(service: Service, env: str, book: Rulebook, asked: str) -> Story:
    """By a business key (`A1001`), or an event's id, or `source/id`. Nothing real is left in it but business numbers. Raises NotFound."""
    with service.store.read() as tx:
        found = _events_of(tx, env, book, asked.strip())
        if not found:
            raise NotFound(asked)
        people = list(dict.fromkeys([event.user for event in found if event.user is not None] + _mentioned(tx, env, found)))
        around = [event for user in people for event in _during(tx, env, user, found)]
        earlier = [event for user in people for event in _earlier(tx, env, book, user, found[0].received)]
    chosen = sorted(_once([*earlier, *found, *around]), key=lambda event: event.received)
    names = {user: f"u{number}" for number, user in enumerate(people, 1)}
    users = tuple(_user(service.user(env, user), name) for user, name in names.items())
    story = Story(asked.strip()[:80], users, tuple(_line(event, names) for event in chosen), since=format_instant(found[0].received))
    return replace(masked(story, book), since=story.since)


def _events_of(tx: Tx, env: str, book: Rulebook, asked: str) -> list[Event]:
    source, slash, id_ = asked.partition("/")
    one = events.get(tx, env, source, id_) if slash else None
    one = one or events.get(tx, env, "api", asked)
    if one is None:
        return _with_key(tx, env, book, asked, None)
    declared = book.events.get(one.event.type)
    if declared is None or declared.key is None or one.event.key is None:
        return [one.event]
    return _with_key(tx, env, book, one.event.key, declared.key) or [one.event]


def _with_key(tx: Tx, env: str, book: Rulebook, key: str, name: str | None) -> list[Event]:
    """The latest business object of this key, its events in order of arrival. `name`: the key's field; None: whichever it is."""
    columns = events_table.c
    newest = tx.execute(sa.select(sa.func.max(columns.seq))).scalar() or 0
    statement = (
        sa.select(columns.body)
        .where(columns.seq > newest - LOOKED_AT, columns.env == env, columns.key == key_of(key))
        .order_by(columns.seq.desc())
        .limit(MAX_ORDER_EVENTS)
    )
    found = [event for event in _oldest_first(tx, statement) if event.key == key]
    fields = {event.type: declared.key for event in found if (declared := book.events.get(event.type)) is not None}
    wanted = name or next((fields[event.type] for event in reversed(found) if fields.get(event.type) is not None), None)
    return sorted((event for event in found if wanted is not None and fields.get(event.type) == wanted), key=lambda event: event.received)


def _mentioned(tx: Tx, env: str, found: Iterable[Event]) -> list[str]:
    """Other people whose ids stand in the events' data: the sender of what somebody else signed for."""
    texts = {value for event in found for value in event.data.values() if isinstance(value, str)}
    known = cells.load(tx, env, [f"user:{text}" for text in sorted(texts)[:MAX_ORDER_EVENTS]])
    return [cell.id for cell in known.values() if isinstance(cell, UserCell)]


def _during(tx: Tx, env: str, user: str, found: list[Event]) -> Iterable[Event]:
    """What else happened to the person meanwhile."""
    rows = events.history(tx, env, since=found[0].received, until=found[-1].received, user=user, limit=MAX_ORDER_EVENTS)
    return [row.event for row in rows]


def _earlier(tx: Tx, env: str, book: Rulebook, user: str, before: int) -> Iterable[Event]:
    """The person's latest events from before, as far as a trait is made of them."""
    types = {type_ for trait in book.traits.values() for type_ in trait.events}
    columns = events_table.c
    statement = (
        sa.select(columns.body)
        .where(columns.env == env, columns.user == key_of(user), columns.received < before, columns.type.in_(sorted(types)))
        .order_by(columns.seq.desc())
        .limit(MAX_EARLIER_EVENTS)
    )
    return _oldest_first(tx, statement)


def _oldest_first(tx: Tx, newest_first: sa.Select[Any]) -> list[Event]:
    return [codec.decode_event(body) for body in reversed(tx.execute(newest_first).scalars().all())]


def _once(found: Iterable[Event]) -> Iterable[Event]:
    return {(event.source, event.id): event for event in found}.values()


def _user(view: Mapping[str, Any] | None, name: str) -> dict[str, Json]:
    """The person under another name; somebody whose record is gone is only a name."""
    known = view or {}
    line = {key: known[key] for key in ("phone", "timezone", "locale", "attributes") if known.get(key)}
    suppressed = [scope for scope in known.get("suppressed") or () if scope != "blocked"]
    return {"id": name} | line | ({"suppressed": suppressed} if suppressed else {})


def _line(event: Event, names: Mapping[str, str]) -> dict[str, Json]:
    line: dict[str, Json] = {"id": event.id, "type": event.type, "time": format_instant(event.time)}
    if event.source != "api":
        line["source"] = event.source
    if event.received != event.time:
        line["received"] = format_instant(event.received)
    if event.user is not None:
        line["user"] = names.get(event.user, event.user)
    elif event.phone is not None:
        line["user"] = {"phone": event.phone}
    return line | {"data": _renamed(event.data, names)}


def _renamed(value: Json, names: Mapping[str, str]) -> Json:
    """Without the ids of the people of the story, wherever they stand."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, dict):
        return {key: _renamed(member, names) for key, member in value.items()}
    return [_renamed(member, names) for member in value] if isinstance(value, list) else value
