"""Statements that are run by the driver alone: the same rows, and the same errors, as by SQLAlchemy."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, MultipleResultsFound, NoResultFound

from engine.store import bulk, events, prepared
from engine.store import store as stores
from engine.store.schema import marks
from engine.store.schema import messages as message_rows
from engine.store.store import Store, Tx, is_unavailable

ONE = sa.select(marks.c.name, marks.c.body).where(marks.c.env == sa.bindparam("env"), marks.c.name == sa.bindparam("name"))
ALL = sa.select(marks).where(marks.c.env == "live").order_by(marks.c.name)
TEXT = sa.text("SELECT name, body AS \"from\" FROM marks WHERE env = :env AND body LIKE '%b%' ORDER BY name")
FLAG = sa.select(sa.literal(True, sa.Boolean).label("flag"), sa.func.count().label("number")).select_from(marks)
CHANGE = sa.update(marks).where(marks.c.env == sa.bindparam("where")).values(body="changed")
STATEMENTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "by name": (ONE, {"env": "live", "name": "a"}),
    "nothing": (ONE, {"env": "live", "name": "?"}),
    "values of its own": (ALL, {}),
    "a text": (TEXT, {"env": "live"}),
    "a truth": (FLAG, {}),
    "numbers": (events._KEPT, {"seqs": [1, 2]}),
}


def rows(tx: Tx) -> None:
    tx.execute(sa.insert(marks), [{"env": "live", "name": name, "body": f"b{name}"} for name in "abc"])


def attempt(call: Any) -> Any:
    """What it gives, or the type of what it raises."""
    try:
        found = call()
    except DBAPIError:
        raise
    except Exception as error:
        return type(error)
    return list(found) if isinstance(found, list | tuple) and not hasattr(found, "_mapping") else found


@pytest.mark.parametrize(("statement", "values"), STATEMENTS.values(), ids=STATEMENTS)
def test_results_are_those_of_sqlalchemy(store: Store, statement: Any, values: dict[str, Any]) -> None:
    """Rows with their names, however they are asked for."""
    with store.write() as tx:
        rows(tx)
        for ask in ("all", "first", "one_or_none", "scalar"):
            theirs = attempt(getattr(tx.execute(statement, values), ask))
            assert attempt(getattr(tx.run(statement, values), ask)) == theirs
        assert list(tx.run(statement, values).scalars()) == list(tx.execute(statement, values).scalars())
        for ours, theirs in zip(tx.run(statement, values), tx.execute(statement, values), strict=True):
            assert dict(ours._mapping) == dict(theirs._mapping)
            assert type(ours[0]) is type(theirs[0])


def test_one_row_is_one_row(store: Store) -> None:
    """Not none, not two."""
    with store.write() as tx:
        rows(tx)

        assert tx.run(ONE, {"env": "live", "name": "a"}).one().body == "ba"
        with pytest.raises(NoResultFound):
            tx.run(ONE, {"env": "live", "name": "?"}).one()
        with pytest.raises(MultipleResultsFound):
            tx.run(ALL).one()
        assert tx.run(CHANGE, {"where": "live"}).rowcount == 3


def test_who_listens_hears_them_too(store: Store) -> None:
    """As tests do that count statements or ask for plans."""
    heard = []
    with store.read() as tx:
        sa.event.listen(tx.connection, "before_cursor_execute", lambda _c, _cursor, statement, *_: heard.append(statement))
        tx.run(ONE, {"env": "live", "name": "a"})

    assert len(heard) == 1


INSERT = sa.text("INSERT INTO marks (env, name, body) VALUES (:env, :name, '')")


def test_errors_are_those_of_sqlalchemy(store: Store) -> None:
    """By type, with the driver's own inside, and without the values."""
    values = {"env": "live", "name": "somebody@example.com"}
    with store.write() as tx:
        tx.run(INSERT, values)
    with pytest.raises(IntegrityError) as caught, store.write() as tx:
        tx.run(INSERT, values)
    with pytest.raises(DBAPIError) as wrong, store.write() as tx:
        tx.run(sa.text("SELECT nothing FROM nowhere"))

    assert isinstance(caught.value.orig, Exception)
    assert values["name"] not in str(caught.value.params)
    assert not is_unavailable(wrong.value)


def test_many_rows_fail_as_one_does(store: Store) -> None:
    """And leave nothing."""
    row = {"env": "live", "name": "x", "body": ""}
    with pytest.raises(IntegrityError), store.write() as tx:
        bulk.insert(tx, marks, [row, row])
    with store.read() as tx:
        assert tx.run(ALL).all() == []


def test_a_lost_connection_is_not_used_again(store: Store) -> None:
    """The next transaction has another one."""
    if not store.is_postgresql:
        pytest.skip("SQLite has no connection to lose")
    with pytest.raises(DBAPIError) as caught, store.read() as tx:  # noqa: PT012 - one transaction
        own = tx.execute(sa.text("SELECT pg_backend_pid()")).scalar()
        with store.engine.connect() as other:
            other.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": own})
        tx.run(ALL)

    assert caught.value.connection_invalidated
    assert is_unavailable(caught.value)
    with store.read() as tx:
        assert tx.run(ALL).all() == []


def test_statements_made_anew_are_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would be kept for ever."""
    monkeypatch.setattr(prepared, "_MOST", len(prepared._FORMS))

    with store.read() as tx, pytest.raises(RuntimeError, match="made anew"):
        tx.run(sa.select(message_rows.c.seq))


def others_end(store: Store) -> None:
    """PostgreSQL ends every connection but the one that asks."""
    with sa.create_engine(store.engine.url, poolclass=sa.NullPool).connect() as connection:
        connection.execute(
            sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        )


def test_connections_that_died_in_silence_are_replaced(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody notices."""
    if not store.is_postgresql:
        pytest.skip("SQLite has no connection to lose")
    with store.read() as first, store.read() as second, store.glance() as third:
        assert first.run(ALL).all() == second.run(ALL).all() == third.run(ALL).all() == []
    others_end(store)
    monkeypatch.setattr(stores, "SILENCE_SECONDS", -1.0)

    with store.read() as first, store.write() as second, store.glance() as third:
        assert first.run(ALL).all() == second.run(ALL).all() == third.run(ALL).all() == []


def test_of_connections_that_died_just_now_one_transaction_hears(store: Store) -> None:
    """The others are replaced with it."""
    if not store.is_postgresql:
        pytest.skip("SQLite has no connection to lose")
    with store.read() as first, store.read() as second:
        assert first.run(ALL).all() == second.run(ALL).all() == []
    others_end(store)

    failures = 0
    for _ in range(3):
        try:
            with store.read() as tx:
                tx.run(ALL)
        except DBAPIError:
            failures += 1

    assert failures == 1


def test_a_glance_begins_nothing(store: Store) -> None:
    """And sees what is committed."""
    with store.write() as tx:
        rows(tx)
    with store.glance() as tx:
        assert len(tx.run(ALL).all()) == 3
        if not store.is_postgresql:
            assert not tx.connection.connection.driver_connection.in_transaction
        else:
            assert tx.connection.connection.driver_connection.info.transaction_status.name == "IDLE"
