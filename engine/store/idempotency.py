"""Idempotency keys: the same request again gets the same answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from engine.store.columns import key_of
from engine.store.schema import idempotency
from engine.store.store import Tx


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a key: `new` (go on and `finish`), `running`, `other` (it came with another body), or `done` with its answer."""

    state: Literal["new", "running", "other", "done"]
    status: int = 0
    response: str = ""


ABANDONED = 300 * 1_000_000  # a key that has been running for so long belonged to a process that is gone


def begin(tx: Tx, env: str, key: str, route: str, request: str, now: int) -> Standing:
    """Take a key for a request (the hash of its body), or say what stands in the way. Commit it before the work begins."""
    columns = idempotency.c
    where = (columns.env == env, columns.key == key, columns.route == route)
    abandoned = (columns.request == request, columns.status.is_(None), columns.at < now - ABANDONED)
    tx.execute(sa.delete(idempotency).where(*where, *abandoned))
    # Of two that come at once the database lets one insert; the other waits for its commit and finds the row.
    taken = tx.execute(_TAKE, {"env": env, "key": key_of(key), "route": key_of(route), "request": request, "at": now}).rowcount
    if taken:
        return Standing("new")
    known = tx.execute(sa.select(columns.request, columns.status, columns.response).where(*where)).one()
    if known.request != request:
        return Standing("other")
    return Standing("running") if known.status is None else Standing("done", known.status, known.response)


_TAKE = sa.text("INSERT INTO idempotency (env, key, route, request, at) VALUES (:env, :key, :route, :request, :at) ON CONFLICT DO NOTHING")


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
