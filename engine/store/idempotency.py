"""Idempotency keys: the same request again gets the same answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from engine.store import bulk
from engine.store.schema import idempotency
from engine.store.store import Tx


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a key: `new` (go on and `finish`), `running`, `other` (it came with another body), or `done` with its answer."""

    state: Literal["new", "running", "other", "done"]
    status: int = 0
    response: str = ""


def begin(tx: Tx, env: str, key: str, route: str, request: str, now: int) -> Standing:
    """Take a key for a request (the hash of its body), or say what stands in the way. Commit it before the work begins."""
    row = {"env": env, "key": key, "route": route, "request": request, "at": now, "status": None, "response": None}
    columns = idempotency.c
    where = (columns.env == env, columns.key == key, columns.route == route)
    before = tx.execute(sa.select(sa.func.count()).select_from(idempotency).where(*where)).scalar()
    if not before:
        bulk.insert(tx, idempotency, [row | {"at": now}], on_conflict="nothing")
    known = tx.execute(sa.select(columns.request, columns.status, columns.response, columns.at).where(*where)).one()
    if known.request != request:
        return Standing("other")
    if known.status is not None:
        return Standing("done", known.status, known.response)
    return Standing("running") if before else Standing("new")


def finish(tx: Tx, env: str, key: str, route: str, status: int, response: str) -> None:
    """Keep the answer."""
    columns = idempotency.c
    where = (columns.env == env, columns.key == key, columns.route == route)
    tx.execute(sa.update(idempotency).where(*where).values(status=status, response=response))


def release(tx: Tx, env: str, key: str, route: str) -> None:
    """Give a key back whose work failed without an answer, so that the same request may be tried again."""
    columns = idempotency.c
    where = (columns.env == env, columns.key == key, columns.route == route, columns.status.is_(None))
    tx.execute(sa.delete(idempotency).where(*where))


def forget_before(tx: Tx, at: int) -> int:
    """Delete keys taken before an instant; how many."""
    return tx.execute(sa.delete(idempotency).where(idempotency.c.at < at)).rowcount
