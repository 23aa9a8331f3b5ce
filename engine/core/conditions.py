"""Conditions compiled: one closure to test, the same tree to explain, and the instants at which time alone can flip it.

`test` short-circuits and builds nothing. `explain` is for those who ask: every node with its path, result, operand and actual value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, tzinfo
from typing import Any

from engine.core.ages import CALENDAR_OPERATORS, CLOCK_OPERATORS, Flip, looks_at_clock, time_test
from engine.core.display import masked
from engine.core.facts import Scope
from engine.core.fields import Fields
from engine.core.operators import Test, always, kind_of, literal, value_test
from engine.core.zones import format_instant
from rules.model import All, AnyOf, Condition, Duration, InSegment, Leaf, NoneOf, Not, Path, Ref, path_text


@dataclass(frozen=True, slots=True)
class Node:
    """One node of an explained condition. Values are JSON-friendly; secret and personal ones are masked.

    `result` None: not evaluated, and `actual` then says nothing. `operand` of a `ref` is `{"ref": name, "value": value}`, the value only
    where evaluated. `operand` of a segment is its name.
    """

    path: str
    kind: str  # all | any | none | not | segment | leaf
    result: bool | None
    field: str | None = None
    op: str | None = None
    operand: Any = None
    actual: Any = None
    children: tuple[Node, ...] = ()


class Compiled:
    """A condition ready to be asked."""

    __slots__ = ("_flips", "_leaf", "children", "event_only", "kind", "path", "reads", "segment", "test")

    def __init__(self, kind: str, path: Path, test: Test, children: tuple[Compiled, ...] = ()) -> None:
        self.kind = kind
        self.path = path_text(path)
        self.test = test  # whether it holds
        self.children = children
        self.segment: str | None = None
        self.reads: frozenset[str] = frozenset().union(*[child.reads for child in children])  # roots and full field names
        self.event_only: bool = all(child.event_only for child in children)  # only `event.*`, and not the clock
        self._flips: tuple[Flip, ...] = tuple(flip for child in children for flip in child._flips)
        self._leaf: _LeafShow | None = None

    @property
    def timeless(self) -> bool:
        """Whether time alone can never flip it."""
        return not self._flips

    def next_flip(self, scope: Scope) -> int | None:
        """The earliest instant after scope.now at which any leaf can change by time alone, given the same facts; None: never."""
        if not self._flips:
            return None
        if len(self._flips) == 1:
            return self._flips[0](scope)
        return min([instant for flip in self._flips if (instant := flip(scope)) is not None], default=None)

    def explain(self, scope: Scope) -> Node:
        """The evaluated tree; parts that `test` would not reach have the result None."""
        if self._leaf is not None:
            return self._leaf.node(self.path, scope, self.test(scope))
        if self.kind in ("not", "segment"):
            inner = self.children[0].explain(scope)
            result = (not inner.result) if self.kind == "not" else bool(inner.result)
            return Node(self.path, self.kind, result, operand=self.segment, children=(inner,))
        decided = self.kind != "all"  # the answer of a part that ends the evaluation
        children = []
        ended = False
        for child in self.children:
            children.append(child._unevaluated() if ended else child.explain(scope))
            ended = ended or children[-1].result is decided
        return Node(self.path, self.kind, ended if self.kind == "any" else not ended, children=tuple(children))

    def leaf_paths(self) -> Iterator[str]:
        """Paths of all leaves, those of named segments included."""
        if self._leaf is not None:
            yield self.path
        for child in self.children:
            yield from child.leaf_paths()

    def _unevaluated(self) -> Node:
        if self._leaf is not None:
            return self._leaf.node(self.path, None, None)
        return Node(self.path, self.kind, None, operand=self.segment, children=tuple(child._unevaluated() for child in self.children))


def compile_condition(cond: Condition, fields: Fields, segments: Mapping[str, Compiled], book_zone: tzinfo) -> Compiled:
    """The condition as a closure. `segments` holds those it names, compiled before. Raises KeyError for an unknown field or segment."""
    match cond:
        case Leaf():
            return _leaf(cond, fields, book_zone)
        case InSegment(path=path, segment=name):
            found = segments[name]
            compiled = Compiled("segment", path, found.test, (found,))
            compiled.segment = name
            compiled.event_only = False
            return compiled
        case Not(path=path, item=item):
            inner = compile_condition(item, fields, segments, book_zone)
            return Compiled("not", path, _not(inner.test), (inner,))
        case All(path=path, items=items) | AnyOf(path=path, items=items) | NoneOf(path=path, items=items):
            parts = tuple(compile_condition(item, fields, segments, book_zone) for item in items)
            kind, join = _JOINS[type(cond)]
            return Compiled(kind, path, join([part.test for part in parts]), parts)


def first_failure(node: Node) -> Node:
    """The node to name for a condition that is false: within an `all` its first false part, anything else itself."""
    while node.kind == "all":
        failing = next((child for child in node.children if child.result is False), None)
        if failing is None:
            break
        node = failing
    return node


# ---- closures of groups ---------------------------------------------------------------------------------------------------------------


def _all(tests: list[Test]) -> Test:
    match tests:
        case []:
            return always
        case [single]:
            return single
        case [first, second]:
            return lambda scope: first(scope) and second(scope)
        case [first, second, third]:
            return lambda scope: first(scope) and second(scope) and third(scope)
        case [first, second, third, fourth]:
            return lambda scope: first(scope) and second(scope) and third(scope) and fourth(scope)

    def test(scope: Scope) -> bool:
        for part in tests:  # noqa: SIM110 - a generator would be built at every call
            if not part(scope):
                return False
        return True

    return test


def _any(tests: list[Test]) -> Test:
    match tests:
        case [single]:
            return single
        case [first, second]:
            return lambda scope: first(scope) or second(scope)
        case [first, second, third]:
            return lambda scope: first(scope) or second(scope) or third(scope)

    def test(scope: Scope) -> bool:
        for part in tests:  # noqa: SIM110 - a generator would be built at every call
            if part(scope):
                return True
        return False

    return test


def _none(tests: list[Test]) -> Test:
    return _not(_any(tests))


def _not(test: Test) -> Test:
    return lambda scope: not test(scope)


_JOINS: dict[type, tuple[str, Callable[[list[Test]], Test]]] = {All: ("all", _all), AnyOf: ("any", _any), NoneOf: ("none", _none)}


# ---- leaves ---------------------------------------------------------------------------------------------------------------------------


def _leaf(leaf: Leaf, fields: Fields, zone: tzinfo) -> Compiled:
    field = fields[leaf.field]
    others = [fields[ref.field] for ref in _refs(leaf)]
    flips: list[Flip] = [read.next_change for read in (field, *others) if read.next_change is not None]
    if leaf.op in CLOCK_OPERATORS or leaf.op in CALENDAR_OPERATORS:
        test, flip = time_test(leaf, fields, zone)
        if flip is not None:
            flips.append(flip)
    else:
        test = value_test(leaf, fields, zone)
    compiled = Compiled("leaf", leaf.path, test)
    compiled.reads = frozenset(name for read in (field, *others) for name in (read.root, read.name))
    compiled.event_only = is_event_only(leaf)
    compiled._flips = tuple(flips)
    compiled._leaf = _LeafShow(leaf, fields, zone)
    return compiled


def _refs(leaf: Leaf) -> list[Ref]:
    operands = leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,)
    return [operand for operand in operands if isinstance(operand, Ref)]


class _LeafShow:
    """What a leaf shows of itself in a trace."""

    __slots__ = ("_fields", "_kind", "_leaf", "_zone")

    def __init__(self, leaf: Leaf, fields: Fields, zone: tzinfo) -> None:
        self._leaf = leaf
        self._fields = fields
        self._kind = kind_of(fields[leaf.field])
        self._zone = zone

    def node(self, path: str, scope: Scope | None, result: bool | None) -> Node:
        leaf = self._leaf
        actual = None if scope is None else self._value(leaf.field, scope)
        return Node(path, "leaf", result, field=leaf.field, op=leaf.op, operand=self._operand(leaf.operand, scope), actual=actual)

    def _value(self, name: str, scope: Scope) -> Any:
        field = self._fields[name]
        return masked(field, jsonable(field.read(scope), kind_of(field)))

    def _operand(self, operand: Any, scope: Scope | None) -> Any:
        match operand:
            case tuple():
                return [self._operand(item, scope) for item in operand]
            case Duration():
                return str(operand)
            case Ref(field=name):
                if scope is None:
                    return {"ref": name}
                return {"ref": name, "value": self._value(name, scope)}
            case str() if self._kind == "instant" and self._leaf.op not in CALENDAR_OPERATORS:
                instant = literal(operand, "instant", self._zone)
                return operand if instant is None else format_instant(instant)
            case _:
                return operand


def jsonable(value: Any, kind: str) -> Any:
    """A field's value as JSON can say it: instants as text in UTC, dates as text."""
    if isinstance(value, date):
        return value.isoformat()
    if kind == "instant" and value is not None:
        return format_instant(value)
    if isinstance(value, list):
        return [jsonable(item, "any") for item in value]
    return value


