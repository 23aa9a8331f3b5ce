"""Settings of a provider: one frozen dataclass per kind says which there are; this file reads a table into it and names what is wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints


class ProviderSettingsError(ValueError):
    """A provider's settings that cannot be used: which provider, which field, what would be right. Shows no secret."""


def setting(
    about: str, default: Any = dataclasses.MISSING, *, least: float | None = None, longest: int | None = None, secret: bool = False
) -> Any:
    """A field with what docs/providers.md says of it. `longest` counts characters, which must then be ASCII; secrets stay out of repr."""
    metadata = {"about": about, "least": least, "longest": longest, "secret": secret}
    if default is dataclasses.MISSING:
        return dataclasses.field(repr=not secret, metadata=metadata)
    return dataclasses.field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonSettings:
    """What every provider has."""

    name: str = setting("what routes, switches, logs and receipts' addresses call it; unique")
    kind: str = setting("one of the kinds on this page")
    channels: tuple[str, ...] = setting("the channels that it carries for us")
    per_second: float | None = setting("how much dispatch submits at most; nothing: no limit", None, least=0.001)


_S = TypeVar("_S", bound=CommonSettings)


def read(kind: type[_S], table: Mapping[str, Any], environment: Mapping[str, str]) -> _S:
    """The settings in a table. A text may be `{env = "NAME"}`. Raises ProviderSettingsError."""
    where = f'provider "{table.get("name", "?")}"'
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for name in table:
        if name not in fields:
            raise ProviderSettingsError(f'{where}: unknown field "{name}"{did_you_mean(name, fields)}')
    hints = get_type_hints(kind)
    values = {}
    for name, field in fields.items():
        if name in table:
            values[name] = _value(table[name], hints[name], field, f"{where}: {name}", environment)
        elif field.default is dataclasses.MISSING:
            raise ProviderSettingsError(f'{where}: "{name}" is missing: {field.metadata["about"]}')
    return kind(**values)


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """`; did you mean "smpp"?`, or nothing."""
    close = get_close_matches(str(name), list(known), n=1, cutoff=0.6)
    return f'; did you mean "{close[0]}"?' if close else ""


def _value(value: Any, kind: Any, field: dataclasses.Field[Any], where: str, environment: Mapping[str, str]) -> Any:
    if isinstance(kind, UnionType):  # `X | None`: None is the default, and TOML cannot write it
        kind = get_args(kind)[0]
    if isinstance(value, Mapping):
        value = _from_environment(value, where, environment)
    if get_origin(kind) is tuple:
        return _texts(value, field, where, environment)
    if get_origin(kind) is Literal:
        return _choice(value, get_args(kind), where)
    if kind is str:
        return _text(value, field, where)
    if kind is bool:
        if not isinstance(value, bool):
            raise ProviderSettingsError(f"{where} must be true or false")
        return value
    return _number(value, kind, field, where)


def _from_environment(value: Mapping[str, Any], where: str, environment: Mapping[str, str]) -> str:
    if list(value) != ["env"] or not isinstance(value["env"], str):
        raise ProviderSettingsError(f'{where} must be a value, or {{env = "NAME"}}')
    if value["env"] not in environment:
        raise ProviderSettingsError(f"{where}: the environment has no {value['env']}")
    return environment[value["env"]]


def _texts(value: Any, field: dataclasses.Field[Any], where: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise ProviderSettingsError(f"{where} must be a list of texts")
    return tuple(_value(item, str, field, where, environment) for item in value)


def _choice(value: Any, choices: tuple[str, ...], where: str) -> str:
    if value not in choices:
        raise ProviderSettingsError(f"{where} must be one of {', '.join(choices)}{did_you_mean(value, choices)}")
    return str(value)


def _text(value: Any, field: dataclasses.Field[Any], where: str) -> str:
    longest = field.metadata["longest"]
    if not isinstance(value, str) or (not value and field.default is dataclasses.MISSING):
        raise ProviderSettingsError(f"{where} must be a text")
    if longest is not None and (len(value) > longest or not value.isascii()):
        raise ProviderSettingsError(f"{where} must be at most {longest} ASCII characters")
    return value


def _number(value: Any, kind: type[int] | type[float], field: dataclasses.Field[Any], where: str) -> int | float:
    least = field.metadata["least"]
    if kind is int and isinstance(value, str) and value.isdecimal():
        value = int(value)  # out of the environment
    is_number = isinstance(value, int if kind is int else int | float) and not isinstance(value, bool)
    if not is_number or not value < float("inf") or (least is not None and value < least):
        raise ProviderSettingsError(f"{where} must be {'a whole number' if kind is int else 'a number'} of at least {least or 0:g}")
    return kind(value)
