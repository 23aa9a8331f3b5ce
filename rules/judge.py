"""JSON Schema as the judge of structure, with findings that a rule author can act on.

The keywords that lead into the tree are replaced by ones that choose instead of trying: `oneOf` picks the alternative that was meant (by
the kind of value, then by its keys) and reports what is wrong with that one, never "is not valid under any of the given schemas"; an
unknown key is a fault at that key. All other keywords are jsonschema's own, only their words are ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path as FilePath
from typing import Any
from zoneinfo import ZoneInfo

from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators

from rules.faults import EXPLAIN, Fault, Schema, did_you_mean, kind_of, kinds_of, listed, nearest, shown, unknown_key, wrong_kind
from rules.formats import FORMATS
from rules.latest import Latest
from rules.relations import RELATIONS

SCHEMA_FILE = FilePath(__file__).resolve().parent / "schema" / "rulebook.schema.json"
SCHEMA: Schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
_DEFINITIONS: Mapping[str, Schema] = {f"#/$defs/{name}": schema for name, schema in SCHEMA["$defs"].items()}
_MOST_MISSPELT = 20
_ENTRIES = frozenset(f"#/$defs/{name}" for name in ("event", "segment", "template", "rule", "test"))


@lru_cache(maxsize=8)
def judge_in(local: ZoneInfo) -> Judge:
    """The judge for books of a zone (instants without an offset are in it)."""
    return Judge(local)


class Judge:
    """Judges trees by the rulebook's schema. Keeps one validator for each part of the schema that it has met."""

    def __init__(self, local: ZoneInfo, sound: Latest[Any] | None = None) -> None:
        """`sound` remembers the entries in which nothing was wrong, by identity: they need no second look."""
        self._local = local
        self._sound = sound
        formats = FormatChecker(formats=())
        for name, holds in FORMATS.items():
            formats.checks(name)(holds)
        self._formats = formats
        self._validators: dict[int, Any] = {}  # by id: the parts of SCHEMA live as long as the module
        extend: Any = validators.extend  # typed loosely in its stubs
        self._class: Any = extend(
            Draft202012Validator,
            {
                "$ref": self._ref,
                "properties": self._properties,
                "additionalProperties": self._additional,
                "propertyNames": self._names,
                "required": self._required,
                "items": self._items,
                "uniqueItems": self._unique,
                "oneOf": self._one_of,
                "pattern": self._pattern,
                "x-check": self._relation,
            },
        )

    def faults(self, tree: Any, schema: Schema = SCHEMA) -> Iterator[Fault]:
        """Every error of structure, lazily, in order of the tree."""
        for error in self._errors(tree, schema):
            yield _in_our_words(error)

    def _errors(self, instance: Any, schema: Schema) -> Iterator[ValidationError]:
        known = self._validators.get(id(schema))
        if known is None:
            known = self._validators[id(schema)] = self._class(schema, format_checker=self._formats)
        yield from known.iter_errors(instance)

    # ---- keywords: (validator, the keyword's value, the instance, the schema around the keyword) -> errors

    def _ref(self, _: Any, reference: str, instance: Any, __: Schema) -> Iterator[ValidationError]:
        return self._errors(instance, _DEFINITIONS[reference])

    def _properties(self, _: Any, properties: Mapping[str, Schema], instance: Any, __: Schema) -> Iterator[ValidationError]:
        if isinstance(instance, dict):
            for name in instance:
                if name in properties:
                    yield from _below(name, self._errors(instance[name], properties[name]))

    def _additional(self, _: Any, allowed: bool | Schema, instance: Any, schema: Schema) -> Iterator[ValidationError]:
        if not isinstance(instance, dict) or allowed is True:
            return
        properties = schema.get("properties", {})
        for name in instance:
            if name in properties:
                continue
            if isinstance(allowed, Mapping):
                yield from _below(name, self._entry_errors(instance[name], allowed))
            else:
                yield unknown_key(name, properties, schema)

    def _entry_errors(self, instance: Any, schema: Schema) -> Iterator[ValidationError]:
        if self._sound is None or not isinstance(instance, dict) or schema.get("$ref") not in _ENTRIES:
            yield from self._errors(instance, schema)
        elif self._sound.get(id(instance)) is not instance:  # what is kept lives, so its id is nobody else's
            errors = list(self._errors(instance, schema))
            yield from errors
            if not errors:
                self._sound.put(id(instance), instance)

    def _names(self, _: Any, schema: Schema, instance: Any, __: Schema) -> Iterator[ValidationError]:
        for name in instance if isinstance(instance, dict) else ():
            for error in self._errors(name, schema):
                fault = _in_our_words(error)
                yield Fault(fault.message, fault.hint, (name,), at_key=True, code=fault.code)

    def _required(self, _: Any, names: list[str], instance: Any, schema: Schema) -> Iterator[ValidationError]:
        missing = [name for name in names if name not in instance] if isinstance(instance, dict) else []
        if not missing:
            return
        known = schema.get("properties", {})
        unknown = islice((name for name in instance if name not in known), _MOST_MISSPELT)
        meant = {nearest(name, known) for name in unknown}  # the unknown key is finding enough
        for name in missing:
            if name not in meant:
                yield Fault(f"`{name}` is missing", f"{schema.get('title', 'this')} has {listed(names, 'and')}", at_key=True)

    def _items(self, _: Any, schema: Schema, instance: Any, __: Schema) -> Iterator[ValidationError]:
        for index, item in enumerate(instance if isinstance(instance, list) else ()):
            yield from _below(index, self._errors(item, schema))

    def _unique(self, _: Any, wanted: bool, instance: Any, __: Schema) -> Iterator[ValidationError]:
        seen = set()
        for index, item in enumerate(instance if wanted and isinstance(instance, list) else ()):
            mark = (type(item), item) if isinstance(item, str | int | float) else (dict, index)
            if mark in seen:
                yield Fault(f"{shown(item)} is there twice", "once", (index,))
            seen.add(mark)

    def _pattern(self, _: Any, pattern: str, instance: Any, __: Schema) -> Iterator[ValidationError]:
        if isinstance(instance, str) and not _compiled(pattern).search(instance):
            yield ValidationError("pattern")

    def _relation(self, _: Any, name: str, instance: Any, schema: Schema) -> Iterator[ValidationError]:
        if kind_of(instance) == schema["type"]:
            for broken in RELATIONS[name](instance, self._local):
                yield Fault(broken.message, broken.hint, broken.path, broken.at_key, broken.code, broken.is_warning)

    def _one_of(self, _: Any, alternatives: list[Schema], instance: Any, schema: Schema) -> Iterator[ValidationError]:
        options = _flat(alternatives)
        fitting = [option for option in options if _fits(instance, option)]
        if not fitting:
            kinds = dict.fromkeys(kind for option in options for kind in kinds_of(option))
            yield wrong_kind(instance, {**schema, "type": list(kinds)})
        elif not isinstance(instance, dict) or len(fitting) == 1:
            yield from self._errors(instance, fitting[0])
        else:
            yield from self._best_of(fitting, instance, schema)

    def _best_of(self, options: list[Schema], instance: dict[str, Any], schema: Schema) -> Iterator[ValidationError]:
        """Judge a mapping by the alternative that its keys speak for; each is known by its head, the first key it requires."""
        ranked = sorted(options, key=lambda option: _rank(option, options, instance))
        best = ranked[0]
        heads = [head for option in options if (head := _head(option))]
        lacks_head, _, score = _rank(best, options, instance)
        if lacks_head and score == _rank(ranked[1], options, instance)[2]:
            yield from _undecided(heads, options, instance, schema)
            return
        others = [option for option in options if option is not best and _head(option) in set(instance) - set(best.get("properties", {}))]
        for other in others:
            message = f"{_head(other)} beside {_head(best) or 'other keys'}"
            yield Fault(message, f"exactly one of {listed(heads, 'and')}", (_head(other),), at_key=True)
        explained = {name for other in others for name in other["properties"]}
        for error in self._errors(instance, best):
            if not (isinstance(error, Fault) and error.at_key and len(error.path) == 1 and error.path[0] in explained):
                yield error


