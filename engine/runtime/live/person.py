"""One person: who it is, what may be sent to them, and everything that was sent or not, with its reason, in one list by time.

A person is a user, with the number that the user has now, or a number that is nobody's. An entry is a message, or a verdict that sent
nothing; a verdict that sent is its message. Pages hold whole decisions, so that no entry is shown twice or left out between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.core.caps import Standing, standing
from engine.core.facts import Cell, Scope, UserCell
from engine.core.outcomes import Timer, Verdict
from engine.core.phones import normalise
from engine.core.plan import BookPlan, CapPlan
from engine.runtime import views
from engine.store import attempts, cells, codec, messages, people, suppressions
from engine.store.attempts import Attempt, Receipt
from engine.store.columns import Among, Unsought, numbers
from engine.store.decisions import person_key
from engine.store.messages import Stored
from engine.store.paging import Page, cursor_of, place_of
from engine.store.schema import decision_people, decisions, timers
from engine.store.schema import messages as message_rows
from engine.store.states import State
from engine.store.store import Tx
from engine.store.suppressions import Suppression

_LAST = 1 << 62
_LOOKED_THROUGH = 300  # decisions, and messages, that one page looks through; more messages than one decision has for a person
_COUNTED = 1_000  # decisions, and messages, that are counted at most
# A message in one of these has reached nobody, and will not or not yet.
UNSENT = frozenset({State.WAITING, State.EXPIRED, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Who:
    """A user with the number that is theirs now, if any; or a number that is nobody's."""

    user: str | None
    phone: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened to the person: a message with what providers said of it, or a verdict that sent none."""

    at: int
    decision: int | None
    rule: str
    verdict: Verdict | None = None
    message: Stored | None = None
    attempts: Sequence[Attempt] = ()
    receipts: Sequence[Receipt] = ()

    @property
    def is_sent(self) -> bool:
        """Whether something has left for the person, or may any moment."""
        return self.message is not None and self.message.state not in UNSENT


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted of a timeline. `show`: all, sent or unsent; `types`: message types, empty for all; `since`: not older."""

    show: str = "all"
    types: frozenset[str] = frozenset()
    since: int = 0


# ---- who --------------------------------------------------------------------------------------------------------------------------------


def find(tx: Tx, env: str, asked: str, limit: int = 20) -> list[Who]:
    """Whom a question means: `#<message>` whoever got it, a user's id, or a phone number, which several users may have."""
    if asked.startswith("#"):
        seq = asked[1:]
        stored = messages.by_seq(tx, [int(seq)]).get(int(seq)) if seq.isascii() and seq.isdigit() and len(seq) < 19 else None
        if stored is None or stored.env != env:
            return []
        user = stored.message.user
        return [_user(tx, env, user) if user is not None else Who(None, stored.message.to)]
    cell = cells.load(tx, env, [f"user:{asked}"])[f"user:{asked}"]
    if isinstance(cell, UserCell):
        return [Who(cell.id, cell.phone)]
    number = normalise(asked)
    if number is None:
        return []
    users = [Who(user, number) for user in people.of_phone(tx, env, number, limit)]
    return users or ([Who(None, number)] if _is_known(tx, env, number) else [])


def _user(tx: Tx, env: str, user: str) -> Who:
    cell = cells.load(tx, env, [f"user:{user}"])[f"user:{user}"]
    return Who(user, cell.phone if isinstance(cell, UserCell) else None)


def _is_known(tx: Tx, env: str, phone: str) -> bool:
    person = decision_people.c
    named = sa.select(person.seq).where(person.env == env, person.person == person_key(None, phone)).limit(1)
    sent = sa.select(message_rows.c.seq).where(message_rows.c.env == env, message_rows.c.phone == phone).limit(1)
    stops = bool(suppressions.listed(tx, env, phone=phone, limit=1).items)
    return stops or any(tx.execute(statement).scalar() is not None for statement in (named, sent))


