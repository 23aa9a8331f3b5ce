"""Events: accepted once, by (source, id), kept, and taken in order to be judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from zlib import crc32

import sqlalchemy as sa

from engine import observe
from engine.core.case import occurrence_of
from engine.core.facts import Event
from engine.store import bulk, codec
from engine.store.columns import Among, Unsought, numbers
from engine.store.paging import Page, page, place_of
from engine.store.schema import events
from engine.store.store import Tx
from engine.traces import trace_number, trace_of

SHARDS = 64
Accepted = Literal["accepted", "duplicate"]


@dataclass(frozen=True, slots=True)
class Received:
    """An event as it was accepted: its place in the order, and whether it has been judged."""

    seq: int
    event: Event
    done: bool = False


def shard_of(event: Event) -> int:
    """Where an event is judged: events of one person meet in one shard, those of nobody go by their id."""
    return crc32((event.user or event.phone or event.id).encode("utf-8", "surrogatepass")) % SHARDS


def add(tx: Tx, env: str, batch: Sequence[Event]) -> list[Accepted]:
    """Keep events that were not seen before; for each whether it was."""
    drawn = bulk.numbers(tx, events, len(batch))
    rows = [
        {
            "seq": seq,
            "env": env,
            "source": event.source,
            "id": event.id,
            "type": event.type,
            "user": event.user,
            "phone": event.phone,
            "key": event.key,
            "time": event.time,
            "received": event.received,
            "shard": shard_of(event),
            "done": False,
            "trace": trace_number(env, occurrence_of(event)),
            "body": codec.encode_event(event),
        }
        for seq, event in zip(drawn, batch, strict=True)
    ]
    bulk.insert(tx, events, rows, on_conflict="nothing")
    kept = set(tx.run(_KEPT, {"seqs": drawn}).scalars())
    answers: list[Accepted] = ["accepted" if seq in kept else "duplicate" for seq in drawn]
    if observe.heard():
        for event, answer in zip(batch, answers, strict=True):
            trace = trace_of(env, occurrence_of(event))
            tx.told.append({"event": f"event {answer}", "trace": trace, "env": env, "type": event.type})
    return answers


_KEPT = sa.select(events.c.seq).where(Among(events.c.seq, numbers("seqs")))


def take(tx: Tx, env: str, limit: int, shard: int | None = None) -> list[Received]:
    """The oldest events that wait to be judged, in order. They stay until `mark_done`."""
    statement = _INBOX if shard is None else _INBOX_SHARD
    rows = tx.run(statement, {"env": env, "limit": limit} | ({} if shard is None else {"shard": shard}))
    return [Received(seq, codec.decode_event(body)) for seq, body in rows]


_INBOX = (
    sa.select(events.c.seq, events.c.body)
    .where(events.c.env == sa.bindparam("env"), sa.text("NOT done"))
    .order_by(events.c.seq)
    .limit(sa.bindparam("limit"))
)
_INBOX_SHARD = _INBOX.where(events.c.shard == sa.bindparam("shard"))


def lock_inbox(tx: Tx, env: str, shard: int = SHARDS) -> bool:
    """Whether this transaction may judge the shard (by default: the whole inbox); False while another one does. Until its end."""
    return not tx.is_postgresql or bool(tx.run(_TRY_LOCK, {"env": f"inbox|{env}", "shard": shard}).scalar())


_TRY_LOCK = sa.text("SELECT pg_try_advisory_xact_lock(hashtext(:env), :shard)")


def accepting(tx: Tx) -> None:
    """Before the instant of acceptance is read: from now to its end this transaction is one that `settled` waits for."""
    if tx.is_postgresql:
        tx.run(_ACCEPTING)


def settled(tx: Tx, now: Callable[[], int]) -> int:
    """An instant before which no event can turn up any more: `now()` when every transaction that was accepting has ended. SQLite has one
    writer, so that none is under way."""
    if not tx.is_postgresql:
        return now()
    inner = tx.connection.begin_nested()  # rolling back gives the lock back at once: whoever accepts waits for no judging
    try:
        tx.run(_SETTLED)
        return now()
    finally:
        inner.rollback()


_ACCEPTING = sa.text("SELECT pg_advisory_xact_lock_shared(hashtext('accepting'), 0)")
_SETTLED = sa.text("SELECT pg_advisory_xact_lock(hashtext('accepting'), 0)")


def waiting_shards(tx: Tx, env: str) -> list[int]:
    """The shards in which an event waits."""
    return list(tx.execute(_WAITING, {"env": env}).scalars())


_WAITING = sa.select(events.c.shard).distinct().where(events.c.env == sa.bindparam("env"), sa.text("NOT done")).order_by(events.c.shard)


def count_received(tx: Tx, env: str, until: int) -> int:
    """How many events are kept that were received by an instant."""
    return int(tx.execute(sa.select(sa.func.count()).where(events.c.env == env, events.c.received <= until)).scalar() or 0)


def count_waiting(tx: Tx, env: str) -> int:
    """How many events wait to be judged."""
    return int(tx.execute(_COUNT if tx.is_postgresql else _COUNT_SQLITE, {"env": env}).scalar() or 0)


_COUNT = sa.text("SELECT count(*) FROM events WHERE env = :env AND NOT done")
# Left to itself SQLite would count them all.
_COUNT_SQLITE = sa.text("SELECT count(*) FROM events INDEXED BY ix_events_inbox WHERE env = :env AND NOT done")


def mark_done(tx: Tx, seqs: Iterable[int]) -> None:
    """These events have been judged."""
    tx.run(_DONE, {"seqs": list(seqs)})


_DONE = sa.update(events).where(Among(events.c.seq, numbers("seqs"))).values(done=True)


def get(tx: Tx, env: str, source: str, id: str) -> Received | None:
    """The event of this identity."""
    row = tx.run(_ONE, {"env": env, "source": source, "id": id}).one_or_none()
    return Received(row.seq, codec.decode_event(row.body), row.done) if row is not None else None


_ONE = sa.select(events.c.seq, events.c.body, events.c.done).where(
    events.c.env == sa.bindparam("env"), events.c.source == sa.bindparam("source"), events.c.id == sa.bindparam("id")
)


def of_trace(tx: Tx, env: str, trace: int) -> Received | None:
    """The event of a trace (engine.traces)."""
    row = tx.execute(_OF_TRACE, {"env": env, "trace": trace}).first()
    return Received(row.seq, codec.decode_event(row.body), row.done) if row is not None else None


_OF_TRACE = sa.select(events.c.seq, events.c.body, events.c.done).where(
    events.c.env == sa.bindparam("env"), events.c.trace == sa.bindparam("trace")
)


def history(
    tx: Tx, env: str, *, since: int | None = None, until: int | None = None, user: str | None = None, after: int = 0, limit: int = 1000
) -> list[Received]:
    """Events received in `[since, until]` (of one user), in order of seq, after seq `after`: what a replay and `adopt` read."""
    by = Unsought(events.c.env) if user is None else events.c.env
    statement = sa.select(events.c.seq, events.c.body, events.c.done).where(by == env, events.c.seq > after)
    if since is not None:
        statement = statement.where(events.c.received >= since)
    if until is not None:
        statement = statement.where(events.c.received <= until)
    if user is not None:
        statement = statement.where(events.c.user == user)
    rows = tx.execute(statement.order_by(events.c.seq).limit(limit))
    return [Received(row.seq, codec.decode_event(row.body), row.done) for row in rows]


def newest(
    tx: Tx, env: str, *, type: str | None = None, user: str | None = None, cursor: str | None = None, limit: int = 100
) -> Page[Received]:
    """Events, newest first."""
    statement = sa.select(events.c.seq, events.c.body, events.c.done).where(
        (Unsought(events.c.env) if user is None else events.c.env) == env
    )
    if type is not None:
        statement = statement.where(events.c.type == type)
    if user is not None:
        statement = statement.where(events.c.user == user)
    if cursor is not None:
        statement = statement.where(events.c.seq < place_of(cursor, int)[0])
    rows = tx.execute(statement.order_by(events.c.seq.desc()).limit(limit + 1))
    found = [Received(row.seq, codec.decode_event(row.body), row.done) for row in rows]
    return page(found, limit, lambda one: (one.seq,))


def forget_before(tx: Tx, env: str, received: int, limit: int) -> int:
    """Delete judged events received before an instant, at most so many; how many."""
    chosen = sa.select(events.c.seq).where(events.c.env == env, events.c.received < received, events.c.done).limit(limit)
    return tx.execute(sa.delete(events).where(events.c.seq.in_(chosen))).rowcount
