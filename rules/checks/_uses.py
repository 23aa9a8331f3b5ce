"""The fields that a book names outside of conditions and texts: what a trait is taken from, what a cap counts by, and so on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rules.checks._fields import FieldBook, Reach
from rules.checks._places import text_reach
from rules.checks._spans import inner
from rules.model import Cap, CountTrigger, DateSchedule, EventTrigger, JoinTrigger, Path, Ref, Rule, Trigger

if TYPE_CHECKING:
    from rules.draft import Draft

# What a cap counts by without being a field.
COUNTED_BY = ("user", "phone", "phone_prefix", "ip_network", "all")
TIMES = frozenset({"date", "datetime"})
TEXTS = frozenset({"text"})


@dataclass(frozen=True, slots=True)
class FieldUse:
    """A field named at `path`. `kinds`: what it must be there (None: anything), as `wants` says it in words.

    `is_policy`: stated for many rules at once, so that it may also name what no event of this book has (a cap by `event.ip`).
    """

    path: Path
    field: str
    reach: Reach
    kinds: frozenset[str] | None = None
    wants: str = ""
    is_policy: bool = False


def field_uses(draft: Draft, fields: FieldBook) -> Iterator[FieldUse]:
    """All of them, in order of section."""
    book = draft.book
    for trait in book.traits.values():
        if trait.of is not None:
            yield FieldUse(inner(draft, trait.path, "of"), trait.of, fields.reach(trait.events), *_trait_wants(trait.take))
    for type_ in book.message_types.values():
        if type_.needs_consent is not None:
            path = inner(draft, type_.path, "needs_consent")
            yield FieldUse(path, type_.needs_consent, fields.reach(user=True), frozenset({"boolean"}), "consent is true or false")
        yield from _of_caps(draft, type_.caps, fields.everything(), is_policy=True)
    yield from _of_caps(draft, book.caps, fields.everything(), is_policy=True)
    for rule in book.rules.values():
        yield from _of_trigger(draft, rule.on, fields)
        yield from _of_send(draft, rule, text_reach(rule, fields))
        yield from _of_caps(draft, rule.caps, text_reach(rule, fields))


def _trait_wants(take: str) -> tuple[frozenset[str] | None, str]:
    if take == "sum":
        return frozenset({"number"}), "only numbers have a sum"
    if take in ("min", "max"):
        return frozenset({"number"}) | TIMES, f"{take} is taken of numbers, dates and instants"
    return None, ""


def _of_caps(draft: Draft, caps: tuple[Cap, ...], reach: Reach, *, is_policy: bool = False) -> Iterator[FieldUse]:
    for cap in caps:
        for index, name in enumerate(cap.by):
            if name not in COUNTED_BY:
                yield FieldUse(inner(draft, cap.path, "by", index), name, reach, is_policy=is_policy)


def _of_trigger(draft: Draft, on: Trigger, fields: FieldBook) -> Iterator[FieldUse]:
    match on:
        case EventTrigger(path=path, events=events, of=of) if of is not None:
            yield FieldUse(inner(draft, path, "of"), of, fields.reach(events), TIMES, "`before` counts from a date or an instant")
        case JoinTrigger(path=path, steps=steps, by=by) if by != "user":
            # Each step is found by its own value of the field, so each event must have it.
            for event in dict.fromkeys(step.event for step in steps):
                yield FieldUse(inner(draft, path, "by"), by, fields.reach((event,)))
        case CountTrigger(path=path, event=event, by=by) if by != "user":
            yield FieldUse(inner(draft, path, "by"), by, fields.reach((event,)))
        case DateSchedule(path=path, date=date):
            yield FieldUse(inner(draft, path, "date"), date, fields.reach(user=True), TIMES, "a schedule follows a date of the user")


def _of_send(draft: Draft, rule: Rule, reach: Reach) -> Iterator[FieldUse]:
    send = rule.send
    if send.to is not None and send.to.user is not None:
        yield FieldUse(inner(draft, send.to.path, "user"), send.to.user, reach, TEXTS, "a user's id is a text")
    if send.to is not None and send.to.phone is not None:
        yield FieldUse(inner(draft, send.to.path, "phone"), send.to.phone, reach, TEXTS, "a phone number is a text")
    if isinstance(send.purpose, Ref):
        yield FieldUse(inner(draft, send.path, "purpose", "ref"), send.purpose.field, reach, TEXTS, "a purpose is a text")
