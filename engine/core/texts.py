"""The text as it leaves: signature, rendered body, the type's ending; its parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.core.facts import Scope
from engine.core.parts import MAX_CHARACTERS, count_parts
from engine.core.phones import is_mainland
from engine.core.plan import BookPlan, Channel, RulePlan
from engine.core.render import TemplateError, compile_content

SHOWN_CODE = "******"


@dataclass(slots=True)  # not frozen, which would make it twice as slow to build
class Cut:
    """A rendered message. `text` is None for other channels than sms, `content` for sms."""

    text: str | None
    content: Any
    parts: int


def cut(channel: Channel, rule: RulePlan, scope: Scope, to: str, book: BookPlan) -> Cut:
    """Render for one channel and recipient. Raises TemplateError (a value is missing or unfit, or the text is too long)."""
    digits = rule.verification.code.digits if rule.verification is not None else None
    scope.code = "*" * digits if digits else SHOWN_CODE
    if channel.name != "sms":
        return Cut(None, channel.render(scope), 1)
    mainland = is_mainland(to)
    text = _whole(channel.render(scope), rule, mainland, book)
    if len(text) > MAX_CHARACTERS:
        raise TemplateError("", f"the text has {len(text)} characters, at most {MAX_CHARACTERS} are allowed")
    parts = count_parts(text, mainland)
    if digits and digits != len(SHOWN_CODE):
        scope.code = SHOWN_CODE
        text = _whole(channel.render(scope), rule, mainland, book)
    return Cut(text, None, parts)


_BEGIN, _END = "\ue000", "\ue001"  # private use: no character of anybody's


def pieces(channel: Channel, rule: RulePlan, scope: Scope, to: str, book: BookPlan) -> tuple[tuple[str, bool], ...]:
    """The text of an sms as `cut` makes it, in stretches: (text, whether it came from a value). Raises TemplateError as that does."""
    scope.code = SHOWN_CODE

    def mark(value: str) -> str:
        return f"{_BEGIN}{value.replace(_BEGIN, '').replace(_END, '')}{_END}"

    body = compile_content(channel.content, rule.fields, book.book.locale, book.zone, mark)(scope)
    found: list[tuple[str, bool]] = []
    for stretch in _whole(body, rule, is_mainland(to), book).split(_BEGIN):
        value, end, rest = stretch.partition(_END)
        found += [(value, True), (rest, False)] if end else [(stretch, False)]
    return tuple([piece for piece in found if piece[0]])


def segments(channel: Channel, rule: RulePlan, scope: Scope, to: str, book: BookPlan) -> list[tuple[str, str]]:
    """The same in (kind, text): `signature`, `body` for the author's words, `variable` for a value, `ending`."""
    before, after = _signature(is_mainland(to), book), rule.type.ending
    found = [("variable" if is_value else "body", text) for text, is_value in pieces(channel, rule, scope, to, book)]
    if before:  # it and the ending are the author's words too, so they stand at the edges of the outermost pieces
        found[0] = ("body", found[0][1].removeprefix(before))
    if after:
        found[-1] = ("body", found[-1][1].removesuffix(after))
    return [part for part in (("signature", before), *found, ("ending", after)) if part[1]]


def cut_with_code(channel: Channel, rule: RulePlan, scope: Scope, to: str, book: BookPlan, code: str) -> Cut:
    """The same with the code itself, for the provider alone: it must be neither kept nor logged. Raises TemplateError."""
    shown = cut(channel, rule, scope, to, book)
    scope.code = code
    if shown.text is None:
        return Cut(None, channel.render(scope), shown.parts)
    return Cut(_whole(channel.render(scope), rule, is_mainland(to), book), None, shown.parts)


def _whole(body: str, rule: RulePlan, mainland: bool, book: BookPlan) -> str:
    return _signature(mainland, book) + body + rule.type.ending


def _signature(mainland: bool, book: BookPlan) -> str:
    return f"【{book.book.signature}】" if book.book.signature and mainland else ""
