"""Cells, timers, messages and events as JSON text, and back to exactly what they were: types, tuples, shared events and all.

What decides nothing is left out: `Event.cell_id` is a note that the next reader makes again (by the book of that day). A key that a row
lacks, because it is older than this code, has the value that a fresh object has.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, tzinfo
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from engine.core.caps import Bucket
from engine.core.facts import NOTHING, Cell, Event, Json, UserCell
from engine.core.outcomes import Item, Message, Timer, Verdict
from engine.core.zones import zone as zone_of

Tree = dict[str, Any]


# ---- JSON -----------------------------------------------------------------------------------------------------------------------------


def dumps(value: Any) -> str:
    """JSON as orjson writes it. What orjson refuses (a sum beyond 64 bits) is written by the standard library after a blank."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return " " + json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def loads(text: str) -> Any:
    """The value that `dumps` wrote; tuples have become lists."""
    return json.loads(text) if text.startswith(" ") else orjson.loads(text)


# ---- states of traits -------------------------------------------------------------------------------------------------------------------


def pack(value: Any) -> Json:
    """A trait's state. Tuples are JSON lists; what JSON cannot say, and JSON's own lists and objects, stand in an object of one key."""
    kind = type(value)
    if kind is float:
        return value if isfinite(value) else {"float": repr(value)}
    if kind is tuple:
        return [item if type(item) is int or type(item) is str else pack(item) for item in value]
    if kind is list or kind is dict:
        return {"json": value}
    if kind is date:
        return {"date": value.isoformat()}
    return value


def unpack(value: Json) -> Any:
    """The state that `pack` was given."""
    if type(value) is list:
        return tuple([item if type(item) is int or type(item) is str else unpack(item) for item in value])
    if type(value) is not dict:
        return value
    ((kind, inner),) = value.items()
    return inner if kind == "json" else date.fromisoformat(inner) if kind == "date" else float(inner)


# ---- events ---------------------------------------------------------------------------------------------------------------------------


def event_tree(event: Event) -> Tree:
    """An event as a JSON object. What is usual is left out."""
    tree: Tree = {"id": event.id, "type": event.type, "time": event.time, "data": event.data}
    if event.received != event.time:
        tree["received"] = event.received
    if event.source != "api":
        tree["source"] = event.source
    for name in ("user", "phone", "key"):
        value = getattr(event, name)
        if value is not None:
            tree[name] = value
    if event.profile is not None:
        tree["profile"] = dict(event.profile)
    return tree


def event_of(tree: Tree) -> Event:
    """The event of `event_tree`."""
    get = tree.get
    return Event(
        tree["id"], tree["type"], tree["time"], get("data") or {}, received=get("received"), source=get("source", "api"), user=get("user"),
        phone=get("phone"), key=get("key"), profile=get("profile"),
    )  # fmt: skip


def encode_event(event: Event) -> str:
    """An event as text."""
    return dumps(event_tree(event))


def decode_event(text: str) -> Event:
    """The event of `encode_event`."""
    return event_of(loads(text))


class _Events:
    """The events that a tree refers to by number: each is written once, and is one object again afterwards."""

    def __init__(self) -> None:
        self.trees: list[Tree] = []
        self._numbers: dict[int, int] = {}

    def number(self, event: Event) -> int:
        number = self._numbers.setdefault(id(event), len(self.trees))
        if number == len(self.trees):
            self.trees.append(event_tree(event))
        return number


def _events_of(tree: Tree) -> list[Event]:
    return [event_of(one) for one in tree.get("events", ())]


# ---- cells ------------------------------------------------------------------------------------------------------------------------------


def encode_cell(cell: Cell) -> str:
    """A cell as text."""
    tree: Tree = {}
    events = _Events()
    if cell.counters:
        tree["counters"] = {name: _counter_tree(state) for name, state in cell.counters.items()}
    if cell.windows:
        tree["windows"] = {rule: _window_tree(state, events) for rule, state in cell.windows.items()}
    if cell.recent:
        tree["recent"] = cell.recent
    if cell.sent:
        tree["sent"] = cell.sent
    if cell.suppressed:
        tree["suppressed"] = sorted(cell.suppressed)
    if cell.expires:
        tree["expires"] = cell.expires
    if type(cell) is UserCell:
        _add_user(tree, cell)
    if events.trees:
        tree["events"] = events.trees
    return dumps(tree)


