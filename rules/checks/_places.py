"""Every condition of a book with the place it belongs to, and what may be read there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rules.checks._fields import FieldBook, Reach
from rules.model import (
    Condition,
    CountTrigger,
    CronSchedule,
    Crossing,
    DateSchedule,
    EventTrigger,
    Everybody,
    FestivalSchedule,
    JoinTrigger,
    OnceSchedule,
    Path,
    Rule,
    Trigger,
)

if TYPE_CHECKING:
    from rules.draft import Draft

SCHEDULES = (CronSchedule, OnceSchedule, FestivalSchedule, DateSchedule)


@dataclass(frozen=True, slots=True)
class Place:
    """One condition: what it is for, in words, and what it may read. `rule` is None outside rules."""

    where: str
    condition: Condition
    reach: Reach
    rule: Rule | None = None


def places(draft: Draft, fields: FieldBook) -> Iterator[Place]:
    """All conditions of the book, in order of section."""
    for trait in draft.book.traits.values():
        if trait.when is not None:
            yield Place("a trait", trait.when, fields.reach(trait.events))
    for segment in draft.book.segments.values():
        yield Place("a segment", segment.when, fields.reach(user=True))
    for rule in draft.book.rules.values():
        yield from _of_trigger(rule, fields)
        yield from _of_rule(draft, rule, fields)


def _of_trigger(rule: Rule, fields: FieldBook) -> Iterator[Place]:
    match rule.on:
        case EventTrigger(unless=unless):
            for item in unless:
                if item.when is not None:
                    yield Place("`unless`", item.when, fields.reach((item.event,), user=True), rule)
        case JoinTrigger(steps=steps):
            aliases = {step.alias: step.event for step in steps}
            for step in steps:
                if step.when is not None:
                    yield Place("a step", step.when, fields.reach(user=True, aliases=aliases), rule)
        case CountTrigger(event=event, when=when):
            if when is not None:
                yield Place("`count`", when, fields.reach((event,), user=True), rule)


def _of_rule(draft: Draft, rule: Rule, fields: FieldBook) -> Iterator[Place]:
    if rule.when is not None:
        where = "`when` beside an audience" if rule.audience is not None else "this `when`"
        yield Place(where, rule.when, when_reach(rule, fields), rule)
    if rule.audience is not None and not isinstance(rule.audience, Everybody):
        yield Place("an audience", rule.audience, fields.reach(trigger_events(rule.on), user=True), rule)
    if rule.goal is not None and rule.goal.when is not None:
        yield Place("a goal", rule.goal.when, fields.reach((rule.goal.event,), user=True), rule)


def when_reach(rule: Rule, fields: FieldBook) -> Reach:
    """What `when` of a rule reads: the event, aliases, and the user unless an audience names the people."""
    return fields.reach(trigger_events(rule.on), user=rule.audience is None, aliases=trigger_aliases(rule.on))


def text_reach(rule: Rule, fields: FieldBook) -> Reach:
    """What the texts of a rule read."""
    return fields.reach(trigger_events(rule.on), user=True, aliases=trigger_aliases(rule.on))


def alias_reaches(draft: Draft, fields: FieldBook) -> list[Reach]:
    """What the texts of rules with aliases read."""
    return [text_reach(rule, fields) for rule in draft.book.rules.values() if isinstance(rule.on, JoinTrigger)]


def trigger_events(on: Trigger) -> tuple[str, ...]:
    """The types that `event` may be when the rule is judged: for a sequence its last step, for a together any."""
    match on:
        case EventTrigger(events=events):
            return events
        case JoinTrigger(steps=steps, ordered=ordered):
            return tuple(step.event for step in (steps[-1:] if ordered else steps))
        case CountTrigger(event=event):
            return (event,)
        case _:
            return ()


def trigger_aliases(on: Trigger) -> dict[str, str]:
    """The aliases of a sequence or together, each with its event type."""
    return {step.alias: step.event for step in on.steps} if isinstance(on, JoinTrigger) else {}


def names_nobody(draft: Draft, on: Trigger) -> bool | None:
    """Whether the trigger leaves open who is meant (a schedule, a broadcast), so that an audience says it. None: not known."""
    match on:
        case EventTrigger(events=events):
            known = [draft.book.events[event].broadcast for event in events if event in draft.book.events]
            return known[0] if known else None
        case JoinTrigger() | CountTrigger() | Crossing():
            return False
        case _:
            return True


def trigger_event_paths(rule: Rule) -> Iterator[tuple[str, Path, tuple[str | int, ...]]]:
    """Each event type that a trigger names, with the trigger's path and the parts that may lead further to the name."""
    match rule.on:
        case EventTrigger(path=path, events=events, unless=unless):
            for index, event in enumerate(events):
                yield event, path, ("event", index)
            for item in unless:
                yield item.event, item.path, ("event",)
        case JoinTrigger(steps=steps):
            for step in steps:
                yield step.event, step.path, ("event",)
        case CountTrigger(path=path, event=event):
            yield event, path, ("count", "event")
