"""What may be written at a place: keys, operators, fields, names, values, filters, each with its type and meaning."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rules import values
from rules.assist import cursor as cursors
from rules.assist.cursor import Cursor
from rules.assist.describe import (
    FILTERS,
    Help,
    Language,
    event_help,
    field_help,
    filter_help,
    operator_help,
    rule_help,
    said,
    segment_help,
    template_help,
)
from rules.assist.library import Library
from rules.assist.loose import Items
from rules.assist.loose import Mapping as LooseMapping
from rules.assist.places import plain_at, reach_at
from rules.assist.shapes import Shape, kind_word, meaning, narrowed, properties, shapes_at
from rules.assist.words import COUNTED_BY, ENUM_WORDS, FORMAT_SAMPLES, OTHER_WORDS, SAMPLES, TAGS
from rules.checks._fields import Known, Reach
from rules.checks._types import KINDS_OF
from rules.model import CHANNELS, OPERATORS

MOST = 300
CARET = "¦"  # in what is inserted: where the caret comes to stand
_WORD = re.compile(r"[\w.]*")
_SECTIONS_OF_TEXT = ("templates", "rules")
_PLAIN_SAFE = re.compile(r"[^\s#\-\[\]{},\"'|>&*!%@`:?][^\n]*")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that may be written. `insert` may hold CARET."""

    label: str
    kind: str  # key, operator, field, attribute, trait, event, segment, template, rule, value, filter, word
    insert: str
    help: Help


@dataclass(frozen=True, slots=True)
class Completion:
    """The items, and the stretch of text (offsets) that a chosen one replaces."""

    start: int
    end: int
    items: tuple[Item, ...]


NOTHING = Completion(0, 0, ())


def complete(text: str, offset: int, library: Library, language: Language = "zh") -> Completion:
    """What may stand at an offset of a file. Everything that fits the place; which of it fits the typed letters is the page's business."""
    found = at_place(text, offset, library, language)
    return Completion(found.start, found.end, tuple(_once(found.items))[:MOST])


def at_place(text: str, offset: int, library: Library, language: Language, keep_present: bool = False) -> Completion:
    """The same unbounded; with `keep_present` also the keys that are there already (for hover)."""
    place = cursors.at(text, offset)
    if place is None or ("\n" in text[place.start : offset] and place.node.quote != "|"):
        return NOTHING
    writer = _Writer(text, offset, place, library, language, keep_present)
    return writer.in_text() or writer.keys_or_values()


def _once(items: Iterable[Item]) -> Iterator[Item]:
    seen = set()
    for item in items:
        if item.label not in seen:
            seen.add(item.label)
            yield item


