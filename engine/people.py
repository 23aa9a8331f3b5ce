"""Reading users and receipts: a parsed JSON object becomes a `UserLine` or a `ReceiptLine`, or a `Refusal` that says why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.core.facts import Json
from engine.core.zones import zone
from engine.nearest import did_you_mean
from engine.refusals import Fault, Refusal, bad_name, kind, refusal, refuse, shown_value
from engine.values import field_check, instant, time_fault, whole
from rules.model import MESSAGE_TYPES, FieldDef, Path, Rulebook

RECEIPT_STATUSES = ("delivered", "undelivered", "rejected", "none")


@dataclass(frozen=True, slots=True)
class UserLine:
    """A user as an input line has it. `attributes` holds only declared ones; `phone` is as given."""

    id: str
    phone: str | None
    timezone: str | None
    locale: str | None
    attributes: Mapping[str, Json]
    suppressed: tuple[str, ...]  # message types, or "all"


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """What a provider says of the latest message of a rule to a user. None: of any user; at once."""

    rule: str
    status: str  # delivered | undelivered | rejected | none
    user: str | None
    at: int | None


def _is_zone(name: str) -> bool:
    try:
        zone(name)
    except (KeyError, ValueError):
        return False
    return True


class Persons:
    """Reads what a line says of a person: phone, timezone, locale, attributes."""

    def __init__(self, declared: Mapping[str, FieldDef]) -> None:
        self._checks = {name: field_check(field) for name, field in declared.items()}
        self._integers = [name for name, field in declared.items() if field.type == "integer"]

    def profile(self, line: Mapping[str, Json], faults: list[Fault], root: Path) -> dict[str, Json]:
        """Only what was given. Undeclared attributes are left out: real data has more, and the book can read none of it."""
        profile: dict[str, Json] = {}
        for name in ("phone", "timezone", "locale"):
            value = line.get(name)
            if type(value) is str and value:
                profile[name] = value
            elif value is not None:
                faults.append(((*root, name), f"must be a text, got {kind(value) if value != '' else 'an empty one'}"))
        zone = profile.get("timezone")
        if zone is not None and not _is_zone(zone):
            faults.append(((*root, "timezone"), f'no time zone "{zone}" (a name like Asia/Shanghai)'))
        attributes = line.get("attributes")
        if type(attributes) is dict:
            profile["attributes"] = self._attributes(attributes, faults, (*root, "attributes"))
        elif attributes is not None:
            faults.append(((*root, "attributes"), f"must be an object, got {kind(attributes)}"))
        return profile

    def _attributes(self, given: dict[str, Json], faults: list[Fault], root: Path) -> dict[str, Json]:
        kept = {name: value for name, value in given.items() if name in self._checks}
        for name, value in kept.items():
            fault = self._checks[name](value) if value is not None else None
            if fault is not None:
                faults.append(((*root, name, *fault[0]), fault[1]))
        return kept if faults else whole(kept, self._integers)


class UserReader:
    """Turns parsed lines into users of one book."""

    def __init__(self, book: Rulebook) -> None:
        self._persons = Persons(book.attributes)

    def read(self, line: Json) -> UserLine | Refusal:
        """The user of a line."""
        if type(line) is not dict:
            return refusal(f"must be a JSON object, got {kind(line)}")
        faults: list[Fault] = []
        given = line.get("id")
        id_ = given if type(given) is str else ""
        if not id_:
            faults.append((("id",), bad_name(given)))
        profile = self._persons.profile(line, faults, ())
        suppressed = _scopes(line.get("suppressed"), faults)
        if faults:
            return refuse(faults, f"user {shown_value(id_)}" if id_ else "")
        get = profile.get
        return UserLine(id_, get("phone"), get("timezone"), get("locale"), get("attributes") or {}, suppressed)


_SCOPES = (*MESSAGE_TYPES, "all")


def _scopes(given: Json, faults: list[Fault]) -> tuple[str, ...]:
    if given is None:
        return ()
    if type(given) is not list:
        faults.append((("suppressed",), f"must be a list, got {kind(given)}"))
        return ()
    for position, scope in enumerate(given):
        if scope not in _SCOPES:
            meant = did_you_mean(scope, _SCOPES) if isinstance(scope, str) else ""
            faults.append((("suppressed", position), f"must be a message type or all, got {shown_value(scope)}{meant}"))
    return tuple(given)


class ReceiptReader:
    """Turns parsed lines into receipts for messages of one book."""

    def __init__(self, book: Rulebook) -> None:
        self._rules = book.rules

    def read(self, line: Json) -> ReceiptLine | Refusal:
        """The receipt of a line."""
        if type(line) is not dict:
            return refusal(f"must be a JSON object, got {kind(line)}")
        faults: list[Fault] = []
        rule, status, user = line.get("rule"), line.get("status"), line.get("user")
        if type(rule) is not str:
            faults.append((("rule",), bad_name(rule)))
        elif rule not in self._rules:
            faults.append((("rule",), f"no rule {shown_value(rule)} in the book{did_you_mean(rule, self._rules)}"))
        if status not in RECEIPT_STATUSES:
            meant = did_you_mean(status, RECEIPT_STATUSES) if isinstance(status, str) else ""
            faults.append((("status",), f"must be one of {', '.join(RECEIPT_STATUSES)}, got {shown_value(status)}{meant}"))
        if user is not None and (type(user) is not str or not user):
            faults.append((("user",), bad_name(user)))
        at = instant(line["at"]) if line.get("at") is not None else None
        if at is None and line.get("at") is not None:
            faults.append((("at",), time_fault(line["at"])))
        return refuse(faults) if faults else ReceiptLine(str(rule), str(status), user, at)
