"""Stories of the simulator. Those with a name are somebody's cases; the others are kept for their links, by the hash of what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.store import bulk, codec
from engine.store.schema import stories
from engine.store.store import Tx


@dataclass(frozen=True, slots=True)
class Kept:
    """A story. `name` and `owner` None: it is nobody's, and only found by its id."""

    id: str
    name: str | None
    owner: str | None
    shared: bool
    created: int
    changed: int
    body: Mapping[str, Any]


def put(tx: Tx, story: Kept) -> None:
    """Keep it, in place of one with the same id."""
    values = {name: getattr(story, name) for name in Kept.__slots__ if name != "body"} | {"body": codec.dumps(dict(story.body))}
    bulk.insert(tx, stories, [values], on_conflict="replace")


def get(tx: Tx, id: str) -> Kept | None:
    """The story of this id."""
    row = tx.execute(_COLUMNS.where(stories.c.id == id)).one_or_none()
    return _kept(row) if row is not None else None


def cases(tx: Tx, owner: str) -> list[Kept]:
    """The owner's named stories and those that others share, in order of name."""
    seen = sa.and_(stories.c.name.is_not(None), sa.or_(stories.c.owner == owner, stories.c.shared))
    return [_kept(row) for row in tx.execute(_COLUMNS.where(seen).order_by(stories.c.name, stories.c.id).limit(500))]


def remove(tx: Tx, id: str) -> None:
    """Forget it."""
    tx.execute(sa.delete(stories).where(stories.c.id == id))


def forget_before(tx: Tx, changed: int, limit: int) -> int:
    """Delete stories without a name that were last kept before an instant, at most so many; how many."""
    chosen = sa.select(stories.c.id).where(stories.c.changed < changed, stories.c.name.is_(None)).limit(limit)
    return tx.execute(sa.delete(stories).where(stories.c.id.in_(chosen))).rowcount


_COLUMNS = sa.select(*[stories.c[name] for name in Kept.__slots__])


def _kept(row: Any) -> Kept:
    return Kept(row.id, row.name, row.owner, row.shared, row.created, row.changed, codec.loads(row.body))
