"""Verifications: which codes are good for whom. A code itself is never kept, only its HMAC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from engine.store import codec, deliveries
from engine.store.columns import Among, names
from engine.store.schema import verifications
from engine.store.store import Tx

STATES = ("pending", "approved", "failed", "expired", "cancelled")
CODES_KEPT = 2  # the first may still arrive after the second was asked for


@dataclass(frozen=True, slots=True)
class Verification:
    """A code asked for by a number and a purpose. `codes` are HMACs, the newest last."""

    id: str
    phone: str
    purpose: str
    user: str | None
    state: str
    created: int
    expires: int
    checks_left: int
    codes: Sequence[str] = ()
    body: Mapping[str, Any] = field(default_factory=dict)  # what else the runtime wants to know, JSON-ready
    network: str | None = None  # the /24 or /64 from which a code was last asked for


def save(tx: Tx, env: str, verification: Verification) -> None:
    """Keep a verification, new or changed; only the last codes stay."""
    values = {name: getattr(verification, name) for name in Verification.__slots__ if name not in ("codes", "body")}
    values |= {"codes": codec.dumps(list(verification.codes)[-CODES_KEPT:]), "body": codec.dumps(dict(verification.body))}
    where = (verifications.c.env == env, verifications.c.id == verification.id)
    if not tx.execute(sa.update(verifications).where(*where).values(**values)).rowcount:
        tx.execute(sa.insert(verifications).values(env=env, **values))
        deliveries.note(tx, [_happened(env, verification.id, "started", verification.created, verification.state)])


def end(tx: Tx, env: str, verification: Verification, now: int) -> None:
    """Keep a verification that is no longer pending."""
    save(tx, env, verification)
    deliveries.note(tx, [_happened(env, verification.id, verification.state, now, verification.state)])


def _happened(env: str, id: str, what: str, at: int, state: str) -> deliveries.Happened:
    return deliveries.Happened(env, f"verification.{what}", f"verification:{id}", at, {"status": state})


def get(tx: Tx, env: str, id: str) -> Verification | None:
    """A verification; in a writing transaction nobody else can check it until its end, so that a race gives one success."""
    return _one(tx, _of_env(env).where(verifications.c.id == id))


def latest(tx: Tx, env: str, purpose: str, *, phone: str | None = None, user: str | None = None) -> Verification | None:
    """The newest verification of a number or a user for a purpose, locked like `get`."""
    statement = _of_env(env).where(verifications.c.purpose == purpose)
    if phone is not None:
        statement = statement.where(verifications.c.phone == phone)
    if user is not None:
        statement = statement.where(verifications.c.user == user)
    return _one(tx, statement.order_by(verifications.c.created.desc(), verifications.c.id.desc()).limit(1))


def _of_env(env: str) -> sa.Select[Any]:
    return sa.select(verifications).where(verifications.c.env == env)


def _one(tx: Tx, statement: sa.Select[Any]) -> Verification | None:
    if tx.is_postgresql and tx.writing:
        statement = statement.with_for_update()
    row = tx.execute(statement).one_or_none()
    if row is None:
        return None
    return Verification(
        row.id, row.phone, row.purpose, row.user, row.state, row.created, row.expires, row.checks_left, codec.loads(row.codes),
        codec.loads(row.body), row.network,
    )  # fmt: skip


def expire(tx: Tx, env: str, now: int, limit: int) -> int:
    """Pending verifications whose time is over become `expired`, at most so many; how many."""
    columns = verifications.c
    chosen = sa.select(columns.id).where(columns.env == env, sa.text("state = 'pending'"), columns.expires < now)
    chosen = chosen.order_by(columns.expires).limit(limit)
    if tx.is_postgresql:
        chosen = chosen.with_for_update(skip_locked=True)
    ids = list(tx.execute(chosen).scalars())
    if ids:
        where = (columns.env == env, Among(columns.id, names("ids")))
        tx.execute(sa.update(verifications).where(*where).values(state="expired", codes="[]"), {"ids": ids})
        deliveries.note(tx, (_happened(env, id, "expired", now, "expired") for id in ids))
    return len(ids)


def ids_of(tx: Tx, env: str, user: str, phone: str | None) -> list[str]:
    """The verifications of a person."""
    columns = verifications.c
    theirs = [columns.user == user] + ([columns.phone == phone] if phone is not None else [])
    return list(tx.execute(sa.select(columns.id).where(columns.env == env, sa.or_(*theirs))).scalars())


def forget_before(tx: Tx, env: str, expired: int, limit: int) -> int:
    """Delete verifications whose time was over before an instant, at most so many; how many."""
    columns = verifications.c
    chosen = sa.select(columns.id).where(columns.env == env, columns.expires < expired).order_by(columns.expires).limit(limit)
    return tx.execute(sa.delete(verifications).where(columns.env == env, columns.id.in_(chosen))).rowcount
