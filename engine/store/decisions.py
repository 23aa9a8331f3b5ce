"""Decisions: what was judged, in order, and every verdict with its reason. Conversions too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from engine import observe
from engine.core.case import occurrence_name
from engine.core.outcomes import Conversion, Verdict
from engine.store import bulk, codec, figures
from engine.store.columns import Among, Unsought, key_of, names, numbers
from engine.store.paging import Page, cursor_of, place_of
from engine.store.schema import conversions, decision_people, decisions
from engine.store.store import Tx
from engine.traces import trace_of

_LOOKED_THROUGH = 5000  # decisions that one page looks through for a rule's verdicts


@dataclass(frozen=True, slots=True)
class NewDecision:
    """One occurrence that was judged. `body` is what a replay needs besides what `source` and `ref` lead to, JSON-ready."""

    at: int
    cause: str
    ref: str | None = None
    source: str | None = None
    book: int | None = None
    body: Any = None
    verdicts: Collection[Verdict] = field(default=())


@dataclass(frozen=True, slots=True)
class Recorded:
    """A decision as it is kept."""

    seq: int
    at: int
    cause: str
    source: str | None
    ref: str | None
    book: int | None
    body: Any
    verdicts: Sequence[Verdict]


def add(tx: Tx, env: str, new: Sequence[NewDecision]) -> Sequence[int]:
    """Keep decisions in this order; their serial numbers. Call it after the locks are held, so that the order is that of judging."""
    if not new:
        return ()
    seqs = bulk.numbers(tx, decisions, len(new))
    rows, people = [], []
    for seq, one in zip(seqs, new, strict=True):
        rows.append(
            {
                "seq": seq,
                "env": env,
                "at": one.at,
                "cause": one.cause,
                "source": one.source,
                "ref": one.ref,
                "book": one.book,
                "body": None if one.body is None else codec.dumps(one.body),
                "verdicts": codec.encode_verdicts(one.verdicts),
            }
        )
        if observe.heard():
            tx.told += _told(env, one)
        named = {(verdict.user, verdict.phone) for verdict in one.verdicts}
        people += [{"env": env, "person": person, "seq": seq} for person in sorted({*map(_person, named)} - {""})]
    bulk.insert(tx, decisions, rows)
    bulk.insert(tx, decision_people, people)
    _count(tx, env, new)
    return seqs


def _count(tx: Tx, env: str, new: Sequence[NewDecision]) -> None:
    found = Counter((figures.hour(one.at), verdict.rule, verdict.outcome, verdict.reason) for one in new for verdict in one.verdicts)
    for (hour, rule, outcome, reason), number in found.items():
        figures.note(tx, env, f"rule:{rule}", hour, f"{outcome} {reason}", number)


def _told(env: str, new: NewDecision) -> list[observe.Told]:
    """A line for each occurrence that the decision spoke of."""
    own = [trace_of(env, occurrence_name(new.source, new.ref))] if new.source is not None and new.ref is not None else []
    by_trace: dict[str, list[Verdict]] = {trace: [] for trace in own}
    for verdict in new.verdicts:
        by_trace.setdefault(trace_of(env, verdict.occurrence), []).append(verdict)
    return [
        {
            "event": "decided",
            "trace": trace,
            "env": env,
            "cause": new.cause,
            "book": new.book,
            "outcomes": dict(Counter(verdict.outcome for verdict in verdicts)),
            "sent": sorted({verdict.rule for verdict in verdicts if verdict.outcome == "send"}),
        }
        for trace, verdicts in by_trace.items()
    ]


def _person(named: tuple[str | None, str | None]) -> str:
    user, phone = named
    return f"user:{user}" if user is not None else f"phone:{phone}" if phone is not None else ""


def add_conversions(tx: Tx, env: str, new: Iterable[Conversion]) -> None:
    """Count goals that were reached."""
    reached = list(new)
    bulk.insert(tx, conversions, [{"env": env, "rule": one.rule, "user": one.user, "group": one.group, "at": one.at} for one in reached])
    for one in reached:
        figures.note(tx, env, f"rule:{one.rule}", figures.hour(one.at), f"goal {one.group}")


def of_cause(tx: Tx, env: str, ref: str, source: str | None = None) -> list[Recorded]:
    """The decisions that an event (with its source), a timer or a message led to, in order."""
    where = decisions.c.source == source if source is not None else decisions.c.source.is_(None)
    rows = tx.execute(_ALL.where(decisions.c.env == env, where, decisions.c.ref == ref).order_by(decisions.c.seq))
    return [_recorded(row) for row in rows]


def of_events(tx: Tx, env: str, identities: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """(source, id) of an event -> seq of the decision that judged it, as far as it is kept."""
    found: dict[tuple[str, str], int] = {}
    for source in sorted({source for source, _ in identities}):
        ids = {key_of(id): id for of, id in identities if of == source}
        for row in tx.execute(_OF_EVENTS, {"env": env, "source": source, "ids": list(ids)}):
            found[source, ids[row.ref]] = row.seq
    return found


_OF_EVENTS = sa.select(decisions.c.ref, decisions.c.seq).where(
    decisions.c.env == sa.bindparam("env"),
    decisions.c.source == sa.bindparam("source"),
    Among(decisions.c.ref, names("ids")),
    decisions.c.cause == "event",
)


def by_seq(tx: Tx, env: str, seqs: Sequence[int]) -> list[Recorded]:
    """The decisions of these serial numbers, in order."""
    statement = _ALL.where(Unsought(decisions.c.env) == env, Among(decisions.c.seq, numbers("seqs"))).order_by(decisions.c.seq)
    return [_recorded(row) for row in tx.execute(statement, {"seqs": list(seqs)})] if seqs else []


def history(tx: Tx, env: str, *, since: int | None = None, until: int | None = None, after: int = 0, limit: int = 1000) -> list[Recorded]:
    """Decisions made in `[since, until]`, in order, after seq `after`: what a replay judges again."""
    statement = _ALL.where(Unsought(decisions.c.env) == env, decisions.c.seq > after)
    if since is not None:
        statement = statement.where(decisions.c.at >= since)
    if until is not None:
        statement = statement.where(decisions.c.at <= until)
    return [_recorded(row) for row in tx.execute(statement.order_by(decisions.c.seq).limit(limit))]


def newest_verdicts(
    tx: Tx,
    env: str,
    *,
    user: str | None = None,
    phone: str | None = None,
    rule: str | None = None,
    outcome: str | None = None,
    reason: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> Page[tuple[str, Verdict]]:
    """(id, verdict), newest first; the id is the decision's seq and the verdict's place in it. What is asked of rule, outcome and reason
    is looked for in the rows: a page may be short and still have a `next`."""
    seq, place = place_of(cursor, int, int) if cursor is not None else (1 << 62, 0)
    is_led = user is not None or phone is not None
    statement = _ALL.where((decisions.c.env if is_led else Unsought(decisions.c.env)) == env)
    if is_led:
        named = sa.and_(decision_people.c.env == env, decision_people.c.person == _person((user, phone)))
        statement = statement.join(decision_people, decision_people.c.seq == decisions.c.seq).where(named)
        ordered = decision_people.c.seq
    else:
        ordered = decisions.c.seq
    statement = statement.where(ordered <= seq).order_by(ordered.desc()).limit(_LOOKED_THROUGH + 1)

    found: list[tuple[str, Verdict]] = []
    looked = 0
    with tx.execute(statement.execution_options(yield_per=100)) as rows:
        for row in rows:
            looked += 1
            if looked > _LOOKED_THROUGH:
                return Page(found, cursor_of(row.seq, 0))
            for at, verdict in enumerate(codec.decode_verdicts(row.verdicts, row.at)):
                if (row.seq == seq and at < place) or not _asked(verdict, user, phone, rule, outcome, reason):
                    continue
                if len(found) == limit:
                    return Page(found, cursor_of(row.seq, at))
                found.append((f"{row.seq}.{at}", verdict))
    return Page(found, None)


def _asked(verdict: Verdict, user: str | None, phone: str | None, rule: str | None, outcome: str | None, reason: str | None) -> bool:
    wanted = ((user, verdict.user), (phone, verdict.phone), (rule, verdict.rule), (outcome, verdict.outcome), (reason, verdict.reason))
    return all(asked is None or asked == given for asked, given in wanted)


def verdict(tx: Tx, env: str, id: str) -> tuple[Recorded, Verdict] | None:
    """The verdict of an id as `newest_verdicts` gives it, with its decision."""
    seq, _, place = id.partition(".")
    if not (seq.isascii() and seq.isdigit() and place.isascii() and place.isdigit()):
        return None
    row = tx.execute(_ALL.where(decisions.c.env == env, decisions.c.seq == min(int(seq), 1 << 62))).one_or_none()
    found = _recorded(row) if row is not None else None
    return (found, found.verdicts[int(place)]) if found is not None and int(place) < len(found.verdicts) else None


_ALL = sa.select(
    decisions.c.seq, decisions.c.at, decisions.c.cause, decisions.c.source, decisions.c.ref, decisions.c.book, decisions.c.body,
    decisions.c.verdicts,
)  # fmt: skip


def _recorded(row: Any) -> Recorded:
    body = codec.loads(row.body) if row.body is not None else None
    return Recorded(row.seq, row.at, row.cause, row.source, row.ref, row.book, body, codec.decode_verdicts(row.verdicts, row.at))


def forget_before(tx: Tx, env: str, at: int, limit: int) -> int:
    """Delete decisions made before an instant, at most so many; how many."""
    chosen = sa.select(decisions.c.seq).where(decisions.c.env == env, decisions.c.at < at).order_by(decisions.c.at).limit(limit)
    seqs = list(tx.execute(chosen).scalars())
    tx.execute(sa.delete(decision_people).where(Among(decision_people.c.seq, numbers("seqs"))), {"seqs": seqs})
    tx.execute(sa.delete(decisions).where(Among(decisions.c.seq, numbers("seqs"))), {"seqs": seqs})
    return len(seqs)


def forget_conversions_before(tx: Tx, env: str, at: int, limit: int) -> int:
    """Delete goals reached before an instant, among the oldest so many; how many."""
    columns = conversions.c
    oldest = sa.select(columns.seq, columns.at).where(columns.env == env).order_by(columns.seq).limit(limit).subquery()
    chosen = sa.select(oldest.c.seq).where(oldest.c.at < at)
    return tx.execute(sa.delete(conversions).where(columns.seq.in_(chosen))).rowcount


def conversion_counts(tx: Tx, env: str, since: int, until: int) -> dict[tuple[str, str], int]:
    """(rule, group) -> conversions in `[since, until)`."""
    columns = conversions.c
    statement = sa.select(columns.rule, columns.group, sa.func.count()).where(columns.env == env, columns.at >= since, columns.at < until)
    return {(rule, group): int(number) for rule, group, number in tx.execute(statement.group_by(columns.rule, columns.group))}


def person_key(user: str | None, phone: str | None) -> str:
    """How decision_people names a person."""
    return key_of(_person((user, phone)))
