"""The statements of every turn go by an index: they cost the same with a million rows of other things beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from engine.runtime.live import person
from engine.store import (
    attempts,
    books,
    cells,
    decisions,
    deliveries,
    events,
    figures,
    looking,
    messages,
    people,
    queues,
    switches,
    timers,
    verifications,
)
from engine.store.messages import Move
from engine.store.states import State
from engine.store.store import Store, Tx

AT_ONCE = {"env": "live", "due": 5, "serial": 1, "people": ["u"]}
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
    "due with its user": (lambda tx: tx.run(timers._OF_USERS[0], AT_ONCE), "ix_timers_user"),
    "due with its number": (lambda tx: tx.run(timers._OF_PHONES[0], AT_ONCE), "ix_timers_phone"),
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
    "decisions of a trace": (lambda tx: decisions.by_seq(tx, "live", [1]), "INTEGER PRIMARY KEY"),
    "active book": (lambda tx: books.active(tx, "live"), "env=?"),
    "switches": (lambda tx: switches.in_force(tx, "live"), "env=?"),
    "figures of a rule": (lambda tx: figures.of(tx, "live", "rule:r", 5, 9), "env=? AND subject=? AND at>?"),
    "figures by time": (lambda tx: figures.by_time(tx, "live", "sent", 5), "env=? AND subject=? AND at>?"),
    "busiest rule": (lambda tx: figures.busiest(tx, "live", ["rule:r"], "send ok", 5), "env=? AND subject=? AND at>?"),
    "old figures": (lambda tx: figures.forget_before(tx, 5, 5), "ix_figures_at"),
    "samples of queues": (lambda tx: figures.samples(tx, "live", 5), "env=? AND at>?"),
    "depth of the inbox": (lambda tx: queues.inbox(tx, "live"), "ix_events_inbox"),
    "oldest event": (lambda tx: queues.oldest_event(tx, "live"), "ix_events_inbox"),
    "depth of a channel": (lambda tx: queues.queued(tx, "live", ["sms"]), "ix_messages_queue"),
    "oldest message": (lambda tx: queues.oldest_message(tx, "live", ["sms"], 5), "ix_messages_queue"),
    "timers of a rule": (lambda tx: queues.timers_of(tx, "live", ["r"]), "ix_timers_rule"),
    "list of a rule": (lambda tx: looking.message_page(tx, "live", looking.Asked(rule="r", channel="sms")), "ix_messages_rule"),
    "list of a state": (lambda tx: looking.message_page(tx, "live", looking.Asked(states=(State.REJECTED,))), "ix_messages_state"),
    "list of a person": (lambda tx: looking.message_page(tx, "live", looking.Asked(user="u", rule="r")), "ix_messages_user"),
    "events of a person": (lambda tx: looking.event_page(tx, "live", looking.Asked(user="u", type="t")), "ix_events_user"),
    "a person's story": (lambda tx: person.timeline(tx, "live", person.Who("u", "+86"), None, person.Asked()), "ix_messages_phone"),
    "a person's timers": (lambda tx: person.pending(tx, "live", person.Who("u", None)), "ix_timers_user"),
    "users of a number": (lambda tx: people.of_phone(tx, "live", "+86"), "ix_people_order"),
    "expired": (lambda tx: verifications.expire(tx, "live", 5, 5), "ix_verifications_pending"),
    "due deliveries": (lambda tx: deliveries.claim(tx, "w", 5, 9, 5), "ix_deliveries_due"),
    "deliveries of a webhook": (lambda tx: deliveries.newest(tx, "w"), "ix_deliveries_webhook"),
    "deliveries of a message": (lambda tx: deliveries.forget(tx, ["message:1"]), "ix_deliveries_subject"),
    "old deliveries": (lambda tx: deliveries.forget_before(tx, "live", 5, 5), "ix_deliveries_at"),
    "code": (lambda tx: verifications.latest(tx, "live", "login", phone="+86"), "ix_verifications_phone"),
}


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """SQLite, which plans by the statement alone; PostgreSQL chooses by what the tables hold."""
    made = Store(f"sqlite:///{tmp_path_factory.mktemp('plans') / 'hongyan.db'}")
    made.migrate()
    yield made
    made.close()


def explained(store: Store, run: Callable[[Tx], Any]) -> list[str]:
    """How SQLite would go about every statement of it."""
    plans: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        given = parameters[0] if many else parameters
        found = connection.connection.driver_connection.execute("EXPLAIN QUERY PLAN " + statement, given)
        plans.extend(row[3] for row in found)

    with store.write() as tx:
        sa.event.listen(tx.connection, "before_cursor_execute", explain)
        run(tx)
    return plans


@pytest.mark.parametrize("name", STATEMENTS)
def test_it_goes_by_an_index(sqlite: Store, name: str) -> None:
    run, index = STATEMENTS[name]
    plans = explained(sqlite, run)

    assert any(index in plan for plan in plans), plans
    # `looked`, `anon_1` and `counted` are what a bounded statement has found.
    scanned = [
        plan
        for plan in plans
        if plan.startswith("SCAN") and "INDEX" not in plan and plan.split()[1] not in ("looked", "anon_1", "counted", "CONSTANT")
    ]
    assert not scanned, plans


# Lists of everything, newest first: read in order of the key, and no further than the page needs.
IN_ORDER: dict[str, Callable[[Tx], Any]] = {
    "list of messages": lambda tx: looking.message_page(tx, "live", looking.Asked(type="marketing", provider="p")),
    "list of events": lambda tx: looking.event_page(tx, "live", looking.Asked(type="t")),
    "newest messages": lambda tx: messages.newest(tx, "live"),
    "newest events": lambda tx: events.newest(tx, "live"),
    "newest verdicts": lambda tx: decisions.newest_verdicts(tx, "live"),
    "record": lambda tx: decisions.history(tx, "live", after=5),
}


@pytest.mark.parametrize("name", IN_ORDER)
def test_a_list_of_everything_is_read_in_its_order(sqlite: Store, name: str) -> None:
    plans = explained(sqlite, IN_ORDER[name])
    table = next(at for at, plan in enumerate(plans) if plan.split()[1] in ("messages", "events", "decisions"))

    assert "INDEX ix_" not in plans[table], plans
    assert "TEMP B-TREE" not in "".join(plans[table + 1 : table + 2]), plans
