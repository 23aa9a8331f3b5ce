"""One transaction's view of the store, in the shape that core's clockwork reads, and the pile of what it decided.

Cells are loaded in classes for the whole batch, and singly when something else is asked for; all changes are written at the end, together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from heapq import heappop, heappush
from typing import Any

import sqlalchemy as sa

from engine.core.case import phone_cell_id, user_cell_id
from engine.core.clockwork import Clockwork, Person
from engine.core.facts import Cell, Event, Scope, UserCell
from engine.core.occurrences import Receipt, UserChange
from engine.core.outcomes import Conversion, Decision, Item, Message, Timer, Verdict
from engine.core.phones import normalise
from engine.core.plan import BookPlan
from engine.core.watching import key_cell_id
from engine.core.zones import format_instant
from engine.runtime import adopting
from engine.runtime.adopting import Adoption
from engine.runtime.tombstones import Tombstones
from engine.runtime.waiting import RETRY, UNLESS, leaving, retry_timer, untouched
from engine.store import attempts, audience, campaigns, cells, changes, decisions, messages, people, timers
from engine.store.campaigns import Campaign
from engine.store.changes import Change
from engine.store.decisions import NewDecision
from engine.store.messages import Move, NewMessage, Stored
from engine.store.states import State
from engine.store.store import Tx
from engine.store.timers import item_of

PRIORITY = {"verification": 0, "notification": 1, "marketing": 2}  # what a dispatcher takes first
CAMPAIGN_PRIORITY = 3  # behind everything that somebody waits for
INLINE = 500  # people whom the audiences of one instant may select at most to be judged at once, in the same transaction
_PAGE = 1000  # people of an audience that are read at a time
_LOOKED_AT = 20  # times as many people are looked at to find them; beyond that it is a campaign, however few it may reach


@dataclass(frozen=True, slots=True)
class _Held:
    """A message that has not left, and whether certainly nobody has got it by an earlier attempt."""

    stored: Stored
    is_clean: bool


class Desk:
    """Reads through a transaction and keeps what changes until `save`. `clockwork` judges on it."""

    def __init__(self, tx: Tx, env: str, plan: BookPlan, version: int, tombstones: Tombstones, inline: int = INLINE) -> None:
        self._tombstones = tombstones
        self.tx = tx
        self.env = env
        self.plan = plan
        self.version = version
        self.campaign: str | None = None  # whose messages these are
        self.clockwork = Clockwork(plan, self, self._take, invite=self._invite)
        self._inline = inline
        self.messages: list[Message] = []
        self._cells: dict[str, Cell | None] = {}
        self._changed: set[str] = set()
        self._added: dict[str, Timer] = {}
        self._dropped: set[str] = set()
        self._pending: dict[str, tuple[Timer, ...]] = {}
        self._due: list[tuple[int, int, Timer]] = []  # (due, order, timer) of those that fall due in this batch
        self._order = 0
        self._rows: list[tuple[NewDecision, list[Verdict], list[Message]]] = []
        self._conversions: list[Conversion] = []
        self._said: list[tuple[NewDecision, Change]] = []  # what was said of people, with the decision's row
        self._held: dict[str, _Held | None] = {}  # messages that an `unless` may find, by their timer; None: a provider has it
        self._fresh: dict[str, Message] = {}  # those of this batch
        self._taken_back: dict[str, Message] = {}  # by id
        # Until it is done, users are renewed when they are first loaded.
        self.adoption = adopting.standing(tx, env, version)

    # ---- what the clockwork reads -------------------------------------------------------------------------------------------------------

    def get(self, cell_id: str, /) -> Cell | None:
        """The cell as this batch has left it; loaded, and locked, when first asked for."""
        if cell_id not in self._cells:
            self._load([cell_id])
        return self._cells[cell_id]

    def pending(self, cell_id: str, /) -> Iterable[Timer]:
        """Timers that this cell's events may cancel, in the order in which they were set."""
        if cell_id not in self._pending:
            self._pending |= timers.pending(self.tx, self.env, [cell_id])
        old = [timer for timer in self._pending[cell_id] if timer.id not in self._dropped and timer.id not in self._added]
        self._hold([timer.id for timer in old if timer.kind == RETRY and timer.id not in self._held])
        old = [leaving(timer) if timer.kind == RETRY and self._held[timer.id] is None else timer for timer in old]
        return (*old, *[timer for timer in self._added.values() if cell_id in timer.watch])

    def _hold(self, timer_ids: Collection[str]) -> None:
        """Look whether the messages for which these timers stand are still here, and keep them here."""
        if timer_ids:
            found = messages.hold(self.tx, self.env, [timer_id.partition("|")[2] for timer_id in timer_ids])
            tried = attempts.of_messages(self.tx, [stored.seq for stored in found.values() if stored.tries])
            here = {
                id: _Held(stored, untouched(tried.get(stored.seq, ())))
                for id, stored in found.items()
                if stored.state in (State.QUEUED, State.WAITING)
            }
            self._held |= {timer_id: here.get(timer_id.partition("|")[2]) for timer_id in timer_ids}

    def people(self) -> Iterator[Person]:
        """(phone or "", user id) of every user, in order."""
        after: Person | None = None
        while page := people.page(self.tx, self.env, after=after, limit=_PAGE):
            self._load([user_cell_id(user) for _, user in page])
            yield from page
            after = page[-1]

    def may_select(self, items: Iterable[Item], now: int) -> sa.ColumnElement[bool] | None:
        """Whom the audiences of these items may select, a superset; None: everybody."""
        if self.adoption is not None:
            return None  # SQL reads traits that are not built yet
        wheres = [audience.of_rule(self.plan, self.plan.rules[item.rule], now, item.event) for item in items]
        known = [where for where in wheres if where is not None]
        return sa.or_(*known) if len(known) == len(wheres) else None

    def gather(self, persons: Collection[Person]) -> list[Person]:
        """Load these people and their phones. Without those who were erased in the meantime."""
        self._load(user_cell_id(user) for _, user in persons)
        cells_of = {person: self._cells[user_cell_id(person[1])] for person in persons}
        here = {person: cell for person, cell in cells_of.items() if isinstance(cell, UserCell)}
        self._load(phone_cell_id(cell.phone) for cell in here.values() if cell.phone)
        return list(here)

    def _invite(self, items: Sequence[Item], now: int) -> Collection[Person] | None:
        # The audience is asked in SQL, which does not know yet what this batch has changed.
        people.save(self.tx, self.env, [cell for id in self._changed if isinstance(cell := self._cells[id], UserCell)])
        chosen: list[Person] = []
        looked = 0
        most = max(_LOOKED_AT * self._inline, 1)
        for person, may in people.look(self.tx, self.env, self.may_select(items, now), limit=most):
            looked += 1
            if may:
                chosen.append(person)
                if len(chosen) > self._inline:
                    break
        if looked < most and len(chosen) <= self._inline:
            return self.gather(chosen)
        counts = {"people": people.count(self.tx, self.env)}
        campaigns.add(self.tx, self.env, Campaign(_campaign_id(items, now), now, items, counts=counts, created=now, changed=now))
        return None

    def prefetch(self, events: Iterable[Event], due: Iterable[Timer]) -> None:
        """Load what most judgements need, class by class: users, keys, phones, what caps count by. The rest comes singly."""
        events = [event for event in events if event.type in self.plan.events]
        users: set[str | None] = {event.user for event in events}
        phones: set[str | None] = {event.phone for event in events}
        phones |= {normalise(event.profile.get("phone")) for event in events if event.profile is not None}
        of_timers: list[Event] = []
        counters: set[str | None] = set()
        for event in events:
            scope = Scope(event.received, self.plan.zone, event)
            counters |= {read(scope) for read in self.plan.events[event.type].counters}
        for timer in due:
            item = item_of(timer)
            users |= {timer.user, timer.recipient[0], item.user if item is not None else None}
            phones |= {timer.recipient[1], item.phone if item is not None else None}
            if item is not None and item.event is not None and item.event.type in self.plan.events:
                of_timers.append(item.event)
                rule = self.plan.rules.get(item.rule)
                scope = Scope(item.event.received, self.plan.zone, item.event)
                counters |= {cap.event_key(scope) for cap in (rule.caps if rule is not None else ()) if cap.event_key is not None}
        known = [user_cell_id(user) for user in users if user is not None]
        self._load(known)
        self._load(cell_id for event in (*events, *of_timers) if (cell_id := key_cell_id(event, self.plan)) is not None)
        phones |= {cell.phone for cell_id in known if isinstance(cell := self._cells[cell_id], UserCell)}
        self._load(phone_cell_id(phone) for phone in phones if phone)
        self._load(cell_id for cell_id in counters if cell_id is not None)
        cancelling = [event for event in events if self.plan.events[event.type].cancellers]
        watched = {cell_id for event in cancelling if (cell_id := key_cell_id(event, self.plan)) is not None}
        self._pending |= timers.pending(self.tx, self.env, watched)
        self._hold({timer.id for found in self._pending.values() for timer in found if timer.kind == RETRY})  # in order, so at once

    def _load(self, cell_ids: Iterable[str]) -> None:
        wanted = {cell_id for cell_id in cell_ids if cell_id not in self._cells}
        if not wanted:
            return
        self._cells |= cells.load(self.tx, self.env, wanted, self.plan.zone)
        unknown = [cell_id[6:] for cell_id in wanted if cell_id.startswith("phone:") and self._cells[cell_id] is None]
        raised = self._tombstones.raise_cells(self.tx, self.env, unknown)
        self._cells |= {phone_cell_id(phone): cell for phone, cell in raised.items()}
        if self.adoption is not None:
            for cell_id in sorted(wanted):
                if isinstance(cell := self._cells[cell_id], UserCell) and not adopting.is_renewed(cell, self.adoption):
                    self._renew(cell_id, cell, self.adoption)

    def renew(self, users: Iterable[str]) -> None:
        """Bring users up to what the book in force wants kept."""
        self._load(map(user_cell_id, users))

    def _renew(self, cell_id: str, cell: UserCell, adoption: Adoption) -> None:
        """Before anything is judged about the user: traits, then memberships and wake as they were at the publication, silently."""
        self._cells[cell_id] = adopting.renewed(self.tx, self.env, self.plan, adoption, cell)
        self._changed.add(cell_id)
        # Possibly in the middle of another judgement, whose verdicts go on after this.
        self._rows.append((NewDecision(adoption.at, "book", str(adoption.version), None, self.version), [], []))
        self.clockwork.judge(UserChange(cell.id, {}, silent=True), adoption.at)
        self._rows.pop()

    # ---- timers of this batch -----------------------------------------------------------------------------------------------------------

    def line_up(self, due: Iterable[Timer]) -> None:
        """Timers from the store that fall due in this batch."""
        for timer in due:
            self._queue(timer)

    def next_due(self) -> int | None:
        """The earliest instant at which a timer of this batch is due."""
        while self._due and not self._stands(self._due[0][2]):
            heappop(self._due)
        return self._due[0][0] if self._due else None

    def take_due(self, now: int) -> list[Timer]:
        """Take out what is due by now, in order of due instant and of setting."""
        taken = []
        while self._due and self._due[0][0] <= now:
            timer = heappop(self._due)[2]
            if self._stands(timer):
                self._drop(timer.id)
                taken.append(timer)
        return taken

    def set_timer(self, timer: Timer) -> None:
        """Set a timer, in place of one with the same id."""
        self._added[timer.id] = timer
        self._queue(timer)

    def _stands(self, timer: Timer) -> bool:
        added = self._added.get(timer.id)
        return added is timer if added is not None else timer.id not in self._dropped

    def _queue(self, timer: Timer) -> None:
        self._order += 1
        heappush(self._due, (timer.due, self._order, timer))

    def _drop(self, timer_id: str) -> None:
        self._added.pop(timer_id, None)
        self._dropped.add(timer_id)

    # ---- what is decided ----------------------------------------------------------------------------------------------------------------

    def begin(self, at: int, cause: str, ref: str | None = None, *, source: str | None = None, body: Any = None) -> None:
        """What is judged from here on is one decision of the record."""
        self._rows.append((NewDecision(at, cause, ref, source, self.version, body), [], []))

    def _take(self, decision: Decision) -> None:
        for cell_id, cell in decision.cells.items():
            change = changes.between(cell_id, self._cells.get(cell_id), cell)
            if change is not None:
                self._said.append((self._rows[-1][0], change))
        self._cells |= decision.cells
        self._changed.update(decision.cells)
        for timer_id in decision.cancelled:
            self._drop(timer_id)
        for timer in decision.timers:
            self.set_timer(timer)
        _, verdicts, sent = self._rows[-1]
        verdicts.extend(decision.verdicts())
        sent.extend(decision.messages)
        self.messages += decision.messages
        self._conversions += decision.conversions
        self._stand_by(decision.messages)
        if decision.cancelled:
            self._take_back(decision.cancelled)

    def _stand_by(self, sent: Iterable[Message]) -> None:
        """Until it leaves, a message can be taken back by an `unless` of its rule."""
        for message in sent:
            rule = self.plan.rules.get(message.rule)
            if rule is not None and (rule.watches_key or rule.watches_user):
                timer = retry_timer(message, self.plan)
                self.set_timer(timer)
                self._fresh[timer.id] = message

    def _take_back(self, timer_ids: Iterable[str]) -> None:
        """Messages that an `unless` has found end here. Their cap slots are free where certainly nobody has got them."""
        for timer_id in timer_ids:
            held = self._held.get(timer_id)
            message = held.stored.message if held is not None else self._fresh.get(timer_id)
            if message is None or message.id in self._taken_back:
                continue
            self._taken_back[message.id] = message
            if held is None or held.is_clean:
                self.clockwork.judge(Receipt(message, "rejected", in_time=False), self._rows[-1][0].at)

    def note(self, verdicts: Iterable[Verdict]) -> None:
        """Verdicts about nobody in particular, which no judging gave."""
        self._rows[-1][1].extend(verdicts)

    def told(self) -> Sequence[Verdict]:
        """The verdicts of the last decision so far."""
        return self._rows[-1][1]

    def _note_generation(self, adoption: Adoption) -> None:
        """Users who have just become known have nothing to be adopted."""
        for cell_id in self._changed:
            cell = self._cells[cell_id]
            if isinstance(cell, UserCell) and not adopting.is_renewed(cell, adoption):
                fresh = cell.fork()
                fresh.traits = {**cell.traits, adopting.GENERATION: adoption.generation}
                self._cells[cell_id] = fresh

    def save(self) -> None:
        """Write everything: cells, timers, the record, the outbox."""
        if self.adoption is not None:
            self._note_generation(self.adoption)
        changed = {cell_id: cell for cell_id in self._changed if (cell := self._cells[cell_id]) is not None}
        self._follow([(old, cell) for id, cell in changed.items() if (old := self._moved(id, cell)) is not None])
        at = self._rows[-1][0].at if self._rows else 0
        cells.save(self.tx, self.env, changed, at)
        timers.drop(self.tx, self.env, sorted(self._dropped - self._added.keys()))
        timers.add(self.tx, self.env, list(self._added.values()))
        spoke = {id(row) for row, _ in self._said}
        kept = [(row, verdicts, sent) for row, verdicts, sent in self._rows if verdicts or sent or row.cause == "event" or id(row) in spoke]
        rows = [NewDecision(row.at, row.cause, row.ref, row.source, row.book, row.body, verdicts) for row, verdicts, _ in kept]
        seqs = decisions.add(self.tx, self.env, rows)
        seq_of = {id(row): seq for (row, _, _), seq in zip(kept, seqs, strict=True)}
        changes.add(self.tx, self.env, [(seq_of[id(row)], row.cause, row.at, change) for row, change in self._said])
        messages.add(self.tx, self.env, [self._outgoing(one, seq) for seq, (_, _, sent) in zip(seqs, kept, strict=True) for one in sent])
        ended = [held.stored.seq for held in self._held.values() if held is not None and held.stored.message.id in self._taken_back]
        messages.apply(self.tx, [Move(seq, State.CANCELLED, UNLESS) for seq in ended], at)
        decisions.add_conversions(self.tx, self.env, self._conversions)

    def _outgoing(self, message: Message, decision: int) -> NewMessage:
        priority = PRIORITY[message.type] if self.campaign is None else CAMPAIGN_PRIORITY
        if message.id in self._taken_back:
            return NewMessage(message, priority, decision, campaign=self.campaign, state=State.CANCELLED, reason=UNLESS)
        return NewMessage(message, priority, decision, campaign=self.campaign)

    def _moved(self, cell_id: str, cell: Cell) -> UserCell | None:
        """The user as before, where the number is another one now."""
        old = self.tx.seen.get((self.env, cell_id))
        return old if isinstance(old, UserCell) and isinstance(cell, UserCell) and old.phone != cell.phone else None

    def _follow(self, moved: Collection[tuple[UserCell, Cell]]) -> None:
        """Who gets a number that a campaign has passed would be left out by it: a timer judges them at once. The other way round they are
        met again, and a message that is there already is not sent again."""
        for known in campaigns.listed(self.tx, self.env, ("running",)) if moved else ():
            campaign = campaigns.get(self.tx, self.env, known.id)  # now no page moves the cursor
            if campaign is None or campaign.state != "running" or campaign.cursor is None:
                continue
            for old, new in moved:
                if isinstance(new, UserCell) and _place(new) <= campaign.cursor < _place(old):
                    for item in campaign.items:
                        own = Item(item.rule, item.occurrence, item.instant, event=item.event, user=new.id)
                        timer_id = f"due|{item.rule}|{item.occurrence}|{new.id}"
                        self.set_timer(Timer(timer_id, "due", self._rows[-1][0].at, item=own))


def _place(user: UserCell) -> Person:
    return (user.phone or "", user.id)


def _campaign_id(items: Iterable[Item], now: int) -> str:
    """The same for the same rules and occurrences, so that what is judged again after a crash begins nothing anew."""
    what = "\n".join(sorted(f"{item.rule}|{item.occurrence}" for item in items))
    when = format_instant(now)[:19].replace("-", "").replace(":", "")
    return f"{when}-{sha256(what.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"
