"""Every table. All rows belong to an environment, `live` or `test`, so that what a test key does touches nothing live.

Instants are microseconds since 1970, UTC. A `seq` is drawn inside the transaction: rows in its order are in order of what happened, gaps
mean nothing. Bodies are JSON as text (codec.py).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, SmallInteger, Table, UniqueConstraint, text

from engine.store.columns import Body, Facts, Name, Number, Prose

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _seq() -> Column[int]:
    return Column("seq", Number, primary_key=True, autoincrement=True)


def _env(**options: Any) -> Column[str]:
    return Column("env", Name, nullable=False, **options)


def _partial(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


# ---- what came in ---------------------------------------------------------------------------------------------------------------------

# Every event that was accepted. Those not yet judged are the inbox.
events = Table(
    "events",
    metadata,
    _seq(),
    _env(),
    Column("source", Name, nullable=False),
    Column("id", Name, nullable=False),
    Column("type", Name, nullable=False),
    Column("user", Name),
    Column("phone", Name),
    Column("key", Name),
    Column("time", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("shard", SmallInteger, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("trace", BigInteger, nullable=False),  # engine.traces
    Column("body", Body, nullable=False),
    UniqueConstraint("env", "source", "id"),
    _partial("ix_events_inbox", "env", "seq", where="NOT done"),
    # Only with several workers, which SQLite does not have.
    _partial("ix_events_inbox_shard", "env", "shard", "seq", where="NOT done").ddl_if(dialect="postgresql"),
    _partial("ix_events_user", "env", "user", "seq", where='"user" IS NOT NULL'),
    Index("ix_events_received", "env", "received"),
    Index("ix_events_trace", "trace"),
    sqlite_autoincrement=True,
)

# ---- state ----------------------------------------------------------------------------------------------------------------------------

# The cells of engine.core.facts by id. Without a body: says nothing, the row is there to be locked.
cells = Table(
    "cells",
    metadata,
    _env(primary_key=True),
    Column("id", Name, primary_key=True),
    Column("body", Body),
    Column("expires", BigInteger),  # null: kept for good (users, an `ever`, a suppression); 0: without a body
    _partial("ix_cells_expires", "expires", where="expires IS NOT NULL"),
)

# Of every user's cell what an audience asks for, in a form into which SQL can look.
people = Table(
    "people",
    metadata,
    _env(primary_key=True),
    Column("user", Name, primary_key=True),
    Column("phone", Name, nullable=False),  # "" without one, as an audience is judged in order of (phone, user)
    Column("timezone", Name),
    Column("locale", Name),
    Column("attributes", Facts, nullable=False),
    Column("traits", Facts, nullable=False),  # trait -> its state
    Column("odd", Boolean, nullable=False),  # holds what SQL cannot say; attributes and traits are empty then
    Index("ix_people_order", "env", "phone", "user"),
)

# Of every phone's cell what stops messages, for lists. The cell decides.
suppressions = Table(
    "suppressions",
    metadata,
    _env(primary_key=True),
    Column("phone", Name, primary_key=True),
    Column("scope", Name, primary_key=True),  # a message type, all, or blocked
    Column("reason", Prose, nullable=False),
    Column("at", BigInteger, nullable=False),
)

# From these networks nobody is sent a verification code.
blocked_networks = Table(
    "blocked_networks",
    metadata,
    _env(primary_key=True),
    Column("network", Name, primary_key=True),  # 203.0.113.0/24, 2001:db8::/48
    Column("reason", Prose, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("who", Prose, nullable=False),
)

# Promises to look again. At most two cells may cancel a timer (watching.py): its key's and its user's.
timers = Table(
    "timers",
    metadata,
    Column("serial", Number, primary_key=True, autoincrement=True),  # the order in which they were set
    _env(),
    Column("id", Name, nullable=False),
    Column("kind", Name, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("rule", Name),
    Column("key", Name),
    Column("user", Name),
    Column("phone", Name),
    Column("watch_a", Name),
    Column("watch_b", Name),
    Column("body", Body, nullable=False),
    UniqueConstraint("env", "id"),
    Index("ix_timers_due", "env", "due", "serial"),
    Index("ix_timers_rule", "env", "rule", "key"),
    _partial("ix_timers_watch_a", "env", "watch_a", where="watch_a IS NOT NULL"),
    _partial("ix_timers_watch_b", "env", "watch_b", where="watch_b IS NOT NULL"),
    _partial("ix_timers_user", "env", "user", where='"user" IS NOT NULL'),
    _partial("ix_timers_phone", "env", "phone", where='"user" IS NULL AND phone IS NOT NULL'),
    sqlite_autoincrement=True,
)

# ---- what was decided -----------------------------------------------------------------------------------------------------------------

# One row for each occurrence that was judged, with all its verdicts; in order of seq it is the record from which a replay judges again.
decisions = Table(
    "decisions",
    metadata,
    _seq(),
    _env(),
    Column("at", BigInteger, nullable=False),  # `now` of the decision
    Column("cause", Name, nullable=False),  # event | timer | tick | turn | receipt | silence | user | opt_out | cancellation | ...
    Column("source", Name),  # of an event
    Column("ref", Name),  # the event's id, the timer's, the message's ...
    Column("book", Integer),  # the version that judged
    Column("body", Body),  # what a replay needs besides (a user's profile, an opt-out's scopes)
    Column("verdicts", Body, nullable=False),
    Index("ix_decisions_ref", "env", "source", "ref"),
    Index("ix_decisions_at", "env", "at"),
    sqlite_autoincrement=True,
)

# What was said of people: their profiles, and what their numbers are suppressed for, before and after.
changes = Table(
    "changes",
    metadata,
    _seq(),
    _env(),
    Column("cell", Name, nullable=False),  # user:<id> or phone:<number>
    Column("decision", BigInteger, nullable=False),  # seq of the decision in which it changed
    Column("cause", Name, nullable=False),  # as of the decision
    Column("at", BigInteger, nullable=False),
    Column("body", Body, nullable=False),
    Index("ix_changes_decision", "env", "decision", "seq"),
    Index("ix_changes_cell", "env", "cell"),
    sqlite_autoincrement=True,
)

# Whom a decision names: "user:<id>" or "phone:<number>".
decision_people = Table(
    "decision_people",
    metadata,
    _env(primary_key=True),
    Column("person", Name, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Index("ix_decision_people_seq", "seq"),
)

conversions = Table(
    "conversions",
    metadata,
    _seq(),
    _env(),
    Column("rule", Name, nullable=False),
    Column("user", Name, nullable=False),
    Column("group", Name, nullable=False),  # sent, holdout, or the variant
    Column("at", BigInteger, nullable=False),
    Index("ix_conversions_rule", "env", "rule", "at"),
    Index("ix_conversions_user", "env", "user"),
    sqlite_autoincrement=True,
)

# ---- what goes out --------------------------------------------------------------------------------------------------------------------

messages = Table(
    "messages",
    metadata,
    _seq(),
    _env(),
    Column("id", Name, nullable=False),
    Column("decision", BigInteger),  # seq of the decision it came from
    Column("at", BigInteger, nullable=False),
    Column("rule", Name, nullable=False),
    Column("occurrence", Name, nullable=False),
    Column("trace", BigInteger, nullable=False),  # of the occurrence: engine.traces
    Column("key", Name),  # the business object, for cancellations
    Column("user", Name),
    Column("phone", Name),  # of a recipient who is only a phone
    Column("to", Name, nullable=False),
    Column("type", Name, nullable=False),
    Column("channel", Name, nullable=False),
    Column("template", Name, nullable=False),
    Column("variant", Name),
    Column("text", Prose),
    Column("parts", Integer, nullable=False),
    Column("cost", Prose),  # a decimal number, in the currency of the price table
    Column("position", SmallInteger, nullable=False),  # in the chain
    Column("send_until", BigInteger),
    Column("state", Name, nullable=False),  # states.py
    Column("reason", Name),  # why it ended so: a reason code
    Column("changed", BigInteger, nullable=False),  # when it came into the state
    Column("not_before", BigInteger, nullable=False),
    Column("priority", SmallInteger, nullable=False),  # 0 goes first
    Column("tries", SmallInteger, nullable=False),  # attempts so far
    Column("campaign", Name),
    Column("body", Body, nullable=False),  # content, item, rest, slots, verification, all_rejected
    UniqueConstraint("env", "id"),
    _partial("ix_messages_queue", "env", "channel", "priority", "not_before", "seq", where="state IN ('queued', 'waiting')"),
    _partial("ix_messages_open", "env", "state", "changed", where="state IN ('submitting', 'unknown')"),
    Index("ix_messages_state", "env", "state", "seq"),
    Index("ix_messages_rule", "env", "rule", "seq"),
    _partial("ix_messages_user", "env", "user", "seq", where='"user" IS NOT NULL'),
    _partial("ix_messages_phone", "env", "phone", "seq", where="phone IS NOT NULL"),
    Index("ix_messages_trace", "trace"),
    sqlite_autoincrement=True,
)

attempts = Table(
    "attempts",
    metadata,
    _seq(),
    Column("message", BigInteger, nullable=False),  # seq of the message
    Column("number", SmallInteger, nullable=False),  # from 1
    Column("provider", Name, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("finished", BigInteger),
    Column("outcome", Name),  # null while submitting; accepted | rejected | unknown
    Column("code", Name),  # our reason class
    Column("raw", Prose),  # the gateway's own code
    UniqueConstraint("message", "number"),
    _partial("ix_attempts_open", "provider", "at", where="outcome IS NULL"),
    sqlite_autoincrement=True,
)

# What a gateway calls an attempt; one for each part where the gateway sees parts. A number that a gateway uses again is the newer one's.
provider_ids = Table(
    "provider_ids",
    metadata,
    Column("provider", Name, primary_key=True),
    Column("provider_id", Name, primary_key=True),
    Column("attempt", BigInteger, nullable=False),
    Column("part", SmallInteger, nullable=False),  # from 1
    Column("status", Name),  # of the last receipt for the part
    Index("ix_provider_ids_attempt", "attempt"),
)

receipts = Table(
    "receipts",
    metadata,
    _seq(),
    Column("provider", Name, nullable=False),
    Column("provider_id", Name, nullable=False),
    Column("message", BigInteger),  # seq; null: of no message that we know
    Column("at", BigInteger, nullable=False),  # as the gateway says
    Column("received", BigInteger, nullable=False),
    Column("status", Name, nullable=False),
    Column("code", Name),
    Column("raw", Prose),
    Column("effect", Name, nullable=False),  # moved | repeated | late | partial | unmatched
    Index("ix_receipts_message", "message"),
    Index("ix_receipts_provider_id", "provider", "provider_id"),
    sqlite_autoincrement=True,
)

campaigns = Table(
    "campaigns",
    metadata,
    _env(primary_key=True),
    Column("id", Name, primary_key=True),
    Column("instant", BigInteger, nullable=False),
    Column("state", Name, nullable=False),  # running | paused | stopped | done
    Column("rules", Body, nullable=False),
    Column("cursor_phone", Name),  # null: not begun
    Column("cursor_user", Name),
    Column("counts", Body, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("body", Body, nullable=False),  # the items
    Index("ix_campaigns_state", "env", "state", "instant"),
)

verifications = Table(
    "verifications",
    metadata,
    _env(primary_key=True),
    Column("id", Name, primary_key=True),
    Column("phone", Name, nullable=False),
    Column("purpose", Name, nullable=False),
    Column("network", Name),  # the /24 or /64 from which a code was last asked for
    Column("user", Name),
    Column("state", Name, nullable=False),  # pending | approved | failed | expired | cancelled
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("checks_left", SmallInteger, nullable=False),
    Column("codes", Body, nullable=False),  # at most two HMACs, the newest last
    Column("body", Body, nullable=False),
    Index("ix_verifications_phone", "env", "phone", "purpose", "created"),
    Index("ix_verifications_user", "env", "user", "purpose", "created"),
    Index("ix_verifications_created", "env", "created"),
    _partial("ix_verifications_network", "env", "network", "created", where="network IS NOT NULL"),
    Index("ix_verifications_expires", "expires"),
    _partial("ix_verifications_pending", "env", "expires", where="state = 'pending'"),
)

# ---- webhooks -------------------------------------------------------------------------------------------------------------------------

# Addresses of others that want to hear what happens here. Their secrets are not kept: they are derived (engine/runtime/webhooks.py).
webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Name, primary_key=True),
    _env(),
    Column("url", Prose, nullable=False),
    Column("types", Body, nullable=False),  # message.delivered, message.*, * ...
    Column("description", Prose, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("reason", Name),  # why it is not enabled: requested | gone | failing
    Column("generation", Integer, nullable=False),  # of its secret
    Column("old_until", BigInteger),  # until when the generation before signs, too
    Column("created", BigInteger, nullable=False),
    Column("creator", Prose, nullable=False),
    Column("failing_since", BigInteger),  # null: the last attempt went well, or there was none
    Index("ix_webhooks_env", "env", "created", "id"),
)

# One thing that happened, for one webhook. Who it is about stands in the subject's own row alone, so that nothing personal is here.
deliveries = Table(
    "deliveries",
    metadata,
    _seq(),
    _env(),
    Column("webhook", Name, nullable=False),
    Column("id", Name, nullable=False),  # the header webhook-id, the same in every attempt
    Column("type", Name, nullable=False),
    Column("subject", Name, nullable=False),  # message:<seq>, verification:<id>, campaign:<id>, webhook:<id>
    Column("at", BigInteger, nullable=False),  # when it happened
    Column("detail", Body, nullable=False),  # what the subject's row may no longer say when it is sent
    Column("state", Name, nullable=False),  # pending | delivered | failed
    Column("due", BigInteger, nullable=False),  # of a pending one: when it is tried next; while it is tried: when it is taken for lost
    Column("tries", SmallInteger, nullable=False),  # attempts since it was last asked for
    Column("attempts", Body, nullable=False),  # the last ones
    UniqueConstraint("webhook", "id"),
    _partial("ix_deliveries_due", "webhook", "due", "seq", where="state = 'pending'"),
    Index("ix_deliveries_webhook", "webhook", "seq"),
    Index("ix_deliveries_subject", "subject"),
    Index("ix_deliveries_at", "env", "at"),
    sqlite_autoincrement=True,
)

# ---- figures (figures.py) --------------------------------------------------------------------------------------------------------------

# How often something has happened in an hour, or a minute.
figures = Table(
    "figures",
    metadata,
    _env(primary_key=True),
    Column("subject", Name, primary_key=True),
    Column("at", BigInteger, primary_key=True),  # the beginning of the hour or minute; 0: of no hour
    Column("what", Name, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Index("ix_figures_at", "at"),
)

# What transactions have counted and nobody has added up yet: one row each, so that none waits for another.
figure_changes = Table(
    "figure_changes",
    metadata,
    _seq(),
    Column("body", Body, nullable=False),  # [[env, subject, at, what, number], ...]
    sqlite_autoincrement=True,
)

# How full queues were, minute by minute.
depths = Table(
    "depths",
    metadata,
    _env(primary_key=True),
    Column("at", BigInteger, primary_key=True),
    Column("body", Body, nullable=False),
)

# ---- the service itself ---------------------------------------------------------------------------------------------------------------

books = Table(
    "books",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("author", Prose, nullable=False),
    Column("note", Prose, nullable=False),
    Column("digest", Name, nullable=False),
    Column("files", Body, nullable=False),  # path -> text
    sqlite_autoincrement=True,
)

active_books = Table(
    "active_books",
    metadata,
    _env(primary_key=True),
    Column("version", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("author", Prose, nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Name, primary_key=True),
    Column("name", Prose, nullable=False),
    Column("prefix", Name, nullable=False),  # the shown beginning of the key
    Column("hash", Name, nullable=False),
    Column("role", Name, nullable=False),
    Column("test", Boolean, nullable=False),
    Column("personal", Boolean, nullable=False),  # may see phone numbers
    Column("created", BigInteger, nullable=False),
    Column("revoked", BigInteger),
    UniqueConstraint("hash"),
)

# People who sign in to the console. Only a hash of the password is kept.
accounts = Table(
    "accounts",
    metadata,
    Column("name", Name, primary_key=True),
    Column("role", Name, nullable=False),
    Column("personal", Boolean, nullable=False),  # may see phone numbers
    Column("phone", Name),  # to which samples go
    Column("hash", Name, nullable=False),
    Column("generation", Integer, nullable=False),  # sessions of an earlier one are over
    Column("created", BigInteger, nullable=False),
    Column("disabled", BigInteger),
)

# The one draft of the book that people edit together: which version it began from, and how often it was changed.
drafts = Table(
    "drafts",
    metadata,
    Column("id", Name, primary_key=True),
    Column("base", Integer),  # null: nothing was published then
    Column("revision", Integer, nullable=False),
    Column("who", Prose, nullable=False),
    Column("at", BigInteger, nullable=False),
)

# The files that differ from the base.
draft_files = Table(
    "draft_files",
    metadata,
    Column("name", Name, primary_key=True),
    Column("text", Prose),  # null: the file is gone
    Column("revision", Integer, nullable=False),  # the draft's, when this file was changed
    Column("who", Prose, nullable=False),
    Column("at", BigInteger, nullable=False),
)

# Stories of the simulator: made up or masked, so that no erasure need reach them. Without a name: kept for its link, under its hash.
stories = Table(
    "stories",
    metadata,
    Column("id", Name, primary_key=True),
    Column("name", Prose),
    Column("owner", Prose),
    Column("shared", Boolean, nullable=False),  # others find it in the list too
    Column("created", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("body", Body, nullable=False),
    Index("ix_stories_changed", "changed"),
)

switches = Table(
    "switches",
    metadata,
    _env(primary_key=True),
    Column("what", Name, primary_key=True),  # rule:x | type:marketing | channel:sms | provider:smsc
    Column("at", BigInteger, nullable=False),
    Column("who", Prose, nullable=False),
    Column("reason", Prose, nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    _env(primary_key=True),
    Column("key", Name, primary_key=True),
    Column("route", Name, primary_key=True),
    Column("request", Name, nullable=False),  # hash of the body
    Column("at", BigInteger, nullable=False),
    Column("status", SmallInteger),  # null while it runs
    Column("response", Body),
    Index("ix_idempotency_at", "at"),
)

audit = Table(
    "audit",
    metadata,
    _seq(),
    _env(),
    Column("at", BigInteger, nullable=False),
    Column("who", Prose, nullable=False),
    Column("what", Name, nullable=False),
    Column("detail", Body, nullable=False),
    sqlite_autoincrement=True,
)

# How far something has come, by name: the last tick judged, an adopt job, the test clock.
marks = Table(
    "marks",
    metadata,
    _env(primary_key=True),
    Column("name", Name, primary_key=True),
    Column("body", Body, nullable=False),
)
