"""What a condition comes to whatever one of its fields holds.

One field is looked at, all others are left open. Between the values that a condition compares with, every value behaves alike, so a few
**samples** stand for all: each literal, something between each two, something beyond both ends, and "missing". A condition that is false
on every sample can never hold; one that is true on every sample always holds. Answers are True, False, or None where it stays open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from rules import values
from rules.checks._conditions import children, leaves
from rules.checks._fields import FieldBook, Known, Reach
from rules.checks._types import as_date, mismatches, zone_of
from rules.model import All, AnyOf, Condition, Duration, InSegment, Leaf, NoneOf, Not, Ref, Scalar

if TYPE_CHECKING:
    from rules.draft import Draft

Answer = bool | None
Ordinal = int | float | str | bool  # a value in a form that compares: dates as day numbers, instants as microseconds
DEEPEST_SEGMENT = 20

AGES = ("older_than", "newer_than", "within_next")


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of the field: what it is, and how long ago it was where it is a time (both None: missing)."""

    value: Ordinal | None
    age: int | None = None
    literal: bool = False  # a value that the condition names, so that its text is known


MISSING = Sample(None)


class Logic:
    """Answers for the conditions of one place."""

    def __init__(self, draft: Draft, fields: FieldBook, reach: Reach) -> None:
        self._draft = draft
        self._fields = fields
        self._reach = reach

    @cached_property
    def _zone(self) -> ZoneInfo:
        return zone_of(self._draft)

    def always(self, condition: Condition, field: str) -> Answer:
        """True or False if the condition comes to that whatever `field` holds; None if it depends."""
        known = self._fields.find(field, self._reach)
        if known is None or len(known.kinds) > 1:
            return None
        asked = [leaf for leaf in self._leaves(condition) if leaf.field == field]
        if not asked:
            return None
        answers = {self._answer(condition, field, sample, known) for sample in self._samples(known, asked)}
        return answers.pop() if len(answers) == 1 else None

    def fields_of(self, condition: Condition) -> dict[str, None]:
        """The fields that a condition asks, in order, those of its segments included."""
        return dict.fromkeys(leaf.field for leaf in self._leaves(condition))

    def _leaves(self, condition: Condition, depth: int = 0) -> Iterator[Leaf]:
        yield from leaves(condition)
        for inner in self._segments(condition, depth):
            yield from self._leaves(inner, depth + 1)

    def _segments(self, condition: Condition, depth: int) -> Iterator[Condition]:
        if isinstance(condition, InSegment):
            segment = self._draft.book.segments.get(condition.segment)
            if segment is not None and depth < DEEPEST_SEGMENT:
                yield segment.when
        for child in children(condition):
            yield from self._segments(child, depth)

    # ---- the tree -----------------------------------------------------------------------------------------------------------------

    def _answer(self, condition: Condition, field: str, sample: Sample, known: Known, depth: int = 0) -> Answer:
        def inner(child: Condition) -> Answer:
            return self._answer(child, field, sample, known, depth)

        match condition:
            case Leaf():
                return self._leaf(condition, sample, known) if condition.field == field else None
            case All(items=items):
                return _every(inner(item) for item in items) if items else None
            case AnyOf(items=items):
                return _some(inner(item) for item in items)
            case NoneOf(items=items):
                return _negated(_some(inner(item) for item in items))
            case Not(item=item):
                return _negated(inner(item))
            case InSegment(segment=name):
                segment = self._draft.book.segments.get(name)
                if segment is None or depth >= DEEPEST_SEGMENT:
                    return None
                return self._answer(segment.when, field, sample, known, depth + 1)

    # ---- leaves -------------------------------------------------------------------------------------------------------------------

    def _leaf(self, leaf: Leaf, sample: Sample, known: Known) -> Answer:
        if next(mismatches(self._draft, self._fields, self._reach, leaf), None) is not None:
            return None  # another finding says that it never holds
        if leaf.op == "exists":
            return (sample.value is not None) == leaf.operand
        if sample.value is None:
            return _of_missing(leaf)
        if isinstance(leaf.operand, Duration):
            return _of_age(leaf.op, sample.age, leaf.operand.micros)
        return self._compare(leaf, sample, known)

    def _compare(self, leaf: Leaf, sample: Sample, known: Known) -> Answer:
        raw = leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,)
        wanted = [None if isinstance(item, Ref | Duration) else self._ordinal(item, known) for item in raw]
        value = sample.value
        assert value is not None
        if "list" in known.types or "object" in known.types or (not wanted and leaf.op not in ("in", "not_in")):
            return None
        match leaf.op:
            case "is" | "in":
                return _some(None if item is None else item == value for item in wanted)
            case "is_not" | "not_in":
                return _every(None if item is None else item != value for item in wanted)
            case "at_least" | "at_most" | "above" | "below":
                return _ordered(leaf.op, value, wanted[0])
            case "between":
                return _every((_ordered("at_least", value, wanted[0]), _ordered("at_most", value, wanted[-1])))
            case "contains" | "starts_with" | "ends_with":
                return _of_text(leaf.op, sample, wanted[0])
            case _:
                return None

    def _ordinal(self, value: Scalar, known: Known) -> Ordinal | None:
        if known.types <= {"date"}:
            day = as_date(value)
            return day.toordinal() if day else None
        if known.types <= {"datetime"}:
            return values.instant(value, self._zone)
        return value

    # ---- samples ------------------------------------------------------------------------------------------------------------------

    def _samples(self, known: Known, asked: list[Leaf]) -> list[Sample]:
        literals = {self._ordinal(item, known) for leaf in asked for item in _literals(leaf)} - {None}
        present = [Sample(value, age, literal) for value, literal in self._values(known, literals) for age in _ages(asked)]
        return present if known.given else [MISSING, *present]

    def _values(self, known: Known, literals: set[Ordinal | None]) -> Sequence[tuple[Ordinal, bool]]:
        kind = next(iter(known.kinds))
        if kind == "boolean":
            return [(True, True), (False, True)]
        if known.enum is not None:
            return [(value, True) for item in known.enum if (value := self._ordinal(item, known)) is not None]
        if kind == "text":
            texts = {item for item in literals if isinstance(item, str)}
            others = {"", "\U0010ffff"} | {f"{text}\0" for text in texts}
            return [(text, True) for text in texts] + [(text, False) for text in others - texts]
        if kind in ("number", "date", "datetime"):
            return [(number, True) for number in _numbers(known, literals)]
        return [("", False)]


