"""Timers: durable promises to look again, found by when they are due, by the cells that may cancel them, and by rule and key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from engine.core.case import NEVER
from engine.core.outcomes import Item, Timer
from engine.store import bulk, codec, figures
from engine.store.columns import Among, Unsought, key_of, names
from engine.store.schema import timers
from engine.store.store import Tx


def add(tx: Tx, env: str, new: Sequence[Timer]) -> None:
    """Set timers, each in place of one with the same id; they stand last in the order of setting."""
    last = {timer.id: timer for timer in new}
    if len(last) < len(new):  # an id twice: as if set one after the other
        order = {timer.id: place for place, timer in enumerate(new)}
        new = sorted(last.values(), key=lambda timer: order[timer.id])
    if not new:
        return
    drop(tx, env, list(last))
    serials = bulk.numbers(tx, timers, len(new))
    bulk.insert(tx, timers, [_row(env, serial, timer) for serial, timer in zip(serials, new, strict=True)])
    figures.note(tx, env, "timers", figures.ALWAYS, "pending", len(new))


def _row(env: str, serial: int, timer: Timer) -> dict[str, Any]:
    if len(timer.watch) > 2:
        raise ValueError(f"timer {timer.id} is watched by {len(timer.watch)} cells, there is room for two")
    first, second = (*timer.watch, None, None)[:2]
    item = item_of(timer)
    user, phone = timer.recipient if timer.kind == "release" else (item.user, item.phone) if item is not None else (timer.user, None)
    return {
        "serial": serial,
        "env": env,
        "id": timer.id,
        "kind": timer.kind,
        "due": timer.due,
        "rule": item.rule if item is not None else None,
        "key": item.event.key if item is not None and item.event is not None else None,
        "user": user,
        "phone": phone,
        "watch_a": first,
        "watch_b": second,
        "body": codec.encode_timer(timer),
    }


def item_of(timer: Timer) -> Item | None:
    """What a timer is about; None for a wake."""
    return timer.item if timer.item is not None else timer.message.item if timer.message is not None else None


def drop(tx: Tx, env: str, ids: Sequence[str]) -> int:
    """Forget timers; an unknown one is no error. How many there were."""
    gone = tx.run(_DROP, {"env": env, "ids": ids}).rowcount if ids else 0
    if gone:
        figures.note(tx, env, "timers", figures.ALWAYS, "pending", -gone)
    return gone


_DROP = sa.delete(timers).where(timers.c.env == sa.bindparam("env"), Among(timers.c.id, names("ids")))


def pending(tx: Tx, env: str, cell_ids: Iterable[str]) -> dict[str, tuple[Timer, ...]]:
    """For each cell the timers that its events may cancel, in the order in which they were set."""
    wanted = {key_of(id): id for id in cell_ids}
    found: dict[str, list[Timer]] = {id: [] for id in wanted.values()}
    decoded: dict[int, Timer] = {}
    if wanted:
        for watch, serial, body in tx.run(_PENDING, {"env": env, "ids": wanted}):
            timer = decoded.get(serial)
            if timer is None:
                timer = decoded[serial] = codec.decode_timer(body)
            found[wanted[watch]].append(timer)
    return {id: tuple(waiting) for id, waiting in found.items()}


def _watched(column: sa.Column[Any]) -> sa.Select[Any]:
    return sa.select(column.label("watch"), timers.c.serial, timers.c.body).where(
        timers.c.env == sa.bindparam("env"), column.is_not(None), Among(column, names("ids"))
    )


_PENDING = sa.union_all(_watched(timers.c.watch_a), _watched(timers.c.watch_b)).order_by("serial")


def due(tx: Tx, env: str, until: int, limit: int) -> list[Timer]:
    """Timers due by an instant, by due instant and then in the order of setting: `limit`, and where these end in the middle of an instant
    the others that its people have at it, as what falls due together for somebody is judged together, by priority. In a writing transaction
    they are this one's to drop: on PostgreSQL another that asks waits, and finds them gone."""
    locks = tx.is_postgresql and tx.writing
    rows = tx.run(_DUE_LOCKED if locks else _DUE, {"env": env, "until": until, "limit": limit}).all()
    if len(rows) == limit:
        rows = [*rows, *_with_them(tx, env, rows, locks)]
    return [codec.decode_timer(row.body) for row in rows]


