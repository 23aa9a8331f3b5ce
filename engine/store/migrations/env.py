"""Runs the migrations on the connection that `migrations.upgrade` brings."""

from alembic import context

from engine.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    compare_type=True,
    compare_server_default=True,
    transactional_ddl=True,
    # SQLite changes a table by making a new one.
    render_as_batch=connection.dialect.name == "sqlite",
)
context.run_migrations()
