"""Conditions whose outcome is settled before anything happens: the smallest parts that can never hold, or always do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rules.checks._conditions import children, leaves
from rules.checks._fields import FieldBook
from rules.checks._logic import Logic, Segments
from rules.checks._places import places
from rules.checks._types import shown
from rules.model import All, AnyOf, Condition, Leaf, NoneOf, Ref, Scalar

if TYPE_CHECKING:
    from rules.draft import Draft


@dataclass(frozen=True, slots=True)
class Decided:
    """A settled part: the leaf that settles it, alone or with `other`, an earlier one. `holds`: always, or never."""

    leaf: Leaf
    holds: bool
    other: Leaf | None = None


def decided_conditions(draft: Draft) -> Iterator[Decided]:
    """Those of every condition of the book."""
    fields, segments = FieldBook(draft), Segments(draft)
    for place in places(draft, fields):
        yield from _decided(Logic(fields, place.reach, segments), place.condition)


def written(leaf: Leaf) -> str:
    """A leaf as it could stand in YAML: `event.amount: {below: 5}`."""
    operand = leaf.operand
    value = f"[{', '.join(_operand(item) for item in operand)}]" if isinstance(operand, tuple) else _operand(operand)
    return f"{leaf.field}: {value}" if leaf.op in ("is", "in") else f"{leaf.field}: {{{leaf.op}: {value}}}"


def _operand(value: object) -> str:
    if isinstance(value, Ref):
        return f"{{ref: {value.field}}}"
    return shown(value) if isinstance(value, Scalar) else str(value)


def _decided(logic: Logic, condition: Condition) -> list[Decided]:
    """Below first: what is settled by a part is not said again of the whole."""
    if isinstance(condition, Leaf):
        answer = logic.always(condition, condition.field)
        return [] if answer is None else [Decided(condition, answer)]
    found = [part for child in children(condition) for part in _decided(logic, child)]
    if isinstance(condition, All | AnyOf | NoneOf):
        settled = {part.leaf.field for part in found}
        for field, items in _by_field(logic, condition).items():
            if len(items) > 1 and field not in settled and (whole := _whole(logic, condition, items, field)):
                found.append(whole)
    return found


def _by_field(logic: Logic, condition: Condition) -> dict[str, list[Condition]]:
    """The items that ask each field, in order."""
    found: dict[str, list[Condition]] = {}
    for item in children(condition):
        for field in logic.fields_of(item):
            found.setdefault(field, []).append(item)
    return found


def _whole(logic: Logic, condition: All | AnyOf | NoneOf, items: list[Condition], field: str) -> Decided | None:
    """Whether the items on a field settle the condition together. The first that completes them is the one at fault."""
    answer = isinstance(condition, AnyOf)  # together they can make an `any` true; `all` and `none` only false

    def settles(*some: Condition) -> bool:
        return logic.always(type(condition)(condition.path, some), field) is answer

    if not settles(*items):
        return None
    last = next(end for end in range(1, len(items) + 1) if settles(*items[:end])) - 1
    leaf = _leaf_of(items[last], field)
    if leaf is None:
        return None
    partner = next((item for item in items[:last] if settles(item, items[last])), None)
    return Decided(leaf, answer, _leaf_of(partner, field) if partner else None)


def _leaf_of(condition: Condition, field: str) -> Leaf | None:
    return next((leaf for leaf in leaves(condition) if leaf.field == field), None)
