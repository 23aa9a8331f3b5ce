"""What dispatch comes back to: channels with something to send, unknown messages, receipts that came before their message was known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import sqlalchemy as sa

from engine.store import bulk
from engine.store.attempts import Receipt
from engine.store.columns import Among, key_of, names, numbers
from engine.store.messages import PRIORITIES, Stored, by_seq
from engine.store.schema import attempts, messages, provider_ids, receipts, suppressions
from engine.store.states import State
from engine.store.store import Tx

# ---- the queue --------------------------------------------------------------------------------------------------------------------------


def ready(tx: Tx, envs: Iterable[str], channels: Iterable[str], now: int) -> dict[tuple[str, str], list[int]]:
    """By (env, channel) the priorities of which a message may go now, the most urgent first, within a place and of places. One statement of
    index look-ups: asked at every idle turn."""
    found: dict[tuple[str, str], list[int]] = {}
    for priority, env, channel in tx.run(_looks(tuple(envs), tuple(channels)), {"now": now}):
        found.setdefault((env, channel), []).append(priority)
    return found


@lru_cache(maxsize=8)
def _looks(envs: tuple[str, ...], channels: tuple[str, ...]) -> sa.TextClause:
    """One look-up for every combination. As a sub-select that is planned once: PostgreSQL takes two milliseconds to plan 48 of them."""
    priorities, places, ways = _listed("priority", PRIORITIES), _listed("env", envs), _listed("channel", channels)
    look = (
        "SELECT 1 FROM messages WHERE env = e.env AND channel = c.channel AND priority = p.priority AND not_before <= :now"
        " AND state IN ('queued', 'waiting') LIMIT 1"
    )
    return sa.text(
        f"SELECT p.priority, e.env, c.channel FROM ({priorities}) AS p CROSS JOIN ({places}) AS e CROSS JOIN ({ways}) AS c"
        f" WHERE ({look}) = 1 ORDER BY p.priority, e.place, c.place"
    )


def _listed(name: str, values: Sequence[object]) -> str:
    """A table of our own constants, with the place of each."""
    return " UNION ALL ".join(f"SELECT {value!r} AS {name}, {place} AS place" for place, value in enumerate(values))


def fresh(tx: Tx, env: str, channel: str, now: int, limit: int) -> list[tuple[int, str, str]]:
    """(seq, to, type) of messages that may go now and were never tried, the most urgent first."""
    rows = tx.execute(_FRESH, {"env": env, "channel": channel, "now": now, "limit": limit})
    return [(seq, to, type) for seq, to, type in rows]


_FRESH = (
    sa.select(messages.c.seq, messages.c.to, messages.c.type)
    .where(
        messages.c.env == sa.bindparam("env"),
        messages.c.channel == sa.bindparam("channel"),
        messages.c.not_before <= sa.bindparam("now"),
        sa.text("state IN ('queued', 'waiting')"),
        messages.c.tries == 0,
    )
    .order_by(messages.c.priority, messages.c.not_before, messages.c.seq)
    .limit(sa.bindparam("limit"))
)


def claim(tx: Tx, seqs: Sequence[int]) -> list[Stored]:
    """These of the waiting messages, like messages.claim."""
    statement = _THESE_LOCKED if tx.is_postgresql else _THESE
    return list(by_seq(tx, list(tx.run(statement, {"seqs": list(seqs)}).scalars())).values()) if seqs else []


_THESE = sa.select(messages.c.seq).where(Among(messages.c.seq, numbers("seqs")), sa.text("state IN ('queued', 'waiting')"))
_THESE_LOCKED = _THESE.with_for_update(skip_locked=True)


def postpone(tx: Tx, instants: Mapping[int, int]) -> None:
    """Look at these messages (by seq) again at these instants; their states stay."""
    bulk.update(tx, messages, ("seq",), [{"seq": seq, "not_before": at} for seq, at in sorted(instants.items())])


def set_aside(tx: Tx, stored: Stored) -> str:
    """Give a message that is judged again another id, so that its successor may have the old one; the new id."""
    id = f"{stored.message.id}#{stored.seq}"
    tx.execute(sa.update(messages).where(messages.c.seq == stored.seq).values(id=id))
    return id


def suppressed(tx: Tx, env: str, phones: Iterable[str]) -> dict[str, set[str]]:
    """What each of these numbers is suppressed for; those that are not are left out."""
    found: dict[str, set[str]] = {}
    for phone, scope in tx.run(_SUPPRESSED, {"env": env, "phones": list(set(phones))}):
        found.setdefault(phone, set()).add(scope)
    return found


_SUPPRESSED = sa.select(suppressions.c.phone, suppressions.c.scope).where(
    suppressions.c.env == sa.bindparam("env"), Among(suppressions.c.phone, names("phones"))
)

# ---- unknown ----------------------------------------------------------------------------------------------------------------------------


def unknown(tx: Tx, env: str, now: int, limit: int) -> list[Stored]:
    """Unknown messages that are to be looked at again by now. On PostgreSQL locked, passing over those that somebody works on."""
    statement = sa.select(messages.c.seq).where(
        messages.c.env == env,
        messages.c.state == State.UNKNOWN.value,
        sa.text("state IN ('submitting', 'unknown')"),
        messages.c.not_before <= now,
    )
    statement = statement.order_by(messages.c.not_before, messages.c.seq).limit(limit)
    if tx.is_postgresql and tx.writing:
        statement = statement.with_for_update(skip_locked=True)
    return list(by_seq(tx, list(tx.execute(statement).scalars())).values())


# ---- whose receipts they are ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Named:
    """An attempt that a provider's ids name, with what receipts have said of each of them (key_of) so far."""

    attempt: int
    message: int
    statuses: dict[str, str | None]


