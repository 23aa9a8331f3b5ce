"""Forms for people and events, made from what the book declares: which inputs there are, and what was written into them as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from engine.core.facts import Json
from engine.core.zones import local, parse_instant
from rules.model import FieldDef, Rulebook
from webapp.console.simulator.story import BadStory, Line, Story
from webapp.console.simulator.testcase import written

SCOPES = ("marketing", "notification", "verification", "all")
# An input's kind by the field's type; what is not here is a text.
_KINDS = {
    "boolean": "boolean", "integer": "number", "number": "number", "date": "date", "datetime": "datetime", "list": "json", "object": "json",
    "phone": "tel",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Input:
    """One input. `kind`: text, tel, number, date, datetime, boolean, choice, json. `value` is what stands in it."""

    name: str
    kind: str
    label: str
    value: str
    required: bool
    choices: tuple[tuple[str, str], ...] = ()
    note: str = ""


def inputs(
    declared: Mapping[str, FieldDef], known: Mapping[str, Json], zone: tzinfo, given: Mapping[str, str] | None = None
) -> list[Input]:
    """The inputs of an event's data or of a user's attributes. `given`: what was written before, when it could not be used."""
    found = []
    for name, field in declared.items():
        key = f"data.{name}"
        value = given.get(key, "") if given is not None else shown(known.get(name), field, zone)
        choices = tuple((str(code), str(label)) for code, label in field.enum.items()) if field.enum is not None else ()
        kind = "choice" if choices else _KINDS.get(field.type, "text")
        found.append(Input(key, kind, name, value, not field.optional, choices, field.description))
    return found


def shown(value: Json, field: FieldDef, zone: tzinfo) -> str:
    """A value as its input shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if field.type == "datetime" and isinstance(value, str):
        return local_time(value, zone)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def local_time(text: str, zone: tzinfo) -> str:
    """`2026-06-16T09:12` on the wall clock of a zone; what is no instant stands as it is."""
    try:
        at = local(parse_instant(text, zone), zone)
    except ValueError:
        return text
    return at.isoformat(timespec="seconds" if at.second else "minutes")


def read_data(declared: Mapping[str, FieldDef], form: Mapping[str, str], zone: tzinfo) -> dict[str, Json]:
    """What was written into the inputs; empty ones are left out. Whether the book takes it is its reader's to say."""
    found = {}
    for name, field in declared.items():
        text = form.get(f"data.{name}", "")
        if text.strip():
            found[name] = _value(name, text, field, zone)
    return found


def _value(name: str, text: str, field: FieldDef, zone: tzinfo) -> Json:
    if field.enum is not None:
        return next((code for code in field.enum if str(code) == text), text)
    if field.type == "boolean":
        return text == "true" if text in ("true", "false") else text
    if field.type in ("integer", "number", "list", "object"):
        try:
            return json.loads(text)
        except ValueError:
            raise BadStory(f"{name}: {text[:40]}") from None
    return instant_text(text, zone) if field.type == "datetime" else text


def instant_text(text: str, zone: tzinfo) -> str:
    """What stands in a time's input, with the offset of the zone. What is no instant stands as it is, to be refused by name."""
    try:
        return written(parse_instant(text.strip(), zone), zone)
    except ValueError:
        return text


def event_line(book: Rulebook, story: Story, form: Mapping[str, str], zone: tzinfo, known: Line | None) -> Line:
    """The event that a form says; its id stays, or is a free one."""
    declared = book.events.get(form.get("type", ""))
    if declared is None:
        raise BadStory(f"no event {form.get('type', '')[:60]}")
    line: dict[str, Any] = {"id": known["id"] if known is not None and known.get("id") else story.free_event_id()}
    if known is not None and "source" in known:
        line["source"] = known["source"]
    line |= {"type": declared.type, "time": instant_text(form.get("time", ""), zone)}
    if form.get("received", "").strip():
        line["received"] = instant_text(form["received"], zone)
    user = form.get("user", "").strip()
    if user and not declared.broadcast:
        line["user"] = _person(user)
    return line | {"data": read_data(declared.data, form, zone)}


def user_text(user: Json) -> str:
    """Whom an event names, as the input shows it: an id, or the JSON of an object."""
    return user if isinstance(user, str) else json.dumps(user, ensure_ascii=False)


def _person(text: str) -> Json:
    if not text.startswith("{"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise BadStory(f"user: {text[:40]}") from None


def user_line(book: Rulebook, form: Mapping[str, str], scopes: list[str], zone: tzinfo) -> Line:
    """The person that a form says."""
    found: dict[str, Any] = {"id": form.get("id", "").strip()}
    for name in ("phone", "timezone", "locale"):
        if text := form.get(name, "").strip():
            found[name] = text
    attributes = read_data(book.attributes, form, zone)
    if attributes:
        found["attributes"] = attributes
    suppressed = [scope for scope in scopes if scope in SCOPES]
    return found | ({"suppressed": suppressed} if suppressed else {})
