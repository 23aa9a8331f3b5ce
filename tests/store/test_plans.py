"""The statements of every turn go by an index: they cost the same with a million rows of other things beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from engine.store import attempts, books, cells, decisions, events, messages, people, switches, timers, verifications
from engine.store.messages import Move
from engine.store.states import State
from engine.store.store import Store, Tx

STATEMENTS: dict[str, tuple[Callable[[Tx], Any], str]] = {
    "inbox": (lambda tx: events.take(tx, "live", 5), "ix_events_inbox"),
    "waiting": (lambda tx: events.count_waiting(tx, "live"), "ix_events_inbox"),
    "done": (lambda tx: events.mark_done(tx, [1]), "INTEGER PRIMARY KEY"),
    "event": (lambda tx: events.get(tx, "live", "api", "e"), "source=? AND id=?"),
    "events of a user": (lambda tx: events.history(tx, "live", user="u"), "ix_events_user"),
    "cells": (lambda tx: cells.load(tx, "live", ["user:u"]), "env=? AND id=?"),
    "sweep": (lambda tx: cells.sweep(tx, 5), "ix_cells_expires"),
    "people": (lambda tx: people.page(tx, "live", after=("+86", "u")), "ix_people_order"),
    "pending": (lambda tx: timers.pending(tx, "live", ["key:1"]), "ix_timers_watch_b"),
    "due": (lambda tx: timers.due(tx, "live", 5, 5), "ix_timers_due"),
    "next due": (lambda tx: timers.next_due(tx, "live"), "ix_timers_due"),
    "drop": (lambda tx: timers.drop(tx, "live", ["t"]), "env=? AND id=?"),
    "cancel": (lambda tx: timers.of_rule(tx, "live", "r", "k"), "ix_timers_rule"),
    "claim": (lambda tx: messages.claim(tx, "live", "sms", 5, 5), "ix_messages_queue"),
    "ready": (lambda tx: messages.next_ready(tx, "live", "sms"), "ix_messages_queue"),
    "left behind": (lambda tx: messages.open_since(tx, "live", State.SUBMITTING, 5), "ix_messages_open"),
    "move": (lambda tx: messages.apply(tx, [Move(1, State.QUEUED)], 5), "INTEGER PRIMARY KEY"),
    "messages of a user": (lambda tx: messages.newest(tx, "live", user="u"), "ix_messages_user"),
    "messages of a rule": (lambda tx: messages.newest(tx, "live", rule="r"), "ix_messages_rule"),
    "messages of an event": (lambda tx: messages.of_trace(tx, "live", 1), "ix_messages_trace"),
    "attempts": (lambda tx: attempts.of_messages(tx, [1]), "message=?"),
    "trace": (lambda tx: attempts.trace(tx, "p", "1"), "provider=? AND provider_id=?"),
    "verdicts of a user": (lambda tx: decisions.newest_verdicts(tx, "live", user="u"), "person=?"),
    "verdicts of an event": (lambda tx: decisions.of_cause(tx, "live", "e", "api"), "ix_decisions_ref"),
    "active book": (lambda tx: books.active(tx, "live"), "env=?"),
    "switches": (lambda tx: switches.in_force(tx, "live"), "env=?"),
    "code": (lambda tx: verifications.latest(tx, "live", "login", phone="+86"), "ix_verifications_phone"),
}


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """SQLite, which plans by the statement alone; PostgreSQL chooses by what the tables hold."""
    made = Store(f"sqlite:///{tmp_path_factory.mktemp('plans') / 'hongyan.db'}")
    made.migrate()
    yield made
    made.close()


@pytest.mark.parametrize("name", STATEMENTS)
def test_it_goes_by_an_index(sqlite: Store, name: str) -> None:
    run, index = STATEMENTS[name]
    plans: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        given = parameters[0] if many else parameters
        found = connection.connection.driver_connection.execute("EXPLAIN QUERY PLAN " + statement, given)
        plans.extend(row[3] for row in found)

    with sqlite.write() as tx:
        sa.event.listen(tx.connection, "before_cursor_execute", explain)
        run(tx)

    assert any(index in plan for plan in plans), plans
    assert not [plan for plan in plans if plan.startswith("SCAN") and "INDEX" not in plan], plans