def _add_user(tree: Tree, cell: UserCell) -> None:
    tree["id"] = cell.id
    tree["zone"] = _zone_name(cell.zone)
    for name in ("phone", "timezone", "locale", "wake"):
        value = getattr(cell, name)
        if value is not None:
            tree[name] = value
    if cell.attributes:
        tree["attributes"] = cell.attributes
    if cell.traits:
        tree["traits"] = {name: pack(state) for name, state in cell.traits.items()}
    if cell.memberships:
        tree["memberships"] = sorted(cell.memberships)
    if cell.exposures:
        tree["exposures"] = cell.exposures


def decode_cell(text: str, book_zone: tzinfo | None = None) -> Cell:
    """The cell of `encode_cell`. A user without a time zone of their own is in `book_zone`, if given: the book may have moved since."""
    tree = loads(text)
    get = tree.get
    if "id" in tree:
        cell: Cell = _user_of(tree, book_zone)
    else:
        cell = Cell()
    if "counters" in tree:
        cell.counters = {name: _counter_of(state) for name, state in tree["counters"].items()}
    if "windows" in tree:
        events = _events_of(tree)
        cell.windows = {rule: _window_of(state, events) for rule, state in tree["windows"].items()}
    if "recent" in tree:
        cell.recent = {rule: tuple([tuple(entry) for entry in entries]) for rule, entries in tree["recent"].items()}
    cell.sent = get("sent", NOTHING)
    if "suppressed" in tree:
        cell.suppressed = frozenset(tree["suppressed"])
    cell.expires = get("expires", 0)
    return cell


def _user_of(tree: Tree, book_zone: tzinfo | None) -> UserCell:
    get = tree.get
    timezone = get("timezone")
    zone = _zone_of(get("zone"), book_zone) if timezone is not None or book_zone is None else book_zone
    cell = UserCell(tree["id"], zone)
    cell.phone = get("phone")
    cell.timezone = timezone
    cell.locale = get("locale")
    cell.attributes = get("attributes", NOTHING)
    if "traits" in tree:
        cell.traits = {name: unpack(state) for name, state in tree["traits"].items()}
    if "memberships" in tree:
        cell.memberships = frozenset(tree["memberships"])
    cell.wake = get("wake")
    if "exposures" in tree:
        cell.exposures = tuple([tuple(entry) for entry in tree["exposures"]])
    return cell


def _zone_name(zone: tzinfo) -> str:
    if isinstance(zone, ZoneInfo) and zone.key is not None:
        return zone.key
    if zone is UTC:
        return ""
    raise TypeError(f"a zone without a name cannot be kept: {zone!r}")


def _zone_of(name: str | None, book_zone: tzinfo | None) -> tzinfo:
    """The zone of this name; one that this machine does not know gives way to the book's."""
    try:
        return zone_of(name) if name else UTC
    except (KeyError, ValueError):
        return book_zone if book_zone is not None else UTC


def _counter_tree(state: Any) -> Json:
    return {"start": state.start, "messages": state.messages} if type(state) is Bucket else state


def _counter_of(state: Json) -> Any:
    if type(state) is list:
        return tuple(state)
    return Bucket(state["start"], state["messages"]) if type(state) is dict else state


def _window_tree(state: Any, events: _Events) -> Tree:
    first, second = state
    if type(first) is tuple:  # a count: when its events were, and whether it may fire
        return {"times": first, "armed": second}
    return {"latest": first, "events": [(step, events.number(event)) for step, event in second]}


def _window_of(tree: Tree, events: list[Event]) -> Any:
    if "times" in tree:
        return tuple(tree["times"]), tree["armed"]
    return tree["latest"], tuple([(step, events[number]) for step, number in tree["events"]])


# ---- items, timers, messages ------------------------------------------------------------------------------------------------------------


def _item_tree(item: Item, events: _Events) -> Tree:
    tree: Tree = {"rule": item.rule, "occurrence": item.occurrence, "instant": item.instant}
    if item.event is not None:
        tree["event"] = events.number(item.event)
    if item.aliases is not None:
        tree["aliases"] = {alias: events.number(event) for alias, event in item.aliases.items()}
    if item.user is not None:
        tree["user"] = item.user
    if item.phone is not None:
        tree["phone"] = item.phone
    if item.waited:
        tree["waited"] = True
    return tree


