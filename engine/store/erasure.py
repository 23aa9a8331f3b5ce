"""Erasing a person: every row that says who somebody was goes, in one transaction. What is about others in the same row stays."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from engine.core.facts import Cell, UserCell
from engine.core.outcomes import Verdict
from engine.store import attempts, cells, changes, codec, deliveries, figures
from engine.store import verifications as verification_rows
from engine.store.columns import Among, key_of, numbers
from engine.store.decisions import person_key
from engine.store.schema import cells as cells_table
from engine.store.schema import (
    conversions,
    decision_people,
    decisions,
    events,
    idempotency,
    messages,
    people,
    suppressions,
    timers,
    verifications,
)
from engine.store.store import Tx


def erase(tx: Tx, env: str, user: str) -> tuple[str | None, frozenset[str]] | None:
    """Erase a user. Gives the phone and what it was suppressed for, so that an opt-out can outlive the person; None: nobody of this id."""
    cell = cells.load(tx, env, [f"user:{user}"])[f"user:{user}"]
    known = isinstance(cell, UserCell) or _exists(tx, env, user)
    if not known:
        return None
    phone = cell.phone if isinstance(cell, UserCell) else None
    opted_out = _forget_phone(tx, env, phone) if phone is not None else frozenset()
    _forget_messages(tx, env, user, phone)
    _forget_verdicts(tx, env, user, phone)
    deliveries.forget(tx, [f"verification:{id}" for id in verification_rows.ids_of(tx, env, user, phone)])
    for table in (events, timers, conversions, people, verifications):
        _forget_rows(tx, table, table.c.env == env, table.c.user == user, env=env)
    if phone is not None:
        for table in (events, timers, verifications):
            _forget_rows(tx, table, table.c.env == env, table.c.phone == phone, env=env)
    tx.execute(sa.delete(cells_table).where(cells_table.c.env == env, cells_table.c.id == f"user:{user}"))
    changes.forget(tx, env, [f"user:{user}", *([f"phone:{phone}"] if phone is not None else [])])
    _clean_windows(tx, env, user, phone)
    for trace in (user, phone):
        if trace is not None:
            tx.execute(sa.delete(idempotency).where(idempotency.c.env == env, idempotency.c.response.contains(trace, autoescape=True)))
    return phone, opted_out


def _forget_rows(tx: Tx, table: sa.Table, *where: sa.ColumnElement[bool], env: str) -> None:
    gone = tx.execute(sa.delete(table).where(*where)).rowcount
    if table is timers and gone:
        figures.note(tx, env, "timers", figures.ALWAYS, "pending", -gone)


def _exists(tx: Tx, env: str, user: str) -> bool:
    found = sa.select(events.c.seq).where(events.c.env == env, events.c.user == user).limit(1)
    return tx.execute(found).scalar() is not None


def _forget_phone(tx: Tx, env: str, phone: str) -> frozenset[str]:
    cell_id = f"phone:{phone}"
    cell = cells.load(tx, env, [cell_id])[cell_id]
    tx.execute(sa.delete(cells_table).where(cells_table.c.env == env, cells_table.c.id == cell_id))
    tx.execute(sa.delete(suppressions).where(suppressions.c.env == env, suppressions.c.phone == phone))
    return cell.suppressed if cell is not None else frozenset()


def _forget_messages(tx: Tx, env: str, user: str, phone: str | None) -> None:
    theirs = [messages.c.user == user] + ([messages.c.to == phone] if phone is not None else [])
    seqs = list(tx.execute(sa.select(messages.c.seq).where(messages.c.env == env, sa.or_(*theirs))).scalars())
    attempts.forget(tx, seqs)
    deliveries.forget(tx, [f"message:{seq}" for seq in seqs])
    tx.execute(sa.delete(messages).where(Among(messages.c.seq, numbers("seqs"))), {"seqs": seqs})


def _forget_verdicts(tx: Tx, env: str, user: str, phone: str | None) -> None:
    """Rows about this person alone go; from the others their verdicts are taken out."""
    named = [person_key(user, None)] + ([person_key(None, phone)] if phone is not None else [])
    for person in named:
        chosen = sa.select(decision_people.c.seq).where(decision_people.c.env == env, decision_people.c.person == key_of(person))
        for seq in list(tx.execute(chosen).scalars()):
            row = tx.execute(sa.select(decisions.c.at, decisions.c.verdicts, decisions.c.cause).where(decisions.c.seq == seq)).one_or_none()
            if row is None:
                continue
            left = [verdict for verdict in codec.decode_verdicts(row.verdicts, row.at) if not _is_theirs(verdict, user, phone)]
            if left:
                kept = sa.update(decisions).where(decisions.c.seq == seq).values(verdicts=codec.encode_verdicts(left))
                tx.execute(kept)
            else:
                tx.execute(sa.delete(decisions).where(decisions.c.seq == seq))
        gone = sa.delete(decision_people).where(decision_people.c.env == env, decision_people.c.person == key_of(person))
        tx.execute(gone)
    # Records that name nobody in a verdict: an import, a wake.
    tx.execute(sa.delete(decisions).where(decisions.c.env == env, decisions.c.cause == "user", decisions.c.ref == user))
    tx.execute(sa.delete(decisions).where(decisions.c.env == env, decisions.c.ref == f"wake|user:{user}"))
    if phone is not None:
        tx.execute(sa.delete(decisions).where(decisions.c.env == env, decisions.c.cause == "opt_out", decisions.c.ref == phone))


def _is_theirs(verdict: Verdict, user: str, phone: str | None) -> bool:
    return verdict.user == user or (phone is not None and verdict.phone == phone)


def _clean_windows(tx: Tx, env: str, user: str, phone: str | None) -> None:
    """Events of the person in the windows of business keys, until those expire by themselves."""
    traces = [trace for trace in (user, phone) if trace is not None]
    holds = sa.or_(*(cells_table.c.body.contains(trace, autoescape=True) for trace in traces))
    rows = tx.execute(sa.select(cells_table.c.id, cells_table.c.body).where(cells_table.c.env == env, holds)).all()
    changed: dict[str, Cell] = {}
    for row in rows:
        cell = codec.decode_cell(row.body)
        windows = {rule: _without(window, user, phone) for rule, window in cell.windows.items()}
        cell.windows = windows
        changed[row.id] = cell
    cells.save(tx, env, changed)


def _without(window: Any, user: str, phone: str | None) -> Any:
    """A window of a join is (latest, ((step, event), ...)); one of a count holds only times, and stays."""
    latest, entries = window
    if not isinstance(entries, tuple):
        return window
    return latest, tuple([(at, event) for at, event in entries if event.user != user and (phone is None or event.phone != phone)])
