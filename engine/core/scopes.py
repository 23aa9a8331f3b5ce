"""Which fields a place may read, and how: `Fields` made from a book's declarations.

Readers give values of the declared type (fields.py) and None for everything else, so that conditions and texts never meet a wrong type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, tzinfo
from functools import lru_cache
from operator import attrgetter
from typing import Any

from engine.core.facts import Scope
from engine.core.fields import Field, Fields, Reader
from engine.core.traits import CompiledTrait
from engine.core.zones import parse_date, parse_instant
from rules.model import EVENT_BUILTINS, USER_BUILTINS, EventType, FieldDef

# What a field's value must be in JSON to be of its type; times are read from texts.
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "phone": (str,), "link": (str,), "integer": (int, float), "number": (int, float), "boolean": (bool,),
    "list": (list,), "object": (dict,),
}  # fmt: skip
Data = Callable[[Scope], Any]  # gives the mapping that holds a field's raw value, or None


def event_fields(types: Iterable[EventType], zone: tzinfo, root: str = "event") -> dict[str, Field]:
    """`event.*` (or an alias) of one or several event types; where they disagree about a type it is "any"."""
    found: dict[str, Field] = {}
    data: Data = _event_data if root == "event" else _alias_data(root)
    for type_ in types:
        for name, declared in type_.data.items():
            for field in _declared(f"{root}.{name}", root, declared, data, (name,), zone):
                known = found.get(field.name)
                found[field.name] = field if known is None or known.type == field.type else _untyped(field, data, name)
    for name, kind in EVENT_BUILTINS.items():
        found[f"{root}.{name}"] = Field(f"{root}.{name}", root, kind, _event_builtin(root, name))
    return found


def user_fields(attributes: Mapping[str, FieldDef], traits: Mapping[str, tuple[CompiledTrait, str]], zone: tzinfo) -> dict[str, Field]:
    """`user.*`: built-ins, attributes, and traits (each with its type)."""
    found: dict[str, Field] = {}
    for name, kind in USER_BUILTINS.items():
        found[f"user.{name}"] = Field(f"user.{name}", "user", kind, _user_builtin(name))
    for name, declared in attributes.items():
        for field in _declared(f"user.{name}", "user", declared, _attributes, (name,), zone):
            found[field.name] = field
    for name, (trait, kind) in traits.items():
        found[f"user.{name}"] = Field(f"user.{name}", "user", kind, _trait(trait), _trait_change(trait) if trait.window else None)
    return found


def merged(*parts: Mapping[str, Field]) -> Fields:
    """Several sets of fields as one."""
    return Fields({name: field for part in parts for name, field in part.items()})


# ---- readers ----------------------------------------------------------------------------------------------------------------------


def _event_data(scope: Scope) -> Any:
    return scope.event.data if scope.event is not None else None


def _alias_data(alias: str) -> Data:
    def data(scope: Scope) -> Any:
        event = scope.aliases.get(alias) if scope.aliases else None
        return event.data if event is not None else None

    return data


def _attributes(scope: Scope) -> Any:
    return scope.user.attributes if scope.user is not None else None


def _declared(name: str, root: str, declared: FieldDef, data: Data, keys: tuple[str, ...], zone: tzinfo) -> Iterable[Field]:
    yield Field(name, root, declared.type, _typed_reader(declared.type, data, keys, zone), None, declared)
    for inner, definition in (declared.properties or {}).items():
        yield from _declared(f"{name}.{inner}", root, definition, data, (*keys, inner), zone)


def _untyped(field: Field, data: Data, name: str) -> Field:
    return Field(field.name, field.root, "any", _raw_reader(data, (name,)))


def _raw_reader(data: Data, keys: tuple[str, ...]) -> Reader:
    if len(keys) == 1:
        key = keys[0]

        def read(scope: Scope) -> Any:
            values = data(scope)
            return values.get(key) if values else None

        return read

    def read_deep(scope: Scope) -> Any:
        value = data(scope)
        for key in keys:
            if not isinstance(value, dict):
                return None
            value = value.get(key)
        return value

    return read_deep


@lru_cache(maxsize=4096)  # equal fields of many event types share a reader: with thousands of rules the processor's caches hold it
def _typed_reader(kind: str, data: Data, keys: tuple[str, ...], zone: tzinfo) -> Reader:
    if len(keys) == 1 and kind in _TYPES:
        if data is _event_data:
            return _event_value(keys[0], _TYPES[kind])
        if data is _attributes:
            return _user_value(keys[0], _TYPES[kind])
    raw = _raw_reader(data, keys)
    convert = _converter(kind, zone)

    def read(scope: Scope) -> Any:
        value = raw(scope)
        return None if value is None else convert(value)

    return read


# The readers that a busy book uses most, without the steps in between. None is of no type, so what is missing stays so.


def _event_value(key: str, types: tuple[type, ...]) -> Reader:
    def read(scope: Scope) -> Any:
        value = scope.event.data.get(key)  # type: ignore[union-attr]  # compiled only where there is an event
        return value if type(value) in types else None

    return read


def _user_value(key: str, types: tuple[type, ...]) -> Reader:
    def read(scope: Scope) -> Any:
        user = scope.user
        if user is None:
            return None
        value = user.attributes.get(key)
        return value if type(value) in types else None

    return read


def _converter(kind: str, zone: tzinfo) -> Callable[[Any], Any]:
    if kind == "datetime":
        return lambda value: _instant(value, zone) if type(value) is str else None
    if kind == "date":
        return lambda value: _date(value) if type(value) is str else None
    kept = _TYPES[kind]
    return lambda value: value if type(value) in kept else None


@lru_cache(maxsize=65536)
def _instant(text: str, zone: tzinfo) -> int | None:
    try:
        return parse_instant(text, zone)
    except ValueError:
        return None


@lru_cache(maxsize=65536)
def _date(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


@lru_cache(maxsize=256)
def _event_builtin(root: str, name: str) -> Reader:
    if root == "event":
        of = attrgetter(name)
        return lambda scope: of(scope.event) if scope.event is not None else None

    def read(scope: Scope) -> Any:
        event = scope.aliases.get(root) if scope.aliases else None
        return getattr(event, name) if event is not None else None

    return read


def _user_builtin(name: str) -> Reader:
    return lambda scope: (getattr(scope.user, name) or None) if scope.user is not None else None


def _trait(trait: CompiledTrait) -> Reader:
    name = trait.name
    read_state = trait.read

    def read(scope: Scope) -> Any:
        user = scope.user
        return read_state(user.traits.get(name), scope.now) if user is not None and user.id else None

    return read


def _trait_change(trait: CompiledTrait) -> Callable[[Scope], int | None]:
    return lambda scope: trait.next_change(scope.user.traits.get(trait.name), scope.now) if scope.user is not None else None
