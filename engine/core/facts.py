"""What is known when a rule is judged: events, cells, and the scope that conditions and texts read.

Cells are values: whoever changes one forks it first and replaces inner mappings and tuples, never edits them, so an older reference stays
true (a verdict unfolded later, a saved state). Instants are microseconds since the epoch, UTC.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

Json = Any  # a JSON value as orjson gives it: dict, list, str, int, float, bool or None
NOTHING: dict[str, Any] = {}  # the shared empty mapping of fresh cells; never edited


def key_text(value: Json) -> str | None:
    """The value of a business key as a text: what is none already is written as JSON."""
    return value if value is None or type(value) is str else json.dumps(value, ensure_ascii=False, sort_keys=True)


class Event:
    """Something that happened. `data` has passed the event type's schema; its values are plain JSON."""

    __slots__ = ("cell_id", "data", "id", "key", "phone", "profile", "received", "source", "time", "type", "user")

    def __init__(
        self,
        id: str,
        type: str,
        time: int,
        data: dict[str, Json],
        *,
        received: int | None = None,
        source: str = "api",
        user: str | None = None,
        phone: str | None = None,
        key: str | None = None,
        profile: Mapping[str, Json] | None = None,
    ) -> None:
        self.id = id
        self.type = type
        self.time = time
        self.received = time if received is None else received
        self.source = source
        self.user = user  # the user's id; None for a broadcast and for somebody who is only a phone
        self.phone = phone  # E.164 (or as given, when not valid) of a person who is only a phone
        self.key = key  # the key field's value as text; the user's id where the type has no key; None when missing
        self.data = data
        self.cell_id: str | None = None  # the cell of its key, noted by watching.key_cell_id
        self.profile = profile  # {phone, timezone, locale, attributes} that came with the event


class Cell:
    """A small, lockable piece of state: a business key, a phone, an IP network, whatever a cap counts by."""

    __slots__ = ("counters", "expires", "recent", "sent", "suppressed", "windows")

    def __init__(self) -> None:
        self.counters: dict[str, Any] = NOTHING  # cap id -> what it has counted (see stages/caps.py)
        self.windows: dict[str, Any] = NOTHING  # rule -> recent events of its sequence, together or count
        self.recent: dict[str, Any] = NOTHING  # rule -> cancelling events seen, for `unless` within the disorder
        self.sent: dict[str, int] = NOTHING  # phones: rule|occurrence of broadcasts and ticks -> instant, for `duplicate`
        self.suppressed: frozenset[str] = frozenset()  # phones: message types, "all", or "blocked"
        self.expires: int = 0  # from this instant on the cell says nothing any more and may be dropped; 0: never looked at

    def fork(self) -> Cell:
        """A copy that may be changed; inner values are shared until they are replaced."""
        copy = Cell.__new__(Cell)
        copy.counters = self.counters
        copy.windows = self.windows
        copy.recent = self.recent
        copy.sent = self.sent
        copy.suppressed = self.suppressed
        copy.expires = self.expires
        return copy


class UserCell(Cell):
    """A recipient record with all that the engine keeps about the person."""

    __slots__ = ("attributes", "exposures", "id", "locale", "memberships", "phone", "timezone", "traits", "wake", "zone")

    def __init__(self, id: str, zone: tzinfo) -> None:
        super().__init__()
        self.id = id
        self.phone: str | None = None  # E.164, or None when missing or invalid
        self.timezone: str | None = None
        self.zone = zone  # the person's zone: `timezone` where stated, else the book's
        self.locale: str | None = None
        self.attributes: dict[str, Json] = NOTHING
        self.traits: dict[str, Any] = NOTHING  # trait -> its state (see traits.py)
        self.memberships: frozenset[str] = frozenset()  # the watched segments that hold
        self.wake: int | None = None  # when to look again: a segment may flip or a date of the user is due
        self.exposures: tuple[Any, ...] = ()  # messages and holdouts that wait for a goal

    def fork(self) -> UserCell:
        """A copy that may be changed. Spelled out like its elder: every event of a user passes here."""
        copy = UserCell.__new__(UserCell)
        copy.counters = self.counters
        copy.windows = self.windows
        copy.recent = self.recent
        copy.sent = self.sent
        copy.suppressed = self.suppressed
        copy.expires = self.expires
        copy.id = self.id
        copy.phone = self.phone
        copy.timezone = self.timezone
        copy.zone = self.zone
        copy.locale = self.locale
        copy.attributes = self.attributes
        copy.traits = self.traits
        copy.memberships = self.memberships
        copy.wake = self.wake
        copy.exposures = self.exposures
        return copy


class Scope:
    """What a condition or a text reads: `event.*`, `user.*`, aliases of a sequence, and the clock."""

    __slots__ = ("aliases", "code", "event", "locale", "now", "user", "zone")

    def __init__(
        self,
        now: int,
        zone: tzinfo,
        event: Event | None = None,
        user: UserCell | None = None,
        aliases: Mapping[str, Event] | None = None,
        locale: str = "",
        code: str = "",
    ) -> None:
        self.now = now
        self.zone = zone  # of the person: the trigger's user for conditions, the recipient for texts
        self.event = event
        self.user = user
        self.aliases = aliases
        self.locale = locale  # the recipient's, else the book's
        self.code = code  # what stands for `{{ code }}`
