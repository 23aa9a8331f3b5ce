"""verification-rules: what a verification message must and must not hold.

Errors: a text without the code; a code good for over 30 minutes. Warnings: a code good for over 10 minutes; a link or a phone number in
the text, which operators refuse and which makes a forged one look right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rules.checks._fields import FieldBook
from rules.checks._places import text_reach
from rules.checks._spans import at_value, inner
from rules.checks._texts import Text, at_text, carriers, content_texts, literal, looks
from rules.findings import Finding, Severity
from rules.model import MINUTE, CodeSpec, Content, Path, Rule

if TYPE_CHECKING:
    from rules.draft import Draft

CODE = "verification-rules"
VERIFICATION = "verification"
LONGEST_MINUTES = 30
LONG_MINUTES = 10
LINK = re.compile(
    r"https?://|www\.|(?<![a-z0-9.@-])[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|cn|net|org|io|top|cc|vip|shop|link|me|co)(?![a-z0-9])",
    re.IGNORECASE,
)
PHONE = re.compile(r"(?<!\d)(?:(?:\+?86[- ]?)?1[3-9]\d{9}|[48]00-?\d{3}-?\d{4}|0\d{2,3}-?\d{7,8}|95\d{3}|100\d{2}|12345)(?!\d)")


def check(draft: Draft) -> Iterator[Finding]:
    """The lifetimes of codes, then each verification text once."""
    fields = FieldBook(draft)
    type_ = draft.book.message_types.get(VERIFICATION)
    if type_ is not None:
        yield from _lifetime(draft, type_.code, type_.path)
    seen: set[Path] = set()
    for rule in draft.book.rules.values():
        if rule.send.type != VERIFICATION:
            continue
        yield from _lifetime(draft, rule.send.code, rule.send.path)
        for look in looks(draft, rule):
            for channel in carriers(rule, look.template):
                content = look.template.contents[channel]
                if content.path not in seen:
                    seen.add(content.path)
                    yield from _content(draft, rule, content, fields)


def _lifetime(draft: Draft, code: CodeSpec | None, path: Path) -> Iterator[Finding]:
    if code is None or code.valid_for is None or code.valid_for.micros <= LONG_MINUTES * MINUTE:
        return
    too_long = code.valid_for.micros > LONGEST_MINUTES * MINUTE
    severity = Severity.ERROR if too_long else Severity.WARNING
    limit = LONGEST_MINUTES if too_long else LONG_MINUTES
    message = f"a code that is good for {code.valid_for}, more than {limit} minutes"
    yield at_value(draft, CODE, severity, inner(draft, path, "code", "valid_for"), message, f"at most {limit}m")


def _content(draft: Draft, rule: Rule, content: Content, fields: FieldBook) -> Iterator[Finding]:
    texts = list(content_texts(content))
    if content.channel == "sms":
        without = [text.path for text in texts if _lacks_code(text)]
    else:  # the code stands in one of the strings
        without = [content.path] if all(_lacks_code(text) for text in texts) else []
    for path in without:
        message = "a verification message without its code"
        yield at_value(draft, CODE, Severity.ERROR, path, message, "write {{ code }} where the code belongs")
    for text in texts:
        yield from _forbidden_parts(draft, rule, text, fields)


def _lacks_code(text: Text) -> bool:
    return not text.parsed.uses_code and not text.parsed.problems  # an unreadable text is a finding of its own


def _forbidden_parts(draft: Draft, rule: Rule, text: Text, fields: FieldBook) -> Iterator[Finding]:
    if text.channel != "sms":
        return
    words = literal(text.parsed)
    for pattern, what in ((LINK, "a link"), (PHONE, "a phone number")):
        found = pattern.search(words)
        if found:
            line, column = _place(text.source, found.group())
            yield _warning(draft, text, line, column, f"{what} in a verification message: {found.group()}")
    for use in text.parsed.fields:
        known = fields.find(use.name, text_reach(rule, fields))
        masked = any(item.name == "mask" for item in use.filters)
        kind = known.types & {"link", "phone"} if known is not None and not use.in_test and not masked else None
        if kind:
            yield _warning(draft, text, use.line, use.column, f"a {', '.join(sorted(kind))} in a verification message: {use.name}")


def _warning(draft: Draft, text: Text, line: int, column: int, message: str) -> Finding:
    hint = "leave it out: operators refuse it, and people should not follow anything in such a message"
    return at_text(draft, CODE, Severity.WARNING, text, line, column, message, hint)


def _place(source: str, words: str) -> tuple[int, int]:
    """Line and column of the words in a source, both from 1."""
    before = source[: max(source.find(words), 0)]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
