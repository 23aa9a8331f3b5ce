"""The migrations make the tables that the code describes, on both databases, and only once."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from engine.store import migrations
from engine.store.schema import metadata
from engine.store.store import Store


def shape(store: Store) -> dict[str, Any]:
    """All that the database says of its tables."""
    with store.read() as tx:
        if tx.is_postgresql:
            columns = tx.connection.execute(
                sa.text(
                    "SELECT table_name, column_name, data_type, is_nullable, column_default, collation_name FROM information_schema.columns"
                    " WHERE table_schema = 'public' ORDER BY table_name, column_name"
                )
            )
            found = {(row[0], row[1]): tuple(row[2:]) for row in columns}
            indexes = tx.connection.execute(sa.text("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"))
            constraints = tx.connection.execute(
                sa.text("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace")
            )
            shaped = {"columns": found, "indexes": dict(indexes.all()), "constraints": dict(constraints.all())}
        else:
            rows = tx.connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"))
            shaped = {name: " ".join((sql or "").split()) for name, sql in rows}
    return without_alembic(shaped)


def without_alembic(shaped: dict[Any, Any]) -> dict[Any, Any]:
    return {
        name: without_alembic(value) if isinstance(value, dict) else value
        for name, value in shaped.items()
        if "alembic_version" not in str(name)
    }


@pytest.fixture
def bare(url: str) -> Any:
    made = Store(url)
    yield made
    made.close()


def test_the_migrated_tables_are_those_of_the_code(bare: Store) -> None:
    bare.migrate()
    migrated = shape(bare)
    with bare.write() as tx:
        metadata.drop_all(tx.connection)
        metadata.create_all(tx.connection)

    assert migrated
    assert migrated == shape(bare)


def test_migrating_again_changes_nothing(bare: Store) -> None:
    assert bare.pending_migrations() == ["0001"] or len(bare.pending_migrations()) > 1

    bare.migrate()
    before = shape(bare)
    bare.migrate()

    assert bare.pending_migrations() == []
    assert shape(bare) == before


def test_processes_that_start_together_migrate_once(url: str) -> None:
    """Three stores, as three processes would have."""
    faults: list[BaseException] = []

    def start() -> None:
        store = Store(url)
        try:
            store.migrate()
        except BaseException as error:
            faults.append(error)
        finally:
            store.close()

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert faults == []


def test_there_is_one_line_of_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(next(iter(migrations.__path__))))
    config.set_main_option("path_separator", "os")

    assert len(ScriptDirectory.from_config(config).get_heads()) == 1


def test_every_table_knows_its_environment() -> None:
    """But those that belong to a row which does, and what the whole service shares."""
    shared = {"attempts", "provider_ids", "receipts", "books", "keys", "accounts", "drafts", "draft_files", "figure_changes", "stories"}

    assert {table.name for table in metadata.tables.values() if "env" not in table.c} == shared