def _item_of(tree: Tree, events: list[Event]) -> Item:
    get = tree.get
    aliases = {alias: events[number] for alias, number in tree["aliases"].items()} if "aliases" in tree else None
    event = events[tree["event"]] if "event" in tree else None
    return Item(
        tree["rule"], tree["occurrence"], tree["instant"], event=event, aliases=aliases, user=get("user"), phone=get("phone"),
        waited=get("waited", False),
    )  # fmt: skip


def encode_items(items: Iterable[Item]) -> str:
    """Items of a campaign as text."""
    events = _Events()
    return dumps({"items": [_item_tree(item, events) for item in items], "events": events.trees})


def decode_items(text: str) -> list[Item]:
    """The items of `encode_items`."""
    tree = loads(text)
    events = _events_of(tree)
    return [_item_of(one, events) for one in tree["items"]]


def encode_timer(timer: Timer) -> str:
    """A timer as text."""
    events = _Events()
    tree: Tree = {"id": timer.id, "kind": timer.kind, "due": timer.due}
    if timer.item is not None:
        tree["item"] = _item_tree(timer.item, events)
    if timer.message is not None:
        tree["message"] = _message_tree(timer.message, events)
    if timer.user is not None:
        tree["user"] = timer.user
    if timer.recipient != (None, None):
        tree["recipient"] = timer.recipient
    if timer.watch:
        tree["watch"] = timer.watch
    if events.trees:
        tree["events"] = events.trees
    return dumps(tree)


def decode_timer(text: str) -> Timer:
    """The timer of `encode_timer`."""
    tree = loads(text)
    events = _events_of(tree)
    user, phone = tree.get("recipient", (None, None))
    return Timer(
        tree["id"],
        tree["kind"],
        tree["due"],
        item=_item_of(tree["item"], events) if "item" in tree else None,
        message=_message_of(tree["message"], events) if "message" in tree else None,
        user=tree.get("user"),
        recipient=(user, phone),
        watch=tuple(tree.get("watch", ())),
    )


_MESSAGE_FIELDS = (
    "id", "at", "user", "phone", "to", "type", "channel", "template", "variant", "text", "content", "parts", "send_until", "verification",
    "position",
)  # fmt: skip


def _message_tree(message: Message, events: _Events) -> Tree:
    tree: Tree = {name: value for name in _MESSAGE_FIELDS if (value := getattr(message, name)) is not None}
    if message.verification is not None:
        tree["verification"] = dict(message.verification)
    tree["item"] = _item_tree(message.item, events)
    if message.rest:
        tree["rest"] = message.rest
    if message.slots:
        tree["slots"] = message.slots
    if not message.all_rejected:
        tree["all_rejected"] = False
    return tree


def _message_of(tree: Tree, events: list[Event]) -> Message:
    get = tree.get
    return Message(
        tree["id"],
        tree["at"],
        _item_of(tree["item"], events),
        get("user"),
        get("phone"),
        tree["to"],
        tree["type"],
        tree["channel"],
        get("template", ""),
        get("variant"),
        get("text"),
        get("content"),
        get("parts", 1),
        get("send_until"),
        get("verification"),
        tuple(get("rest", ())),
        tuple([tuple(slot) for slot in get("slots", ())]),
        get("position", 0),
        get("all_rejected", True),
    )


def encode_message(message: Message, columns: Mapping[str, Any]) -> str:
    """A message as text, without what stands in `columns` of its row just as it is."""
    events = _Events()
    tree = _message_tree(message, events)
    for name, value in columns.items():
        if name in tree and tree[name] == value:
            del tree[name]
    if events.trees:
        tree["events"] = events.trees
    return dumps(tree)


def decode_message(text: str, columns: Mapping[str, Any]) -> Message:
    """The message of `encode_message`."""
    tree = loads(text)
    return _message_of({**columns, **tree}, _events_of(tree))


# ---- verdicts ---------------------------------------------------------------------------------------------------------------------------


def encode_verdicts(verdicts: Iterable[Verdict]) -> str:
    """Verdicts of one occurrence as text, each a list: rule, user, phone, outcome, reason, occurrence, detail."""
    return dumps(
        [
            (one.rule, one.user, one.phone, one.outcome, one.reason, one.occurrence, dict(one.detail) or None)
            for one in verdicts
        ]
    )  # fmt: skip


def decode_verdicts(text: str, at: int) -> list[Verdict]:
    """The verdicts of `encode_verdicts`, given at one instant."""
    return [
        Verdict(at, rule, user, outcome, reason, occurrence, detail, phone)
        for rule, user, phone, outcome, reason, occurrence, detail in loads(text)
    ]