# ---- what happened ----------------------------------------------------------------------------------------------------------------------


def timeline(
    tx: Tx, env: str, who: Who, plan: BookPlan | None, asked: Asked, *, cursor: str | None = None, upto: int | None = None, limit: int = 40
) -> Page[Entry]:
    """What happened, newest first. `upto`: nothing of decisions after this one."""
    before, before_message = place_of(cursor, int, int) if cursor is not None else (_LAST if upto is None else upto + 1, _LAST)
    rows = _decisions(tx, env, who, before, _LOOKED_THROUGH)
    sent = _messages(tx, env, who, before_message, _LOOKED_THROUGH, before if cursor is None else _LAST)
    merged = _Merge(rows, sent, who, _LOOKED_THROUGH)
    found: list[Entry] = []
    ended = False
    while merged.goes_on and len(found) < limit:
        for entry in merged.next_decision():
            ended = ended or entry.at < asked.since
            if _is_wanted(entry, asked, plan):
                found.append(entry)
        if ended:
            break
    following = None
    if merged.is_left and not ended:
        following = cursor_of(merged.decision if merged.decision is not None else before, merged.message or before_message)
    return Page(_with_attempts(tx, found), following)


def _is_wanted(entry: Entry, asked: Asked, plan: BookPlan | None) -> bool:
    if entry.at < asked.since or (asked.show != "all" and entry.is_sent != (asked.show == "sent")):
        return False
    if not asked.types:
        return True
    rule = plan.rules.get(entry.rule) if plan is not None else None
    type = entry.message.message.type if entry.message is not None else rule.type.id if rule is not None else None
    return type in asked.types


class _Merge:
    """Decisions and messages of a person, both newest first, put together decision by decision."""

    def __init__(self, rows: Sequence[tuple[int, list[Verdict]]], sent: Sequence[Stored], who: Who, most: int | None = None) -> None:
        """`most`: how many were read of each at most; None: what was not read is not asked for."""
        # Where what was read ends and more is kept, nobody knows what comes next.
        self._more = (len(rows) == most, len(sent) == most)
        self._rows, self._sent, self._who = rows, _whole(sent) if self._more[1] else sent, who
        self._row = self._message = 0
        self.decision: int | None = None  # the last one taken
        self.message: int | None = None

    @property
    def is_left(self) -> bool:
        """Whether there is more, here or in the store."""
        return self._row < len(self._rows) or self._message < len(self._sent) or any(self._more)

    @property
    def goes_on(self) -> bool:
        """Whether the next entry is known."""
        ends = (self._row == len(self._rows), self._message == len(self._sent))
        return not all(ends) and not any(end and more for end, more in zip(ends, self._more, strict=True))

    def next_decision(self) -> list[Entry]:
        """The entries of the newest decision that is left, or a message that came from none."""
        head = self._sent[self._message].decision if self._message < len(self._sent) else None
        if self._message < len(self._sent) and head is None:
            return [self._take()]
        row = self._rows[self._row][0] if self._row < len(self._rows) else -1
        newest = max(row, head if head is not None else -1)
        entries = []
        while self._message < len(self._sent) and self._sent[self._message].decision == newest:
            entries.append(self._take())
        if row == newest:
            sent = {(one.rule, one.message.message.occurrence) for one in entries if one.message is not None}
            entries += [
                Entry(verdict.at, newest, verdict.rule, verdict)
                for verdict in self._rows[self._row][1]
                if _is_about(verdict, self._who) and not (verdict.outcome == "send" and (verdict.rule, verdict.occurrence) in sent)
            ]
            self._row += 1
            self.decision = newest
        return entries

    def _take(self) -> Entry:
        stored = self._sent[self._message]
        self._message += 1
        self.message = stored.seq
        return Entry(stored.message.at, stored.decision, stored.message.rule, message=stored)


