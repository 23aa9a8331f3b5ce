"""What an error of structure says: the fault, and jsonschema's own keywords in the words of a rule author."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from jsonschema import ValidationError

from rules import values
from rules.findings import Suggestion
from rules.model import Path

Schema = Mapping[str, Any]

_PEOPLE = {
    "object": "a mapping",
    "array": "a list",
    "string": "a text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "null": "nothing",
}
_LONGEST_SHOWN = 60


class Fault(ValidationError):
    """An error of structure. Its path leads from the root of what was judged; it stands there at the key or at the value."""

    def __init__(
        self, message: str, hint: str = "", path: Path = (), at_key: bool = False, code: str = "structure", is_warning: bool = False
    ) -> None:
        super().__init__(message, path=path)
        self.hint = hint
        self.at_key = at_key
        self.code = code
        self.is_warning = is_warning


def kind_of(value: Any) -> str:
    """The JSON Schema type of a plain value."""
    for kind, name in ((dict, "object"), (list, "array"), (str, "string"), (bool, "boolean"), (int, "integer"), (float, "number")):
        if isinstance(value, kind):
            return name
    return "null"


def kinds_of(schema: Schema) -> list[str]:
    """The types that a schema allows; an enum without a type is one of texts."""
    kinds = schema.get("type", "string")
    return [kinds] if isinstance(kinds, str) else list(kinds)


def nearest(word: object, known: Iterable[str]) -> str:
    """The known word most like a word, or ""."""
    return next(iter(get_close_matches(str(word)[:_LONGEST_SHOWN], list(known), n=1, cutoff=0.6)), "")


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """The nearest known word as a hint, or ""."""
    near = nearest(word, known)
    return Suggestion(str(word), near) if near else ""


def listed(words: Iterable[str], last: str) -> str:
    """`a, b and c`, each once."""
    *most, end = dict.fromkeys(words)
    return f"{', '.join(most)} {last} {end}" if most else end


def one_of(words: Iterable[str]) -> str:
    """What may stand there."""
    *most, end = words
    return f"one of {listed((*most, end), 'and')}" if most else f"only {end}"


def shown(value: Any) -> str:
    """A value as a message names it; long ones are cut."""
    if isinstance(value, str):
        return json.dumps(value if len(value) <= _LONGEST_SHOWN else value[: _LONGEST_SHOWN - 3] + "...", ensure_ascii=False)
    return _PEOPLE[kind_of(value)] if isinstance(value, dict | list | None) else json.dumps(value)


def unknown_key(name: str, known: Iterable[str], schema: Schema) -> Fault:
    """A key that a mapping does not have."""
    hint = did_you_mean(name, known) or one_of(known)
    word = schema.get("x-word", "key")
    return Fault(f"unknown {word} {name[:_LONGEST_SHOWN]}", hint, (name,), at_key=True, code=schema.get("x-code", "structure"))


def wrong_kind(instance: Any, schema: Schema, _: Any = None) -> Fault:
    """A list where a text belongs, and the like."""
    kinds = kinds_of(schema)
    expected = schema.get("x-expected") or listed((_PEOPLE[kind] for kind in kinds if kind != "null"), "or")
    is_unquoted = kinds == ["string"] and isinstance(instance, bool | int | float)
    title = schema.get("title") or listed((_PEOPLE[kind] for kind in kinds if kind != "null"), "or")
    return Fault(f"{shown(instance)} is not {_with_article(title)}", f"{expected}, in quotes" if is_unquoted else expected)


def _with_article(title: str) -> str:
    return title if title.split()[0] in ("a", "an", "the", "true") or title.endswith("s") else f"a {title}"


def _not_listed(instance: Any, schema: Schema, allowed: list[str]) -> Fault:
    hint = did_you_mean(instance, allowed) or one_of(allowed)
    return Fault(f"unknown {schema.get('title', 'value')} {shown(instance)}", hint, code=schema.get("x-code", "structure"))


def _not_that(instance: Any, schema: Schema, _: Any) -> Fault:
    words = values.zone_names() if schema.get("format") == "hongyan-timezone" else schema.get("x-words", ())
    hint = did_you_mean(instance, words) or schema.get("x-expected", "")
    return Fault(f"{shown(instance)} is not {schema['title']}", hint, code=schema.get("x-code", "structure"))


def _too_few(instance: Any, schema: Schema, least: int) -> Fault:
    what = _PEOPLE[kind_of(instance)]
    found = f"an empty {what.split()[1]}" if not instance else f"{what} of {len(instance)}"
    return Fault(found, schema.get("x-expected") or f"at least {least}")


def _too_many(instance: Any, schema: Schema, most: int) -> Fault:
    return Fault(f"{_PEOPLE[kind_of(instance)]} of {len(instance)}", schema.get("x-expected") or f"at most {most}")


# By the keyword: (the instance, the schema around the keyword, the keyword's value) -> fault
EXPLAIN: Mapping[str, Callable[[Any, Schema, Any], Fault]] = {
    "type": wrong_kind,
    "enum": _not_listed,
    "pattern": _not_that,
    "format": _not_that,
    "minimum": lambda instance, _, least: Fault(f"{shown(instance)} is too small", f"at least {least}"),
    "maximum": lambda instance, _, most: Fault(f"{shown(instance)} is too large", f"at most {most}"),
    "minLength": lambda _, __, least: Fault("an empty text" if least == 1 else "too short a text", f"at least {least} characters"),
    "maxLength": lambda instance, _, most: Fault(f"a text of {len(instance)} characters", f"at most {most}"),
    "minItems": _too_few,
    "maxItems": _too_many,
    "minProperties": _too_few,
}
