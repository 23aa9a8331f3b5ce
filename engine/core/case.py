"""The table at which one occurrence is judged: what was loaded, what has changed, and the one rule in hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from engine.core.facts import Cell, Event, Scope, UserCell
from engine.core.outcomes import Decision, Item, LazyDetail, Timer, Verdict
from engine.core.phones import normalise
from engine.core.plan import BookPlan, Look, RulePlan
from engine.core.trace import Trace
from engine.core.zones import zone as zone_of

NEVER = 1 << 62  # an instant that does not come: cells with an `ever` in them are kept


class Cells(Protocol):
    """What the judge may read: cells by id, and the pending timers that a cell's events may cancel."""

    def get(self, cell_id: str, /) -> Cell | None:
        """The cell, or None when it says nothing yet."""

    def pending(self, cell_id: str, /) -> Iterable[Timer]:
        """Timers with this cell in `watch`, in the order in which they were set."""


def user_cell_id(user: str) -> str:
    """The cell of a user."""
    return "user:" + user


def phone_cell_id(phone: str) -> str:
    """The cell of a number."""
    return "phone:" + phone


def person_cell_id(user: str | None, phone: str | None) -> str | None:
    """The cell that stands for a person: the user's, or the number's where there is only a number."""
    if user is not None:
        return "user:" + user
    return "phone:" + phone if phone is not None else None


def value_cell_id(field: str, value: Any) -> str:
    """The cell of a business key or another field's value; `5` and `"5"` are different keys."""
    name = field.removeprefix("event.")
    return f"key:{name}:{value}" if type(value) is str else f"key:{name}#{value!r}"


class Work:
    """Everything one call of `decide` reads and writes. Cells are forked at their first change."""

    __slots__ = ("book", "cells", "changed", "decision", "load", "now", "trace")

    def __init__(self, book: BookPlan, cells: Cells, now: int, trace: list[Any] | None) -> None:
        self.book = book
        self.cells = cells
        self.load = cells.get  # bound once: one judgement asks a dozen times
        self.now = now
        self.trace = trace
        self.decision = Decision()
        self.changed = self.decision.cells

    def cell(self, cell_id: str) -> Cell | None:
        """The cell as it stands now."""
        return self.changed.get(cell_id) or self.load(cell_id)

    def change(self, cell_id: str, until: int) -> Cell:
        """A copy to write on, kept at least until the instant."""
        cell = self.changed.get(cell_id)
        if cell is None:
            known = self.load(cell_id)
            cell = self.changed[cell_id] = Cell() if known is None else known.fork()
        if cell.expires < until:
            cell.expires = until
        return cell

    def user(self, user: str) -> UserCell | None:
        """The user's cell as it stands now."""
        cell_id = "user:" + user
        return self.changed.get(cell_id) or self.load(cell_id)  # type: ignore[return-value]  # under such an id stand only users

    def change_user(self, user: str) -> UserCell:
        """The user's cell to write on; a user who was unknown gets one."""
        cell_id = "user:" + user
        cell = self.changed.get(cell_id)
        if cell is None:
            known = self.load(cell_id)
            cell = self.changed[cell_id] = UserCell(user, self.book.zone) if known is None else known.fork()
        assert isinstance(cell, UserCell)
        return cell

    def set_timer(self, timer: Timer) -> None:
        """Promise to look again."""
        self.decision.timers.append(timer)


class Case:
    """One rule being judged for one occurrence. Stages read it and fill in what they find out."""

    __slots__ = (
        "cap_cells", "channels", "cut", "item", "look", "now", "recipient", "recipient_user", "rule", "scope", "text_scope", "to", "user",
        "work",
    )  # fmt: skip

    def __init__(self, work: Work, rule: RulePlan, item: Item, user: UserCell | None, scope: Scope | None = None) -> None:
        self.work = work
        self.rule = rule
        self.item = item
        self.now = work.now
        self.user = user  # the trigger's user
        if scope is None:  # else it is of the same event and person, and shared by the rules that the event meets
            scope = Scope(work.now, user.zone if user is not None else work.book.zone, item.event, user, item.aliases)
        self.scope = scope
        self.recipient: UserCell | None = None  # the record of the recipient; None for somebody who is only a phone
        self.recipient_user: str | None = item.user  # whom a verdict names
        self.to: str | None = None  # E.164, once known
        self.text_scope: Scope = scope
        self.cap_cells: Sequence[str | None] = ()  # where each of the rule's caps counts, once they were asked
        self.look: Look | None = None
        self.channels: Sequence[Any] = ()
        self.cut: Any = None  # the rendered message

    @property
    def person_phone(self) -> str | None:
        """The key of a recipient who is only a phone; None for a user."""
        if self.recipient_user is not None:
            return None
        return self.to or self.item.phone

    def verdict(self, outcome: str, reason: str, detail: LazyDetail = None) -> Verdict:
        """A verdict on this case, in the recipient's name once known, else the trigger's user's."""
        user, item = self.recipient_user, self.item
        phone = None if user is not None else self.to or item.phone
        return Verdict(self.now, self.rule.id, user, outcome, reason, item.occurrence, detail, phone)

    def conclude(self, verdict: Verdict) -> None:
        """The judgement of this case has ended."""
        self.work.decision.judged.append(verdict)
        if self.work.trace is not None:
            self.work.trace.append(Trace.of(self, verdict))

    def person_key(self) -> str:
        """What stands for the recipient in caps by user, holdout and variants: the user's id, or the phone."""
        return self.recipient_user if self.recipient_user is not None else self.to or ""


def only_a_phone(phone: str, book: BookPlan) -> UserCell:
    """Somebody who is no user: only the number can be read of them, and nothing is kept."""
    person = UserCell("", book.zone)
    person.phone = normalise(phone)
    return person


def load_person(work: Work, item: Item) -> UserCell | None:
    """The trigger's user as conditions see them."""
    if item.user is not None:
        return work.user(item.user)
    return only_a_phone(item.phone, work.book) if item.phone is not None else None


def apply_profile(cell: UserCell, profile: Any, book: BookPlan) -> None:
    """Take over what an input line says of a user; what it does not mention stays."""
    if "phone" in profile:
        cell.phone = normalise(profile["phone"])
    if profile.get("timezone"):
        cell.timezone = profile["timezone"]
        cell.zone = zone_of(profile["timezone"])
    if "locale" in profile:
        cell.locale = profile["locale"]
    if profile.get("attributes"):
        cell.attributes = {**cell.attributes, **profile["attributes"]}


def item_of_event(rule: str, event: Event) -> Item:
    """An occurrence that is an event itself."""
    return Item(rule, occurrence_of(event), event.time, event=event, user=event.user, phone=event.phone)


def occurrence_of(event: Event) -> str:
    """The name of an event's occurrence: its id, with the source where that is not the usual one."""
    return occurrence_name(event.source, event.id)


def occurrence_name(source: str, id: str) -> str:
    """The same of an event's identity."""
    return id if source == "api" else f"{source}/{id}"
