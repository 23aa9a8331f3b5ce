"""The nearest known name, for everything that refuses an unknown one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, or None."""
    matches = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean "order.created"?`, to be put behind a message, or nothing."""
    match = nearest(name, known)
    return f'; did you mean "{match}"?' if match is not None else ""
