"""Events, fields, traits and segments."""

from __future__ import annotations

from typing import Any

from rules import values
from rules.entries.conditions import condition, maybe_condition
from rules.model import EventType, FieldDef, Path, Segment, Trait
from rules.yaml12 import resolve

_SCHEMA_WORDS = ("minimum", "maximum", "minLength", "maxLength", "pattern")
_BOOLEANS = {"true": True, "false": False}


def event_type(name: str, tree: dict[str, Any], path: Path) -> EventType:
    """One entry of `events`."""
    return EventType(
        path, name, fields(tree.get("data", {}), (*path, "data")), tree.get("key"), tree.get("broadcast", False), tree.get("name", "")
    )


def fields(tree: dict[str, Any], path: Path) -> dict[str, FieldDef]:
    """Field declarations in order of name."""
    return {name: field(name, tree[name], (*path, name)) for name in sorted(tree)}


def field(name: str, tree: str | dict[str, Any], path: Path) -> FieldDef:
    """A type name, or the small JSON Schema."""
    if isinstance(tree, str):
        return FieldDef(path, name, tree)
    return FieldDef(
        path,
        name,
        tree["type"],
        optional=tree.get("optional", False),
        secret=tree.get("secret", False),
        personal=tree.get("personal", False),
        enum=enum(tree["enum"], tree["type"]) if "enum" in tree else None,
        schema={word: tree[word] for word in _SCHEMA_WORDS if word in tree},
        items=field("items", tree["items"], (*path, "items")) if "items" in tree else None,
        properties=fields(tree["properties"], (*path, "properties")) if "properties" in tree else None,
        description=tree.get("description", ""),
    )


def enum(tree: list[Any] | dict[str, str], kind: str) -> dict[str | int | float | bool, str]:
    """Values with their labels: of a list the values themselves, of a map its keys read as values of the field's type."""
    if isinstance(tree, list):
        return {value: _shown(value) for value in tree}
    labels: dict[str | int | float | bool, str] = {}
    for key, label in tree.items():
        value = enum_key(key, kind)
        assert value is not None, key
        labels[value] = label
    return labels


def enum_key(key: str, kind: str) -> str | int | float | bool | None:
    """A key of an enum's map as a value of the field's type; None: it is none."""
    if kind == "boolean":
        return _BOOLEANS.get(key)
    if kind not in ("integer", "number"):
        return key
    value = resolve(key)[0]
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return value if isinstance(value, float) and kind == "number" else None


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def trait(name: str, tree: dict[str, Any], path: Path) -> Trait:
    """One entry of `user.traits`."""
    on = tree["on"]
    return Trait(
        path,
        name,
        events=tuple(on) if isinstance(on, list) else (on,),
        take=tree["take"],
        of=tree.get("of"),
        when=maybe_condition(tree, "when", path),
        within=values.duration(tree.get("within")),
    )


def segment(name: str, tree: dict[str, Any], path: Path) -> Segment:
    """One entry of `segments`."""
    return Segment(path, name, condition(tree["when"], (*path, "when")), tree.get("name", ""))
