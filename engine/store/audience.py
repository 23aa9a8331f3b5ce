"""An audience as SQL: a condition over users made into a WHERE that leaves out nobody whom the compiled condition accepts.

It may let through more people than that: `decide` judges each. Every node has two answers: `may`, true of all for whom the condition holds
(and some others), and `must`, true only of people for whom it holds. `not` turns one into the other, so that a superset stays one. What SQL
cannot say is may = TRUE, must = FALSE.

No value is coerced: each leaf first asks for the JSON type. Numbers are compared with a tolerance, since a database may read the last place
of a decimal differently. People who hold what no database can say (people.odd) are always let through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Boolean, Double, Text

from engine.core.ages import CALENDAR_OPERATORS, CLOCK_OPERATORS
from engine.core.conditions import compile_condition
from engine.core.facts import Event, Scope
from engine.core.fields import Field, Fields
from engine.core.operators import kind_of, literal
from engine.core.plan import BookPlan, RulePlan
from engine.core.zones import local_date
from engine.store.columns import clean
from engine.store.json_sql import (
    EndOf,
    HasText,
    IsArray,
    IsBoolean,
    IsInteger,
    IsNumber,
    IsObject,
    IsPresent,
    IsText,
    IsTrue,
    Json,
    Key,
    LengthOf,
    NumberOf,
    TextOf,
    Within,
    can_say,
)
from engine.store.schema import people
from rules.model import DAY, All, AnyOf, Condition, Duration, InSegment, Leaf, NoneOf, Not, Ref, Trait

Clause = sa.ColumnElement[bool]

_SLACK = 2 * DAY  # calendar days differ from as many times 24 hours by less than this, whatever the zone does
_RELATIVE, _ABSOLUTE = 1e-12, 1e-200  # how far a database's reading of a number may be off, and more
_EXACT = 2**53
_LARGEST = 1.7e308


@dataclass(frozen=True, slots=True)
class Answer:
    """What SQL can say of a condition."""

    may: Clause
    must: Clause

    def negated(self) -> Answer:
        """Of its opposite."""
        return Answer(sa.not_(self.must), sa.not_(self.may))


UNKNOWN = Answer(sa.true(), sa.false())
ALWAYS = Answer(sa.true(), sa.true())
NEVER = Answer(sa.false(), sa.false())


def of_rule(plan: BookPlan, rule: RulePlan, now: int, event: Event | None = None) -> Clause | None:
    """Whom a rule with an audience may select at `now`, for people.page; None: everybody. `event` is that of a broadcast."""
    condition = rule.rule.audience
    if condition is None or rule.audience is None:
        return None
    return where(condition, plan, rule.fields, now, event)  # type: ignore[arg-type]  # Everybody has no compiled audience


def where(condition: Condition, plan: BookPlan, fields: Fields, now: int, event: Event | None = None) -> Clause:
    """The WHERE of a condition, whose fields are `fields`, at an instant."""
    return sa.or_(people.c.odd, _Question(plan, fields, now, event).ask(condition).may)


class _Question:
    """One condition at one instant."""

    def __init__(self, plan: BookPlan, fields: Fields, now: int, event: Event | None) -> None:
        self.plan = plan
        self.fields = fields
        self.now = now
        self.event = event

    def ask(self, condition: Condition) -> Answer:
        match condition:
            case Leaf():
                return self._leaf(condition)
            case All(items=items):
                return _all(map(self.ask, items))
            case AnyOf(items=items):
                return _any(map(self.ask, items))
            case NoneOf(items=items):
                return _any(map(self.ask, items)).negated()
            case Not(item=item):
                return self.ask(item).negated()
            case InSegment(segment=name):
                return self.ask(self.plan.book.segments[name].when)

    # ---- leaves -------------------------------------------------------------------------------------------------------------------------

    def _leaf(self, leaf: Leaf) -> Answer:
        field = self.fields[leaf.field]
        if field.root == "event":
            return self._event_leaf(leaf)
        if field.root != "user":
            return UNKNOWN
        subject = _subject(self.plan, field)
        if subject is None:
            return UNKNOWN
        if leaf.op in CALENDAR_OPERATORS:
            return UNKNOWN
        if leaf.op in CLOCK_OPERATORS:
            assert isinstance(leaf.operand, Duration)
            return self._age(subject, leaf.op, leaf.operand)
        if leaf.op == "exists":
            return subject.exists() if leaf.operand else subject.exists().negated()
        if leaf.op == "matches":
            return Answer(subject.is_kind(), sa.false()) if subject.kind == "text" else NEVER
        if isinstance(leaf.operand, Ref) and leaf.op in ("is", "is_not") and self.fields[leaf.operand.field].root == "user":
            return self._same_as(subject, self.fields[leaf.operand.field], negated=leaf.op == "is_not")
        return self._compare(subject, leaf)

    def _compare(self, subject: _Subject, leaf: Leaf) -> Answer:
        if leaf.op in ("in", "not_in"):
            items = self._items(leaf.operand, subject.kind)
        elif leaf.op == "between":
            assert isinstance(leaf.operand, tuple)
            items = self._values(leaf.operand, subject.kind)
        else:
            items = self._values((leaf.operand,), subject.kind)
        if items is None:
            return UNKNOWN
        if any(item is _MISSING for item in items):
            return NEVER  # a missing `ref` makes every operator false
        negated = leaf.op in ("is_not", "not_in")
        if leaf.op in ("is", "is_not", "in", "not_in"):
            answer = _any([subject.equals(item) for item in items if item is not None])
            return answer.negated() if negated else answer
        if any(item is None for item in items):
            return NEVER
        if leaf.op == "between":
            return _all([subject.order("at_least", items[0]), subject.order("at_most", items[1])])
        (value,) = items
        if leaf.op == "contains":
            return subject.contains(value)
        if leaf.op in ("starts_with", "ends_with"):
            return subject.affix(value, starts=leaf.op == "starts_with")
        return subject.order(leaf.op, value)

    def _values(self, operands: Iterable[Any], kind: str) -> list[Any] | None:
        """Operands in the form in which a field of this kind is read: None for what is not of the kind, _MISSING for a missing `ref`.
        None altogether: SQL cannot say them."""
        values = []
        for operand in operands:
            if not isinstance(operand, Ref):
                # A list's members are compared as they are.
                values.append(operand if kind == "list" else literal(operand, kind, self.plan.zone))
                continue
            other = self.fields[operand.field]
            if other.root != "event" or self.event is None:
                return None
            value = other.read(self._scope())
            if value is not None and kind != kind_of(other) and kind != "list":
                return None
            values.append(_MISSING if value is None else value)
        return values

    def _items(self, operand: Any, kind: str) -> list[Any] | None:
        if kind == "list":
            return None
        if not isinstance(operand, Ref):
            return self._values(operand, kind)
        other = self.fields[operand.field]
        if other.root != "event" or self.event is None or kind not in ("text", "number", "boolean"):
            return None
        members = other.read(self._scope())
        if members is None:
            return [_MISSING]
        return [literal(member, kind, self.plan.zone) for member in members] if type(members) is list else []

    def _event_leaf(self, leaf: Leaf) -> Answer:
        """What only the event decides is decided here; `event.city: {ref: user.city}` is the same as the other way round."""
        if self.event is None or leaf.op in CLOCK_OPERATORS or leaf.op in CALENDAR_OPERATORS:
            return UNKNOWN
        operands = leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,)
        roots = {self.fields[operand.field].root for operand in operands if isinstance(operand, Ref)}
        if roots <= {"event"}:
            return ALWAYS if compile_condition(leaf, self.fields, {}, self.plan.zone).test(self._scope()) else NEVER
        if leaf.op == "is" and isinstance(leaf.operand, Ref):
            return self.ask(Leaf(leaf.path, leaf.operand.field, "is", Ref(leaf.field)))
        return UNKNOWN

    def _scope(self) -> Scope:
        return Scope(self.now, self.plan.zone, self.event)

    def _same_as(self, subject: _Subject, other_field: Field, *, negated: bool) -> Answer:
        other = _subject(self.plan, other_field)
        if other is None or subject.kind != "text" or other.kind != "text" or subject.is_name or other.is_name:
            return UNKNOWN
        equal = _sure(subject.text() == other.text())
        if not negated:
            return Answer(equal, equal)
        unlike = sa.and_(other.is_kind(), sa.not_(equal))
        return Answer(unlike, unlike)

    # ---- the clock ----------------------------------------------------------------------------------------------------------------------

    def _age(self, subject: _Subject, op: str, length: Duration) -> Answer:
        slack = _SLACK if length.is_calendar else 0
        if subject.kind == "instant":
            edge = self.now - length.micros
            if op == "older_than":
                return Answer(subject.order("at_most", edge + slack).may, subject.order("at_most", edge - slack).must)
            if op == "newer_than":
                return Answer(subject.order("above", edge - slack).may, subject.order("above", edge + slack).must)
            until = subject.order("at_most", self.now + length.micros + slack).may
            return Answer(sa.and_(subject.order("above", self.now).may, until), sa.false())
        if subject.kind != "date":
            return NEVER
        try:
            # Wherever the person is: a day's start lies within two days of the same day's in UTC.
            today, reach = local_date(self.now, UTC), timedelta(microseconds=length.micros)
            near = timedelta(days=3)
            if op == "older_than":
                return Answer(subject.order("at_most", today - reach + near).may, sa.false())
            if op == "newer_than":
                return Answer(subject.order("at_least", today - reach - near).may, sa.false())
            first, last = subject.order("at_least", today - near), subject.order("at_most", today + reach + near)
            return Answer(sa.and_(first.may, last.may), sa.false())
        except (OverflowError, ValueError):
            return UNKNOWN


class _Missing:
    """The value of a `ref` that has none."""


_MISSING = _Missing()


def _all(answers: Iterable[Answer]) -> Answer:
    found = list(answers)
    return Answer(sa.and_(sa.true(), *[one.may for one in found]), sa.and_(sa.true(), *[one.must for one in found]))


def _any(answers: Iterable[Answer]) -> Answer:
    found = list(answers)
    return Answer(sa.or_(sa.false(), *[one.may for one in found]), sa.or_(sa.false(), *[one.must for one in found]))


def _sure(clause: Clause) -> Clause:
    """False where SQL does not know."""
    return sa.func.coalesce(clause, sa.false(), type_=Boolean())


# ---- what a leaf is about ---------------------------------------------------------------------------------------------------------------


class _Subject:
    """A field of a user as SQL sees it: an attribute, a trait, or a column of its own."""

    def __init__(self, kind: str, column: sa.ColumnElement[Any], path: tuple[Key, ...]) -> None:
        self.kind = kind
        self.column = column
        self.path = path
        self.trait: Trait | None = None
        self.zero = False  # without a value it is 0
        self.texts = True  # a list's texts are texts, not dates

    @property
    def is_name(self) -> bool:
        """Whether it is a column that keeps long texts in another form."""
        return not self.path

    def _json(self, element: type[Json], value: Any = None) -> Any:
        return element(self.column, self.path, value)

    def text(self) -> sa.ColumnElement[str]:
        """The value as text; NULL when it is none."""
        if self.is_name:
            found: sa.ColumnElement[str] = sa.func.nullif(self.column, sa.literal("", Text()), type_=Text())
            return found
        return self._json(TextOf)  # type: ignore[no-any-return]

    def is_kind(self) -> Clause:
        """There is a value of the declared type."""
        if self.is_name:
            return self.text().is_not(None)
        if self.kind == "instant" and self.trait is None:
            return self._json(IsText)  # type: ignore[no-any-return]
        return self._json(_IS_KIND[self.kind])  # type: ignore[no-any-return]

    def exists(self) -> Answer:
        if self.trait is not None:
            if self.trait.take in ("count", "sum", "distinct"):
                return ALWAYS
            present = self._json(IsPresent)
            return Answer(present, present)
        # A text may still not be a date.
        return Answer(self.is_kind(), sa.false() if self.kind in ("date", "instant") else self.is_kind())

    def equals(self, value: Any) -> Answer:
        match self.kind:
            case "text":
                return self._equals_text(value)
            case "date":
                return self._equals_text(value.isoformat())
            case "boolean":
                true = self._json(IsTrue)
                found = true if value else sa.and_(self._json(IsBoolean), sa.not_(true))
                return Answer(found, found)
            case "number" | "instant":
                if self._is_written():
                    return UNKNOWN
                near = sa.and_(self._beyond(value, -1), self._below(value, 1))
                return Answer(near, self._exactly(value))
            case _:
                return UNKNOWN

    def _equals_text(self, value: str) -> Answer:
        if self.is_name:
            found = _sure(self.column == sa.bindparam(None, value, self.column.type)) if value else sa.false()
            return Answer(found, found)
        if clean(value) != value:
            return NEVER  # nobody but the odd has such a text
        found = _sure(self.text() == value)
        return Answer(found, found)

    def order(self, op: str, value: Any) -> Answer:
        if self.kind in ("number", "instant"):
            if self._is_written():
                return UNKNOWN
            if op in ("at_least", "above"):
                return Answer(self._beyond(value, -1), self._beyond(value, 1))
            return Answer(self._below(value, 1), self._below(value, -1))
        if self.kind not in ("text", "date"):
            return NEVER
        if self.is_name:
            return UNKNOWN
        limit = value if self.kind == "text" else value.isoformat()
        if clean(limit) != limit:
            return UNKNOWN
        found = _sure(_ORDERS[op](self.text(), sa.literal(limit, Text())))
        # Which other texts are dates is not asked here.
        return Answer(found, found if self.kind == "text" else sa.false())

    def contains(self, value: Any) -> Answer:
        if self.kind == "text":
            return self._texts(value, lambda part: Within(self.text(), sa.literal(part, Text())))
        if self.kind != "list":
            return NEVER
        if type(value) is not str or not self.texts:
            return Answer(self._json(IsArray), sa.false())
        if clean(value) != value:
            return NEVER
        found = self._json(HasText, value)
        return Answer(found, found)

    def affix(self, value: Any, *, starts: bool) -> Answer:
        if self.kind != "text":
            return NEVER
        if starts:
            return self._texts(value, lambda part: sa.func.substr(self.text(), 1, len(part)) == part)
        return self._texts(value, lambda part: EndOf(self.text(), sa.literal(len(part))) == sa.literal(part, Text()))

    def _texts(self, value: Any, test: Callable[[str], Any]) -> Answer:
        if type(value) is not str or clean(value) != value:
            return NEVER if not self.is_name else UNKNOWN
        if self.is_name:
            return UNKNOWN
        found = _sure(test(value)) if value else self.is_kind()
        return Answer(found, found)

    # ---- numbers ------------------------------------------------------------------------------------------------------------------------

    def _is_written(self) -> bool:
        """Whether it is an instant as people write it, which SQL does not read."""
        return self.kind == "instant" and self.trait is None

    def _number(self) -> sa.ColumnElement[float]:
        if self.trait is not None and self.trait.within is not None:
            return self._json(LengthOf)  # type: ignore[no-any-return]
        number = self._json(NumberOf)
        return sa.func.coalesce(number, sa.literal(0.0, Double()), type_=Double()) if self.zero else number

    def _beyond(self, value: float, sign: int) -> Clause:
        """At least the value, a little less (sign -1) or a little more (1)."""
        limit = _moved(value, sign)
        if self.trait is not None and self.trait.within is not None:
            # All events of the window, also those that have left it by now or are to come: their number is never less than the count.
            return self._number() >= sa.literal(limit, Double()) if sign < 0 and limit is not None else _edge(sign < 0)
        return _sure(self._number() >= limit) if limit is not None else _edge(sign < 0)

    def _below(self, value: float, sign: int) -> Clause:
        if self.trait is not None and self.trait.within is not None:
            return sa.true() if sign > 0 else sa.false()
        limit = _moved(value, sign)
        return _sure(self._number() <= limit) if limit is not None else _edge(sign > 0)

    def _exactly(self, value: float) -> Clause:
        if (self.trait is not None and self.trait.within is not None) or value != int(value) or abs(value) >= _EXACT:
            return sa.false()
        found: Clause = self._json(IsInteger, int(value))
        return sa.or_(found, sa.not_(self._json(IsPresent))) if self.zero and value == 0 else found


def _edge(holds: bool) -> Clause:
    return sa.true() if holds else sa.false()


def _moved(value: float, sign: int) -> float | None:
    """A little less or more; None beyond what a double holds."""
    try:
        number = float(value)
    except OverflowError:
        return None
    moved = number + sign * (abs(number) * _RELATIVE + _ABSOLUTE)
    return moved if -_LARGEST <= moved <= _LARGEST else None


_IS_KIND: dict[str, type[Json]] = {
    "text": IsText, "number": IsNumber, "boolean": IsBoolean, "date": IsText, "instant": IsNumber, "list": IsArray, "object": IsObject,
}  # fmt: skip
_ORDERS: dict[str, Callable[[Any, Any], Clause]] = {
    "at_least": lambda left, right: left >= right,
    "at_most": lambda left, right: left <= right,
    "above": lambda left, right: left > right,
    "below": lambda left, right: left < right,
}


def _subject(plan: BookPlan, field: Field) -> _Subject | None:
    """How SQL finds a field of a user; None: it cannot."""
    kind = kind_of(field)
    names = field.name.split(".")[1:]
    if not all(map(can_say, names)):
        return None
    if field.declared is not None:
        return _Subject(kind, people.c.attributes, tuple(names))
    trait = plan.book.traits.get(names[0])
    if trait is None:
        return _Subject(kind, people.c["user" if names[0] == "id" else names[0]], ())
    if trait.within is not None and trait.take != "count":
        return None
    value = names[0]
    subject = _Subject(kind, people.c.traits, (value, 1) if trait.take in ("latest", "first") else (value,))
    subject.trait = trait
    subject.zero = trait.take in ("count", "sum")
    subject.texts = trait.take != "distinct" or _of_texts(plan, trait)
    return subject


def _of_texts(plan: BookPlan, trait: Trait) -> bool:
    """Whether a trait collects texts, on which Python and SQL agree, and not dates."""
    name = (trait.of or "").removeprefix("event.")
    types = [plan.book.events[event].data.get(name) for event in trait.events if event in plan.book.events]
    return all(declared is not None and declared.type in ("string", "phone", "link") for declared in types)
