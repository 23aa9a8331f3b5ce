"""A rulebook compiled once: what `decide` walks at every occurrence. Built by compile.py, read everywhere in core."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from engine.core.facts import Scope
from engine.core.fields import Field, Fields, Reader
from engine.core.networks import Networks
from engine.core.traits import CompiledTrait
from rules.model import CodeSpec, Content, DateSchedule, MessageType, QuietHours, Rule, Rulebook, Schedule

if TYPE_CHECKING:
    from engine.core.case import Case
    from engine.core.conditions import Compiled
    from engine.core.correlate import Joiner
    from engine.core.outcomes import Verdict
    from engine.core.zones import Unit

Stage = Callable[["Case"], "Verdict | None"]
Render = Callable[[Scope], Any]


@dataclass(frozen=True, slots=True)
class CapPlan:
    """A cap ready to be counted. `state` names its counter, which edits of `max` leave alone; `keys` reads what it counts by."""

    name: str  # path for people: message_types.marketing.caps[0]
    state: str
    max: int
    kind: str  # sliding | aligned | ever
    micros: int
    unit: Unit  # of an aligned one
    by: tuple[str, ...]
    by_user: bool  # aligned in the recipient's zone, kept in the user's cell
    keys: Callable[[Case], str | None]  # the id of the cell that counts; None: a field is missing, the cap does not apply
    event_key: Callable[[Scope], str | None] | None  # the same, where fields of the event alone say it
    keeps_instants: bool


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to send the rule's content: how to render it."""

    name: str
    content: Content
    render: Render


@dataclass(frozen=True, slots=True)
class Look:
    """One arm of a rule's content: its template's name and its channels in order of the chain. `share` is the end of its stretch."""

    name: str | None  # of the variant; None without variants
    share: float
    template: str
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True)
class VerificationPlan:
    """How the code of a verification message is to be made."""

    code: CodeSpec
    purpose: str | Reader


@dataclass(slots=True)
class RulePlan:
    """One rule, compiled. `stages` are those that can matter for it, in the order of judge.ORDER."""

    rule: Rule
    id: str
    rank: int
    type: MessageType
    fields: Fields
    when: Compiled | None
    event_when: Compiled | None  # the parts that a timer's rule is asked at the event
    audience: Compiled | None  # None with `has_audience`: everybody
    has_audience: bool
    to_user: Reader | None
    to_phone: Reader | None
    valid_for: int | None
    quiet: QuietHours | None
    consent: Field | None
    caps: tuple[CapPlan, ...]
    looks: tuple[Look, ...]
    verification: VerificationPlan | None
    due: Callable[[Scope], list[tuple[str, int]] | None] | None  # (occurrence suffix, instant) per offset; None: no verdict
    late: str
    late_by: int
    watches_key: bool  # an `unless` may cancel by key ...
    watches_user: bool  # ... or by user
    goal: GoalPlan | None
    stages: tuple[tuple[str, Stage], ...] = ()
    run: tuple[Stage, ...] = ()
    gate: tuple[Stage, ...] = ()  # what is asked before a timer is set
    opening: tuple[Stage, ...] = ()  # up to `when`: the part of a broadcast or a tick that is nobody's


@dataclass(frozen=True, slots=True)
class GoalPlan:
    """Conversion of a rule."""

    rule: str
    within: int
    when: Compiled | None


@dataclass(frozen=True, slots=True)
class Canceller:
    """An `unless` of a rule, seen from the event that cancels."""

    rule: str
    by_user: bool
    test: Callable[[Scope], bool] | None
    remembers: bool  # a later trigger event of another type may find it (within the disorder)


@dataclass(frozen=True, slots=True)
class StepPlan:
    """An event type's part in a sequence or together."""

    rule: RulePlan
    joiner: Joiner
    steps: tuple[int, ...]  # the steps this event type may fill
    tests: tuple[Callable[[Scope], bool] | None, ...]  # per step of the whole join
    aliases: tuple[str, ...]
    by: Reader | None  # None: by user
    by_name: str
    ordered: bool
    within: int


@dataclass(frozen=True, slots=True)
class CountPlan:
    """An event type's part in a count."""

    rule: RulePlan
    test: Callable[[Scope], bool] | None
    at_least: int
    within: int
    by: Reader | None
    by_name: str


@dataclass(frozen=True, slots=True)
class FieldIndex:
    """Rules of one event type that ask one field for equality. `hits` gives, per value, the rules that may hold."""

    read: Reader
    hits: Mapping[Any, tuple[RulePlan, ...]]
    rules: tuple[RulePlan, ...]


@dataclass(slots=True)
class EventPlan:
    """All that an event of one type may cause."""

    type: str
    broadcast: bool
    key: str | None
    traits: tuple[CompiledTrait, ...] = ()
    cancellers: tuple[Canceller, ...] = ()
    rules: tuple[RulePlan, ...] = ()  # all of them, in order of rank
    plain: tuple[RulePlan, ...] = ()  # those that no index covers
    indexes: tuple[FieldIndex, ...] = ()
    steps: tuple[StepPlan, ...] = ()
    counts: tuple[CountPlan, ...] = ()
    goals: tuple[GoalPlan, ...] = ()
    counters: tuple[Callable[[Scope], str | None], ...] = ()  # the ids of cells that caps of its rules may count in, by its fields alone
    moves_segments: bool = False  # its traits are read by a watched segment or it may change a user


@dataclass(frozen=True, slots=True)
class WatchedSegment:
    """A segment whose crossings some rule waits for."""

    id: str
    when: Compiled
    entering: tuple[RulePlan, ...]
    leaving: tuple[RulePlan, ...]


@dataclass(frozen=True, slots=True)
class DatePlan:
    """A rule on a date of each user."""

    rule: RulePlan
    schedule: DateSchedule
    read: Reader


@dataclass(frozen=True, slots=True)
class TickPlan:
    """A rule on a schedule of the book."""

    rule: RulePlan
    schedule: Schedule


@dataclass(slots=True)
class BookPlan:
    """A compiled rulebook. `stopped` holds switches: `rule:x`, `type:marketing`, `channel:sms`; from networks that are `blocked` nobody
    gets a code."""

    book: Rulebook
    zone: tzinfo
    disorder: int
    events: dict[str, EventPlan] = field(default_factory=dict)
    rules: dict[str, RulePlan] = field(default_factory=dict)
    segments: Mapping[str, Compiled] = field(default_factory=dict)
    user_fields: Mapping[str, Field] = field(default_factory=dict)
    watched: tuple[WatchedSegment, ...] = ()
    dates: tuple[DatePlan, ...] = ()
    ticks: tuple[TickPlan, ...] = ()
    stopped: frozenset[str] = frozenset()
    blocked: Networks = field(default_factory=Networks)

    @property
    def wakes(self) -> bool:
        """Whether anything can happen to a user by time alone."""
        return bool(self.watched or self.dates)


RankedRules = Sequence[RulePlan]
