"""Reading events: a parsed JSON object becomes an `Event`, or a `Refusal` that says why not. The command and the service share this.

Each event type is compiled once into a plan of small checks (docs/decisions/reading-events.md), because every event passes here: three
microseconds each, JSON included.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.core import phones
from engine.core.facts import Event, Json, key_text
from engine.nearest import did_you_mean
from engine.people import Persons
from engine.refusals import Fault, Refusal, bad_name, kind, parse_json, refusal, refuse, shown_value
from engine.values import FIRST_TIME, LAST_TIME, absent, field_check, instant, time_fault, whole
from rules.model import EventType, FieldDef, Rulebook


class _Plan:
    """What is looked at in the data of one event type."""

    __slots__ = ("broadcast", "declared", "fields", "integers", "key")

    def __init__(self, declared: EventType | None) -> None:
        data = declared.data if declared is not None else {}
        # name, whether it must be there, whether any text will do (the common case, decided without a call), the check
        self.fields = [(name, not field.optional, _is_plain(field), field_check(field)) for name, field in data.items()]
        self.integers = [name for name, field in data.items() if field.type == "integer"]
        self.declared = data
        self.key = declared.key if declared is not None else None
        self.broadcast = declared is not None and declared.broadcast


def _is_plain(field: FieldDef) -> bool:
    return field.type in ("string", "phone") and not field.schema and field.enum is None


class EventReader:
    """Turns parsed lines into events of one book. Keeps nothing between lines; may be shared by threads."""

    def __init__(self, book: Rulebook) -> None:
        self._plans = {name: _Plan(declared) for name, declared in book.events.items()}
        self._undeclared = None if book.refuse_unknown_events else _Plan(None)
        self._persons = Persons(book.attributes)

    def read(self, line: Json) -> Event | Refusal:
        """The event of a line, or of a CloudEvent. The line's `data` is kept, not copied."""
        if type(line) is not dict:
            return refusal(f"must be a JSON object, got {kind(line)}")
        cloud = "specversion" in line
        if cloud:
            line = _from_cloud(line)
            if isinstance(line, Refusal):
                return line
        type_ = line.get("type")
        plan = self._plans.get(type_, self._undeclared) if type(type_) is str and type_ else None
        if plan is None:
            return self._unknown_type(type_)

        faults: list[Fault] = []
        id_ = line.get("id")
        if type(id_) is not str or not id_:
            faults.append((("id",), bad_name(id_)))
        source = line.get("source", "api")
        if type(source) is not str or not source:
            faults.append((("source",), bad_name(source)))
        time = instant(line.get("time"))
        if time is None or not FIRST_TIME <= time < LAST_TIME:
            faults.append((("time",), time_fault(line.get("time"))))
        received = line.get("received")
        if received is not None:
            received = instant(received)
            if received is None or not FIRST_TIME <= received < LAST_TIME:
                faults.append((("received",), time_fault(line["received"])))

        user = line.get("user")
        phone = profile = None
        if user is not None:
            if plan.broadcast:
                if not cloud:
                    faults.append((("user",), "a broadcast has no user"))
                user = None
            elif type(user) is not str or not user:
                user, phone, profile = self._person(user, faults)

        data = line.get("data")
        if type(data) is not dict:
            data = _no_data(data, faults)
        for name, required, plain, check in plan.fields:
            value = data.get(name)
            if value is None:
                if required:
                    faults.append((("data", name), absent(name, data, plan.declared)))
            elif not (plain and type(value) is str):
                fault = check(value)
                if fault is not None:
                    faults.append((("data", name, *fault[0]), fault[1]))
        if plan.integers and not faults:
            data = whole(data, plan.integers)

        if plan.key is None:
            key = user if user is not None else phone
        else:
            key = data.get(plan.key)
            if type(key) is not str:
                key = key_text(key)
            elif not key:
                faults.append((("data", plan.key), "is the key and must not be empty"))
        if faults or time is None:
            return refuse(faults, type_)
        return Event(id_, type_, time, data, received=received, source=source, user=user, phone=phone, key=key, profile=profile)

    def read_json(self, text: bytes) -> Event | Refusal:
        """The same from the bytes of one JSON object."""
        line = parse_json(text)
        return line if isinstance(line, Refusal) else self.read(line)

    def _unknown_type(self, type_: Json) -> Refusal:
        if type(type_) is not str or not type_:
            return refusal(bad_name(type_), "type")
        return refusal(f"no event {shown_value(type_)} in the book{did_you_mean(type_, self._plans)}", "type")

    def _person(self, user: Json, faults: list[Fault]) -> tuple[str | None, str | None, Mapping[str, Json] | None]:
        """(id, None, profile) of somebody who is a user, (None, phone, None) of somebody who is only a phone."""
        if type(user) is not dict:
            faults.append((("user",), bad_name(user) if user == "" else f"must be an id or an object, got {kind(user)}"))
            return None, None, None
        profile = self._persons.profile(user, faults, ("user",))
        id_ = user.get("id")
        if type(id_) is str and id_:
            return id_, None, profile
        if id_ is not None:
            faults.append((("user", "id"), bad_name(id_)))
        elif "phone" not in profile:
            faults.append((("user",), "needs an id or a phone"))
        phone = profile.get("phone")
        return None, phone and (phones.normalise(phone) or phone), None


def _no_data(data: Json, faults: list[Fault]) -> dict[str, Json]:
    if data is not None:
        faults.append((("data",), f"must be an object, got {shown_value(data)}"))
    return {}


def _from_cloud(line: Mapping[str, Json]) -> dict[str, Any] | Refusal:
    """The line of a CloudEvent 1.0 in JSON: `subject` is the user. Of its extensions `received` is read."""
    if line["specversion"] != "1.0":
        return refusal(f'must be "1.0", got {shown_value(line["specversion"])}', "specversion")
    if "data_base64" in line:
        return refusal("binary data cannot be used; send JSON in data", "data_base64")
    content = line.get("datacontenttype")
    if content is not None and not (type(content) is str and _JSON_TYPE.match(content)):
        return refusal(f"must be JSON, got {shown_value(content)}", "datacontenttype")
    if "source" not in line:
        return refusal("is missing", "source")
    kept = {name: line[name] for name in ("id", "type", "source", "time", "received", "data") if name in line}
    subject = line.get("subject")
    return kept if subject is None else {**kept, "user": subject}


_JSON_TYPE = re.compile(r"[\w.+-]+/(?:[\w.-]+\+)?json\s*(?:;|$)", re.IGNORECASE)
