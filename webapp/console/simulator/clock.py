"""The story's clock: where it starts and ends, and where each of its four buttons would land."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta, tzinfo

from engine.core.plan import BookPlan
from engine.core.zones import at_time, day_start, in_quiet, local_date, quiet_release
from rules.model import HOUR, QuietHours
from webapp.console.simulator.running import Read, Run


@dataclass(frozen=True, slots=True)
class Jumps:
    """Instants. None: there is nothing to go to."""

    hour: int
    timer: int | None
    quiet_end: int | None
    end: int


def end_of(given: Read, plan: BookPlan) -> int:
    """Where a story ends: as it says, else at the end of the day after its last event, so that timers of a day and mornings lie in it."""
    if given.until is not None:
        return given.until
    last = max([event.received for event in given.events], default=given.start or 0)
    return day_start(local_date(last, plan.zone) + timedelta(days=2), plan.zone)


def jumps(run: Run, end: int) -> Jumps:
    """Where the buttons lead from the run's instant."""
    # A person's dates and segments are looked at again for years to come.
    due = [one.due for one in run.waiting if one.due > run.now and (one.kind != "wake" or one.due <= end)]
    if run.next_tick is not None and run.next_tick <= end:
        due.append(run.next_tick)
    ends = [
        quiet_release(run.now, quiet.start, quiet.end, zone)
        for quiet in quiet_hours(run.plan)
        for zone in ([run.plan.zone] if in_quiet(run.now, quiet.start, quiet.end, run.plan.zone) else _zones(run))
    ]
    return Jumps(run.now + HOUR, min(due, default=None), min(ends, default=None), end)


def _zones(run: Run) -> list[tzinfo]:
    """The zones in which it can be quiet now: somebody's, else the book's."""
    zones = [cell.zone for cell in run.people.values()]
    quiet = [zone for zone in zones for hours in quiet_hours(run.plan) if in_quiet(run.now, hours.start, hours.end, zone)]
    return quiet or [run.plan.zone]


def quiet_hours(plan: BookPlan) -> list[QuietHours]:
    """The quiet hours of the book's message types, each stretch of the day once."""
    found = {(hours.start, hours.end): hours for type_ in plan.book.message_types.values() if (hours := type_.quiet_hours) is not None}
    return [hours for hours in found.values() if hours.start != hours.end]


def is_quiet(plan: BookPlan, now: int) -> bool:
    """Whether it is quiet in the book's zone."""
    return any(in_quiet(now, hours.start, hours.end, plan.zone) for hours in quiet_hours(plan))


def quiet_stretches(plan: BookPlan, zone: tzinfo, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The quiet hours of a zone inside `[start, end)`, in order for each kind of them."""
    for hours in quiet_hours(plan):
        day = local_date(start, zone) - timedelta(days=1)
        while day_start(day, zone) < end:
            at = at_time(day, hours.start, zone)
            until = at_time(day if hours.end > hours.start else day + timedelta(days=1), hours.end, zone)
            if max(at, start) < min(until, end):
                yield max(at, start), min(until, end)
            day += timedelta(days=1)
