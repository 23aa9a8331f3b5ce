"""The caps of a book."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rules.model import Cap

if TYPE_CHECKING:
    from rules.draft import Draft


def cap_lists(draft: Draft) -> Iterator[tuple[Cap, ...]]:
    """The caps of the book, of each message type and of each rule."""
    yield draft.book.caps
    for type_ in draft.book.message_types.values():
        yield type_.caps
    for rule in draft.book.rules.values():
        yield rule.caps
