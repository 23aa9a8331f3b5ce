"""The texts of templates: where each stands, what it reads, and the literal part of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rules import template as jinja
from rules.checks._spans import at_value, inner
from rules.findings import Finding, Severity, Span
from rules.model import Content, Path, Rule, Template, Tree

if TYPE_CHECKING:
    from rules.draft import Draft


@dataclass(frozen=True, slots=True)
class Text:
    """One Jinja2 source of a template: an sms in one locale, or a string inside another channel's data."""

    path: Path
    source: str
    channel: str

    @property
    def parsed(self) -> jinja.TemplateSource:
        """The source reduced to our tree."""
        return jinja.parse(self.source)


@dataclass(frozen=True, slots=True)
class Look:
    """A template that a rule sends. `path` is where the rule names it (or where the content in place begins)."""

    path: Path
    template: Template

    @property
    def in_place(self) -> bool:
        """Whether the content is written in the rule itself."""
        return not self.template.id


def texts(template: Template, channels: tuple[str, ...] = ()) -> Iterator[Text]:
    """All texts of a template, or those of some channels."""
    for content in template.contents.values():
        if not channels or content.channel in channels:
            yield from content_texts(content)


def content_texts(content: Content) -> Iterator[Text]:
    """All texts of one channel's content."""
    for locale, source in content.texts.items():
        yield Text((*content.path, locale) if locale else content.path, source, content.channel)
    yield from _strings(content.data, content.path, content.channel)


def all_texts(draft: Draft) -> Iterator[Text]:
    """Every text of the book, those written in rules included."""
    for template in draft.book.templates.values():
        yield from texts(template)
    for rule in draft.book.rules.values():
        if isinstance(rule.send.template, Template):
            yield from texts(rule.send.template)


def looks(draft: Draft, rule: Rule) -> Iterator[Look]:
    """The templates that a rule can send: its own and those of its variants. Undeclared names are left out."""
    own = rule.send.template
    if isinstance(own, Template):
        yield Look(own.path, own)
    for path, name in template_names(draft, rule):
        if name in draft.book.templates:
            yield Look(path, draft.book.templates[name])


def template_names(draft: Draft, rule: Rule) -> Iterator[tuple[Path, str]]:
    """Each template that a rule names, with the place of the name."""
    if isinstance(rule.send.template, str):
        yield inner(draft, rule.send.path, "template"), rule.send.template
    for variant in rule.variants:
        if variant.template is not None:
            yield inner(draft, variant.path, "template"), variant.template


def carriers(rule: Rule, template: Template) -> tuple[str, ...]:
    """The channels by which a rule can send a template: its chain as far as there is content for it."""
    return tuple(channel for channel in rule.send.channels or template.contents if channel in template.contents)


def literal(source: jinja.TemplateSource) -> str:
    """The text that the author wrote, all branches of an `if` one after the other, a space for each value."""
    return "".join(_literal_parts(source.parts))


def at_text(draft: Draft, code: str, severity: Severity, text: Text, line: int, column: int, message: str, hint: str = "") -> Finding:
    """A finding about a place inside a text.

    A text on one line is pointed at as a whole. In a block scalar the line matters, so there it stands at the very place, as far as the
    lines of the file are those of the text (in a folded text they are not).
    """
    whole = at_value(draft, code, severity, text.path, message, hint)
    span = _inside(draft, whole.span, text.source, line, column)
    return Finding(code, severity, span or whole.span, text.path, message, hint)


def _inside(draft: Draft, span: Span, source: str, line: int, column: int) -> Span | None:
    if span.line == span.end_line:
        return None
    rows = draft.sources[span.file].split("\n")[span.line - 1 : span.end_line]
    wanted = source.split("\n")
    if not rows[0].rstrip().endswith(("|", "|-", "|+")) or line > len(wanted) or line >= len(rows):
        return None
    row, text = rows[line].rstrip("\r"), wanted[line - 1]
    if not row.endswith(text):
        return None
    start = len(row) - len(text) + column
    return Span(span.file, span.line + line, start, span.line + line, len(row) + 1)


def _strings(tree: Tree, path: Path, channel: str) -> Iterator[Text]:
    if isinstance(tree, str):
        yield Text(path, tree, channel)
    elif isinstance(tree, tuple):
        for index, item in enumerate(tree):
            yield from _strings(item, (*path, index), channel)
    elif tree is not None and not isinstance(tree, bool | int | float):
        for name, item in tree.items():
            yield from _strings(item, (*path, name), channel)


def _literal_parts(parts: tuple[jinja.Part, ...]) -> Iterator[str]:
    for part in parts:
        match part:
            case jinja.Text(text=text):
                yield text
            case jinja.Value():
                yield " "
            case jinja.Branch(arms=arms, otherwise=otherwise):
                for _, inside in arms:
                    yield from _literal_parts(inside)
                yield from _literal_parts(otherwise)