def _with_them(tx: Tx, env: str, rows: Sequence[Any], locks: bool) -> list[Any]:
    """What the people of the last instant of `rows` have at it besides, in the order of setting."""
    last = rows[-1]
    theirs = [row for row in rows if row.due == last.due]
    asked = {"env": env, "due": last.due, "serial": last.serial}
    found: list[Any] = []
    for statement, people in (
        (_OF_USERS, {row.user for row in theirs if row.user is not None}),
        (_OF_PHONES, {row.phone for row in theirs if row.user is None and row.phone is not None}),
    ):
        if people:
            found += tx.run(statement[locks], {**asked, "people": sorted(people)})
    return sorted(found, key=lambda row: row.serial)


_DUE_ROW = (timers.c.serial, timers.c.due, timers.c.user, timers.c.phone, timers.c.body)
_DUE = (
    sa.select(*_DUE_ROW)
    .where(timers.c.env == sa.bindparam("env"), timers.c.due <= sa.bindparam("until"))
    .order_by(timers.c.due, timers.c.serial)
    .limit(sa.bindparam("limit"))
)
_DUE_LOCKED = _DUE.with_for_update()
_AT_THE_SAME = sa.select(*_DUE_ROW).where(
    timers.c.env == sa.bindparam("env"),
    Unsought(timers.c.due) == sa.bindparam("due"),
    Unsought(timers.c.serial) > sa.bindparam("serial"),
)


def _not_and_locked(statement: sa.Select[Any]) -> tuple[sa.Select[Any], sa.Select[Any]]:
    return statement, statement.with_for_update()


_OF_USERS = _not_and_locked(_AT_THE_SAME.where(Among(timers.c.user, names("people"))))
_OF_PHONES = _not_and_locked(_AT_THE_SAME.where(timers.c.user.is_(None), Among(timers.c.phone, names("people"))))


def next_due(tx: Tx, env: str) -> int | None:
    """The earliest due instant of a timer that stands; None: none will fall due."""
    due: int | None = tx.run(_NEXT, {"env": env}).scalar()
    return due if due != NEVER else None


_NEXT = sa.select(timers.c.due).where(timers.c.env == sa.bindparam("env")).order_by(timers.c.due, timers.c.serial).limit(1)


def of_rule(tx: Tx, env: str, rule: str, key: str | None = None, limit: int = 1000) -> list[Timer]:
    """Timers of a rule (and a business key), in the order of setting: what a cancellation ends."""
    statement = sa.select(timers.c.body).where(timers.c.env == env, timers.c.rule == rule)
    if key is not None:
        statement = statement.where(timers.c.key == key)
    return [codec.decode_timer(body) for body in tx.execute(statement.order_by(timers.c.serial).limit(limit)).scalars()]


def count_of_rule(tx: Tx, env: str, rule: str, most: int) -> int:
    """How many timers of a rule stand; `most` where there are more, so that the answer is quick."""
    some = sa.select(sa.literal(1)).select_from(timers).where(timers.c.env == env, timers.c.rule == rule).limit(most).subquery()
    return int(tx.execute(sa.select(sa.func.count()).select_from(some)).scalar_one())


def standing(tx: Tx, env: str, ids: Iterable[str]) -> set[str]:
    """Those of these timers that stand."""
    wanted = {key_of(id): id for id in ids}  # a long id stands in the table in another form
    return {wanted[found] for found in tx.run(_STANDING, {"env": env, "ids": list(wanted.values())}).scalars()} if wanted else set()


_STANDING = sa.select(timers.c.id).where(timers.c.env == sa.bindparam("env"), Among(timers.c.id, names("ids")))


def count(tx: Tx, env: str, kind: str | None = None) -> dict[str, int]:
    """How many timers stand, by kind."""
    statement = sa.select(timers.c.kind, sa.func.count()).where(timers.c.env == env).group_by(timers.c.kind)
    found = {kind: int(number) for kind, number in tx.execute(statement)}
    return found if kind is None else {kind: found.get(kind, 0)}
