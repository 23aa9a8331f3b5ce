"""What a rule's message would look like with chosen values: rendered by the engine itself, of a book that may have faults elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

from engine.core.compile import compile_book
from engine.core.display import TemplateError
from engine.core.fields import Field
from engine.core.parts import size
from engine.core.phones import is_mainland
from engine.core.plan import BookPlan, Channel, Look, RulePlan
from engine.core.texts import cut, segments
from engine.core.zones import format_instant, parse_instant
from engine.runtime.errors import ServiceError
from engine.runtime.samples import place_of, scope_of
from engine.simulate.output import Prices, cost
from rules import template as jinja
from rules.model import Content, Rule, Rulebook, Tree

TO = "+8613800138000"


class NoPreview(ServiceError):
    """There is nothing that could be shown yet: what the message needs of the book has faults."""


class _Unfit(ServiceError):
    """A value that is not of its field's type."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name} {why}")
        self.name, self.why = name, why


@dataclass(frozen=True, slots=True)
class Variable:
    """A field that the texts read: its type, its values where it has an enum (value, label), whether it may be missing."""

    name: str
    type: str
    choices: tuple[tuple[str, str], ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """A rendered message. Of an sms `segments` are (kind, text), `used` of `room` units are taken; of others `content` is what leaves.

    `problem`: the field that is missing or unfit and why; then nothing was rendered.
    """

    channel: str
    segments: tuple[tuple[str, str], ...] = ()
    content: Any = None
    parts: int = 0
    cost: float | None = None
    used: int = 0
    room: int = 0
    problem: tuple[str, str] | None = None

    @property
    def text(self) -> str:
        """The whole text of an sms."""
        return "".join(text for _, text in self.segments)


@dataclass(frozen=True, slots=True)
class Desk:
    """One rule (or a template that no rule sends) ready to be rendered."""

    plan: BookPlan
    rule: RulePlan
    look: Look

    @property
    def channels(self) -> tuple[str, ...]:
        """In order of the chain."""
        return tuple(channel.name for channel in self.look.channels)

    def locales(self, channel: str) -> tuple[str, ...]:
        """The languages in which the sms stands; () where it has one text for all."""
        content = self._channel(channel).content
        return tuple(name for name in content.texts if name)

    def variables(self, channel: str) -> list[Variable]:
        """The fields that its texts read, in order of reading."""
        names = dict.fromkeys(use.name for text in _texts(self._channel(channel).content) for use in jinja.parse(text).fields)
        return [_variable(self.rule.fields[name]) for name in names if name in self.rule.fields]

    def render(self, channel: str, values: Mapping[str, str], locale: str | None, to: str, now: int, prices: Prices) -> Preview:
        """With values as people write them; an empty one is missing."""
        chosen = self._channel(channel)
        try:
            typed = self.typed(values)
        except _Unfit as unfit:
            return Preview(channel, problem=(unfit.name, unfit.why))
        scope = scope_of(self.plan, self.rule, locale, typed, to, now)
        try:
            made = cut(chosen, self.rule, scope, to, self.plan)
            parts = tuple(segments(chosen, self.rule, scope, to, self.plan)) if made.text is not None else ()
        except TemplateError as error:
            return Preview(channel, problem=(error.field, error.reason))
        used, room = size("".join(text for _, text in parts), is_mainland(to)) if parts else (0, 0)
        return Preview(channel, parts, made.content, made.parts, cost(channel, to, made.parts, prices), used, room)

    def typed(self, values: Mapping[str, str]) -> dict[str, Any]:
        """Values as people write them, as JSON has them; empty ones are left out."""
        found: dict[str, Any] = {}
        for name, text in values.items():
            if text != "" and name in self.rule.fields:
                try:
                    found[name] = _typed(text, self.rule.fields[name], self.plan.zone)
                except ValueError as error:
                    raise _Unfit(name, str(error)) from None
        return found

    def _channel(self, name: str) -> Channel:
        return next((channel for channel in self.look.channels if channel.name == name), self.look.channels[0])


def desk_of(book: Rulebook, rule: str | None, template: str | None) -> Desk:
    """For a rule of a book's sound entries, or for a template by itself. Raises NoPreview."""
    try:
        found = _desk(book, rule, template)
    except (KeyError, ValueError, AssertionError, ServiceError) as error:
        raise NoPreview(str(error)) from None
    if not found.look.channels:
        raise NoPreview("there is no content for any channel of the rule")
    return found


def _desk(book: Rulebook, rule: str | None, template: str | None) -> Desk:
    if rule is None:
        rule = next((one.id for one in book.rules.values() if template in _templates(one)), None)
    small = replace(book, tests={}, rules={rule: _quiet(book.rules[rule])} if rule is not None else {})
    plan = compile_book(small)
    if rule is None:
        return Desk(plan, *place_of(plan, template or ""))
    ready = plan.rules[rule]
    return Desk(plan, ready, next((look for look in ready.looks if template is None or look.template == template), ready.looks[0]))


def _quiet(rule: Rule) -> Rule:
    """Without conditions: a preview does not ask them, and a fault in one need not hide the text."""
    return replace(rule, when=None, audience=None, caps=(), goal=None)


def _templates(rule: Rule) -> list[str]:
    names = [rule.send.template, *(variant.template for variant in rule.variants)]
    return [name for name in names if isinstance(name, str)]


def _texts(content: Content) -> Iterator[str]:
    yield from content.texts.values()
    yield from _strings(content.data)


def _strings(tree: Tree) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, Mapping):
        for item in tree.values():
            yield from _strings(item)
    elif isinstance(tree, tuple):
        for item in tree:
            yield from _strings(item)


# ---- values as people write them --------------------------------------------------------------------------------------------------------


def _variable(field: Field) -> Variable:
    declared = field.declared
    labels = declared.enum if declared is not None and declared.enum is not None else {}
    choices = tuple((as_text(value), label) for value, label in labels.items())
    return Variable(field.name, field.type, choices, declared.optional if declared is not None else field.root == "user")


def as_text(value: Any) -> str:
    """A value as a field of the page holds it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _typed(text: str, field: Field, zone: tzinfo) -> Any:
    """What somebody wrote, as JSON has it. Raises ValueError with what would be right."""
    if field.type in ("integer", "number"):
        number = float(text) if _is_number(text) else None
        if number is None or (field.type == "integer" and not number.is_integer()):
            raise ValueError("is no number" if number is None else "is no whole number")
        return int(number) if number.is_integer() else number
    if field.type == "boolean":
        if text not in ("true", "false"):
            raise ValueError("is neither true nor false")
        return text == "true"
    if field.type == "datetime":
        try:
            return format_instant(parse_instant(text, zone))
        except ValueError:
            raise ValueError("is no instant such as 2026-06-03T22:00") from None
    if field.type in ("list", "object"):
        return _json(text)
    return text


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < 1e300
    except ValueError:
        return False


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError("is no JSON") from None