def named(tx: Tx, provider: str, ids: Iterable[str]) -> dict[str, Named]:
    """key_of(id) -> the attempt that it names, as far as they are known."""
    wanted = {key_of(id) for id in ids}
    found: dict[int, Named] = {}
    by_id: dict[str, Named] = {}
    if wanted:
        for attempt, message, id, status in tx.run(_NAMED, {"provider": provider, "ids": list(wanted)}):
            one = found.setdefault(attempt, Named(attempt, message, {}))
            one.statuses[id] = status
            by_id[id] = one
    return {id: one for id, one in by_id.items() if id in wanted}


_ASKED = provider_ids.alias()
_NAMED = (
    sa.select(provider_ids.c.attempt, attempts.c.message, provider_ids.c.provider_id, provider_ids.c.status)
    .join(attempts, attempts.c.seq == provider_ids.c.attempt)
    .where(
        provider_ids.c.attempt.in_(
            sa.select(_ASKED.c.attempt).where(_ASKED.c.provider == sa.bindparam("provider"), Among(_ASKED.c.provider_id, names("ids")))
        )
    )
    .order_by(provider_ids.c.attempt, provider_ids.c.part)
)

# ---- receipts that came early -----------------------------------------------------------------------------------------------------------


def early(tx: Tx, provider: str, provider_ids: Sequence[str], since: int) -> list[tuple[int, Receipt]]:
    """(seq, receipt) of receipts that were of no known message when they came, in order."""
    values = {"provider": provider, "ids": list(provider_ids), "since": since}
    return [(row[0], Receipt(*row[1:])) for row in tx.run(_EARLY, values)] if provider_ids else []


_EARLY = (
    sa.select(
        receipts.c.seq, receipts.c.provider, receipts.c.provider_id, receipts.c.at, receipts.c.received, receipts.c.status,
        receipts.c.effect, receipts.c.message, receipts.c.code, receipts.c.raw,
    )
    .where(
        receipts.c.provider == sa.bindparam("provider"),
        Among(receipts.c.provider_id, names("ids")),
        receipts.c.effect == "unmatched",
        receipts.c.received >= sa.bindparam("since"),
    )
    .order_by(receipts.c.seq)
)  # fmt: skip


def match(tx: Tx, seq: int, message: int, effect: str) -> None:
    """A receipt that came early is this message's, and had this effect."""
    tx.execute(sa.update(receipts).where(receipts.c.seq == seq).values(message=message, effect=effect))


def lock_provider(tx: Tx, provider: str) -> None:
    """Until the end of the transaction nobody else matches a provider's ids with receipts: of an answer and a receipt that cross, the
    later one sees the other."""
    if tx.is_postgresql:
        tx.run(_LOCK, {"provider": f"provider|{provider}"})


_LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtext(:provider))")
