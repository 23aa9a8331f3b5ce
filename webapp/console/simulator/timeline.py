"""Where everything stands on the timeline: lanes of people, rows of rules, marks and the lines between them. Places along it are percent of
its width, so that one drawing fits every window; heights are pixels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta, tzinfo

from engine.core.facts import Event
from engine.core.phones import mask
from engine.core.zones import day_start, local, local_date
from rules.model import DAY, HOUR, MINUTE
from webapp.console.simulator.clock import quiet_stretches
from webapp.console.simulator.running import Judged, Person, Run

LANE_HEIGHT, ROW_HEIGHT = 26, 22
NEAREST = 14  # pixels: marks that are closer than this cover each other
MAX_DAYS = 62  # with a line of their own
SHORT = 6 * HOUR  # a story that is no longer than this is drawn by minutes

NOBODY: Person = (None, None)


@dataclass(frozen=True, slots=True)
class Mark:
    """A verdict on its row. `size`: `full`, `small` (a ring, since the next mark is near), `number` (of `count` marks that lie together).

    `one` is the verdict; of a number, the last of them.
    """

    one: Judged
    x: float
    size: str
    count: int = 1
    is_chosen: bool = False
    shift: int = 0  # pixels by which a small one makes way


@dataclass(frozen=True, slots=True)
class Thread:
    """A line from a promise to what became of it. `kind`: scheduled (dotted) or deferred (dashed). `open`: it has not come yet."""

    kind: str
    x1: float
    x2: float
    open: bool


@dataclass(slots=True)
class Row:
    """One rule of one person."""

    rule: str
    y: int
    marks: list[Mark] = field(default_factory=list)
    threads: list[Thread] = field(default_factory=list)
    is_chosen: bool = False


@dataclass(slots=True)
class Lane:
    """One person: a user, a number, or nobody (what is a broadcast's or a schedule's own)."""

    person: Person
    y: int
    ticks: list[tuple[float, Event]]
    rows: list[Row]
    quiet: list[tuple[float, float]]  # (from, width)
    height: int

    @property
    def name(self) -> str:
        """The user's id, or the masked number; "" for nobody."""
        user, phone = self.person
        return user or (mask(phone) if phone else "")


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the axis. `hours`: (place, what stands there), those for which there is room."""

    day: date
    start: int
    x: float
    width: float
    hours: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The drawing. `now`: the place of the clock's line, None outside it."""

    start: int
    end: int
    days: tuple[Day, ...]
    lanes: tuple[Lane, ...]
    height: int
    now: float | None


def days_of(start: int, end: int, zone: tzinfo) -> list[date]:
    """The calendar days that a story touches."""
    first, last = local_date(start, zone), local_date(max(end - 1, start), zone)
    return [first + timedelta(days=count) for count in range(min((last - first).days, MAX_DAYS) + 1)]


