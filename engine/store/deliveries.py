"""What webhooks are told: a row for each thing that happened and each webhook that wants to hear of it.

Whoever changes a state says so (`note`) in the transaction that changes it, so that both are there or neither. Without an enabled webhook
that costs one look at an empty table in a transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from engine.store import bulk, codec
from engine.store.columns import Among, names, numbers
from engine.store.paging import Page, page, place_of
from engine.store.schema import deliveries, webhooks
from engine.store.states import State
from engine.store.store import Tx

# Everything that a webhook can hear of. That a message is being handed over (submitting) is nobody else's business.
TYPES: Mapping[str, tuple[str, ...]] = {
    "message": tuple(state.value for state in State if state is not State.SUBMITTING),
    "verification": ("started", "approved", "failed", "expired", "cancelled"),
    "campaign": ("started", "paused", "resumed", "stopped", "finished"),
}
SAMPLE = "webhook.test"  # sent on request alone, whatever a webhook wants to hear
STATES = ("pending", "delivered", "failed")
_ATTEMPTS_KEPT = 20


def wishes() -> list[str]:
    """What a webhook may ask for: each type, `<kind>.*`, and `*`."""
    return ["*", *(f"{kind}.{what}" for kind, every in TYPES.items() for what in ("*", *every))]


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that others may want to hear of. `detail`: what the subject's row may no longer say when it is told, nothing personal."""

    env: str
    type: str
    subject: str
    at: int
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One post. `code`: the status or the cause where it did not go well, None where it did."""

    at: int
    milliseconds: int
    outcome: str  # delivered | failed
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something that one webhook is told. `due`: when it is tried next, while it is pending; `tries` counts since it was last asked for."""

    seq: int
    env: str
    webhook: str
    id: str
    type: str
    subject: str
    at: int
    detail: Mapping[str, Any]
    state: str
    due: int
    tries: int
    attempts: Sequence[Attempt]


# ---- what happens -----------------------------------------------------------------------------------------------------------------------


def of_message(env: str, seq: int, state: State, reason: str | None, at: int) -> Happened:
    """A message has come into a state."""
    return Happened(env, f"message.{state.value}", f"message:{seq}", at, {"state": state.value, "reason": reason})


def note(tx: Tx, happened: Iterable[Happened]) -> None:
    """These things happen in this transaction: whoever wants to hear of them will. Without anybody `happened` is not looked at."""
    listeners = _listeners(tx)
    if listeners:
        add(tx, [(webhook, one) for one in happened for env, webhook, types in listeners if env == one.env and wants(types, one.type)])


def wants(types: Iterable[str], type: str) -> bool:
    """Whether `type` is among the wishes."""
    kind, _, _ = type.partition(".")
    return not {"*", type, f"{kind}.*"}.isdisjoint(types)


def _listeners(tx: Tx) -> list[tuple[str, str, frozenset[str]]]:
    if tx.listeners is None:
        tx.listeners = [(row.env, row.id, frozenset(codec.loads(row.types))) for row in tx.run(_LISTENERS)]
    return tx.listeners


_LISTENERS = sa.select(webhooks.c.env, webhooks.c.id, webhooks.c.types).where(webhooks.c.enabled).order_by(webhooks.c.id)


def add(tx: Tx, told: Sequence[tuple[str, Happened]]) -> list[int]:
    """Tell webhooks (by id) these things; the seqs of the deliveries."""
    if not told:
        return []
    seqs = bulk.numbers(tx, deliveries, len(told))
    bulk.insert(tx, deliveries, [_row(seq, webhook, one) for seq, (webhook, one) in zip(seqs, told, strict=True)])
    return list(seqs)


def _row(seq: int, webhook: str, happened: Happened) -> dict[str, Any]:
    return {
        "seq": seq,
        "env": happened.env,
        "webhook": webhook,
        "id": _id(seq, webhook, happened),
        "type": happened.type,
        "subject": happened.subject,
        "at": happened.at,
        "detail": codec.dumps(dict(happened.detail)),
        "state": "pending",
        "due": happened.at,
        "tries": 0,
        "attempts": "[]",
    }


def _id(seq: int, webhook: str, happened: Happened) -> str:
    """No other delivery's, also after a restored backup counts on from an earlier number."""
    written = f"{webhook}|{seq}|{happened.type}|{happened.subject}|{happened.at}"
    return f"evt_{sha256(written.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


# ---- sending ----------------------------------------------------------------------------------------------------------------------------


def is_due(tx: Tx, webhook: str, now: int) -> bool:
    """Whether there is something to tell a webhook."""
    return tx.execute(_IS_DUE, {"webhook": webhook, "now": now}).scalar() is not None


