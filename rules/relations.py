"""The relations that the schema names (`x-check: *`): what one key of a mapping means for another, which JSON Schema cannot say.

Each looks at one mapping (or list) that may be wrong in other ways too, and says nothing about what it cannot read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from rules import values
from rules.entries.facts import enum_key
from rules.model import CHANNELS, EVENT_BUILTINS, TAKES, USER_BUILTINS, Path

MAX_SLIDING = 200
_OFFSETS = ("after", "before", "at")
_RESERVED_ALIASES = ("event", "user", "code")


@dataclass(frozen=True, slots=True)
class Broken:
    """A relation that does not hold: where (relative to what was checked, and whether at the key), and what would be right."""

    path: Path
    message: str
    hint: str = ""
    at_key: bool = False
    code: str = "structure"
    is_warning: bool = False


def quiet_hours(tree: dict[str, Any], _: ZoneInfo) -> Iterator[Broken]:
    """Quiet hours of no length would never be quiet, or always: nobody can tell which was meant."""
    start = values.time_of_day(tree.get("from"))
    if start is not None and start == values.closing_time(tree.get("to")):
        yield Broken(("to",), f"quiet hours from {tree['from']} to {tree['to']}", "another end", code="bad-window", is_warning=True)


def active(tree: dict[str, Any], local: ZoneInfo) -> Iterator[Broken]:
    """A rule is active from an instant until a later one."""
    start, end = values.instant(tree.get("from"), local), values.instant(tree.get("until"), local)
    if start is not None and end is not None and start >= end:
        message = f"active until {tree['until']}, which is not after {tree['from']}"
        yield Broken(("until",), message, "an instant after `from`; until itself is no longer active", code="bad-window", is_warning=True)


def cap(tree: dict[str, Any], _: ZoneInfo) -> Iterator[Broken]:
    """A sliding window keeps a mark for each message, hence the limit."""
    window = values.window(tree.get("per"))
    if window is None or window.kind != "sliding":
        return
    if window.micros == 0:
        yield Broken(("per",), "a window of no length", "at least 1s", code="bad-window", is_warning=True)
    limit = tree.get("max")
    if isinstance(limit, int | float) and limit > MAX_SLIDING:
        hint = f"at most {MAX_SLIDING} in a window that slides; minute, hour, day, week and month take more"
        yield Broken(("max",), f"{limit} in a window of {tree['per']}", hint)


def event_data(tree: dict[str, Any], _: ZoneInfo) -> Iterator[Broken]:
    """Every event has some fields already."""
    for name in tree:
        if name in EVENT_BUILTINS:
            yield Broken((name,), f"the field {name} is there already: every event has event.{name}", "another name", at_key=True)


def user(tree: dict[str, Any], _: ZoneInfo) -> Iterator[Broken]:
    """Built-in fields, attributes and traits share the names `user.*`."""
    attributes = tree.get("attributes", {})
    for part in ("attributes", "traits"):
        for name in tree.get(part, {}):
            if name in USER_BUILTINS:
                yield Broken((part, name), f"the field {name} is there already: every user has user.{name}", "another name", at_key=True)
            elif part == "traits" and name in attributes:
                yield Broken((part, name), f"user.{name} is there twice: an attribute and a trait", "another name for one", at_key=True)


def field(tree: dict[str, Any], _: ZoneInfo) -> Iterator[Broken]:
    """The values of an enum are of the field's type."""
    kind, enum = tree.get("type"), tree.get("enum")
    if kind not in ("string", "integer", "number", "boolean", "date", "datetime", "phone", "link") or enum is None:
        return
    if isinstance(enum, dict):
        for key in enum:
            if enum_key(key, kind) is None:
                yield Broken(("enum", key), f"{key} is no {kind}", f"values of the field's type, {kind}", True, "type-mismatch")
        return
    for index, value in enumerate(enum if isinstance(enum, list) else []):
        if isinstance(value, str | int | float) and not _fits(value, kind):
            yield Broken(("enum", index), f"{value!r} is no {kind}", f"values of the field's type, {kind}", code="type-mismatch")


def _fits(value: str | float, kind: str) -> bool:
    if kind == "boolean" or isinstance(value, bool):
        return kind == "boolean" and isinstance(value, bool)
    if kind == "integer":
        return isinstance(value, int)
    return isinstance(value, int | float) if kind == "number" else isinstance(value, str)


def trait(tree: dict[str, Any], _: ZoneInfo) -> Iterator[Broken]:
    """All ways to take but count take a field."""
    take = tree.get("take")
    if take in TAKES and take != "count" and "of" not in tree:
        yield Broken((), f"take: {take} without `of`", "add of: with the field to take, such as event.amount", at_key=True)