# ---- choosing an alternative ------------------------------------------------------------------------------------------------------


def _flat(alternatives: Iterable[Schema]) -> list[Schema]:
    """The alternatives with references followed and alternatives of alternatives put beside the others."""
    flat: list[Schema] = []
    for option in alternatives:
        schema = _DEFINITIONS[option["$ref"]] if "$ref" in option else option
        flat.extend(_flat(schema["oneOf"]) if "oneOf" in schema else [schema])
    return flat


def _fits(instance: Any, schema: Schema) -> bool:
    kind = kind_of(instance)
    return kind in kinds_of(schema) or (kind == "integer" and "number" in kinds_of(schema))


def _head(option: Schema) -> str:
    required = option.get("required")
    return str(required[0]) if required else ""


def _rank(option: Schema, options: list[Schema], instance: dict[str, Any]) -> tuple[bool, bool, int]:
    """How little a mapping's keys speak for an alternative.

    Does it lack the head? Is the head an ordinary key of another alternative whose head is there (`at` beside `festival`)? Then: where the
    head stands, or without it, how many keys are unknown.
    """
    head = _head(option)
    if not head or head not in instance:
        closed = option.get("additionalProperties") is False
        unknown = sum(1 for name in instance if name not in option.get("properties", {})) if closed else 0
        return (bool(head), False, unknown)
    rivals = (other for other in options if other is not option and _head(other) in instance)
    shadowed = any(head in other["properties"] for other in rivals)
    return (False, shadowed, list(instance).index(head))


def _undecided(heads: list[str], options: list[Schema], instance: dict[str, Any], schema: Schema) -> Iterator[Fault]:
    """Nothing says which alternative is meant: the keys that none of them knows, or the lack of any."""
    known = {name: None for option in options for name in option.get("properties", {})}
    hint = f"exactly one of {listed(heads, 'and')}"
    unknown = [name for name in instance if name not in known]
    for name in unknown:
        yield Fault(f"unknown key {name}", did_you_mean(name, known) or hint, (name,), at_key=True)
    if not unknown:
        yield Fault(f"none of {listed(heads, 'and')}", f"{schema.get('title', 'this')} has {hint}", at_key=True)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of the schema itself (never one of a book). In JSON Schema `$` is the very end, in Python also before a line end."""
    return re.compile(pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern)


def _below(part: str | int, errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    for error in errors:
        error.path.appendleft(part)
        yield error


def _in_our_words(error: ValidationError) -> Fault:
    """The fault for an error of one of jsonschema's own keywords."""
    if isinstance(error, Fault):
        return error
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    fault = EXPLAIN[str(error.validator)](error.instance, schema, error.validator_value)
    fault.path.extend(error.path)
    return fault
