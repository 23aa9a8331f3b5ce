"""API keys. Only a hash is kept; the prefix is what people recognise one by."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from engine.store.schema import keys
from engine.store.store import Tx

ROLES = ("ingest", "viewer", "qa", "editor", "publisher", "admin")


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is kept. `test`: works in the environment `test`; `personal`: may see phone numbers."""

    id: str
    name: str
    prefix: str
    hash: str
    role: str
    test: bool
    personal: bool
    created: int
    revoked: int | None = None

    @property
    def env(self) -> str:
        """The environment that the key opens."""
        return "test" if self.test else "live"


def add(tx: Tx, key: Key) -> None:
    """Keep a new key."""
    tx.execute(sa.insert(keys).values({name: getattr(key, name) for name in Key.__slots__}))


def by_hash(tx: Tx, hash: str) -> Key | None:
    """The key with this hash, unless it was revoked."""
    row = tx.execute(_BY_HASH, {"hash": hash}).one_or_none()
    return Key(*row) if row is not None else None


_COLUMNS = sa.select(*[keys.c[name] for name in Key.__slots__])
_BY_HASH = _COLUMNS.where(keys.c.hash == sa.bindparam("hash"), keys.c.revoked.is_(None))


def listed(tx: Tx) -> list[Key]:
    """Every key, revoked ones too, in order of creation."""
    return [Key(*row) for row in tx.execute(_COLUMNS.order_by(keys.c.created, keys.c.id))]


def revoke(tx: Tx, id: str, at: int) -> bool:
    """The key opens nothing any more; False when there is none, or it was revoked before."""
    return tx.execute(sa.update(keys).where(keys.c.id == id, keys.c.revoked.is_(None)).values(revoked=at)).rowcount > 0
