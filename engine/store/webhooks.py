"""Webhooks: addresses of others that want to hear what happens here. What each is told is in deliveries.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.store import codec
from engine.store.paging import Page, page, place_of
from engine.store.schema import webhooks
from engine.store.store import Tx


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook as it is kept. `reason`: why it is not enabled (`requested`, `gone`, `failing`). `generation`: of its secret; the one
    before signs too until `old_until`. `failing_since`: when the first of those attempts was made since which none has gone well."""

    id: str
    env: str
    url: str
    types: tuple[str, ...]
    description: str
    created: int
    creator: str
    enabled: bool = True
    reason: str | None = None
    generation: int = 1
    old_until: int | None = None
    failing_since: int | None = None


def add(tx: Tx, webhook: Webhook) -> None:
    """Keep a new webhook."""
    tx.execute(sa.insert(webhooks).values(_values(webhook)))


def save(tx: Tx, webhook: Webhook) -> None:
    """Keep a changed one."""
    tx.execute(sa.update(webhooks).where(webhooks.c.id == webhook.id).values(_values(webhook)))


def _values(webhook: Webhook) -> dict[str, Any]:
    return {name: getattr(webhook, name) for name in Webhook.__slots__} | {"types": codec.dumps(list(webhook.types))}


def get(tx: Tx, env: str, id: str) -> Webhook | None:
    """A webhook; in a writing transaction nobody else changes it until its end."""
    statement = sa.select(webhooks).where(webhooks.c.env == env, webhooks.c.id == id)
    if tx.is_postgresql and tx.writing:
        statement = statement.with_for_update()
    row = tx.execute(statement).one_or_none()
    return _webhook(row) if row is not None else None


def enabled(tx: Tx) -> list[Webhook]:
    """Those of both environments that are to be told something."""
    return [_webhook(row) for row in tx.execute(_ENABLED)]


_ENABLED = sa.select(webhooks).where(webhooks.c.enabled).order_by(webhooks.c.created, webhooks.c.id)


def count(tx: Tx, env: str) -> int:
    """How many an environment has."""
    return int(tx.execute(sa.select(sa.func.count()).select_from(webhooks).where(webhooks.c.env == env)).scalar() or 0)


def newest(tx: Tx, env: str, *, cursor: str | None = None, limit: int = 100) -> Page[Webhook]:
    """Webhooks, newest first."""
    columns = webhooks.c
    statement = sa.select(webhooks).where(columns.env == env)
    if cursor is not None:
        created, id = place_of(cursor, int, str)
        later = sa.and_(columns.created == created, columns.id > id)
        statement = statement.where(sa.or_(columns.created < created, later))
    rows = tx.execute(statement.order_by(columns.created.desc(), columns.id).limit(limit + 1))
    return page([_webhook(row) for row in rows], limit, lambda one: (one.created, one.id))


def remove(tx: Tx, env: str, id: str) -> bool:
    """Delete a webhook; False when there is none. What it was told goes by deliveries.forget_all."""
    return tx.execute(sa.delete(webhooks).where(webhooks.c.env == env, webhooks.c.id == id)).rowcount > 0


def _webhook(row: Any) -> Webhook:
    return Webhook(
        row.id, row.env, row.url, tuple(codec.loads(row.types)), row.description, row.created, row.creator, row.enabled, row.reason,
        row.generation, row.old_until, row.failing_since,
    )  # fmt: skip