# ---- what a condition asks, read from the model ---------------------------------------------------------------------------------------


def is_event_only(cond: Condition, root: str = "event") -> bool:
    """Whether it reads nothing but `event.*` (or one alias of a sequence) and not the clock."""
    match cond:
        case Leaf():
            names = (cond.field, *(ref.field for ref in _refs(cond)))
            return all(name.startswith(f"{root}.") for name in names) and not looks_at_clock(cond)
        case All(items=items) | AnyOf(items=items) | NoneOf(items=items):
            return all(is_event_only(item, root) for item in items)
        case Not(item=item):
            return is_event_only(item, root)
        case InSegment():
            return False


def split_event_only(cond: Condition, root: str = "event") -> tuple[Condition | None, Condition | None]:
    """(what is asked at the event, what is asked when the timer is due); None for nothing.

    Parts are the top-level entries and the members of a top-level `all`; each is taken whole.
    """
    parts = list(_parts(cond))
    now = tuple(part for part in parts if is_event_only(part, root))
    later = tuple(part for part in parts if not is_event_only(part, root))
    return _joined(cond, now, later), _joined(cond, later, now)


def _parts(cond: Condition) -> Iterator[Condition]:
    if not isinstance(cond, All) or _is_one_field(cond):
        yield cond
        return
    for item in cond.items:
        if isinstance(item, All) and item.path == (*cond.path, "all"):
            yield from item.items
        else:
            yield item


