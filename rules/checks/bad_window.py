"""bad-window: a length of time in which nothing can happen, or a cap that another one makes pointless. A warning.

Quiet hours without a length, periods that end before they begin and caps over no time are found with the structure of a book.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rules.checks._caps import cap_lists
from rules.checks._spans import at_value, inner
from rules.findings import Finding, Severity
from rules.model import Cap, CountTrigger, Duration, JoinTrigger, Path, Rule

if TYPE_CHECKING:
    from rules.draft import Draft

CODE = "bad-window"


def check(draft: Draft) -> Iterator[Finding]:
    """Windows and lifetimes of no length, chains that expire before they fall back, caps that can never be full first."""
    for path, length in _lengths(draft):
        if length is not None and length.micros == 0:
            yield _finding(draft, path, f"{path[-1]}: {length} is no time at all", "at least 1s")
    for rule in draft.book.rules.values():
        yield from _fallback(draft, rule)
    for caps in cap_lists(draft):
        yield from _pointless_caps(draft, caps)


def _finding(draft: Draft, path: Path, message: str, hint: str) -> Finding:
    return at_value(draft, CODE, Severity.WARNING, path, message, hint)


def _lengths(draft: Draft) -> Iterator[tuple[Path, Duration | None]]:
    for trait in draft.book.traits.values():
        yield inner(draft, trait.path, "within"), trait.within
    for type_ in draft.book.message_types.values():
        yield inner(draft, type_.path, "valid_for"), type_.valid_for
        yield inner(draft, type_.path, "code", "valid_for"), type_.code.valid_for if type_.code else None
    for rule in draft.book.rules.values():
        if isinstance(rule.on, JoinTrigger | CountTrigger):
            yield inner(draft, rule.on.path, "within"), rule.on.within
        yield inner(draft, rule.send.path, "valid_for"), rule.send.valid_for
        yield inner(draft, rule.send.path, "code", "valid_for"), rule.send.code.valid_for if rule.send.code else None
        if rule.goal is not None:
            yield inner(draft, rule.goal.path, "within"), rule.goal.within


def _fallback(draft: Draft, rule: Rule) -> Iterator[Finding]:
    """A chain whose second channel comes after the message has expired."""
    type_ = draft.book.message_types.get(rule.send.type)
    valid_for = rule.send.valid_for or (type_.valid_for if type_ else None)
    wait = rule.send.fallback_after
    if len(rule.send.channels) < 2 or valid_for is None or not 0 < valid_for.micros < wait.micros:
        return
    path = inner(draft, rule.send.path, "fallback_after")
    if path == rule.send.path:
        path = inner(draft, rule.send.path, "valid_for" if rule.send.valid_for else "channel")
    message = f"the next channel waits {wait}, but the message is worthless after {valid_for}"
    yield _finding(draft, path, message, f"fallback_after below {valid_for}")


def _pointless_caps(draft: Draft, caps: tuple[Cap, ...]) -> Iterator[Finding]:
    """Of two sliding caps that count alike, the one over the shorter window must allow less."""
    for index, cap in enumerate(caps):
        for other in caps[:index]:
            if set(cap.by) == set(other.by) and cap.per.kind == other.per.kind == "sliding":
                short, long = sorted((cap, other), key=lambda item: (item.per.micros, -item.max))
                if short.max >= long.max:
                    message = f"{short.max} per {short.per.text} is never reached beside {long.max} per {long.per.text}"
                    yield _finding(draft, inner(draft, cap.path, "per"), message, "leave one of the two out")
                    break