def event_trigger(tree: dict[str, Any], _: ZoneInfo) -> Iterator[Broken]:
    """At most one offset; only whole days after beside a time of day; `before` and `of` belong together."""
    offsets = [key for key in tree if key in _OFFSETS]
    if len(offsets) > 1 and set(offsets) != {"after", "at"}:
        yield Broken((offsets[1],), f"{offsets[1]} beside {offsets[0]}", "at most one of after, before, at", at_key=True)
    length = values.duration(tree.get("after"))
    if "at" in tree and length is not None and not length.is_calendar:
        yield Broken(("after",), f"after: {length} beside at", "whole days beside a time of day, such as after: 1d")
    if "before" in tree and "of" not in tree:
        yield Broken(("before",), "before without `of`", "add of: with the field to count from, such as event.expires_at", at_key=True)
    if "of" in tree and "before" not in tree:
        yield Broken(("of",), "of without `before`", "add before:, such as before: 3d; 0s is at the instant itself", at_key=True)


def steps(tree: list[Any], _: ZoneInfo) -> Iterator[Broken]:
    """Each step has an alias of its own."""
    seen: set[str] = set()
    for index, step in enumerate(tree):
        given = step.get("as") if isinstance(step, dict) else None
        alias = given if isinstance(given, str) else f"step{index + 1}"
        path: Path = (index, "as") if given == alias else (index,)
        if alias in _RESERVED_ALIASES:
            yield Broken(path, f"the alias {alias}", f"another one: {alias}.* is taken")
        elif alias in seen:
            yield Broken(path, f"the alias {alias} is there twice", "an alias of its own for each step")
        seen.add(alias)


def rule(tree: dict[str, Any], _: ZoneInfo) -> Iterator[Broken]:
    """A rule has something to send."""
    send = tree.get("send")
    if not isinstance(send, dict) or "template" in send or any(channel in send for channel in CHANNELS):
        return
    variants = tree.get("variants")
    arms = variants.values() if isinstance(variants, dict) else []
    if not arms or any(isinstance(arm, dict) and "template" not in arm for arm in arms):
        yield Broken(("send",), "nothing to send", 'add template:, or the content in place, such as sms: "..."', at_key=True)


def send(tree: dict[str, Any], _: ZoneInfo) -> Iterator[Broken]:
    """Either a template or content in place."""
    in_place = [key for key in tree if key in CHANNELS]
    if "template" in tree and in_place:
        order = list(tree)
        second = max("template", in_place[0], key=order.index)
        yield Broken((second,), "a template and content in place", "one of the two", at_key=True)


def rulebook(tree: dict[str, Any], _: ZoneInfo) -> Iterator[Broken]:
    """A rule names its channels, unless its content leaves no choice."""
    for name, entry in tree.get("rules", {}).items():
        message = entry.get("send") if isinstance(entry, dict) else None
        if isinstance(message, dict) and "channel" not in message:
            several = next((found for found in _contents(entry, message, tree.get("templates", {})) if len(found) > 1), None)
            if several:
                hint = "add channel: with one, or an ordered chain such as [video_sms, sms]"
                yield Broken(("rules", name, "send"), f"no channel, and content for {' and '.join(several)}", hint, at_key=True)


def _contents(entry: dict[str, Any], message: dict[str, Any], templates: dict[str, Any]) -> Iterator[list[str]]:
    """The channels of each content that a rule may send."""
    variants = entry.get("variants")
    arms = list(variants.values()) if isinstance(variants, dict) else []
    named = [part.get("template") for part in (message, *arms) if isinstance(part, dict)]
    yield [channel for channel in CHANNELS if channel in message]
    for template in named:
        content = templates.get(template) if isinstance(template, str) else None
        yield [channel for channel in CHANNELS if channel in content] if isinstance(content, dict) else []


def variants(tree: dict[str, Any], _: ZoneInfo) -> Iterator[Broken]:
    """Somebody must get something."""
    weights = [arm.get("weight") for arm in tree.values() if isinstance(arm, dict)]
    if weights and all(weight == 0 for weight in weights):
        yield Broken((), "all weights are 0", "at least one weight above 0", at_key=True)


def test(tree: dict[str, Any], local: ZoneInfo) -> Iterator[Broken]:
    """Offsets count from the first event, which therefore has an instant."""
    events = tree.get("events")
    first = events[0] if isinstance(events, list) and events else None
    if isinstance(first, dict):
        if values.offset(first.get("at")) is not None:
            hint = "an instant such as 2026-06-01T10:00+08:00; the others may be offsets from it"
            yield Broken(("events", 0, "at"), f"the first event at {first['at']}", hint)
    elif values.offset(tree.get("until")) is not None:
        yield Broken(("until",), f"until {tree['until']} without an event to count from", "an instant, or an event")


RELATIONS: dict[str, Callable[[Any, ZoneInfo], Iterator[Broken]]] = {
    "active": active,
    "cap": cap,
    "event-data": event_data,
    "event-trigger": event_trigger,
    "field": field,
    "quiet-hours": quiet_hours,
    "rule": rule,
    "rulebook": rulebook,
    "send": send,
    "steps": steps,
    "test": test,
    "trait": trait,
    "user": user,
    "variants": variants,
}
