"""Requests against the schemas of the API: every fault at once, each at its JSON pointer, none showing the value at fault."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema_rs

from engine.nearest import did_you_mean
from webapp.limits import MAX_DEPTH
from webapp.operations import Operation, Parameter
from webapp.problems import Fault, pointer
from webapp.schemas import COMPONENTS, Schema
from webapp.service import Json

MOST_FAULTS = 20  # of one request; beyond so many nobody reads on
_KINDS = {"string": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false", "array": "a list",
          "object": "an object", "null": "null"}  # fmt: skip
_INTEGER = re.compile(r"-?[0-9]{1,15}")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,60}")


def validator(schema: Schema) -> jsonschema_rs.Draft202012Validator:
    """A compiled schema that may refer to COMPONENTS. Each is compiled once."""
    return _compiled(json.dumps(schema, sort_keys=True))


@cache
def _compiled(text: str) -> jsonschema_rs.Draft202012Validator:
    schema: Schema = json.loads(text)
    return jsonschema_rs.Draft202012Validator({**schema, "components": {"schemas": COMPONENTS}}, mask="it")


class Checker:
    """Checks the requests of one operation."""

    def __init__(self, operation: Operation) -> None:
        self._parameters = {parameter.name: (parameter, validator(parameter.schema)) for parameter in operation.parameters}
        self._path = [parameter.name for parameter in operation.parameters if parameter.place == "path"]
        schemas = operation.body.schemas if operation.body and operation.body.checked else {}
        self._bodies = {media_type: validator(schema) for media_type, schema in schemas.items()}

    def parameters(self, path: Mapping[str, str], query: Iterable[tuple[str, str]]) -> tuple[dict[str, Any], list[Fault]]:
        """What was given, with defaults, and what is wrong with it."""
        faults: list[Fault] = []
        texts = dict(path)
        for name, text in query:
            if name not in self._parameters or name in self._path:
                known = [known for known in self._parameters if known not in self._path]
                faults.append(Fault(f"is no parameter here{did_you_mean(name, known)}", parameter=_shown(name)))
            elif name in texts:
                faults.append(Fault("is given more than once", parameter=name))
            else:
                texts[name] = text
        given: dict[str, Any] = {}
        for name, (parameter, check) in self._parameters.items():
            if name in texts:
                given[name] = value = _value(texts[name], parameter)
                faults += [Fault(message, parameter=name) for _, message in _faults(check, value)]
            elif parameter.required:
                faults.append(Fault("is missing", parameter=name))
            elif "default" in parameter.schema:
                given[name] = parameter.schema["default"]
        return given, faults

    def body(self, media_type: str, body: Json) -> list[Fault]:
        """What is wrong with a body."""
        check = self._bodies.get(media_type)
        if check is None:
            return []
        return [Fault(message, pointer=place) for place, message in _faults(check, body)][:MOST_FAULTS]


def _value(text: str, parameter: Parameter) -> Any:
    """A parameter's text as its schema's type; what cannot be turned stays a text, and the schema refuses it."""
    if parameter.schema.get("type") == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    return text


def _faults(check: jsonschema_rs.Draft202012Validator, value: Json) -> Iterator[tuple[str, str]]:
    for error in check.iter_errors(value):
        yield from _told(error)


def _told(error: jsonschema_rs.ValidationError) -> Iterator[tuple[str, str]]:
    """Pointers and messages of one error; of alternatives that of the closest one."""
    kind = error.kind
    place = pointer(_shown(part) if isinstance(part, str) else part for part in error.instance_path)
    match kind:
        case jsonschema_rs.ValidationErrorKind.Required():
            yield f"{place}/{kind.property}", "is missing"
        case jsonschema_rs.ValidationErrorKind.AdditionalProperties():
            for name in kind.unexpected:
                yield f"{place}/{_shown(name)}", "is not known here"
        case jsonschema_rs.ValidationErrorKind.Type():
            yield place, "must be " + " or ".join(_KINDS[name] for name in kind.types)
        case jsonschema_rs.ValidationErrorKind.Enum():
            yield place, "must be one of " + ", ".join(str(option) for option in kind.options)
        case jsonschema_rs.ValidationErrorKind.Pattern():
            yield place, f"must match {kind.pattern}"
        case jsonschema_rs.ValidationErrorKind.PropertyNames():
            yield place, "has a name that cannot be used"
        case jsonschema_rs.ValidationErrorKind.OneOfNotValid() | jsonschema_rs.ValidationErrorKind.AnyOf() if kind.context:
            closest = min(kind.context, key=len)
            for inner in closest:
                yield from _told(inner)
        case jsonschema_rs.ValidationErrorKind.OneOfMultipleValid():
            yield place, "fits more than one of the forms it may have; only one is allowed"
        case _:
            yield place, error.message


def _shown(name: str) -> str:
    """A name that a client made up, unless it may hold something personal."""
    return name if _WORD.fullmatch(name) and sum(char.isdigit() for char in name) < 6 else "…"


def unsafe(raw: bytes, value: Json) -> str | None:
    """Why a JSON value cannot be kept: nested too deep, or a NUL, which PostgreSQL has no room for. None for nearly all."""
    if b"\\u0000" not in raw and raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return None
    level: list[Json] = [value]
    for _ in range(MAX_DEPTH + 1):
        below: list[Json] = []
        for item in level:
            if isinstance(item, dict):
                below += item.keys()
                below += item.values()
            elif isinstance(item, list):
                below += item
            elif isinstance(item, str) and "\0" in item:
                return "holds a NUL character"
        if not below:
            return None
        level = below
    return f"is nested deeper than {MAX_DEPTH}"
