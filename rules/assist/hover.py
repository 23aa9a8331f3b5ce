"""What the word at a place means."""

from __future__ import annotations

from dataclasses import dataclass

from rules.assist import cursor as cursors
from rules.assist.completion import at_place
from rules.assist.cursor import Cursor
from rules.assist.describe import Help, Language, event_help, field_help, rule_help, said, segment_help, template_help
from rules.assist.library import Library


@dataclass(frozen=True, slots=True)
class Hover:
    """The help, and the stretch of text (offsets) that it is about."""

    start: int
    end: int
    help: Help


def hover(text: str, offset: int, library: Library, language: Language = "zh") -> Hover | None:
    """What the word is of all that could stand there; None for what explains itself."""
    found = at_place(text, offset, library, language, keep_present=True)
    word = text[found.start : found.end].strip("'\"")
    item = next((item for item in found.items if item.label == word), None) if word else None
    if item is not None:
        return Hover(found.start, found.end, item.help)
    place = cursors.at(text, offset)
    if place is None or place.role != "key":
        return None
    help = _declared(place, library, language)
    return Hover(place.start, place.end, help) if help is not None else None


def _declared(place: Cursor, library: Library, language: Language) -> Help | None:
    """The name of an entry, where it is declared."""
    match place.path:
        case ("events",):
            return event_help(place.word, library, language)
        case ("segments",):
            return segment_help(place.word, library, language)
        case ("templates",):
            return template_help(place.word, library, language)
        case ("rules",):
            return rule_help(place.word, library, language)
        case ("user", "attributes" | "traits"):
            return field_help(f"user.{place.word}", library.reach(user=True), library, language)
        case ("events", name, "data"):
            return field_help(f"event.{place.word}", library.reach([str(name)]), library, language)
        case ("tests",):
            return Help(place.word, "test", "", said(language, "A story with what must come of it.", "一个故事，以及应有的结果。"))
    return None
