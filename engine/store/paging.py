"""Cursors: where a page ended, as a text that means nothing to others."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson

T = TypeVar("T")


class BadCursor(ValueError):
    """A cursor that we did not make."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows, and the cursor of what follows; None: nothing does."""

    items: Sequence[T]
    next: str | None


def cursor_of(*place: str | int) -> str:
    """The cursor of a place in an order."""
    return urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def place_of(cursor: str, *kinds: type) -> tuple[Any, ...]:
    """The place of a cursor, its parts of these types. Raises BadCursor."""
    try:
        place = orjson.loads(urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
    except ValueError:
        raise BadCursor("not a cursor of this list") from None
    if type(place) is not list or [type(part) for part in place] != list(kinds):
        raise BadCursor("not a cursor of this list")
    return tuple(place)


def page(rows: Sequence[T], limit: int, place: Any) -> Page[T]:
    """The page of `limit` rows, where one more was read; `place(row)` gives the parts of a row's cursor."""
    if len(rows) <= limit:
        return Page(rows, None)
    kept = rows[:limit]
    return Page(kept, cursor_of(*place(kept[-1])))