_PENDING = (deliveries.c.webhook == sa.bindparam("webhook"), sa.text("state = 'pending'"), deliveries.c.due <= sa.bindparam("now"))
_IS_DUE = sa.select(deliveries.c.seq).where(*_PENDING).limit(1)


def claim(tx: Tx, webhook: str, now: int, until: int, limit: int) -> list[Delivery]:
    """Deliveries that are due, at most so many, the longest waiting first. Whoever claims them has until an instant to save what came of
    it; then they are due again."""
    statement = _CLAIM_LOCKED if tx.is_postgresql else _CLAIM
    found = [_delivery(row) for row in tx.execute(statement, {"webhook": webhook, "now": now, "limit": limit})]
    bulk.update(tx, deliveries, ("seq",), [{"seq": one.seq, "due": until} for one in found])
    return found


_CLAIM = sa.select(deliveries).where(*_PENDING).order_by(deliveries.c.due, deliveries.c.seq).limit(sa.bindparam("limit"))
_CLAIM_LOCKED = _CLAIM.with_for_update(skip_locked=True)


def save(tx: Tx, changed: Sequence[Delivery]) -> None:
    """Keep state, due, tries and the last attempts. One that was deleted meanwhile stays so."""
    rows = [
        {"seq": one.seq, "state": one.state, "due": one.due, "tries": one.tries, "attempts": _attempts(one.attempts)} for one in changed
    ]  # fmt: skip
    bulk.update(tx, deliveries, ("seq",), rows)


def _attempts(attempts: Sequence[Attempt]) -> str:
    return codec.dumps([[one.at, one.milliseconds, one.outcome, one.code] for one in attempts[-_ATTEMPTS_KEPT:]])


# ---- looking --------------------------------------------------------------------------------------------------------------------------


def get(tx: Tx, webhook: str, id: str) -> Delivery | None:
    """A delivery; in a writing transaction nobody else changes it until its end."""
    statement = sa.select(deliveries).where(deliveries.c.webhook == webhook, deliveries.c.id == sa.bindparam("id"))
    if tx.is_postgresql and tx.writing:
        statement = statement.with_for_update()
    row = tx.execute(statement, {"id": id}).one_or_none()
    return _delivery(row) if row is not None else None


def by_seq(tx: Tx, seq: int) -> Delivery:
    """A delivery that is certainly there."""
    return _delivery(tx.execute(sa.select(deliveries).where(deliveries.c.seq == seq)).one())


def newest(tx: Tx, webhook: str, *, state: str | None = None, cursor: str | None = None, limit: int = 100) -> Page[Delivery]:
    """What a webhook was and will be told, newest first."""
    columns = deliveries.c
    statement = sa.select(deliveries).where(columns.webhook == webhook)
    if state is not None:
        statement = statement.where(columns.state == state)
    if cursor is not None:
        statement = statement.where(columns.seq < place_of(cursor, int)[0])
    rows = tx.execute(statement.order_by(columns.seq.desc()).limit(limit + 1))
    return page([_delivery(row) for row in rows], limit, lambda one: (one.seq,))


def _delivery(row: Any) -> Delivery:
    attempts = [Attempt(*one) for one in codec.loads(row.attempts)]
    return Delivery(
        row.seq, row.env, row.webhook, row.id, row.type, row.subject, row.at, codec.loads(row.detail), row.state, row.due, row.tries,
        attempts,
    )  # fmt: skip


# ---- forgetting -------------------------------------------------------------------------------------------------------------------------


def forget(tx: Tx, subjects: Iterable[str]) -> None:
    """Delete what is told of these: `message:<seq>`, `verification:<id>`."""
    tx.execute(sa.delete(deliveries).where(Among(deliveries.c.subject, names("subjects"))), {"subjects": list(subjects)})


def forget_all(tx: Tx, webhook: str, limit: int) -> int:
    """Delete what one webhook was told, at most so many; how many."""
    return _forget(tx, sa.select(deliveries.c.seq).where(deliveries.c.webhook == webhook).order_by(deliveries.c.seq).limit(limit))


def forget_before(tx: Tx, env: str, at: int, limit: int) -> int:
    """Delete what happened before an instant, told or not, at most so many; how many."""
    columns = deliveries.c
    return _forget(tx, sa.select(columns.seq).where(columns.env == env, columns.at < at).order_by(columns.at).limit(limit))


def _forget(tx: Tx, chosen: sa.Select[Any]) -> int:
    seqs = list(tx.execute(chosen).scalars())
    if seqs:
        tx.execute(sa.delete(deliveries).where(Among(deliveries.c.seq, numbers("seqs"))), {"seqs": seqs})
    return len(seqs)
