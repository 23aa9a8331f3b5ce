"""Messages: the outbox, its queue by channel, and their moves from state to state (states.py)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.core.case import NEVER
from engine.core.outcomes import Message
from engine.store import bulk, codec, deliveries, figures
from engine.store.columns import Among, Unsought, kept_as, names, numbers
from engine.store.paging import Page, page, place_of
from engine.store.schema import messages
from engine.store.states import Moved, State, move
from engine.store.store import Tx
from engine.traces import trace_number

PRIORITIES = (0, 1, 2, 3)  # urgency: verification, notification, marketing, bulk
WAITS = (State.QUEUED, State.WAITING)


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to be sent. `decision` is the seq of the decision it came from."""

    message: Message
    priority: int
    decision: int | None = None
    not_before: int = 0
    cost: str | None = None
    campaign: str | None = None
    state: State = State.QUEUED
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as it is kept."""

    seq: int
    env: str
    message: Message
    state: State
    reason: str | None
    changed: int
    not_before: int
    priority: int
    tries: int
    cost: str | None
    campaign: str | None
    decision: int | None


@dataclass(frozen=True, slots=True)
class Move:
    """A message is to go into a state. `not_before` and `reason` change only where given. `by`: the provider that said so, and when it was
    asked, for the figures."""

    seq: int
    to: State
    reason: str | None = None
    not_before: int | None = None
    by: tuple[str, int] | None = None


def add(tx: Tx, env: str, new: Sequence[NewMessage]) -> list[bool]:
    """Put messages into the outbox, in order; for each whether it is new: an id that is there already is not sent again."""
    if not new:
        return []
    seqs = bulk.numbers(tx, messages, len(new))
    bulk.insert(tx, messages, [_row(env, seq, one) for seq, one in zip(seqs, new, strict=True)], on_conflict="nothing")
    kept = set(tx.run(_KEPT, {"seqs": seqs}).scalars())
    for seq, one in zip(seqs, new, strict=True):
        if seq in kept:
            figures.note_message(tx, env, one.message.rule, one.campaign, one.message.at, None, one.state)
    added = ((seq, one) for seq, one in zip(seqs, new, strict=True) if seq in kept)
    deliveries.note(tx, (deliveries.of_message(env, seq, one.state, one.reason, one.message.at) for seq, one in added))
    return [seq in kept for seq in seqs]


_KEPT = sa.select(messages.c.seq).where(Among(messages.c.seq, numbers("seqs")))


def _row(env: str, seq: int, new: NewMessage) -> dict[str, Any]:
    message = new.message
    shown = {
        "id": message.id,
        "at": message.at,
        "user": message.user,
        "phone": message.phone,
        "to": message.to,
        "type": message.type,
        "channel": message.channel,
        "template": message.template,
        "variant": message.variant,
        "text": message.text,
        "parts": message.parts,
        "position": message.position,
        "send_until": message.send_until,
    }
    # Where a name is kept in another form than it has, the body holds the original.
    as_it_is = {name: value for name, value in shown.items() if type(value) is not str or kept_as(messages.c[name], value) == value}
    event = message.item.event
    return shown | {
        "seq": seq,
        "env": env,
        "decision": new.decision,
        "rule": message.rule,
        "occurrence": message.occurrence,
        "trace": trace_number(env, message.occurrence),
        "key": event.key if event is not None else None,
        "cost": new.cost,
        "state": new.state.value,
        "reason": new.reason,
        "changed": message.at,
        "not_before": new.not_before,
        "priority": new.priority,
        "tries": 0,
        "campaign": new.campaign,
        "body": codec.encode_message(message, as_it_is),
    }


# ---- the queue --------------------------------------------------------------------------------------------------------------------------


def claim(tx: Tx, env: str, channel: str, now: int, limit: int, priorities: Sequence[int] = PRIORITIES) -> list[Stored]:
    """Messages of a channel that may go now, the most urgent first. They are this transaction's until its end, and passed over by others:
    move each one on (`attempts.begin`, `move`) before it."""
    statement = _CLAIM_LOCKED if tx.is_postgresql else _CLAIM
    found: list[Stored] = []
    for priority in priorities:
        values = {"env": env, "channel": channel, "priority": priority, "now": now, "limit": limit - len(found)}
        found += [_stored(row) for row in tx.run(statement, values)]
        if len(found) >= limit:
            break
    return found


_WAITS = sa.text("state IN ('queued', 'waiting')")
_CLAIM = (
    sa.select(messages)
    .where(
        messages.c.env == sa.bindparam("env"),
        messages.c.channel == sa.bindparam("channel"),
        messages.c.priority == sa.bindparam("priority"),
        messages.c.not_before <= sa.bindparam("now"),
        _WAITS,
    )
    .order_by(messages.c.not_before, messages.c.seq)
    .limit(sa.bindparam("limit"))
)
_CLAIM_LOCKED = _CLAIM.with_for_update(skip_locked=True)


def next_ready(tx: Tx, env: str, channel: str) -> int | None:
    """The earliest instant at which a message of the channel may go; None: none waits."""
    instants = [tx.run(_NEXT, {"env": env, "channel": channel, "priority": priority}).scalar() for priority in PRIORITIES]
    return min([instant for instant in instants if instant is not None], default=None)


_NEXT = (
    sa.select(messages.c.not_before)
    .where(
        messages.c.env == sa.bindparam("env"),
        messages.c.channel == sa.bindparam("channel"),
        messages.c.priority == sa.bindparam("priority"),
        _WAITS,
    )
    .order_by(messages.c.not_before)
    .limit(1)
)


def depths(tx: Tx, env: str) -> dict[tuple[str, str], int]:
    """(channel, state) -> messages that have not ended."""
    open_states = [state.value for state in (*WAITS, State.SUBMITTING, State.UNKNOWN)]
    statement = sa.select(messages.c.channel, messages.c.state, sa.func.count())
    statement = statement.where(messages.c.env == env, messages.c.state.in_(open_states)).group_by(messages.c.channel, messages.c.state)
    return {(channel, state): int(number) for channel, state, number in tx.execute(statement)}


def open_since(tx: Tx, env: str, state: State, until: int, limit: int = 1000) -> list[Stored]:
    """Messages that have been submitting, or unknown, since an instant or longer: what a crash or a silent provider left behind. Locked
    on PostgreSQL, passing over those that somebody works on."""
    statement = sa.select(messages).where(
        messages.c.env == env,
        messages.c.state == state.value,
        sa.text("state IN ('submitting', 'unknown')"),
        messages.c.changed <= until,
    )
    statement = statement.order_by(messages.c.changed, messages.c.seq).limit(limit)
    if tx.is_postgresql and tx.writing:
        statement = statement.with_for_update(skip_locked=True)
    return [_stored(row) for row in tx.execute(statement)]


def apply(tx: Tx, moves: Sequence[Move], now: int) -> dict[int, Moved]:
    """Move messages on, as far as states.ARROWS allows; for each seq what came of it."""
    if not moves:
        return {}
    wanted = {one.seq: one for one in moves}
    statement = _STATES_LOCKED if tx.is_postgresql else _STATES
    states = {row.seq: row for row in tx.run(statement, {"seqs": sorted(wanted)})}
    outcomes: dict[int, Moved] = {}
    rows = []
    for seq, one in wanted.items():
        known = states.get(seq)
        outcomes[seq] = move(State(known.state), one.to) if known is not None else Moved.MISSING
        if known is not None and outcomes[seq] is Moved.MOVED:
            not_before = known.not_before if one.not_before is None else one.not_before
            rows.append({"seq": seq, "state": one.to.value, "reason": one.reason, "changed": now, "not_before": not_before})
            before = State(known.state)
            figures.note_message(tx, known.env, known.rule, known.campaign, known.at, before, one.to)
            if one.by is not None:
                figures.note_attempt(tx, known.env, one.by[0], known.channel, one.by[1], before, one.to, now)
    bulk.update(tx, messages, ("seq",), rows)
    if rows:
        moved = (wanted[seq] for seq, outcome in outcomes.items() if outcome is Moved.MOVED)
        deliveries.note(tx, (deliveries.of_message(states[one.seq].env, one.seq, one.to, one.reason, now) for one in moved))
    return outcomes


_STATES = sa.select(
    messages.c.seq, messages.c.state, messages.c.not_before, messages.c.env, messages.c.rule, messages.c.campaign, messages.c.channel,
    messages.c.at,
).where(Among(messages.c.seq, numbers("seqs")))  # fmt: skip
_STATES_LOCKED = _STATES.order_by(messages.c.seq).with_for_update()


# ---- looking them up --------------------------------------------------------------------------------------------------------------------


def get(tx: Tx, env: str, ids: Iterable[str]) -> dict[str, Stored]:
    """Messages by id, as far as they are known."""
    rows = tx.run(_BY_ID, {"env": env, "ids": list(ids)})
    return {stored.message.id: stored for stored in map(_stored, rows)}


_BY_ID = sa.select(messages).where(messages.c.env == sa.bindparam("env"), Among(messages.c.id, names("ids")))


def by_seq(tx: Tx, seqs: Iterable[int]) -> dict[int, Stored]:
    """Messages by serial number."""
    return {row.seq: _stored(row) for row in tx.run(_BY_SEQ, {"seqs": list(seqs)})}


_BY_SEQ = sa.select(messages).where(Among(messages.c.seq, numbers("seqs")))


def of_trace(tx: Tx, env: str, trace: int, limit: int = 1000) -> list[Stored]:
    """The messages of one trace (engine.traces), in order: what an event led to, at once and by its timers."""
    statement = sa.select(messages).where(messages.c.env == env, messages.c.trace == trace)
    return [_stored(row) for row in tx.execute(statement.order_by(messages.c.seq).limit(limit))]


def lock(tx: Tx, seqs: Iterable[int]) -> None:
    """Nobody else moves these messages until the end of the transaction. Who moves some of them at a time locks all of them before, in
    order, or two that do would wait for each other."""
    if tx.is_postgresql:
        tx.run(_STATES_LOCKED, {"seqs": sorted(seqs)})


def hold(tx: Tx, env: str, ids: Iterable[str]) -> dict[str, Stored]:
    """These messages by id, as they stand until the end of the transaction: no dispatcher takes or moves them. Waits for one that is
    about to."""
    statement = _HELD_LOCKED if tx.is_postgresql else _HELD
    return {stored.message.id: stored for stored in map(_stored, tx.run(statement, {"env": env, "ids": list(ids)}))}


_HELD = _BY_ID.order_by(messages.c.seq)
_HELD_LOCKED = _HELD.with_for_update()


def waiting_of(tx: Tx, env: str, rule: str, *, key: str | None = None, user: str | None = None, to: str | None = None) -> list[Stored]:
    """Messages of a rule (and a business key, a user, a number) that have not left yet: what a cancellation takes back."""
    statement = sa.select(messages).where(messages.c.env == env, messages.c.rule == rule, _WAITS)
    for column, value in ((messages.c.key, key), (messages.c.user, user), (messages.c.to, to)):
        if value is not None:
            statement = statement.where(column == value)
    return [_stored(row) for row in tx.execute(statement.order_by(messages.c.seq))]


def newest(
    tx: Tx,
    env: str,
    *,
    user: str | None = None,
    rule: str | None = None,
    to: str | None = None,
    trace: int | None = None,
    states: Collection[State] = (),
    campaign: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> Page[Stored]:
    """Messages, newest first."""
    columns = messages.c
    is_led = any(value is not None for value in (user, rule, trace)) or len(states) == 1
    statement = sa.select(messages).where((columns.env if is_led else Unsought(columns.env)) == env)
    wanted = ((columns.user, user), (columns.rule, rule), (columns.to, to), (columns.trace, trace), (columns.campaign, campaign))
    for column, value in wanted:
        if value is not None:
            statement = statement.where(column == value)
    if states:
        statement = statement.where(columns.state.in_([state.value for state in states]))
    if cursor is not None:
        statement = statement.where(columns.seq < place_of(cursor, int)[0])
    rows = tx.execute(statement.order_by(columns.seq.desc()).limit(limit + 1))
    return page([_stored(row) for row in rows], limit, lambda one: (one.seq,))


def _stored(row: Any) -> Stored:
    columns = row._mapping
    message = codec.decode_message(row.body, columns)
    return Stored(
        row.seq, row.env, message, State(row.state), row.reason, row.changed, row.not_before, row.priority, row.tries, row.cost,
        row.campaign, row.decision,
    )  # fmt: skip


def forget_before(tx: Tx, env: str, at: int, limit: int) -> list[int]:
    """Delete messages that have ended and were decided before an instant, at most so many; their seqs (attempts.forget takes them). An
    unknown one has ended when nobody will ask about it any more."""
    columns = messages.c
    open_states = [state.value for state in (*WAITS, State.SUBMITTING, State.UNKNOWN)]
    ended = sa.or_(columns.state.not_in(open_states), sa.and_(columns.state == State.UNKNOWN.value, columns.not_before >= NEVER))
    # Only the oldest are looked at: asked every minute, it must not read the whole table to find nothing.
    oldest = sa.select(columns.seq, columns.at).where(columns.env == env, ended).order_by(columns.seq).limit(limit).subquery()
    seqs = list(tx.execute(sa.select(oldest.c.seq).where(oldest.c.at < at)).scalars())
    tx.execute(sa.delete(messages).where(Among(messages.c.seq, numbers("seqs"))), {"seqs": seqs})
    return seqs
