"""Condition trees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rules import values
from rules.model import All, AnyOf, Condition, Duration, InSegment, Leaf, NoneOf, Not, Operand, Path, Ref, Scalar

_GROUPS: dict[str, Callable[[Path, tuple[Condition, ...]], Condition]] = {"all": All, "any": AnyOf, "none": NoneOf}
_AGES = ("older_than", "newer_than", "within_next")


def condition(tree: dict[str, Any], path: Path) -> Condition:
    """A mapping: all of its entries. One entry stands for itself."""
    items = tuple(_entry(key, value, (*path, key)) for key, value in tree.items())
    return items[0] if len(items) == 1 else All(path, items)


def maybe_condition(tree: dict[str, Any], key: str, path: Path) -> Condition | None:
    """The condition under `key` of the entry at `path`, if there is one."""
    return condition(tree[key], (*path, key)) if key in tree else None


def scalar_or_ref(value: Any) -> Scalar | Ref:
    """A value, or `{ref: field}`."""
    return Ref(value["ref"]) if isinstance(value, dict) else value


def required_duration(text: str) -> Duration:
    """A duration that structure has found good."""
    length = values.duration(text)
    assert length is not None, text
    return length


def _entry(key: str, value: Any, path: Path) -> Condition:
    if key in _GROUPS:
        return _GROUPS[key](path, tuple(condition(item, (*path, index)) for index, item in enumerate(value)))
    if key == "not":
        return Not(path, condition(value, path))
    if key == "segment":
        return InSegment(path, value)
    return _field(key, value, path)


def _field(field: str, value: Any, path: Path) -> Condition:
    if isinstance(value, list):
        return Leaf(path, field, "in", _operand("in", value))
    if not isinstance(value, dict) or "ref" in value:
        return Leaf(path, field, "is", scalar_or_ref(value))
    leaves = tuple(Leaf(path, field, op, _operand(op, operand)) for op, operand in value.items())
    return leaves[0] if len(leaves) == 1 else All(path, leaves)


def _operand(op: str, value: Any) -> Operand:
    if op in _AGES:
        return required_duration(value)
    if isinstance(value, list):
        return tuple(scalar_or_ref(item) for item in value)
    return scalar_or_ref(value)
