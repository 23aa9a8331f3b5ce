"""too-many-parts: an sms that will likely leave in three parts or more, each of which is paid. A warning.

Counted are the signature, the text with a modest guess for each value, and the type's ending, as on mainland numbers: every UTF-16 unit is
one, 70 fit in one part, else 67 in each. Two parts are common and say nothing; a text in letters for another locale has 306 (GSM-7).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import TYPE_CHECKING

from rules import template as jinja
from rules.checks._fields import FieldBook, Known, Reach
from rules.checks._places import text_reach
from rules.checks._spans import at_value
from rules.checks._texts import Text, literal, looks, texts
from rules.findings import Finding, Severity
from rules.model import FieldDef, Path, Rule

if TYPE_CHECKING:
    from rules.draft import Draft

CODE = "too-many-parts"
ONE_PART = 70
PART = 67
MOST = 2 * PART
MOST_IN_LETTERS = 2 * 153  # GSM-7
LONGEST = 500  # characters that may be sent at all
# How many characters a value is taken to have, by its first filter or its type; others have as many as GUESS.
GUESS = 6
FILTERED = {"money": 6, "date": 10, "time": 5, "datetime": 16, "duration": 5, "mask": 11}
TYPED = {"link": 20, "date": 10, "datetime": 16, "phone": 11, "boolean": 4, "integer": 3}


def check(draft: Draft) -> Iterator[Finding]:
    """Each text once, as the first rule sends it that makes it too long."""
    fields = FieldBook(draft)
    seen: set[Path] = set()
    for rule in draft.book.rules.values():
        if rule.send.channels and "sms" not in rule.send.channels:
            continue
        for look in looks(draft, rule):
            for text in texts(look.template, ("sms",)):
                length = _length(draft, rule, text, fields)
                if text.path not in seen and length > _limit(text):
                    seen.add(text.path)
                    yield _finding(draft, rule, text, length)


def _finding(draft: Draft, rule: Rule, text: Text, length: int) -> Finding:
    if length > LONGEST:
        message = f"about {length} characters as {rule.id} sends it; over {LONGEST} nothing is sent"
    else:
        message = f"about {length} characters as {rule.id} sends it, that is {_parts(length)} parts"
    return at_value(draft, CODE, Severity.WARNING, text.path, message, f"{ONE_PART} fit in one part, {MOST} in two")


def _parts(length: int) -> int:
    return 1 if length <= ONE_PART else ceil(length / PART)


def _limit(text: Text) -> int:
    locale = text.path[-1]
    foreign = isinstance(locale, str) and locale != "sms" and not locale.startswith("zh")
    return MOST_IN_LETTERS if foreign and literal(text.parsed).isascii() else MOST


def _length(draft: Draft, rule: Rule, text: Text, fields: FieldBook) -> int:
    type_ = draft.book.message_types.get(rule.send.type)
    signature = _units(f"【{draft.book.signature}】") if draft.book.signature else 0
    body = sum(_part_length(draft, part, fields, text_reach(rule, fields)) for part in text.parsed.parts)
    return signature + body + _units(type_.ending if type_ else "")


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _part_length(draft: Draft, part: jinja.Part, fields: FieldBook, reach: Reach) -> int:
    match part:
        case jinja.Text(text=text):
            return _units(text)
        case jinja.Value():
            return _value_length(draft, part, fields.find(part.field, reach))
        case jinja.Branch(arms=arms, otherwise=otherwise):
            bodies = [*(body for _, body in arms), otherwise]
            return max(sum(_part_length(draft, inside, fields, reach) for inside in body) for body in bodies)


def _value_length(draft: Draft, value: jinja.Value, known: Known | None) -> int:
    guess = _unfiltered_length(draft, value.field, known)
    for item in value.filters:
        if item.name in FILTERED:
            return FILTERED[item.name]
        if item.name == "truncate" and isinstance(item.args[0], int):
            guess = min(guess, item.args[0])
    return guess


def _unfiltered_length(draft: Draft, name: str, known: Known | None) -> int:
    definition = _definition(draft, name)
    if definition is not None and definition.enum:
        return min(len(label) for label in definition.enum.values())
    shortest, longest = _bound(definition, "minLength", 0), _bound(definition, "maxLength", LONGEST)
    typed = TYPED.get(next(iter(known.types)), GUESS) if known is not None and len(known.types) == 1 else GUESS
    return min(max(typed, shortest), longest)


def _bound(definition: FieldDef | None, word: str, default: int) -> int:
    value = definition.schema.get(word) if definition is not None else None
    return value if isinstance(value, int) else default


def _definition(draft: Draft, name: str) -> FieldDef | None:
    """The first declaration of a field, for its labels and lengths."""
    root, _, rest = name.partition(".")
    if root == "user":
        return draft.book.attributes.get(rest)
    return next((event.data[rest] for event in draft.book.events.values() if rest in event.data), None)
