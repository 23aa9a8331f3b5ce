"""What a book declares, as far as it can be made out while somebody writes in it: for completion and hover."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from rules.assist import loose
from rules.build import build
from rules.checks._fields import FieldBook, Known, Reach
from rules.checks._places import trigger_aliases, trigger_events
from rules.draft import Draft
from rules.entries.triggers import trigger
from rules.known import Known as Memory
from rules.loader import SECTIONS, parse
from rules.model import EVENT_BUILTINS, USER_BUILTINS, FieldDef, Rulebook, Trigger
from rules.positions import Positions
from rules.structure import examine

_ANY_ZONE = ZoneInfo("UTC")  # names and fields do not depend on it
_DECLARING = ("book", "events", "user", "segments", "message_types", "templates")


@dataclass(frozen=True, slots=True)
class Library:
    """The declarations of a book. `tree` has all sections as plain data, `draft` the sound entries of those that declare something."""

    tree: Mapping[str, Any]
    draft: Draft
    fields: FieldBook

    @property
    def book(self) -> Rulebook:
        """The model of what is declared."""
        return self.draft.book

    def section(self, name: str) -> Mapping[str, Any]:
        """The entries of a section as plain data."""
        found = self.tree.get(name)
        return found if isinstance(found, Mapping) else {}

    def reach(self, events: Iterable[str] = (), *, user: bool = False, aliases: Mapping[str, str] | None = None) -> Reach:
        """What may be read where `event` is one of these types."""
        return self.fields.reach(events, user=user, aliases=aliases)

    def known(self, name: str, reach: Reach) -> Known | None:
        """What is known of a field there."""
        return self.fields.find(name, reach)

    def declaration(self, name: str, reach: Reach) -> FieldDef | None:
        """The declaration of an event's field or a user's attribute, for its description and labels."""
        root, _, rest = name.partition(".")
        if root == "user":
            return _nested(self.book.attributes, rest)
        events = reach.events if root == "event" else [reach.aliases[root]] if root in reach.aliases else []
        return next((found for event in events if (found := _nested(event.data, rest))), None)


def _nested(fields: Mapping[str, FieldDef], name: str) -> FieldDef | None:
    first, _, rest = name.partition(".")
    found = fields.get(first)
    return _nested(found.properties or {}, rest) if found is not None and rest else found


def library_of(files: Mapping[str, str], memory: Memory) -> Library:
    """What these files declare. A file that cannot be read to its end is read loosely."""
    tree: dict[str, Any] = {}
    for name in sorted(files):
        _merge(tree, _tree_of(name, files[name], memory))
    declared = {name: tree[name] for name in _DECLARING if name in tree}
    nowhere = Positions()
    draft = build(declared, nowhere, examine(declared, nowhere, memory).bad)
    return Library(tree, draft, FieldBook(draft))


def _tree_of(name: str, text: str, memory: Memory) -> Mapping[str, Any]:
    parsed = parse({name: text}, memory)
    if parsed.whole:
        return parsed.tree
    found = loose.plain(loose.read(text))
    return {key: value for key, value in found.items() if key in SECTIONS and isinstance(value, dict)} if isinstance(found, dict) else {}


def _merge(into: dict[str, Any], tree: Mapping[str, Any]) -> None:
    for section, entries in tree.items():
        if not isinstance(entries, dict):
            continue
        here = into.setdefault(section, {})
        for name, entry in entries.items():
            if section == "user" and isinstance(entry, dict) and isinstance(here.get(name), dict):
                here[name] = {**entry, **here[name]}
            else:
                here.setdefault(name, entry)


def trigger_of(tree: Any) -> Trigger | None:
    """The trigger that plain data stands for; None while it is not one yet."""
    try:
        return trigger(tree, (), _ANY_ZONE)
    except (KeyError, TypeError, ValueError, StopIteration, AttributeError, AssertionError):
        return None


def reach_of_rule(tree: Any, library: Library) -> Reach:
    """What the texts of a rule read, as far as its trigger is written: the event, the user, aliases."""
    on = tree.get("on") if isinstance(tree, Mapping) else None
    return reach_of_trigger(on, library)


def reach_of_trigger(on: Any, library: Library) -> Reach:
    """What may be read behind this trigger. A trigger that is not finished counts as far as it names events."""
    found = trigger_of(on)
    if found is not None:
        return library.reach(trigger_events(found), user=True, aliases=trigger_aliases(found))
    return library.reach(_events_in(on), user=True, aliases=_aliases_in(on))


def _events_in(on: Any) -> list[str]:
    if isinstance(on, str):
        return [on]
    if isinstance(on, list):
        return [item for item in on if isinstance(item, str)]
    if not isinstance(on, Mapping):
        return []
    found = _events_in(on.get("event"))
    counted = on.get("count")
    found += _events_in(counted.get("event") if isinstance(counted, Mapping) else counted)
    steps = [step for step in _steps(on) if step[1]]
    return found + ([steps[-1][1]] if steps else [])


def _aliases_in(on: Any) -> dict[str, str]:
    return {alias: event for alias, event in _steps(on) if event} if isinstance(on, Mapping) else {}


def _steps(on: Mapping[str, Any]) -> list[tuple[str, str]]:
    steps = on.get("sequence") or on.get("together")
    found = []
    for index, step in enumerate(steps if isinstance(steps, list) else ()):
        event = step.get("event") if isinstance(step, Mapping) else step
        alias = step.get("as") if isinstance(step, Mapping) else None
        found.append((alias if isinstance(alias, str) else f"step{index + 1}", event if isinstance(event, str) else ""))
    return found


BUILTINS = {
    "event.id": ("The event's id.", "事件编号。"),
    "event.type": ("The event's type.", "事件类型。"),
    "event.time": ("When it happened.", "发生的时间。"),
    "event.received": ("When it came in.", "收到的时间。"),
    "event.user": ("The user's id.", "用户编号。"),
    "event.key": ("The value of the key field; without one, the user's id.", "业务主键的值；没有主键时为用户编号。"),
    "user.id": ("The user's id.", "用户编号。"),
    "user.phone": ("The user's number.", "用户的手机号。"),
    "user.timezone": ("The user's time zone.", "用户的时区。"),
    "user.locale": ("The user's language.", "用户的语言。"),
}
assert {f"event.{name}" for name in EVENT_BUILTINS} | {f"user.{name}" for name in USER_BUILTINS} == BUILTINS.keys()
