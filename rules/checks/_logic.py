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
from rules.checks._conditions import leaves, segment_uses
from rules.checks._fields import FieldBook, Known, Reach
from rules.checks._types import as_date, mismatches, zone_of
from rules.model import All, AnyOf, Condition, Duration, InSegment, Leaf, NoneOf, Not, Ref, Scalar

if TYPE_CHECKING:
    from rules.draft import Draft

Answer = bool | None
Ordinal = int | float | str | bool  # a value in a form that compares: dates as day numbers, instants as microseconds
# A step is one leaf on one sample, about 5 microseconds; a rule of the book that ships takes ten. What would cost more stays open: a
# condition that compares one field with dozens of values in dozens of leaves, or the end of a book of tens of thousands of rules.
DEEPEST_SEGMENT = 30  # segments of segments; deeper ones stay open too
MOST_OF_A_LOOK = 20_000
MOST_STEPS = 200_000

AGES = ("older_than", "newer_than", "within_next")


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of the field: what it is, and how long ago it was where it is a time (both None: missing)."""

    value: Ordinal | None
    age: int | None = None
    literal: bool = False  # a value that the condition names, so that its text is known


MISSING = Sample(None)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a leaf compares with, in order and as a set; None for what is not known (a reference)."""

    items: tuple[Ordinal | None, ...]
    members: frozenset[Ordinal | None]


class Segments:
    """What the conditions of all places share: what each segment asks, and how much more may be worked out."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.steps_left = MOST_STEPS
        self._asks: dict[str, tuple[tuple[Leaf, ...], tuple[str, ...]]] = {}

    def when(self, name: str) -> Condition | None:
        """The condition of a segment; None for an unknown one."""
        segment = self.draft.book.segments.get(name)
        return segment.when if segment is not None else None

    def leaves(self, condition: Condition) -> list[Leaf]:
        """The leaves of a condition and of all segments below it, those of a segment once; [] where they go too deep."""
        found, waiting = _asked(condition)
        every = list(found)
        names = dict.fromkeys(waiting)
        waiting = tuple(names)
        depth = 0
        while waiting:
            depth += 1
            if depth > DEEPEST_SEGMENT:
                return []
            below: dict[str, None] = {}
            for name in waiting:
                found, segments = self._of_segment(name)
                every += found
                below |= {other: None for other in segments if other not in names}
            names |= below
            waiting = tuple(below)
        return every

    def can_afford(self, asked: list[Leaf], every: list[Leaf]) -> bool:
        """Take what a look at one field costs: reading its values, then every leaf for about three samples a value."""
        count = sum(len(leaf.operand) if isinstance(leaf.operand, tuple) else 1 for leaf in asked)
        cost = 10 * count + 3 * (count + 1) * len(every)
        self.steps_left -= min(cost, MOST_OF_A_LOOK)
        return cost <= MOST_OF_A_LOOK and self.steps_left >= 0

    def _of_segment(self, name: str) -> tuple[tuple[Leaf, ...], tuple[str, ...]]:
        if name not in self._asks:
            when = self.when(name)
            self._asks[name] = _asked(when) if when is not None else ((), ())
        return self._asks[name]


def _asked(condition: Condition) -> tuple[tuple[Leaf, ...], tuple[str, ...]]:
    """The leaves of a condition, and the segments it names."""
    return tuple(leaves(condition)), tuple(use.segment for use in segment_uses(condition))


class Logic:
    """Answers for the conditions of one place."""

    def __init__(self, fields: FieldBook, reach: Reach, segments: Segments) -> None:
        self._draft = segments.draft
        self._fields = fields
        self._reach = reach
        self._segments = segments
        self._of_segment: dict[tuple[str, Sample], Answer] = {}  # of the field that is looked at
        self._wanted: dict[int, _Wanted | None] = {}  # by the leaf's id: a leaf is asked once for every sample

    @cached_property
    def _zone(self) -> ZoneInfo:
        return zone_of(self._draft)

    def always(self, condition: Condition, field: str) -> Answer:
        """True or False if the condition comes to that whatever `field` holds; None if it depends."""
        known = self._fields.find(field, self._reach)
        if known is None or len(known.kinds) > 1:
            return None
        every = self._segments.leaves(condition)
        asked = [leaf for leaf in every if leaf.field == field]
        if not asked or not self._segments.can_afford(asked, every):
            return None
        self._of_segment.clear()
        answers = {self._answer(condition, field, sample, known) for sample in self._samples(known, asked)}
        return answers.pop() if len(answers) == 1 else None

    def fields_of(self, condition: Condition) -> dict[str, None]:
        """The fields that a condition asks, in order, those of its segments included."""
        return dict.fromkeys(leaf.field for leaf in self._segments.leaves(condition))

    # ---- the tree -----------------------------------------------------------------------------------------------------------------

    def _answer(self, condition: Condition, field: str, sample: Sample, known: Known) -> Answer:
        def inner(child: Condition) -> Answer:
            return self._answer(child, field, sample, known)

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
                when = self._segments.when(name)
                if when is None:
                    return None
                if (name, sample) not in self._of_segment:
                    self._of_segment[name, sample] = None  # what a circle of segments comes to
                    self._of_segment[name, sample] = inner(when)
                return self._of_segment[name, sample]

    # ---- leaves -------------------------------------------------------------------------------------------------------------------

    def _leaf(self, leaf: Leaf, sample: Sample, known: Known) -> Answer:
        if id(leaf) not in self._wanted:
            self._wanted[id(leaf)] = self._read(leaf, known)
        wanted = self._wanted[id(leaf)]
        if wanted is None:
            return None
        if leaf.op == "exists":
            return (sample.value is not None) == leaf.operand
        if sample.value is None:
            return _of_missing(leaf)
        if isinstance(leaf.operand, Duration):
            return _of_age(leaf.op, sample.age, leaf.operand.micros)
        return None if known.kinds & {"list", "object"} else _compare(leaf.op, sample, wanted)

    def _read(self, leaf: Leaf, known: Known) -> _Wanted | None:
        """The operand's values. None for a leaf of a wrong type: another finding says that it never holds."""
        if next(mismatches(self._draft, self._fields, self._reach, leaf), None) is not None:
            return None
        raw = leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,)
        items = tuple(None if isinstance(item, Ref | Duration) else self._ordinal(item, known) for item in raw)
        return _Wanted(items, frozenset(items))

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


def _compare(op: str, sample: Sample, wanted: _Wanted) -> Answer:
    value, items = sample.value, wanted.items
    assert value is not None
    match op:
        case "is" | "in":
            return True if value in wanted.members else None if None in wanted.members else False
        case "is_not" | "not_in":
            return False if value in wanted.members else None if None in wanted.members else True
        case "at_least" | "at_most" | "above" | "below":
            return _ordered(op, value, items[0])
        case "between":
            return _every((_ordered("at_least", value, items[0]), _ordered("at_most", value, items[-1])))
        case "contains" | "starts_with" | "ends_with":
            return _of_text(op, sample, items[0])
        case _:
            return None


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
