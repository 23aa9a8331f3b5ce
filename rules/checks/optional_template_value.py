"""optional-template-value: a text shows a value that may be missing, and then cannot be rendered. A warning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rules.checks._fields import FieldBook, Reach
from rules.checks._places import text_reach
from rules.checks._presence import Presence
from rules.checks._texts import Text, at_text, carriers, looks, texts
from rules.findings import Finding, Severity
from rules.model import EventTrigger, Path, Rule

if TYPE_CHECKING:
    from rules.draft import Draft
    from rules.template import FieldUse

CODE = "optional-template-value"


def check(draft: Draft) -> Iterator[Finding]:
    """Every value without a default that at least one rule may lack, once per text and field."""
    fields, presence = FieldBook(draft), Presence(draft)
    seen: set[tuple[Path, str]] = set()
    for rule in draft.book.rules.values():
        reach = text_reach(rule, fields)
        present = presence.fields(rule)
        for text in _texts_of(draft, rule):
            for use in text.parsed.fields:
                place = (text.path, use.name)
                if place not in seen and _may_lack(draft, fields, rule, reach, use) and use.name not in present:
                    seen.add(place)
                    yield _finding(draft, rule, text, use)


def _texts_of(draft: Draft, rule: Rule) -> Iterator[Text]:
    for look in looks(draft, rule):
        yield from texts(look.template, carriers(rule, look.template))


def _may_lack(draft: Draft, fields: FieldBook, rule: Rule, reach: Reach, use: FieldUse) -> bool:
    if use.guarded or use.has_default:
        return False
    known = fields.find(use.name, reach)
    if known is None or known.given or known.types == {"any"} or not fields.supplies(use.name, reach):
        return False
    return not _is_given(draft, rule, use.name)


def _is_given(draft: Draft, rule: Rule, name: str) -> bool:
    """Whether a field that is declared as sometimes missing is there for this rule all the same."""
    root, _, rest = name.partition(".")
    if name == "user.phone" or (root != "user" and rest in ("key", "user")):
        return True  # no message goes to nobody, and a business object without a key is rare: not worth a warning
    trait = draft.book.traits.get(rest) if root == "user" else None
    if trait is None or trait.when is not None or trait.within is not None or not isinstance(rule.on, EventTrigger):
        return False
    # The trigger event itself has just updated the trait; only then is `of` known to have been there.
    return set(rule.on.events) <= set(trait.events) and trait.of in ("event.time", "event.received", "event.id", "event.type")


def _finding(draft: Draft, rule: Rule, text: Text, use: FieldUse) -> Finding:
    message = f"{use.name} may be missing when {rule.id} sends; the text then cannot be rendered"
    hint = f'write {{{{ {use.name} | default("...") }}}}, or {{% if {use.name} %}}, or ask in `when` that it exists'
    return at_text(draft, CODE, Severity.WARNING, text, use.line, use.column, message, hint)
