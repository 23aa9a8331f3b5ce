"""Attempts at providers, the names that gateways give them, and the receipts that come back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.store import bulk
from engine.store.columns import Among, key_of, numbers
from engine.store.messages import Stored
from engine.store.schema import attempts, messages, provider_ids, receipts
from engine.store.states import ARROWS, State
from engine.store.store import Tx


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a provider. `outcome` None: begun, and no answer is recorded; else accepted, rejected or unknown."""

    seq: int
    message: int
    number: int
    provider: str
    at: int
    finished: int | None = None
    outcome: str | None = None
    code: str | None = None
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt. `provider_ids`: one, or one for each part where the gateway sees parts."""

    attempt: int
    outcome: str
    code: str | None = None
    raw: str | None = None
    provider_ids: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Traced:
    """What a provider's id leads to. `parts` is how many ids the attempt has, `statuses` what receipts have said of each so far."""

    attempt: int
    message: int
    part: int
    statuses: Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a provider said of a message, and what it changed."""

    provider: str
    provider_id: str
    at: int
    received: int
    status: str
    effect: str  # moved | repeated | late | partial | unmatched
    message: int | None = None
    code: str | None = None
    raw: str | None = None


def begin(tx: Tx, chosen: Sequence[tuple[Stored, str]], now: int) -> list[Attempt]:
    """Begin an attempt for each claimed message, at a provider: it is submitting from now on. Commit before the provider is called."""
    for stored, _ in chosen:
        if State.SUBMITTING not in ARROWS[stored.state]:
            raise ValueError(f"message {stored.seq} is {stored.state} and cannot be submitted")
    seqs = bulk.numbers(tx, attempts, len(chosen)) if chosen else ()
    begun = [
        Attempt(seq, stored.seq, stored.tries + 1, provider, now) for seq, (stored, provider) in zip(seqs, chosen, strict=True)
    ]  # fmt: skip
    bulk.insert(
        tx,
        attempts,
        [{"seq": one.seq, "message": one.message, "number": one.number, "provider": one.provider, "at": one.at} for one in begun],
    )
    state = State.SUBMITTING.value
    rows = [{"seq": one.message, "state": state, "reason": None, "changed": now, "tries": one.number} for one in begun]
    bulk.update(tx, messages, ("seq",), rows)
    return begun


def finish(tx: Tx, answers: Sequence[Answer], now: int) -> None:
    """Record what providers answered. The messages are moved by messages.apply."""
    rows = [
        {"seq": one.attempt, "finished": now, "outcome": one.outcome, "code": one.code, "raw": one.raw} for one in answers
    ]  # fmt: skip
    bulk.update(tx, attempts, ("seq",), rows)
    seqs = [one.attempt for one in answers if one.provider_ids]
    if not seqs:
        return
    providers = {row.seq: row.provider for row in tx.run(_PROVIDERS, {"seqs": seqs})}
    named: dict[tuple[str, str], dict[str, Any]] = {}  # an id twice in one batch is the last one's
    for one in answers:
        for at, provider_id in enumerate(one.provider_ids):
            provider = providers[one.attempt]
            row = {"provider": provider, "provider_id": provider_id, "attempt": one.attempt, "part": at + 1, "status": None}
            named[provider, key_of(provider_id)] = row
    bulk.insert(tx, provider_ids, list(named.values()), on_conflict="replace")


_PROVIDERS = sa.select(attempts.c.seq, attempts.c.provider).where(Among(attempts.c.seq, numbers("seqs")))


def trace(tx: Tx, provider: str, provider_id: str) -> Traced | None:
    """The attempt that a provider's id names; None for an unknown one."""
    ids = provider_ids.c
    where = (ids.provider == provider, ids.provider_id == provider_id)
    statement = sa.select(ids.attempt, ids.part, attempts.c.message).join(attempts, attempts.c.seq == ids.attempt).where(*where)
    row = tx.execute(statement).one_or_none()
    if row is None:
        return None
    parts = tx.execute(sa.select(ids.status).where(ids.attempt == row.attempt).order_by(ids.part)).scalars()
    return Traced(row.attempt, row.message, row.part, list(parts))


def note_status(tx: Tx, provider: str, provider_id: str, status: str) -> None:
    """Remember what a receipt says of one part."""
    ids = provider_ids.c
    tx.execute(sa.update(provider_ids).where(ids.provider == provider, ids.provider_id == provider_id).values(status=status))


def add_receipts(tx: Tx, new: Sequence[Receipt]) -> None:
    """Keep receipts, obeyed or not."""
    rows = [
        {
            "provider": one.provider,
            "provider_id": one.provider_id,
            "message": one.message,
            "at": one.at,
            "received": one.received,
            "status": one.status,
            "code": one.code,
            "raw": one.raw,
            "effect": one.effect,
        }
        for one in new
    ]
    bulk.insert(tx, receipts, rows)


def of_messages(tx: Tx, seqs: Iterable[int]) -> dict[int, list[Attempt]]:
    """The attempts of messages, in order."""
    wanted = list(seqs)
    found: dict[int, list[Attempt]] = {}
    for row in tx.run(_OF_MESSAGES, {"seqs": wanted}) if wanted else ():
        found.setdefault(row.message, []).append(Attempt(*row))
    return found


_OF_MESSAGES = (
    sa.select(
        attempts.c.seq, attempts.c.message, attempts.c.number, attempts.c.provider, attempts.c.at, attempts.c.finished, attempts.c.outcome,
        attempts.c.code, attempts.c.raw,
    )
    .where(Among(attempts.c.message, numbers("seqs")))
    .order_by(attempts.c.seq)
)  # fmt: skip


def receipts_of(tx: Tx, seqs: Iterable[int]) -> dict[int, list[Receipt]]:
    """The receipts of messages, in the order in which they came."""
    columns = receipts.c
    statement = sa.select(
        columns.provider, columns.provider_id, columns.at, columns.received, columns.status, columns.effect, columns.message, columns.code,
        columns.raw,
    )  # fmt: skip
    rows = tx.execute(statement.where(Among(columns.message, numbers("seqs"))).order_by(columns.seq), {"seqs": list(seqs)})
    found: dict[int, list[Receipt]] = {}
    for row in rows:
        found.setdefault(row.message, []).append(Receipt(*row))
    return found


def forget(tx: Tx, seqs: Sequence[int]) -> None:
    """Delete what is kept of the attempts and receipts of these messages."""
    of_message = sa.select(attempts.c.seq).where(Among(attempts.c.message, numbers("seqs")))
    tx.execute(sa.delete(provider_ids).where(provider_ids.c.attempt.in_(of_message)), {"seqs": seqs})
    tx.execute(sa.delete(attempts).where(Among(attempts.c.message, numbers("seqs"))), {"seqs": seqs})
    tx.execute(sa.delete(receipts).where(Among(receipts.c.message, numbers("seqs"))), {"seqs": seqs})


def forget_unmatched_before(tx: Tx, received: int, limit: int) -> int:
    """Delete receipts of no message that came before an instant, among the oldest so many; how many."""
    columns = receipts.c
    oldest = sa.select(columns.seq, columns.received).where(columns.message.is_(None)).order_by(columns.seq).limit(limit).subquery()
    chosen = sa.select(oldest.c.seq).where(oldest.c.received < received)
    return tx.execute(sa.delete(receipts).where(columns.seq.in_(chosen))).rowcount
