"""Lists with filters, newest first. What an index leads to is looked through row by row, a few thousand at most: a page may be short and
still have a `next`, but costs the same whatever is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.store import codec, messages
from engine.store.columns import Among, Unsought, key_of, names, numbers
from engine.store.events import Received
from engine.store.messages import Stored
from engine.store.paging import Page, cursor_of, place_of
from engine.store.schema import attempts, decisions, events
from engine.store.schema import messages as message_rows
from engine.store.states import State
from engine.store.store import Tx

LOOKED_THROUGH = 5_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What messages, or events, are wanted. None: all the same. `upto`: not newer than this seq; `after`: only newer."""

    user: str | None = None
    phone: str | None = None  # of a recipient who is only a phone
    rule: str | None = None
    states: tuple[State, ...] = ()
    type: str | None = None
    channel: str | None = None
    provider: str | None = None
    campaign: str | None = None
    upto: int | None = None
    after: int | None = None


def message_page(tx: Tx, env: str, asked: Asked, *, cursor: str | None = None, limit: int = 50) -> Page[Stored]:
    """Messages, newest first."""
    seqs, following = _page(tx, _messages(env, asked, cursor), _message_filters(asked), limit)
    known = messages.by_seq(tx, seqs)
    return Page([known[seq] for seq in seqs if seq in known], following)


def message_seqs_after(tx: Tx, env: str, asked: Asked, limit: int = 100) -> int:
    """How many messages there are after `asked.after`, at most `limit`."""
    found, _ = _page(tx, _messages(env, asked, None), _message_filters(asked), limit)
    return len(found)


def _messages(env: str, asked: Asked, cursor: str | None) -> sa.Select[Any]:
    columns = message_rows.c
    wanted = (columns.seq, columns.rule, columns.state, columns.type, columns.channel, columns.campaign)
    statement = sa.select(*wanted)
    led: tuple[tuple[sa.Column[Any], Any], ...] = (
        (columns.user, asked.user),
        (columns.phone, asked.phone),
        (columns.rule, asked.rule),
        (columns.state, asked.states[0].value if len(asked.states) == 1 else None),
    )
    # One of them leads to the rows, in order of seq; without any, all rows in order of seq.
    for column, value in led:
        if value is not None:
            return _bounded(statement.where(columns.env == env, column == value), columns.seq, asked, cursor)
    statement = statement.where(Unsought(columns.env) == env)
    return _bounded(statement, columns.seq, asked, cursor)


def _message_filters(asked: Asked) -> Mapping[str, Any]:
    filters: dict[str, Any] = {"rule": asked.rule, "type": asked.type, "channel": asked.channel, "campaign": asked.campaign}
    filters["state"] = [state.value for state in asked.states] or None
    filters["provider"] = asked.provider
    return filters


def event_page(tx: Tx, env: str, asked: Asked, *, cursor: str | None = None, limit: int = 50) -> Page[Received]:
    """Events, newest first: `type` is the event's."""
    columns = events.c
    statement: sa.Select[Any] = sa.select(columns.seq, columns.type, columns.phone)
    if asked.user is not None:
        statement = statement.where(columns.env == env, columns.user == asked.user)
    else:
        statement = statement.where(Unsought(columns.env) == env)
    statement = _bounded(statement, columns.seq, asked, cursor)
    seqs, following = _page(tx, statement, {"type": asked.type, "phone": asked.phone}, limit)
    rows = {row.seq: Received(row.seq, codec.decode_event(row.body), row.done) for row in tx.execute(_EVENTS, {"seqs": seqs})}
    return Page([rows[seq] for seq in seqs if seq in rows], following)


_EVENTS = sa.select(events.c.seq, events.c.body, events.c.done).where(Among(events.c.seq, numbers("seqs")))


def _bounded(statement: sa.Select[Any], seq: sa.Column[int], asked: Asked, cursor: str | None) -> sa.Select[Any]:
    if asked.upto is not None:
        statement = statement.where(seq <= asked.upto)
    if asked.after is not None:
        statement = statement.where(seq > asked.after)
    if cursor is not None:
        statement = statement.where(seq < place_of(cursor, int)[0])
    return statement.order_by(seq.desc()).limit(LOOKED_THROUGH)


def _page(tx: Tx, looked: sa.Select[Any], filters: Mapping[str, Any], limit: int) -> tuple[list[int], str | None]:
    inner = looked.subquery("looked")
    wanted = sa.select(inner.c.seq)
    for name, value in filters.items():
        if value is None:
            continue
        if name == "provider":
            by_it = sa.and_(attempts.c.message == inner.c.seq, attempts.c.provider == value)
            wanted = wanted.where(sa.exists().where(by_it))
        elif isinstance(value, list):
            wanted = wanted.where(inner.c[name].in_(value))
        else:
            wanted = wanted.where(inner.c[name] == value)
    found = list(tx.execute(wanted.order_by(inner.c.seq.desc()).limit(limit + 1)).scalars())
    if len(found) > limit:
        return found[:limit], cursor_of(found[limit - 1])
    last, number = tx.execute(sa.select(sa.func.min(inner.c.seq), sa.func.count()).select_from(inner)).one()
    return found, cursor_of(last) if number == LOOKED_THROUGH else None


def outcomes_of(tx: Tx, env: str, received: Sequence[Received]) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """(source, id) of events -> the (outcome, reason) of each verdict that they got when they came."""
    columns = decisions.c
    statement = sa.select(columns.source, columns.ref, columns.verdicts, columns.at).where(
        columns.env == env, columns.source == sa.bindparam("source"), Among(columns.ref, names("refs"))
    )
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for source in sorted({one.event.source for one in received}):
        refs = [one.event.id for one in received if one.event.source == source]
        by_key = {key_of(ref): ref for ref in refs}
        for row in tx.execute(statement, {"source": source, "refs": refs}):
            told = [(verdict.outcome, verdict.reason) for verdict in codec.decode_verdicts(row.verdicts, row.at)]
            found.setdefault((source, by_key[row.ref]), []).extend(told)
    return found