def _whole(sent: Sequence[Stored]) -> Sequence[Stored]:
    """Without those of the last decision, which may have more of them."""
    last = sent[-1].decision
    kept = [stored for stored in sent if last is None or stored.decision != last]
    return kept or sent


def _is_about(verdict: Verdict, who: Who) -> bool:
    return verdict.user == who.user if verdict.user is not None else who.phone is not None and verdict.phone == who.phone


def _names(who: Who) -> list[str]:
    return [person_key(who.user, None)] * (who.user is not None) + [person_key(None, who.phone)] * (who.phone is not None)


def _decisions(tx: Tx, env: str, who: Who, before: int, limit: int) -> list[tuple[int, list[Verdict]]]:
    person = decision_people.c
    seqs: set[int] = set()
    for name in _names(who):
        statement = sa.select(person.seq).where(person.env == env, person.person == name, person.seq < before)
        seqs.update(tx.execute(statement.order_by(person.seq.desc()).limit(limit)).scalars())
    chosen = sorted(seqs, reverse=True)[:limit]
    rows = {row.seq: row for row in tx.execute(_VERDICTS, {"seqs": chosen})}
    return [(seq, codec.decode_verdicts(rows[seq].verdicts, rows[seq].at)) for seq in chosen if seq in rows]


_VERDICTS = sa.select(decisions.c.seq, decisions.c.at, decisions.c.verdicts).where(Among(decisions.c.seq, numbers("seqs")))


def _messages(tx: Tx, env: str, who: Who, before: int, limit: int, decided_before: int = _LAST) -> list[Stored]:
    columns = message_rows.c
    seqs: set[int] = set()
    for column, value in ((columns.user, who.user), (columns.phone, who.phone)):
        if value is not None:
            statement = sa.select(columns.seq).where(columns.env == env, column == value, columns.seq < before)
            if decided_before != _LAST:
                statement = statement.where(sa.or_(columns.decision.is_(None), columns.decision < decided_before))
            seqs.update(tx.execute(statement.order_by(columns.seq.desc()).limit(limit)).scalars())
    chosen = sorted(seqs, reverse=True)[:limit]
    known = messages.by_seq(tx, chosen)
    return [known[seq] for seq in chosen if seq in known]


def _with_attempts(tx: Tx, entries: Sequence[Entry]) -> list[Entry]:
    seqs = [entry.message.seq for entry in entries if entry.message is not None]
    tries, receipts = attempts.of_messages(tx, seqs), attempts.receipts_of(tx, seqs)
    return [
        entry
        if entry.message is None
        else Entry(
            entry.at,
            entry.decision,
            entry.rule,
            entry.verdict,
            entry.message,
            tries.get(entry.message.seq, ()),
            receipts.get(entry.message.seq, ()),
        )
        for entry in entries
    ]


def newer(tx: Tx, env: str, who: Who, after: int, limit: int = 100) -> int:
    """How many decisions about the person there are after one, at most `limit`."""
    person = decision_people.c
    seqs: set[int] = set()
    for name in _names(who):
        statement = sa.select(person.seq).where(person.env == env, person.person == name, person.seq > after)
        seqs.update(tx.execute(statement.limit(limit)).scalars())
    return min(len(seqs), limit)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many entries there are. `more`: at least."""

    sent: int
    unsent: int
    more: bool


def tally(tx: Tx, env: str, who: Who, plan: BookPlan | None, asked: Asked) -> Tally:
    """How many were sent, and not, of what is asked for."""
    rows = _decisions(tx, env, who, _LAST, _COUNTED)
    sent = _messages(tx, env, who, _LAST, _COUNTED)
    merged = _Merge(rows, sent, who)
    counted = [0, 0]
    everything = Asked("all", asked.types, asked.since)
    while merged.goes_on:
        for entry in merged.next_decision():
            if _is_wanted(entry, everything, plan):
                counted[entry.is_sent] += 1
    return Tally(counted[1], counted[0], len(rows) == _COUNTED or len(sent) == _COUNTED)


# ---- who it is, and what may be sent ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Slots:
    """A cap as it stands for the person. `owner`: a message type, a rule's id, or None for the whole book; `rules`: who took the slots,
    oldest first, as far as it is known."""

    cap: CapPlan
    owner: str | None
    of_type: bool
    standing: Standing
    rules: Sequence[str]


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of the person now. `consents`: message type -> the field that must be true, and what it is."""

    who: Who
    zone: str
    record: Mapping[str, Any] | None  # views.user_view; None for a number that is nobody's
    slots: Sequence[Slots]
    consents: Mapping[str, tuple[str, Any]]
    suppressions: Sequence[Suppression]
    timers: Sequence[Timer]