def _is_one_field(cond: All) -> bool:
    """Whether this is one entry of a field with several operators."""
    return all(isinstance(item, Leaf) and item.path == cond.path for item in cond.items)


def _joined(whole: Condition, parts: tuple[Condition, ...], others: tuple[Condition, ...]) -> Condition | None:
    if not others:
        return whole
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else All(whole.path, parts)


def equalities(cond: Condition, fields: Fields) -> Mapping[str, frozenset[str | int | float | bool]]:
    """Per event field, the values outside of which the condition cannot hold: from `is` and `in` with plain values, unless inside an
    `any`, `none`, `not` or segment. For the rule index: look up with the field's `read`.

    Only fields of texts, numbers and booleans: of one such field all values are of one kind, so that True and 1 never meet.
    """
    found: dict[str, frozenset[str | int | float | bool]] = {}
    for leaf in _conjuncts(cond):
        field = fields[leaf.field]
        items = leaf.operand if leaf.op == "in" else (leaf.operand,)
        kind = kind_of(field)
        if field.root != "event" or kind not in ("text", "number", "boolean") or leaf.op not in ("is", "in") or _refs(leaf):
            continue
        assert isinstance(items, tuple)
        values = frozenset(value for item in items if (value := literal(item, kind, UTC)) is not None)
        found[leaf.field] = found[leaf.field] & values if leaf.field in found else values
    return found


def _conjuncts(cond: Condition) -> Iterator[Leaf]:
    match cond:
        case Leaf():
            yield cond
        case All(items=items):
            for item in items:
                yield from _conjuncts(item)
        case _:
            return