def draw(
    run: Run,
    shown: Sequence[Judged],
    end: int,
    *,
    width: int,
    chosen: Judged | None = None,
    day: date | None = None,
    first: Person | None = None,
) -> Timeline:
    """The timeline of a run up to `end`, or of one day of it, for a plot about `width` pixels wide. `first`: whose lane stands on top."""
    zone, last = run.plan.zone, max(end, run.now)
    days = [day] if day is not None else days_of(run.start, last, zone)
    step = _step(last - run.start) if day is None and last - run.start <= SHORT else None
    if step is None:
        scale = _Scale(day_start(days[0], zone), day_start(days[-1] + timedelta(days=1), zone), width)
        axis = tuple(_days(days, scale, zone))
    else:
        scale = _Scale((run.start - 1) // step * step, (last // step + 1) * step, width)  # no mark stands on an edge
        axis = (_minutes(scale, step, zone),)
    lanes, y = [], 0
    by_person = _by_person(shown)
    for person in sorted(_people(run, by_person), key=lambda one: one != first):
        lane = _lane(run, person, by_person.get(person, ()), scale, y, chosen)
        if lane.rows or lane.ticks or person in _listed(run):
            lanes.append(lane)
            y += lane.height
    return Timeline(scale.start, scale.end, axis, tuple(lanes), y, scale.within(run.now))


class _Scale:
    """From instants to places."""

    def __init__(self, start: int, end: int, width: int) -> None:
        self.start, self.end, self.width = start, end, width

    def at(self, instant: int) -> float:
        """Percent, to a hundredth; outside the drawing its edge."""
        return round(100 * min(max((instant - self.start) / (self.end - self.start), 0), 1), 2)

    def within(self, instant: int) -> float | None:
        """The same, None outside."""
        return self.at(instant) if self.start <= instant <= self.end else None

    def pixels(self, earlier: float, later: float) -> float:
        return (later - earlier) / 100 * self.width


def _listed(run: Run) -> list[Person]:
    return [(user.id, None) for user in run.users]


def _people(run: Run, by_person: Mapping[Person, Iterable[Judged]]) -> list[Person]:
    """Users in the story's order, then others as they turn up, then nobody."""
    found = dict.fromkeys(_listed(run))
    found |= dict.fromkeys((event.user, event.phone) for event in run.happened if event.user or event.phone)
    found |= dict.fromkeys(person for person in by_person if person != NOBODY)
    return [*found, NOBODY]


def _by_person(judged: Iterable[Judged]) -> dict[Person, list[Judged]]:
    found: dict[Person, list[Judged]] = {}
    for one in judged:
        found.setdefault(one.person, []).append(one)
    return found


def _lane(run: Run, person: Person, judged: Sequence[Judged], scale: _Scale, y: int, chosen: Judged | None) -> Lane:
    of_rule: dict[str, list[Judged]] = {}
    for one in judged:
        if scale.within(one.verdict.at) is not None or any(True for _ in _threads_into(one, run, scale)):
            of_rule.setdefault(one.verdict.rule, []).append(one)
    rows = []
    for number, (rule, ones) in enumerate(of_rule.items()):
        row = Row(rule, y + LANE_HEIGHT + number * ROW_HEIGHT)
        row.threads = [thread for one in ones for thread in _threads_into(one, run, scale)]
        row.marks = _marks(ones, scale, chosen)
        row.is_chosen = chosen in ones
        rows.append(row)
    ticks = [
        (place, event)
        for event in run.happened
        if (event.user, None if event.user else event.phone) == person and (place := scale.within(event.received)) is not None
    ]
    cell = run.people.get(person[0]) if person[0] is not None else None
    quiet = quiet_stretches(run.plan, cell.zone if cell is not None else run.plan.zone, scale.start, scale.end)
    shaded = [(scale.at(at), round(scale.at(until) - scale.at(at), 2)) for at, until in quiet]
    return Lane(person, y, ticks, rows, shaded, LANE_HEIGHT + len(rows) * ROW_HEIGHT)


def _threads_into(one: Judged, run: Run, scale: _Scale) -> Iterable[Thread]:
    """The line of a promise, as far as it lies in the drawing."""
    due = _due(one, run)
    if due is not None and one.verdict.at < scale.end and due > scale.start:
        is_open = not one.after
        yield Thread("deferred" if one.verdict.outcome == "defer" else "scheduled", scale.at(one.verdict.at), scale.at(due), is_open)


def _due(one: Judged, run: Run) -> int | None:
    """When what was promised came, or will come."""
    if one.verdict.outcome not in ("schedule", "defer"):
        return None
    kept = [later.verdict.at for later in one.after if later.person == one.person or one.verdict.outcome == "schedule"]
    if kept:
        return min(kept)
    waits = [w.due for w in run.waiting if (w.rule, w.occurrence) == (one.verdict.rule, one.verdict.occurrence) and w.person == one.person]
    return min(waits, default=None)


def _marks(ones: Sequence[Judged], scale: _Scale, chosen: Judged | None) -> list[Mark]:
    """Marks with those that would cover each other put together."""
    placed = [(one, place) for one in ones if (place := scale.within(one.verdict.at)) is not None]
    groups: list[list[tuple[Judged, float]]] = []
    for one, place in placed:
        if groups and scale.pixels(groups[-1][-1][1], place) < NEAREST:
            groups[-1].append((one, place))
        else:
            groups.append([(one, place)])
    found = []
    for group in groups:
        last, place = group[-1]
        ones_here = [one for one, _ in group]
        if len(group) > 2:
            found.append(Mark(last, place, "number", len(group), chosen in ones_here))
            continue
        if len(group) == 2:
            first, before = group[0]
            shift = min(0, round(scale.pixels(before, place)) - 12)
            found.append(Mark(first, before, "small", 1, first is chosen, shift))
        found.append(Mark(last, place, "full", 1, last is chosen))
    return found


def _days(days: Sequence[date], scale: _Scale, zone: tzinfo) -> Iterable[Day]:
    for day in days:
        start, end = day_start(day, zone), day_start(day + timedelta(days=1), zone)
        x, width = scale.at(start), scale.at(end) - scale.at(start)
        room = scale.pixels(0, width)
        hours = range(6, 24, 6) if room > 120 else range(12, 24, 12) if room > 60 else ()
        shown = tuple((scale.at(start + hour * HOUR), f"{hour:02d}") for hour in hours if end - start >= DAY)
        yield Day(day, start, x, round(width, 2), shown)


def _step(span: int) -> int:
    """The distance of the ticks of a short story: at most eight."""
    return next((minutes * MINUTE for minutes in (1, 5, 15, 30) if span <= 8 * minutes * MINUTE), HOUR)


def _minutes(scale: _Scale, step: int, zone: tzinfo) -> Day:
    """The axis of a short story."""
    ticks = [(scale.at(at), f"{local(at, zone):%H:%M}") for at in range(scale.start + step, scale.end, step)]
    return Day(local_date(scale.start, zone), scale.start, 0.0, 100.0, tuple(ticks))
