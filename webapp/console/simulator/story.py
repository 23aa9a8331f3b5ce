"""A story: people, events on a clock, what providers say. JSON in the shape of `hongyan simulate`'s input; every change is a new story."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from engine.core.facts import Json
from engine.refusals import Refusal, parse_json

MAX_BYTES = 1024 * 1024
MAX_USERS = 1_000
MAX_EVENTS = 5_000
MAX_NAME = 80  # characters

Line = Mapping[str, Json]


class BadStory(Exception):
    """What was given is no story; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Story:
    """`since`: what came before is judged and not shown (None: from the first event). `until`: where it ends (None: see clock.end_of).

    Lines are kept as they were given; which of them the book can read is told by a run.
    """

    name: str = ""
    users: tuple[Line, ...] = ()
    events: tuple[Line, ...] = ()
    receipts: tuple[Line, ...] = ()
    since: str | None = None
    until: str | None = None

    @property
    def id(self) -> str:
        """What this story and no other is called in an address."""
        return hashlib.sha256(orjson.dumps(self.body(), option=orjson.OPT_SORT_KEYS)).hexdigest()[:20]

    def body(self) -> dict[str, Any]:
        """As kept, and as exported."""
        found: dict[str, Any] = {"name": self.name} if self.name else {}
        found |= {"users": list(self.users), "events": list(self.events)}
        if self.receipts:
            found["receipts"] = list(self.receipts)
        return found | {name: value for name, value in (("from", self.since), ("until", self.until)) if value is not None}

    # ---- changes ------------------------------------------------------------------------------------------------------------------------

    def with_event(self, line: Line, at: int | None = None) -> Story:
        """With an event more, or another one in its place."""
        return replace(self, events=_with(self.events, line, at))

    def without_event(self, at: int) -> Story:
        """Without one event. Raises IndexError."""
        return replace(self, events=_without(self.events, at))

    def with_user(self, line: Line, at: int | None = None) -> Story:
        """With a person more, or another one in its place."""
        return replace(self, users=_with(self.users, line, at))

    def without_user(self, at: int) -> Story:
        """Without a person, whose events stay. Raises IndexError."""
        return replace(self, users=_without(self.users, at))

    def free_event_id(self) -> str:
        """An id that no event has yet."""
        taken = {line.get("id") for line in self.events}
        return next(name for number in range(1, len(taken) + 2) if (name := f"e{number}") not in taken)


def _with(lines: tuple[Line, ...], line: Line, at: int | None) -> tuple[Line, ...]:
    if at is None:
        return (*lines, line)
    _check(lines, at)
    return (*lines[:at], line, *lines[at + 1 :])


def _without(lines: tuple[Line, ...], at: int) -> tuple[Line, ...]:
    _check(lines, at)
    return (*lines[:at], *lines[at + 1 :])


def _check(lines: Sequence[Line], at: int) -> None:
    if not 0 <= at < len(lines):
        raise IndexError(at)


# ---- reading ----------------------------------------------------------------------------------------------------------------------------


def read(text: str) -> Story:
    """A pasted story: one JSON object, a JSON list of events, or JSONL of events, users and receipts in any order. Raises BadStory."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise BadStory("more than 1 MB")
    whole = parse_json(text.strip().encode("utf-8", "surrogatepass"))
    if isinstance(whole, Refusal):
        return _of_lines(_json_lines(text))
    if isinstance(whole, list):
        return _of_lines(list(enumerate(whole, 1)))
    if isinstance(whole, dict) and ("events" in whole or "users" in whole):
        return from_body(whole)
    return _of_lines([(1, whole)])


def from_body(body: Json) -> Story:
    """The story of a kept or given object. Raises BadStory."""
    if not isinstance(body, dict):
        raise BadStory("a story is a JSON object with users and events")
    unknown = sorted(set(body) - {"name", "users", "events", "receipts", "from", "until"})
    if unknown:
        raise BadStory(f"a story has no {unknown[0]}")
    lists = {name: _objects(body.get(name), name) for name in ("users", "events", "receipts")}
    texts = {name: _text(body.get(name), name) for name in ("name", "from", "until")}
    story = Story((texts["name"] or "")[:MAX_NAME], **lists, since=texts["from"], until=texts["until"])
    return _measured(story)


def _objects(given: Json, name: str) -> tuple[Line, ...]:
    if given is None:
        return ()
    if not isinstance(given, list) or not all(isinstance(line, dict) for line in given):
        raise BadStory(f"{name} must be a list of objects")
    return tuple(given)


def _text(given: Json, name: str) -> str | None:
    if given is not None and not isinstance(given, str):
        raise BadStory(f"{name} must be a text")
    return given or None


def _json_lines(text: str) -> list[tuple[int, Json]]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        parsed = parse_json(line.encode("utf-8", "surrogatepass"))
        if isinstance(parsed, Refusal):
            raise BadStory(f"line {number}: {parsed.reason}")
        found.append((number, parsed))
    if not found:
        raise BadStory("nothing was given")
    return found


def _of_lines(lines: Sequence[tuple[int, Json]]) -> Story:
    """Told apart by what only they have: an event its type, a receipt its rule and status, a user an id."""
    users, events, receipts = [], [], []
    for number, line in lines:
        if not isinstance(line, dict):
            raise BadStory(f"line {number}: must be a JSON object")
        if "type" in line:
            events.append(line)
        elif "rule" in line and "status" in line:
            receipts.append(line)
        elif "id" in line:
            users.append(line)
        else:
            raise BadStory(f"line {number}: neither an event (type), nor a receipt (rule, status), nor a user (id)")
    return _measured(Story("", tuple(users), tuple(events), tuple(receipts)))


def _measured(story: Story) -> Story:
    if len(story.users) > MAX_USERS or len(story.events) > MAX_EVENTS:
        raise BadStory(f"at most {MAX_USERS:,} users and {MAX_EVENTS:,} events")
    return story


def export(story: Story) -> str:
    """JSONL that `hongyan simulate` and the paste box read: users, then events, then receipts."""
    lines = [*story.users, *story.events, *story.receipts]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