class _Writer:
    """One question at one place."""

    def __init__(self, text: str, offset: int, place: Cursor, library: Library, language: Language, keep_present: bool) -> None:
        self.text, self.offset, self.place = text, offset, place
        self.library, self.language, self.keep_present = library, language, keep_present
        self.shapes = shapes_at(place.root, place.path)
        self.reach: Reach = reach_at(place.root, place.path, library)

    def said(self, english: str, chinese: str) -> str:
        return said(self.language, english, chinese)

    # ---- keys and values ----

    def keys_or_values(self) -> Completion:
        place = self.place
        if place.role == "key":
            items = list(self.keys(self.shapes, place.parent, lambda key: key if place.has_colon else f"{key}: "))
            return Completion(place.start, place.end, tuple(items))
        return Completion(*self._stretch(), (*self.values(), *self.keys_as_value()))

    def _stretch(self) -> tuple[int, int]:
        """What a value replaces: the word, without the quotes around it."""
        place = self.place
        quoted = place.node.quote in ("'", '"')
        closed = quoted and place.end - place.start > 1 and self.text[place.end - 1] == place.node.quote
        return place.start + quoted, place.end - closed

    def keys_as_value(self) -> Iterator[Item]:
        """Keys where a mapping may begin: on a line of its own, or in braces behind a key."""
        place = self.place
        if place.node.quote or not any("object" in shape.kinds for shape in self.shapes):
            return
        before = self.text[self.text.rfind("\n", 0, place.start) + 1 : place.start]
        parent = place.parent
        dash = "- " if isinstance(parent, Items) and parent.dashless and place.steps[-1].part == len(parent.items) - 1 else ""
        own_line = not before.strip(" -")
        in_flow = isinstance(parent, Items | LooseMapping) and parent.flow
        if own_line and not in_flow:
            yield from self.keys(self.shapes, None, lambda key: f"{dash}{key}: ")
        else:
            yield from self.keys(self.shapes, None, lambda key: f"{{{key}: {CARET}}}")

    def keys(self, shapes: list[Shape], parent: Any, insert: Callable[[str], str]) -> Iterator[Item]:
        fitting = [shape for shape in (narrowed(shapes, parent) if isinstance(parent, LooseMapping) else shapes) if "object" in shape.kinds]
        present = (
            {entry.key.text.replace(cursors.MARK, "") for entry in parent.entries if entry.colon >= 0}
            if isinstance(parent, LooseMapping)
            else set()
        )
        present -= {self.place.word} if self.place.has_colon else set()
        for shape in fitting:
            for item in self._keys_of(shape, insert):
                if self.keep_present or item.label not in present:
                    yield item

    def _keys_of(self, shape: Shape, insert: Callable[[str], str]) -> Iterator[Item]:
        if shape.is_a("condition"):
            yield from (self._field(name, insert) for name in self._field_names(self.reach))
        if shape.name == "operators":
            yield from (Item(name, "operator", insert(name), operator_help(name, self.language)) for name in self._operators())
            return
        required = set(shape.schema.get("required", ()))
        for name, inner in properties(shape):
            needed = ((self.said("required", "必填"), self.said("yes", "是")),) if name in required else ()
            help = Help(name, "key", kind_word(inner), meaning(inner.description, self.language), needed)
            yield Item(name, "key", insert(name), help)
        yield from self._free_keys(shape, insert)

    def _free_keys(self, shape: Shape, insert: Callable[[str], str]) -> Iterator[Item]:
        """Keys that other parts of the book name: data of an event in a story, attributes of its user."""
        match tuple(self.place.path):
            case ("tests", _, "events", int(), "data"):
                type_ = plain_at(self.place.root, (*self.place.path[:-1], "type"))
                event = self.library.book.events.get(type_) if isinstance(type_, str) else None
                reach = self.library.reach([event.type]) if event is not None else Reach()
                for name in event.data if event is not None else ():
                    help = field_help(f"event.{name}", reach, self.library, self.language)
                    yield Item(name, "field", insert(name), help)
            case ("tests", _, "users", _, "attributes") | ("tests", _, "events", int(), "user", "attributes"):
                for name in self.library.book.attributes:
                    help = field_help(f"user.{name}", self.library.reach(user=True), self.library, self.language)
                    yield Item(name, "attribute", insert(name), help)

    def _operators(self) -> list[str]:
        """Those that can hold for the field that the mapping is about."""
        name = next((part for part in reversed(self.place.path) if isinstance(part, str) and "." in part), "")
        known = self.library.known(name, self.reach)
        return [op for op in OPERATORS if _suits(op, known)]

    # ---- fields ----

    def _field(self, name: str, insert: Callable[[str], str]) -> Item:
        help = field_help(name, self.reach, self.library, self.language)
        return Item(name, help.kind, insert(name), help)

    def _field_names(self, reach: Reach, kinds: frozenset[str] | None = None) -> list[str]:
        """Fields of the event first, then aliases, then the user's; those of some kinds only, where given."""
        rank = {"event": 0, "user": 2}
        names = self.library.fields.names(reach)
        if kinds is not None:
            names = {name for name in names if (known := self.library.known(name, reach)) and known.kinds & (kinds | {"any"})}
        return sorted(names, key=lambda name: (rank.get(name.partition(".")[0], 1), _is_builtin(name), name))

    # ---- values ----

    def values(self) -> Iterator[Item]:
        for shape in self.shapes:
            yield from self._values_of(shape)
        yield from self._named_values()

    def _values_of(self, shape: Shape) -> Iterator[Item]:
        schema = shape.schema
        if shape.is_a("scalar", "operand", "values", "ordered"):
            yield from self._values_of_field()
        elif "enum" in schema:
            yield from self._enum(shape)
        elif schema.get("type") == "boolean":
            yield from (self._word(word, shape) for word in ("true", "false"))
        elif shape.name in SAMPLES:
            for word, english, chinese in SAMPLES[shape.name]:
                yield self._word(word, shape, self.said(english, chinese))
        elif shape.name in ("timezone",):
            yield from (self._word(zone, shape) for zone in sorted(values.zone_names()))
        elif schema.get("format") in FORMAT_SAMPLES:
            for word, english, chinese in FORMAT_SAMPLES[schema["format"]]:
                yield self._word(word, shape, self.said(english, chinese))
        for word in schema.get("x-words", ()):
            yield self._word(word, shape, self.said(*COUNTED_BY.get(word, ("", ""))) if shape.name == "capBy" else "")

    def _enum(self, shape: Shape) -> Iterator[Item]:
        words = ENUM_WORDS.get(shape.name or str(shape.schema.get("title", "")), {})
        for value in shape.schema["enum"]:
            english, chinese = words.get(value) or OTHER_WORDS.get(value, ("", ""))
            yield self._word(value, shape, self.said(english, chinese))

    def _word(self, word: str, shape: Shape, text: str = "") -> Item:
        insert = word if self.place.node.quote or values.time_of_day(word) is None else f'"{word}"'
        return Item(word, "value", insert, Help(word, "value", kind_word(shape), text or meaning(shape.description, self.language)))

    def _values_of_field(self) -> Iterator[Item]:
        """What the field of a condition can be: values of its enum, true and false; and operators in braces."""
        name = next((part for part in reversed(self.place.path) if isinstance(part, str) and "." in part), "")
        known = self.library.known(name, self.reach)
        if known is None:
            return
        declared = self.library.declaration(name, self.reach)
        labels: Mapping[Any, str] = declared.enum or {} if declared is not None else {}
        asked = known.items or known
        for value in sorted(asked.enum or (), key=str):
            shown = str(value).lower() if isinstance(value, bool) else str(value)
            label = labels.get(value, "")
            help = Help(shown, "value", name, label if label != shown else "")
            yield Item(shown, "value", shown if _PLAIN_SAFE.fullmatch(shown) else f'"{shown}"', help)
        if asked.types == {"boolean"}:
            for word in ("true", "false"):
                yield Item(word, "value", word, Help(word, "value", name))

    def _named_values(self) -> Iterator[Item]:
        """Names that stand in other parts of the book."""
        kind = self._kind_of_name()
        if kind == "event":
            for name in sorted(self.library.draft.names["events"]):
                yield Item(name, "event", name, event_help(name, self.library, self.language))
        elif kind in ("segment", "audience"):
            for name in sorted(self.library.draft.names["segments"]):
                yield Item(name, "segment", name, segment_help(name, self.library, self.language))
            if kind == "audience":
                yield Item("all", "word", "all", Help("all", "word", "", self.said("Everybody.", "所有用户。")))
        elif kind == "template":
            for name in sorted(self.library.draft.names["templates"]):
                yield Item(name, "template", name, template_help(name, self.library, self.language))
        elif kind == "rule":
            for name in sorted(self.library.section("rules")):
                yield Item(name, "rule", name, rule_help(name, self.library, self.language))
        elif kind == "key":
            event = self.library.reach([str(self.place.path[1])])
            for name in plain_at(self.place.root, (*self.place.path[:-1], "data")) or ():
                yield Item(name, "field", name, field_help(f"event.{name}", event, self.library, self.language))
        elif kind == "user_of_story":
            for name in plain_at(self.place.root, (*self.place.path[:2], "users")) or ():
                yield Item(str(name), "word", str(name), Help(str(name), "word"))
        elif kind.startswith("field"):
            kinds = frozenset(kind.split()[1:]) or None
            yield from (self._field(name, str) for name in self._field_names(self._reach_of_name(), kinds))

    def _reach_of_name(self) -> Reach:
        user_only = any(shape.name == "userField" for shape in self.shapes)
        if self.place.path[2:] == ("on", "of"):
            return Reach(self.reach.events, unsure=self.reach.unsure)
        return self.library.reach(user=True) if user_only else self.reach

    def _kind_of_name(self) -> str:
        """What the place names."""
        names = {name for shape in self.shapes for name in shape.names}
        match tuple(self.place.path):
            case ("rules", _, "send", "template") | ("rules", _, "variants", _, "template"):
                return "template"
            case ("rules", _, "on", "enter" | "leave") | (*_, "segment"):
                return "segment"
            case ("rules", _, "audience"):
                return "audience"
            case ("events", _, "key"):
                return "key"
            case ("tests", _, "expect" | "verdicts" | "receipts", int(), "rule"):
                return "rule"
            case ("tests", _, *_, "user") | ("tests", _, *_, "user", "id"):
                return "user_of_story"
            case ("message_types", _, "needs_consent"):
                return "field boolean"
            case ("rules", _, "on", "of") | ("rules", _, "on", "schedule", "date"):
                return "field date datetime"
        if "eventName" in names:
            return "event"
        return "field" if names & {"field", "userField", "by", "capBy"} else ""

    # ---- inside a text ----

    def in_text(self) -> Completion | None:
        """Fields and filters inside `{{ }}` and `{% %}`; None outside of them."""
        place = self.place
        if place.role != "value" or not place.path or place.path[0] not in _SECTIONS_OF_TEXT:
            return None
        before = self.text[place.start : self.offset]
        opened = max(before.rfind("{{"), before.rfind("{%"))
        if opened < 0 or "}}" in before[opened:] or "%}" in before[opened:] or not self._is_text_place():
            return None
        inside = before[opened + 2 :]
        start = self.offset - len(re.search(r"[\w.]*$", inside)[0])  # type: ignore[index]
        end = self.offset + len(_WORD.match(self.text, self.offset)[0])  # type: ignore[index]
        is_tag = before.startswith("{%", opened)
        head = inside[: len(inside) - (self.offset - start)]
        if not is_tag and head.rstrip().endswith("|"):
            return Completion(start, end, tuple(self._filters(head)))
        if is_tag and not head.strip():
            return Completion(start, end, tuple(self._tags()))
        return Completion(start, end, tuple(self._variables(close=not is_tag)))

    def _is_text_place(self) -> bool:
        path = tuple(self.place.path)
        return (path[0] == "templates" and len(path) > 2) or (len(path) > 3 and path[2] == "send" and path[3] in CHANNELS)

    def _variables(self, close: bool) -> Iterator[Item]:
        after = self.text[self.offset :].split("\n", 1)[0]
        closing = " }}" if close and "}}" not in after.split("{{")[0] else ""
        for name in self._field_names(self.reach):
            item = self._field(name, str)
            yield Item(name, item.kind, name + closing, item.help)
        if close:
            text = self.said("The verification code.", "验证码。")
            yield Item("code", "word", "code" + closing, Help("code", "word", "string", text))

    def _filters(self, head: str) -> Iterator[Item]:
        name = head.split("|")[0].strip()
        known = self.library.known(name, self.reach)
        fitting = [one for one in FILTERS if _filter_suits(one, known)]
        for one in fitting:
            argument = {"default": f'("{CARET}")', "truncate": f"({CARET}12)"}.get(one, "")
            yield Item(one, "filter", one + argument, filter_help(one, self.language))

    def _tags(self) -> Iterator[Item]:
        for word, english, chinese in TAGS:
            yield Item(word, "word", word, Help(word, "word", "", self.said(english, chinese)))


