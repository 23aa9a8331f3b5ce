"""Whether a condition's operand fits the declared type of its field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from rules import values
from rules.checks._conditions import operand_path, operands
from rules.checks._fields import FieldBook, Known, Reach
from rules.checks._spans import did_you_mean
from rules.model import Leaf, Path, Ref, Scalar

if TYPE_CHECKING:
    from rules.draft import Draft

ORDERED = ("at_least", "at_most", "above", "below", "between")
TEXT_ONLY = ("starts_with", "ends_with", "matches")
TIME_ONLY = ("older_than", "newer_than", "within_next", "on_date", "same_day_as")
# The kinds of field on which an operator can ever be true; the others take any field.
KINDS_OF = {
    **dict.fromkeys(ORDERED, ("text", "number", "date", "datetime")),
    **dict.fromkeys(TEXT_ONLY, ("text",)),
    **dict.fromkeys(TIME_ONLY, ("date", "datetime")),
    "contains": ("text", "list"),
}


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An operand that can never fit."""

    path: Path
    message: str
    hint: str = ""


def mismatches(draft: Draft, fields: FieldBook, reach: Reach, leaf: Leaf) -> Iterator[Mismatch]:
    """What is wrong with a leaf, judged by the declarations alone. Nothing for an undeclared field."""
    known = fields.find(leaf.field, reach)
    if known is None or "any" in known.types:
        return
    allowed = KINDS_OF.get(leaf.op)
    if allowed and not known.kinds <= set(allowed):
        yield Mismatch(
            operand_path(draft, leaf), f"{leaf.op} does not work on {leaf.field}, which is {described(known)}", _other_way(known)
        )
        return
    for path, value in operands(draft, leaf):
        if leaf.op == "matches" or (leaf.op == "on_date" and value == "today"):
            continue
        if isinstance(value, Ref):
            yield from _ref_mismatch(fields, reach, leaf, known, path, value)
        else:
            yield from _literal_mismatch(draft, leaf, known, path, value)


def zone_of(draft: Draft) -> ZoneInfo:
    """The book's zone; UTC where it is not a zone (structure says so)."""
    return values.zone(draft.book.timezone) or ZoneInfo("UTC")


def fits(type_: str, value: Scalar, zone: ZoneInfo) -> bool:
    """Whether a value of YAML is a value of a declared type."""
    match type_:
        case "string" | "phone" | "link":
            return isinstance(value, str)
        case "integer" | "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "date":
            return as_date(value) is not None
        case "datetime":
            return values.instant(value, zone) is not None
        case "any":
            return True
        case _:  # a list or an object is not a scalar
            return False


def as_date(value: object) -> date | None:
    """`2026-06-03` as a date; None for anything else."""
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        return None


def described(known: Known) -> str:
    """`a string`, `an integer or a string`."""
    return " or ".join(f"{'an' if name[0] in 'aeiou' else 'a'} {name}" for name in sorted(known.types))


def _other_way(known: Known) -> str:
    return "a list is asked with `contains`" if known.types == {"list"} else ""


def _literal_mismatch(draft: Draft, leaf: Leaf, known: Known, path: Path, value: Scalar) -> Iterator[Mismatch]:
    if value is None:
        yield Mismatch(path, f"null equals nothing: {leaf.field} is never null here", "use `exists: false`")
        return
    asked = (known.items or Known(leaf.field, frozenset({"any"}))) if leaf.op == "contains" and known.types == {"list"} else known
    zone = zone_of(draft)
    types = {"date", "datetime"} if leaf.op in ("on_date", "same_day_as") else asked.types
    good = any if types is not asked.types else all
    if not good(fits(type_, value, zone) for type_ in types):
        yield Mismatch(path, f"{leaf.field} is {described(known)}, {shown(value)} is not", _hint(asked, value))
    elif asked.enum is not None and _asks_for_member(leaf, asked, known) and value not in asked.enum:
        known_values = [shown(item) for item in asked.enum]
        hint = did_you_mean(shown(value), known_values) or f"one of {', '.join(sorted(known_values))}"
        yield Mismatch(path, f"{shown(value)} is not a value of {leaf.field}", hint)


def _asks_for_member(leaf: Leaf, asked: Known, known: Known) -> bool:
    return leaf.op in ("is", "is_not", "in", "not_in") or asked is not known  # `contains` on a text asks for a part of it


def shown(value: Scalar) -> str:
    """A value as YAML writes it; a text that YAML would take for something else in quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return f'"{text}"' if isinstance(value, str) and (not text or text.replace(".", "").isdigit()) else text


def _hint(known: Known, value: Scalar) -> str:
    if known.types == {"list"}:
        return "a list is asked with `contains`"
    if known.types == {"datetime"}:
        return "an instant is written 2026-06-01T10:00+08:00, or without the offset in the book's zone"
    if known.types == {"date"}:
        return "a date is written 2026-06-01"
    if known.kinds == {"text"} and not isinstance(value, str):
        return f'write "{shown(value)}" for a text'
    if known.kinds == {"number"} and isinstance(value, str) and value.replace(".", "", 1).isdigit():
        return f"write {value} without quotes for a number"
    return ""


def _ref_mismatch(fields: FieldBook, reach: Reach, leaf: Leaf, known: Known, path: Path, ref: Ref) -> Iterator[Mismatch]:
    other = fields.find(ref.field, reach)
    if other is None or "any" in other.types:
        return
    left, right = known.kinds, other.kinds
    if leaf.op == "contains" and known.types == {"list"}:
        left = known.items.kinds if known.items else right
    if leaf.op in ("in", "not_in") and not isinstance(leaf.operand, tuple):
        if other.types != {"list"}:
            yield Mismatch(path, f"{ref.field} is {described(other)}, `{leaf.op}` needs a list")
            return
        right = other.items.kinds if other.items else left
    if leaf.op in ("on_date", "same_day_as"):
        left = right if right <= {"date", "datetime"} else left
    if not left & right and "any" not in left | right:
        yield Mismatch(path, f"{ref.field} is {described(other)}, {leaf.field} is {described(known)}: they are never equal or in order")
