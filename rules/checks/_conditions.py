"""Walking a condition: its leaves, the segments it names, and where its operands stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rules.checks._spans import inner
from rules.model import All, AnyOf, Condition, InSegment, Leaf, NoneOf, Not, Path, Ref, Scalar

if TYPE_CHECKING:
    from rules.draft import Draft


def children(condition: Condition) -> tuple[Condition, ...]:
    """The conditions directly inside; () for a leaf."""
    match condition:
        case All(items=items) | AnyOf(items=items) | NoneOf(items=items):
            return items
        case Not(item=item):
            return (item,)
        case _:
            return ()


def nodes(condition: Condition) -> Iterator[Condition]:
    """The condition and all below it, in the order they are written."""
    yield condition
    for child in children(condition):
        yield from nodes(child)


def leaves(condition: Condition) -> Iterator[Leaf]:
    """Every operator on a field."""
    return (node for node in nodes(condition) if isinstance(node, Leaf))


def segment_uses(condition: Condition) -> Iterator[InSegment]:
    """Every `segment: name`."""
    return (node for node in nodes(condition) if isinstance(node, InSegment))


def operand_path(draft: Draft, leaf: Leaf) -> Path:
    """Where a leaf's operand stands: below the operator, or right at the field for the shorthands."""
    return inner(draft, leaf.path, leaf.op)


def operands(draft: Draft, leaf: Leaf) -> Iterator[tuple[Path, Scalar | Ref]]:
    """Each value or reference of a leaf with its place; a list gives its items. Durations and `exists` are not values."""
    path = operand_path(draft, leaf)
    if leaf.op in ("exists", "older_than", "newer_than", "within_next"):
        return
    items = leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,)
    for index, item in enumerate(items):
        place = inner(draft, path, index) if isinstance(leaf.operand, tuple) else path
        if isinstance(item, Ref):
            yield inner(draft, place, "ref"), item
        elif item is None or isinstance(item, str | int | float):
            yield place, item


def refs(draft: Draft, leaf: Leaf) -> Iterator[tuple[Path, Ref]]:
    """Each `{ref: field}` of a leaf with the place of the field's name."""
    return ((path, value) for path, value in operands(draft, leaf) if isinstance(value, Ref))
