"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
FACTS = sa.Text().with_variant(JSONB(), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("name", ORDERED, nullable=False),
        sa.Column("role", ORDERED, nullable=False),
        sa.Column("personal", sa.Boolean(), nullable=False),
        sa.Column("phone", ORDERED),
        sa.Column("hash", ORDERED, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("disabled", sa.BigInteger()),
        sa.PrimaryKeyConstraint("name", name="pk_accounts"),
    )
    op.create_table(
        "active_books",
        sa.Column("env", ORDERED, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("author", ORDERED, nullable=False),
        sa.PrimaryKeyConstraint("env", name="pk_active_books"),
    )
    op.create_table(
        "attempts",
        sa.Column("seq", NUMBER, autoincrement=True, nullable=False),
        sa.Column("message", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("provider", ORDERED, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("finished", sa.BigInteger()),
        sa.Column("outcome", ORDERED),
        sa.Column("code", ORDERED),
        sa.Column("raw", ORDERED),
        sa.PrimaryKeyConstraint("seq", name="pk_attempts"),
        sa.UniqueConstraint("message", "number", name="uq_attempts_message_number"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_attempts_open",
        "attempts",
        ["provider", "at"],
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_table(
        "audit",
        sa.Column("seq", NUMBER, autoincrement=True, nullable=False),
        sa.Column("env", ORDERED, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", ORDERED, nullable=False),
        sa.Column("what", ORDERED, nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "blocked_networks",
        sa.Column("env", ORDERED, nullable=False),
        sa.Column("network", ORDERED, nullable=False),
        sa.Column("reason", ORDERED, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", ORDERED, nullable=False),
        sa.PrimaryKeyConstraint("env", "network", name="pk_blocked_networks"),
    )
    op.create_table(
        "books",
        sa.Column("version", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("author", ORDERED, nullable=False),
        sa.Column("note", ORDERED, nullable=False),
        sa.Column("digest", ORDERED, nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_books"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "campaigns",
        sa.Column("env", ORDERED, nullable=False),
        sa.Column("id", ORDERED, nullable=False),
        sa.Column("instant", sa.BigInteger(), nullable=False),
        sa.Column("state", ORDERED, nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("cursor_phone", ORDERED),
        sa.Column("cursor_user", ORDERED),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("env", "id", name="pk_campaigns"),
    )
    op.create_index("ix_campaigns_state", "campaigns", ["env", "state", "instant"])
    op.create_table(
        "cells",
        sa.Column("env", ORDERED, nullable=False),
        sa.Column("id", ORDERED, nullable=False),
        sa.Column("body", sa.Text()),
        sa.Column("expires", sa.BigInteger()),
        sa.PrimaryKeyConstraint("env", "id", name="pk_cells"),
    )
    op.create_index(
        "ix_cells_expires",
        "cells",
        ["expires"],
        sqlite_where=sa.text("expires IS NOT NULL"),
        postgresql_where=sa.text("expires IS NOT NULL"),
    )
    op.create_table(
        "changes",
        sa.Column("seq", NUMBER, autoincrement=True, nullable=False),
        sa.Column("env", ORDERED, nullable=False),
        sa.Column("cell", ORDERED, nullable=False),
        sa.Column("decision", sa.BigInteger(), nullable=False),
        sa.Column("cause", ORDERED, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_changes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_changes_cell", "changes", ["env", "cell"])
    op.create_index("ix_changes_decision", "changes", ["env", "decision", "seq"])
    op.create_table(
        "conversions",
        sa.Column("seq", NUMBER, autoincrement=True, nullable=False),
        sa.Column("env", ORDERED, nullable=False),
        sa.Column("rule", ORDERED, nullable=False),
        sa.Column("user", ORDERED, nullable=False),
        sa.Column("group", ORDERED, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_conversions"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_conversions_rule", "conversions", ["env", "rule", "at"])
    op.create_index("ix_conversions_user", "conversions", ["env", "user"])
    op.create_table(
        "decision_people",
        sa.Column("env", ORDERED, nullable=False),
        sa.Column("person", ORDERED, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("env", "person", "seq", name="pk_decision_people"),
    )
    op.create_index("ix_decision_people_seq", "decision_people", ["seq"])
    op.create_table(
        "decisions",
        sa.Column("seq", NUMBER, autoincrement=True, nullable=False),
        sa.Column("env", ORDERED, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("cause", ORDERED, nullable=False),
        sa.Column("source", ORDERED),
        sa.Column("ref", ORDERED),
        sa.Column("book", sa.Integer()),
        sa.Column("body", sa.Text()),
        sa.Column("verdicts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_decisions"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_decisions_at", "decisions", ["env", "at"])
    op.create_index("ix_decisions_ref", "decisions", ["env", "source", "ref"])
    op.create_table(
        "draft_files",
        sa.Column("name", ORDERED, nullable=False),
        sa.Column("text", ORDERED),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("who", ORDERED, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_draft_files"),
    )
    op.create_table(
        "drafts",
        sa.Column("id", ORDERED, nullable=False),
        sa.Column("base", sa.Integer()),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("who", ORDERED, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_drafts"),
    )
    op.create_table(
        "deliveries",
        sa.Column("seq", NUMBER, autoincrement=True, nullable=False),
        sa.Column("env", ORDERED, nullable=False),
        sa.Column("webhook", ORDERED, nullable=False),
        sa.Column("id", ORDERED, nullable=False),
        sa.Column("type", ORDERED, nullable=False),
        sa.Column("subject", ORDERED, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("state", ORDERED, nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("attempts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_deliveries"),
        sa.UniqueConstraint("webhook", "id", name="uq_deliveries_webhook_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deliveries_at", "deliveries", ["env", "at"])
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["webhook", "due", "seq"],
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index("ix_deliveries_subject", "deliveries", ["subject"])
    op.create_index("ix_deliveries_webhook", "deliveries", ["webhook", "seq"])
    op.create_table(
        "depths",
        sa.Column("env", ORDERED, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("env", "at", name="pk_depths"),
    )
    op.create_table(
        "events",
        sa.Column("seq", NUMBER, autoincrement=True, nullable=False),
        sa.Column("env", ORDERED, nullable=False),
        sa.Column("source", ORDERED, nullable=False),
        sa.Column("id", ORDERED, nullable=False),
        sa.Column("type", ORDERED, nullable=False),
        sa.Column("user", ORDERED),
        sa.Column("phone", ORDERED),
        sa.Column("key", ORDERED),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("trace", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_events"),
        sa.UniqueConstraint("env", "source", "id", name="uq_events_env_source_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_inbox", "events", ["env", "seq"], sqlite_where=sa.text("NOT done"), postgresql_where=sa.text("NOT done"))
    if op.get_bind().dialect.name == "postgresql":
        op.create_index(
            "ix_events_inbox_shard",
            "events",
            ["env", "shard", "seq"],
            sqlite_where=sa.text("NOT done"),
            postgresql_where=sa.text("NOT done"),
        )
    op.create_index("ix_events_received", "events", ["env", "received"])
    op.create_index("ix_events_trace", "events", ["trace"])
    op.create_index(
        "ix_events_user",
        "events",
        ["env", "user", "seq"],
        sqlite_where=sa.text('"user" IS NOT NULL'),
        postgresql_where=sa.text('"user" IS NOT NULL'),
    )
    op.create_table(
        "figure_changes",
        sa.Column("seq", NUMBER, autoincrement=True, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_figure_changes"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "figures",
        sa.Column("env", ORDERED, nullable=False),
        sa.Column("subject", ORDERED, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("what", ORDERED, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("env", "subject", "at", "what", name="pk_figures"),
    )
    op.create_index("ix_figures_at", "figures", ["at"])
    op.create_table(
        "idempotency",
        sa.Column("env", ORDERED, nullable=False),
        sa.Column("key", ORDERED, nullable=False),
        sa.Column("route", ORDERED, nullable=False),
        sa.Column("request", ORDERED, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.SmallInteger()),
        sa.Column("response", sa.Text()),
        sa.PrimaryKeyConstraint("env", "key", "route", name="pk_idempotency"),
    )
    op.create_index("ix_idempotency_at", "idempotency", ["at"])
    op.create_table(
        "keys",
        sa.Column("id", ORDERED, nullable=False),
        sa.Column("name", ORDERED, nullable=False),
        sa.Column("prefix", ORDERED, nullable=False),
        sa.Column("hash", ORDERED, nullable=False),
        sa.Column("role", ORDERED, nullable=False),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("personal", sa.Boolean(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("revoked", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_keys"),
        sa.UniqueConstraint("hash", name="uq_keys_hash"),
    )
    op.create_table(
        "marks",
        sa.Column("env", ORDERED, nullable=False),
        sa.Column("name", ORDERED, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("env", "name", name="pk_marks"),
    )
    op.create_table(
        "messages",
        sa.Column("seq", NUMBER, autoincrement=True, nullable=False),
        sa.Column("env", ORDERED, nullable=False),
        sa.Column("id", ORDERED, nullable=False),
        sa.Column("decision", sa.BigInteger()),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("rule", ORDERED, nullable=False),
        sa.Column("occurrence", ORDERED, nullable=False),
        sa.Column("trace", sa.BigInteger(), nullable=False),
        sa.Column("key", ORDERED),
        sa.Column("user", ORDERED),
        sa.Column("phone", ORDERED),
        sa.Column("to", ORDERED, nullable=False),
        sa.Column("type", ORDERED, nullable=False),
        sa.Column("channel", ORDERED, nullable=False),
        sa.Column("template", ORDERED, nullable=False),
        sa.Column("variant", ORDERED),
        sa.Column("text", ORDERED),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("cost", ORDERED),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("send_until", sa.BigInteger()),
        sa.Column("state", ORDERED, nullable=False),
        sa.Column("reason", ORDERED),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("campaign", ORDERED),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_messages"),
        sa.UniqueConstraint("env", "id", name="uq_messages_env_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_messages_trace", "messages", ["trace"])
    op.create_index(
        "ix_messages_open",
        "messages",
        ["env", "state", "changed"],
        sqlite_where=sa.text("state IN ('submitting', 'unknown')"),
        postgresql_where=sa.text("state IN ('submitting', 'unknown')"),
    )
    op.create_index(
        "ix_messages_phone",
        "messages",
        ["env", "phone", "seq"],
        sqlite_where=sa.text("phone IS NOT NULL"),
        postgresql_where=sa.text("phone IS NOT NULL"),
    )
    op.create_index(
        "ix_messages_queue",
        "messages",
        ["env", "channel", "priority", "not_before", "seq"],
        sqlite_where=sa.text("state IN ('queued', 'waiting')"),
        postgresql_where=sa.text("state IN ('queued', 'waiting')"),
    )
    op.create_index("ix_messages_rule", "messages", ["env", "rule", "seq"])
    op.create_index("ix_messages_state", "messages", ["env", "state", "seq"])
    op.create_index(
        "ix_messages_user",
        "messages",
        ["env", "user", "seq"],
        sqlite_where=sa.text('"user" IS NOT NULL'),
        postgresql_where=sa.text('"user" IS NOT NULL'),
    )
    op.create_table(
        "people",
        sa.Column("env", ORDERED, nullable=False),
        sa.Column("user", ORDERED, nullable=False),
        sa.Column("phone", ORDERED, nullable=False),
        sa.Column("timezone", ORDERED),
        sa.Column("locale", ORDERED),
        sa.Column("attributes", FACTS, nullable=False),
        sa.Column("traits", FACTS, nullable=False),
        sa.Column("odd", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("env", "user", name="pk_people"),
    )
    op.create_index("ix_people_order", "people", ["env", "phone", "user"])
    op.create_table(
        "provider_ids",
        sa.Column("provider", ORDERED, nullable=False),
        sa.Column("provider_id", ORDERED, nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.SmallInteger(), nullable=False),
        sa.Column("status", ORDERED),
        sa.PrimaryKeyConstraint("provider", "provider_id", name="pk_provider_ids"),
    )
    op.create_index("ix_provider_ids_attempt", "provider_ids", ["attempt"])
    op.create_table(
        "receipts",
        sa.Column("seq", NUMBER, autoincrement=True, nullable=False),
        sa.Column("provider", ORDERED, nullable=False),
        sa.Column("provider_id", ORDERED, nullable=False),
        sa.Column("message", sa.BigInteger()),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("status", ORDERED, nullable=False),
        sa.Column("code", ORDERED),
        sa.Column("raw", ORDERED),
        sa.Column("effect", ORDERED, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_receipts"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_receipts_message", "receipts", ["message"])
    op.create_index("ix_receipts_provider_id", "receipts", ["provider", "provider_id"])
    op.create_table(
        "stories",
        sa.Column("id", ORDERED, nullable=False),
        sa.Column("name", ORDERED),
        sa.Column("owner", ORDERED),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stories"),
    )
    op.create_index("ix_stories_changed", "stories", ["changed"])
    op.create_table(
        "suppressions",
        sa.Column("env", ORDERED, nullable=False),
        sa.Column("phone", ORDERED, nullable=False),
        sa.Column("scope", ORDERED, nullable=False),
        sa.Column("reason", ORDERED, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("env", "phone", "scope", name="pk_suppressions"),
    )
    op.create_table(
        "switches",
        sa.Column("env", ORDERED, nullable=False),
        sa.Column("what", ORDERED, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", ORDERED, nullable=False),
        sa.Column("reason", ORDERED, nullable=False),
        sa.PrimaryKeyConstraint("env", "what", name="pk_switches"),
    )
    op.create_table(
        "timers",
        sa.Column("serial", NUMBER, autoincrement=True, nullable=False),
        sa.Column("env", ORDERED, nullable=False),
        sa.Column("id", ORDERED, nullable=False),
        sa.Column("kind", ORDERED, nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("rule", ORDERED),
        sa.Column("key", ORDERED),
        sa.Column("user", ORDERED),
        sa.Column("phone", ORDERED),
        sa.Column("watch_a", ORDERED),
        sa.Column("watch_b", ORDERED),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("serial", name="pk_timers"),
        sa.UniqueConstraint("env", "id", name="uq_timers_env_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_timers_due", "timers", ["env", "due", "serial"])
    op.create_index("ix_timers_rule", "timers", ["env", "rule", "key"])
    op.create_index(
        "ix_timers_phone",
        "timers",
        ["env", "phone"],
        sqlite_where=sa.text('"user" IS NULL AND phone IS NOT NULL'),
        postgresql_where=sa.text('"user" IS NULL AND phone IS NOT NULL'),
    )
    op.create_index(
        "ix_timers_user",
        "timers",
        ["env", "user"],
        sqlite_where=sa.text('"user" IS NOT NULL'),
        postgresql_where=sa.text('"user" IS NOT NULL'),
    )
    op.create_index(
        "ix_timers_watch_a",
        "timers",
        ["env", "watch_a"],
        sqlite_where=sa.text("watch_a IS NOT NULL"),
        postgresql_where=sa.text("watch_a IS NOT NULL"),
    )
    op.create_index(
        "ix_timers_watch_b",
        "timers",
        ["env", "watch_b"],
        sqlite_where=sa.text("watch_b IS NOT NULL"),
        postgresql_where=sa.text("watch_b IS NOT NULL"),
    )
    op.create_table(
        "verifications",
        sa.Column("env", ORDERED, nullable=False),
        sa.Column("id", ORDERED, nullable=False),
        sa.Column("phone", ORDERED, nullable=False),
        sa.Column("purpose", ORDERED, nullable=False),
        sa.Column("network", ORDERED),
        sa.Column("user", ORDERED),
        sa.Column("state", ORDERED, nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("checks_left", sa.SmallInteger(), nullable=False),
        sa.Column("codes", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("env", "id", name="pk_verifications"),
    )
    op.create_index("ix_verifications_created", "verifications", ["env", "created"])
    op.create_index("ix_verifications_expires", "verifications", ["expires"])
    op.create_index(
        "ix_verifications_network",
        "verifications",
        ["env", "network", "created"],
        sqlite_where=sa.text("network IS NOT NULL"),
        postgresql_where=sa.text("network IS NOT NULL"),
    )
    op.create_index(
        "ix_verifications_pending",
        "verifications",
        ["env", "expires"],
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index("ix_verifications_phone", "verifications", ["env", "phone", "purpose", "created"])
    op.create_index("ix_verifications_user", "verifications", ["env", "user", "purpose", "created"])
    op.create_table(
        "webhooks",
        sa.Column("id", ORDERED, nullable=False),
        sa.Column("env", ORDERED, nullable=False),
        sa.Column("url", ORDERED, nullable=False),
        sa.Column("types", sa.Text(), nullable=False),
        sa.Column("description", ORDERED, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("reason", ORDERED),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("old_until", sa.BigInteger()),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("creator", ORDERED, nullable=False),
        sa.Column("failing_since", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
    )
    op.create_index("ix_webhooks_env", "webhooks", ["env", "created", "id"])