def _literals(leaf: Leaf) -> Iterator[Scalar]:
    if leaf.op not in (*AGES, "exists", "matches", "on_date", "same_day_as"):
        for item in leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,):
            if isinstance(item, str | int | float):
                yield item


def _numbers(known: Known, literals: set[Ordinal | None]) -> list[Ordinal]:
    named = sorted({item for item in literals if isinstance(item, int | float) and not isinstance(item, bool)})
    bounds = [bound for bound in (known.minimum, known.maximum) if bound is not None]
    marks = sorted({*named, *bounds}) or [0]
    if "number" in known.types:
        between = [(low + high) / 2 for low, high in pairwise(marks)]
        found = [*marks, *between, marks[0] - 1, marks[-1] + 1]
    else:
        found = [round(mark) + step for mark in marks for step in (-1, 0, 1)]
    low = known.minimum if known.minimum is not None else min(found)
    high = known.maximum if known.maximum is not None else max(found)
    return [number for number in dict.fromkeys(found) if low <= number <= high]


def _ages(asked: list[Leaf]) -> Sequence[int | None]:
    marks = {0}
    for leaf in asked:
        if isinstance(leaf.operand, Duration):
            marks.add(-leaf.operand.micros if leaf.op == "within_next" else leaf.operand.micros)
    if len(marks) == 1 and not any(leaf.op in AGES for leaf in asked):
        return [None]
    return sorted({mark + step for mark in marks for step in (-1, 0, 1)})


def _of_missing(leaf: Leaf) -> Answer:
    if leaf.op not in ("is_not", "not_in"):
        return False
    items = leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,)
    return None if any(isinstance(item, Ref) for item in items) else True


def _of_age(op: str, age: int | None, length: int) -> Answer:
    if age is None:
        return None
    return {"older_than": age >= length, "newer_than": age < length, "within_next": -length <= age < 0}[op]


def _of_text(op: str, sample: Sample, wanted: Ordinal | None) -> Answer:
    if not sample.literal or not isinstance(sample.value, str) or not isinstance(wanted, str):
        return None
    return {"contains": wanted in sample.value, "starts_with": sample.value.startswith(wanted), "ends_with": sample.value.endswith(wanted)}[
        op
    ]


def _ordered(op: str, value: Ordinal, limit: Ordinal | None) -> Answer:
    if isinstance(value, str) and isinstance(limit, str):
        return {"at_least": value >= limit, "at_most": value <= limit, "above": value > limit, "below": value < limit}[op]
    if isinstance(value, str) or isinstance(limit, str) or limit is None:
        return None
    return {"at_least": value >= limit, "at_most": value <= limit, "above": value > limit, "below": value < limit}[op]


def _every(answers: Iterator[Answer] | tuple[Answer, ...]) -> Answer:
    found = set(answers)
    return False if False in found else None if None in found else True


def _some(answers: Iterator[Answer]) -> Answer:
    found = set(answers)
    return True if True in found else None if None in found else False


def _negated(answer: Answer) -> Answer:
    return None if answer is None else not answer