def profile(tx: Tx, env: str, who: Who, plan: BookPlan | None, now: int) -> Profile:
    """The person now. Without a book only what needs none."""
    ids = [f"user:{who.user}"] * (who.user is not None) + [f"phone:{who.phone}"] * (who.phone is not None)
    zone = plan.zone if plan is not None else None
    held = cells.load(tx, env, ids, zone) if zone is not None else cells.load(tx, env, ids)
    found = held.get(f"user:{who.user}")
    user = found if isinstance(found, UserCell) else None
    phone = held.get(f"phone:{who.phone}")
    stops = suppressions.listed(tx, env, phone=who.phone).items if who.phone is not None else ()
    return Profile(
        who,
        user.timezone or "" if user is not None else "",
        views.user_view(user, phone, plan, now) if user is not None and plan is not None else None,
        _slots(tx, env, who, plan, user, phone, now) if plan is not None else (),
        _consents(plan, user, now) if plan is not None and user is not None else {},
        stops,
        pending(tx, env, who),
    )


def _consents(plan: BookPlan, user: UserCell, now: int) -> dict[str, tuple[str, Any]]:
    scope = Scope(now, user.zone, None, user)
    fields = {rule.type.id: rule.consent for rule in plan.rules.values() if rule.consent is not None}
    return {type: (field.name, field.read(scope)) for type, field in sorted(fields.items())}


def _slots(tx: Tx, env: str, who: Who, plan: BookPlan, user: UserCell | None, phone: Cell | None, now: int) -> list[Slots]:
    """Every cap of a type and of the book that counts by the person; a rule's own where a slot is taken."""
    caps = {cap.name: (cap, rule) for rule in plan.rules.values() for cap in rule.caps if cap.by in (("user",), ("phone",))}
    took: dict[tuple[str, str, int], str] = {}
    for stored in _messages(tx, env, who, _LAST, 100):
        for slot in stored.message.slots:
            took.setdefault(slot, stored.message.rule)
    found = []
    for name, (cap, rule) in sorted(caps.items()):
        of_user = cap.by == ("user",) and who.user is not None
        cell, cell_id = (user, f"user:{who.user}") if of_user else (phone, f"phone:{who.phone}")
        zone = (user.zone if user is not None else plan.zone) if cap.by_user else plan.zone
        stands = standing(cap, cell, now, zone)
        of_type, of_rule = name.startswith("message_types."), name.startswith("rules.")
        if of_rule and not stands.taken:
            continue
        owner = rule.type.id if of_type else rule.id if of_rule else None
        by = [took[cell_id, cap.state, instant] for instant in stands.instants if (cell_id, cap.state, instant) in took]
        found.append(Slots(cap, owner, of_type, stands, by))
    return found


def pending(tx: Tx, env: str, who: Who, limit: int = 50) -> list[Timer]:
    """What is promised to the user, the soonest first. Of a number that is nobody's it is not known."""
    if who.user is None:
        return []
    columns = timers.c
    statement = sa.select(columns.body).where(columns.env == env, columns.user == who.user, columns.kind != "wake")
    found: Iterable[str] = tx.execute(statement.order_by(Unsought(columns.due), columns.serial).limit(limit)).scalars()
    return [codec.decode_timer(body) for body in found]
