"""Where findings stand: the key or value at fault, found by its path in the YAML tree."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING

from rules.findings import Finding, Severity, Suggestion
from rules.model import Path

if TYPE_CHECKING:
    from rules.draft import Draft

# Looking for the nearest of many names is slow, so only likely ones are looked at: with the same first letter, of nearly the same length.
MOST_NAMES = 200
MOST_MISSING = 4


def inner(draft: Draft, path: Path, *parts: str | int) -> Path:
    """`path` led further by those of `parts` that exist there.

    The same entry has several spellings (`on: a`, `on: [a]`, `on: {event: [a]}`), so a part that is not there is passed over:
    `inner(draft, on, "event", 0)` is the place of the first event in each of them.
    """
    for part in parts:
        if (*path, part) in draft.positions:
            path = (*path, part)
    return path


def at_value(draft: Draft, code: str, severity: Severity, path: Path, message: str, hint: str = "") -> Finding:
    """A finding at the value that stands at `path`."""
    span = draft.positions.value(path) if path in draft.positions else draft.positions.nearest(path)
    return Finding(code, severity, span, path, message, hint)


def at_key(draft: Draft, code: str, severity: Severity, path: Path, message: str, hint: str = "") -> Finding:
    """A finding at the key whose entry is at `path`; an item of a list has no key, there it stands at the value."""
    if path not in draft.positions or isinstance(path[-1], int):
        return at_value(draft, code, severity, path, message, hint)
    return Finding(code, severity, draft.positions.key(path), path, message, hint)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint with the nearest known name; empty when none is near."""
    likely = sorted(item for item in known if item[:1] == name[:1] and abs(len(item) - len(name)) <= MOST_MISSING)
    near = _nearest(name, tuple(likely[:MOST_NAMES]))
    return Suggestion(name, near) if near else ""


@lru_cache(maxsize=1024)  # a renamed event is missed by every rule that names it
def _nearest(name: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    return close[0] if close else ""
