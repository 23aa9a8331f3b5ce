"""Figures: what was decided and delivered, counted per hour while it happens, so that no page counts rows.

Whoever changes something notes it in its transaction (`note`); the store writes the notes of a transaction as one small row, which no other
transaction waits for. `fold` adds such rows up. A message counts in the hour in which it was decided, an attempt in the hour in which it
began: so of what was accepted then it is known how much has arrived since.

Subjects: `rule:<id>` (verdicts as "skip capped", messages as "message delivered", goals as "goal sent"), `campaign:<id>` and `all`
(messages), `provider:<name>` ("sms accepted"), `delay:<provider>`, `sent` (taken by a provider, per minute), `timers` (how many stand),
`verifications` (codes asked for, checked, approved).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy as sa

from engine.store import codec
from engine.store.columns import Among, key_of, names, numbers
from engine.store.schema import depths, figure_changes, figures
from engine.store.states import State
from engine.store.store import Tx

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
ALWAYS = 0  # the instant of a figure that is of no hour
# On its way to a provider: which of these it is says the message itself.
OPEN = "open"
_KINDS = {State.QUEUED: OPEN, State.WAITING: OPEN, State.SUBMITTING: OPEN}
_TAKEN = frozenset({State.ACCEPTED, State.DELIVERED, State.UNDELIVERED})
# Upper ends of the classes of delays, microseconds: each a tenth above the one before, from 50 ms to three days.
DELAYS = [int(50_000 * 1.1**step) for step in range(164)]


def kind_of(state: State) -> str:
    """What a message counts as."""
    return _KINDS.get(state, state.value)


def note(tx: Tx, env: str, subject: str, at: int, what: str, number: int = 1) -> None:
    """Something has happened. `at` is the beginning of its hour, minute, or ALWAYS."""
    tx.figures[env, subject, at, what] += number


def hour(at: int) -> int:
    """The beginning of the hour."""
    return at - at % HOUR


def minute(at: int) -> int:
    """The beginning of the minute."""
    return at - at % MINUTE


def note_message(tx: Tx, env: str, rule: str, campaign: str | None, at: int, before: State | None, after: State) -> None:
    """A message that was decided at an instant is new (`before` None), or went from one state to another."""
    old, new = kind_of(before) if before is not None else None, kind_of(after)
    if old == new:
        return
    began = hour(at)
    for subject in (f"rule:{rule}", "all", f"campaign:{campaign}" if campaign is not None else None):
        if subject is not None:
            note(tx, env, subject, began, f"message {new}")
            if old is not None:
                note(tx, env, subject, began, f"message {old}", -1)


def note_attempt(tx: Tx, env: str, provider: str, channel: str, at: int, before: State, after: State, now: int) -> None:
    """A provider, asked at an instant, has said something of a message."""
    began = hour(at)
    if before in (State.ACCEPTED, State.UNKNOWN):
        note(tx, env, f"provider:{provider}", began, f"{channel} {before.value}", -1)
    new = "rejected" if kind_of(after) == OPEN else after.value  # refused, and to be tried again
    note(tx, env, f"provider:{provider}", began, f"{channel} {new}")
    if after in _TAKEN and before is not State.ACCEPTED:
        note(tx, env, "sent", minute(now), channel)
    if after is State.DELIVERED:
        note(tx, env, f"delay:{provider}", began, str(bisect_left(DELAYS, now - at)))


# ---- adding up --------------------------------------------------------------------------------------------------------------------------


def waits(tx: Tx) -> bool:
    """Whether there is something to fold."""
    return tx.execute(_ANY).scalar() is not None


_ANY = sa.select(figure_changes.c.seq).limit(1)


def fold(tx: Tx, limit: int = 1000) -> int:
    """Add up the oldest notes; how many. Several processes may: each takes what no other has in hand."""
    statement = _OLDEST.with_for_update(skip_locked=True) if tx.is_postgresql else _OLDEST
    rows = tx.execute(statement, {"limit": limit}).all()
    if not rows:
        return 0
    sums: Counter[tuple[str, str, int, str]] = Counter()
    for row in rows:
        for env, subject, at, what, number in orjson.loads(row.body):
            sums[env, key_of(subject), at, key_of(what)] += number
    # In order, so that two who fold do not wait for each other in a circle.
    added = [
        {"env": env, "subject": subject, "at": at, "what": what, "number": number}
        for (env, subject, at, what), number in sorted(sums.items())
        if number
    ]
    if added:
        tx.execute(_ADD, added)
    tx.execute(_FOLDED, {"seqs": [row.seq for row in rows]})
    return len(rows)


_OLDEST = sa.select(figure_changes.c.seq, figure_changes.c.body).order_by(figure_changes.c.seq).limit(sa.bindparam("limit"))
_FOLDED = sa.delete(figure_changes).where(Among(figure_changes.c.seq, numbers("seqs")))
_ADD = sa.text(
    'INSERT INTO figures (env, subject, "at", what, number) VALUES (:env, :subject, :at, :what, :number)'
    ' ON CONFLICT (env, subject, "at", what) DO UPDATE SET number = figures.number + excluded.number'
)


# ---- reading ----------------------------------------------------------------------------------------------------------------------------


def of(tx: Tx, env: str, subject: str, since: int = ALWAYS, until: int | None = None) -> Counter[str]:
    """What was counted of a subject in the hours that begin in `[since, until)`."""
    return Counter({what: number for (_, what), number in _read(tx, env, subject, since, until)})


def by_time(tx: Tx, env: str, subject: str, since: int, until: int | None = None) -> dict[int, Counter[str]]:
    """The same, apart for each hour (or minute)."""
    found: dict[int, Counter[str]] = {}
    columns = figures.c
    statement = sa.select(columns.at, columns.what, columns.number).where(*_where(env, subject, since, until))
    for at, what, number in tx.execute(statement):
        found.setdefault(at, Counter())[what] += int(number)
    return found


def busiest(tx: Tx, env: str, subjects: Sequence[str], what: str, since: int) -> str | None:
    """The subject of which most of this was counted in the hours from `since` on; None: nothing was."""
    columns = figures.c
    total = sa.func.sum(columns.number)
    statement = sa.select(columns.subject).where(
        columns.env == env, Among(columns.subject, names("subjects")), columns.at >= since, columns.what == what
    )
    statement = statement.group_by(columns.subject).order_by(total.desc(), columns.subject).limit(1)
    found: str | None = tx.execute(statement, {"subjects": list(subjects)}).scalar()
    return found


def _read(tx: Tx, env: str, subject: str, since: int, until: int | None) -> Iterable[tuple[tuple[str, str], int]]:
    columns = figures.c
    statement = sa.select(columns.what, sa.func.sum(columns.number)).where(*_where(env, subject, since, until)).group_by(columns.what)
    return [((subject, what), int(number)) for what, number in tx.execute(statement)]


def _where(env: str, subject: str, since: int, until: int | None) -> Sequence[sa.ColumnElement[bool]]:
    columns = figures.c
    bounds = [columns.at >= since] + ([columns.at < until] if until is not None else [])
    return (columns.env == env, columns.subject == subject, *bounds)


def quantile(delays: Mapping[str, int], share: float) -> int | None:
    """The delay (microseconds) that at least this share does not exceed, to a tenth; `delays` counts classes of DELAYS. None: no delays."""
    total = sum(delays.values())
    if total <= 0:
        return None
    passed = 0
    for place in sorted(map(int, delays)):
        passed += delays[str(place)]
        if passed >= share * total:
            return DELAYS[min(place, len(DELAYS) - 1)]
    return DELAYS[-1]


# ---- how full things are ----------------------------------------------------------------------------------------------------------------


def sample(tx: Tx, env: str, at: int, values: Mapping[str, Any]) -> None:
    """Keep how full things are in a minute; the first one of a minute stays."""
    if tx.execute(sa.select(depths.c.at).where(depths.c.env == env, depths.c.at == at)).scalar() is None:
        tx.execute(_SAMPLE, {"env": env, "at": at, "body": codec.dumps(dict(values))})


_SAMPLE = sa.text('INSERT INTO depths (env, "at", body) VALUES (:env, :at, :body) ON CONFLICT DO NOTHING')


def samples(tx: Tx, env: str, since: int) -> list[tuple[int, Mapping[str, Any]]]:
    """The samples from an instant on, oldest first."""
    statement = sa.select(depths.c.at, depths.c.body).where(depths.c.env == env, depths.c.at >= since).order_by(depths.c.at)
    return [(at, codec.loads(body)) for at, body in tx.execute(statement)]


# ---- forgetting -------------------------------------------------------------------------------------------------------------------------


def forget_before(tx: Tx, at: int, limit: int, subject: str | None = None) -> int:
    """Delete figures of hours before an instant (of one subject), at most so many; how many."""
    columns = figures.c
    where = [columns.at > ALWAYS, columns.at < at] + ([columns.subject == subject] if subject is not None else [])
    key = (columns.env, columns.subject, columns.at, columns.what)
    chosen = sa.select(*key).where(*where).order_by(columns.at).limit(limit)
    return tx.execute(sa.delete(figures).where(sa.tuple_(*key).in_(chosen))).rowcount


def forget_samples_before(tx: Tx, at: int, limit: int) -> int:
    """Delete samples from before an instant, at most so many; how many."""
    key = (depths.c.env, depths.c.at)
    chosen = sa.select(*key).where(depths.c.at < at).limit(limit)
    return tx.execute(sa.delete(depths).where(sa.tuple_(*key).in_(chosen))).rowcount
