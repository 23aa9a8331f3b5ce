"""What the schema says may stand at a path: the alternatives that what is already written leaves open."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rules.assist.loose import Items, Loose, Scalar
from rules.assist.loose import Mapping as LooseMapping
from rules.judge import SCHEMA

Schema = Mapping[str, Any]
DEFINITIONS: Mapping[str, Schema] = SCHEMA["$defs"]
_CHINESE = re.compile("[\u4e00-\u9fff「]")


@dataclass(frozen=True, slots=True)
class Shape:
    """One thing that may stand there. `names`: the definitions that led to it (`rule`, `condition`, `eventName`), the nearest last."""

    schema: Schema
    names: tuple[str, ...] = ()
    description: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """The definition that it is; "" for one without a name."""
        return self.names[-1] if self.names else ""

    def is_a(self, *names: str) -> bool:
        """Whether it is, or comes of, one of these definitions."""
        return any(name in self.names for name in names)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The JSON types that it allows."""
        kind = self.schema.get("type", "string" if "enum" in self.schema else ())
        return (kind,) if isinstance(kind, str) else tuple(kind)


ROOT = Shape(SCHEMA)


def shapes_at(root: Loose, path: Sequence[str | int]) -> list[Shape]:
    """What may stand at a path of a file; [] where nothing of a book can."""
    shapes = [ROOT]
    node: Loose | None = root
    for part in path:
        shapes = [inner for shape in narrowed(shapes, node) for inner in _below(shape, part)]
        node = _child(node, part)
    return shapes


def narrowed(shapes: Sequence[Shape], node: Loose | None) -> list[Shape]:
    """Those that fit what is written: the kind of the value; among mappings, the ones whose first required key is there."""
    kinds = {"object"} if isinstance(node, LooseMapping) else {"array"} if isinstance(node, Items) else set()
    fitting = [shape for shape in shapes if not kinds or kinds & set(shape.kinds)] or list(shapes)
    if not isinstance(node, LooseMapping):
        return fitting
    written = {entry.key.text for entry in node.entries if entry.colon >= 0}
    has_head = [shape for shape in fitting if head(shape) in written]
    most = max((len(written & _known(shape)) for shape in has_head), default=0)  # of `at` beside `festival`, the festival
    chosen = [shape for shape in has_head if len(written & _known(shape)) == most]
    if chosen and chosen[0].name != "schedule":
        return chosen
    open_still = [shape for shape in fitting if shape not in chosen and (written <= _known(shape) or not _is_closed(shape))]
    return [*chosen, *open_still] or fitting


def _known(shape: Shape) -> set[str]:
    return set(shape.schema.get("properties", {}))


def head(shape: Shape) -> str:
    """The key by which a mapping is known among others."""
    required = shape.schema.get("required")
    return str(required[0]) if required else ""


def properties(shape: Shape) -> Iterator[tuple[str, Shape]]:
    """The keys that the schema names, each with its first alternative (for its description and kinds)."""
    for name, schema in shape.schema.get("properties", {}).items():
        yield name, _resolved(schema, ())


def _is_closed(shape: Shape) -> bool:
    return shape.schema.get("additionalProperties") is False


def _below(shape: Shape, part: str | int) -> Iterator[Shape]:
    schema = shape.schema
    if isinstance(part, int):
        if "items" in schema:
            yield from _flat(schema["items"], ())
        return
    if part in schema.get("properties", {}):
        yield from _flat(schema["properties"][part], ())
    elif isinstance(schema.get("additionalProperties"), Mapping):
        yield from _flat(schema["additionalProperties"], ())


def _resolved(schema: Schema, names: tuple[str, ...]) -> Shape:
    """References followed; the description nearest to the place stays."""
    description = str(schema.get("description", ""))
    while "$ref" in schema:
        name = str(schema["$ref"]).removeprefix("#/$defs/")
        names = (*names, name)
        schema = DEFINITIONS[name]
        description = description or str(schema.get("description", ""))
    return Shape(schema, names, description)


def _flat(schema: Schema, names: tuple[str, ...], description: str = "") -> Iterator[Shape]:
    shape = _resolved(schema, names)
    description = shape.description or description
    if "oneOf" not in shape.schema:
        yield Shape(shape.schema, shape.names, description)
        return
    for option in shape.schema["oneOf"]:
        yield from _flat(option, shape.names, description)


def _child(node: Loose | None, part: str | int) -> Loose | None:
    if isinstance(node, LooseMapping) and isinstance(part, str):
        return node.get(part)
    if isinstance(node, Items) and isinstance(part, int) and part < len(node.items):
        return node.items[part]
    return None


def kind_word(shape: Shape) -> str:
    """The type of a value in one word, as completion shows it."""
    return _WORDS.get(shape.name) or " | ".join(_KIND_WORDS.get(kind, kind) for kind in _all_kinds(shape.schema))


def _all_kinds(schema: Schema) -> list[str]:
    found: dict[str, None] = {}
    for shape in _flat(schema, ()):
        found.update(dict.fromkeys(shape.kinds))
    return [kind for kind in found if kind != "null"]


_KIND_WORDS = {"object": "mapping", "array": "list", "boolean": "true | false"}
_WORDS = {
    "duration": "duration", "durations": "duration", "time": "time", "instant": "instant", "at": "instant", "timezone": "zone",
    "eventName": "event", "eventNames": "event", "field": "field", "userField": "field", "condition": "condition", "trigger": "trigger",
    "messageTypeName": "type", "channelName": "channel", "channels": "channel", "text": "text", "sms": "text", "fieldNotation": "field",
    "fieldType": "type", "caps": "caps", "by": "field", "unless": "event", "name": "name", "send": "message", "ref": "reference",
    "ordered": "value", "operand": "value", "values": "list", "valuesOrRef": "list", "textOrRef": "text", "day": "day",
}  # fmt: skip


def meaning(description: str, language: str) -> str:
    """A description of the schema in one language: `English. 中文。` as the schema writes them."""
    first = _CHINESE.search(description)
    if first is None:
        return description
    cut = description.rfind(". ", 0, first.start())
    english, chinese = (description[: cut + 1], description[cut + 2 :]) if cut >= 0 else (description, description)
    return chinese if language == "zh" else english


def is_text(node: Loose | None) -> bool:
    """Whether nothing but a text (or nothing at all) stands there."""
    return node is None or isinstance(node, Scalar)