def _is_builtin(name: str) -> bool:
    root, _, rest = name.partition(".")
    return rest in ("id", "type", "time", "received", "user", "key", "phone", "timezone", "locale") and root != ""


def _suits(op: str, known: Known | None) -> bool:
    """Whether an operator can ever hold for what is known of a field."""
    if known is None or "any" in known.types:
        return True
    if op == "exists":
        return True
    if known.kinds <= {"list", "object"}:
        return op == "contains" and "list" in known.kinds
    allowed = KINDS_OF.get(op)
    if known.kinds <= {"date", "datetime"} and op in ("is", "is_not", "in", "not_in"):
        return known.kinds == {"date"}
    if known.enum is not None or known.kinds == {"boolean"}:
        return op in ("is", "is_not", "in", "not_in") if known.enum is not None else op in ("is", "is_not")
    return allowed is None or bool(known.kinds & set(allowed))


_FITTING_FILTERS: Mapping[str, frozenset[str]] = {
    "money": frozenset({"number"}), "duration": frozenset({"number"}), "date": frozenset({"date", "datetime"}),
    "time": frozenset({"datetime"}), "datetime": frozenset({"datetime"}), "mask": frozenset({"text"}), "upper": frozenset({"text"}),
    "lower": frozenset({"text"}), "truncate": frozenset({"text"}),
}  # fmt: skip


def _filter_suits(name: str, known: Known | None) -> bool:
    if known is None or "any" in known.types or name == "default":
        return True
    if name == "label":
        return (known.items or known).enum is not None
    return bool(known.kinds & _FITTING_FILTERS[name])
