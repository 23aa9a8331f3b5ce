"""A rulebook without errors, compiled once: names resolved, conditions and texts made into closures, rules indexed and ranked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from engine.core.caps import plan_cap
from engine.core.conditions import Compiled, compile_condition, split_event_only
from engine.core.correlate import Joiner
from engine.core.facts import Scope
from engine.core.fields import Field, Fields
from engine.core.index import build_index
from engine.core.judge import ORDER
from engine.core.plan import (
    BookPlan,
    Canceller,
    CapPlan,
    Channel,
    CountPlan,
    DatePlan,
    EventPlan,
    GoalPlan,
    Look,
    RulePlan,
    StepPlan,
    TickPlan,
    VerificationPlan,
    WatchedSegment,
)
from engine.core.render import compile_content
from engine.core.scopes import event_fields, merged, user_fields
from engine.core.traits import CompiledTrait, trait_type
from engine.core.triggers.on_event import plan_due
from engine.core.zones import zone as zone_of
from rules.model import (
    CHANNELS,
    Cap,
    CodeSpec,
    Condition,
    CountTrigger,
    CronSchedule,
    Crossing,
    DateSchedule,
    Duration,
    EventTrigger,
    Everybody,
    FestivalSchedule,
    JoinTrigger,
    MessageType,
    OnceSchedule,
    Ref,
    Rule,
    Rulebook,
    Template,
    Unless,
)

Made = TypeVar("Made")

GATE = ("enabled", "active", "unless")
OPENING = ("enabled", "active", "unless", "when")
DEFAULT_CODE = CodeSpec(6, Duration(10, "m"), 5)


def compile_book(book: Rulebook, stopped: frozenset[str] = frozenset()) -> BookPlan:
    """The plan of a book that `check` found no error in. `stopped` holds the switches in force."""
    return _Compiler(book, stopped).plan


class _Compiler:
    """Rules share what is equal among them. A thousand rules then fit into the processor's caches, which is what their number costs."""

    def __init__(self, book: Rulebook, stopped: frozenset[str]) -> None:
        self.shared: dict[Any, Any] = {}
        self.book = book
        self.zone = zone_of(book.timezone)
        self.plan = BookPlan(book, self.zone, book.disorder.micros, stopped=stopped)
        self.traits: dict[str, CompiledTrait] = {name: self._trait(name) for name in book.traits}
        self.user = user_fields(book.attributes, {name: (trait, self._trait_type(name)) for name, trait in self.traits.items()}, self.zone)
        self.plan.user_fields = self.user
        self.plan.segments = self._segments()
        for type_ in book.events.values():
            self.plan.events[type_.type] = EventPlan(type_.type, type_.broadcast, type_.key)
        ranked = sorted(book.rules.values(), key=lambda rule: (-rule.priority, rule.id))
        for rank, rule in enumerate(ranked):
            self.plan.rules[rule.id] = self._rule(rule, rank)
        self._wire()

    # ---- conditions and traits ----------------------------------------------------------------------------------------------------

    def _condition(self, condition: Condition | None, fields: Fields) -> Compiled | None:
        return None if condition is None else compile_condition(condition, fields, self.plan.segments, self.zone)

    def _test(self, condition: Condition | None, fields: Fields) -> Callable[[Scope], bool] | None:
        compiled = self._condition(condition, fields)
        return compiled.test if compiled is not None else None

    def _once(self, key: tuple[Any, ...], make: Callable[[], Made]) -> Made:
        """What was made for this key before, else made now. Ids in keys are of what the book or `shared` keeps."""
        if key not in self.shared:
            self.shared[key] = make()
        made: Made = self.shared[key]
        return made

    def _events(self, types: Iterable[str], root: str = "event") -> dict[str, Field]:
        names = tuple(types)
        return self._once(("events", names, root), lambda: self._event_fields(names, root))

    def _event_fields(self, types: tuple[str, ...], root: str) -> dict[str, Field]:
        known = [self.book.events[name] for name in types if name in self.book.events]
        return event_fields(known, self.zone, root)

    def _trait(self, name: str) -> CompiledTrait:
        trait = self.book.traits[name]
        fields = merged(self._events(trait.events))
        return CompiledTrait(
            name=name,
            take=trait.take,
            window=trait.within.micros if trait.within is not None else None,
            accepts=self._test(trait.when, fields),
            value=fields[trait.of].read if trait.of is not None and trait.take != "count" else None,
        )

    def _trait_type(self, name: str) -> str:
        trait = self.book.traits[name]
        fields = self._events(trait.events)
        return trait_type(trait, fields[trait.of].type if trait.of is not None else "number")

    def _segments(self) -> dict[str, Compiled]:
        """Every segment, those that others refer to first."""
        fields = merged(self.user)
        done: dict[str, Compiled] = {}

        def build(name: str) -> None:
            if name in done:
                return
            for other in _segments_in(self.book.segments[name].when):
                build(other)
            done[name] = compile_condition(self.book.segments[name].when, fields, done, self.zone)

        for name in self.book.segments:
            build(name)
        return done

    # ---- rules --------------------------------------------------------------------------------------------------------------------

    def _rule(self, rule: Rule, rank: int) -> RulePlan:
        fields = self._fields_of(rule)
        type_ = self.book.message_types.get(rule.send.type) or MessageType(("message_types", rule.send.type), rule.send.type)
        audience = None if isinstance(rule.audience, Everybody) else rule.audience
        on = rule.on
        unless = on.unless if isinstance(on, EventTrigger) else ()
        to = rule.send.to
        valid_for = rule.send.valid_for or type_.valid_for
        plan = RulePlan(
            rule=rule,
            id=rule.id,
            rank=rank,
            type=type_,
            fields=fields,
            when=self._condition(rule.when, fields),
            event_when=self._event_when(rule, fields),
            audience=self._condition(audience, fields),
            has_audience=rule.audience is not None,
            to_user=fields[to.user].read if to is not None and to.user is not None else None,
            to_phone=fields[to.phone].read if to is not None and to.phone is not None else None,
            valid_for=valid_for.micros if valid_for is not None else None,
            quiet=rule.send.quiet_hours or type_.quiet_hours,
            consent=fields[type_.needs_consent] if type_.needs_consent is not None else None,
            caps=self._caps(rule, type_, fields),
            looks=self._looks(rule, fields),
            verification=self._verification(rule, type_, fields),
            due=plan_due(on, fields) if isinstance(on, EventTrigger) else None,
            late=(on.late or ("skip" if on.before else "send")) if isinstance(on, EventTrigger) else "send",
            late_by=on.late_by.micros if isinstance(on, EventTrigger) else 0,
            watches_key=any(not entry.by_user for entry in unless),
            watches_user=any(entry.by_user for entry in unless),
            goal=self._goal(rule),
        )
        stages = [(name, module.build(plan, self.plan)) for name, module in ORDER]
        plan.stages = self._same(tuple([(name, stage) for name, stage in stages if stage is not None]))
        plan.run = self._same(tuple([stage for _, stage in plan.stages]))
        plan.gate = self._same(tuple([stage for name, stage in plan.stages if name in GATE]))
        plan.opening = self._same(tuple([stage for name, stage in plan.stages if name in OPENING]))
        return plan

    def _fields_of(self, rule: Rule) -> Fields:
        on = rule.on
        parts: list[Mapping[str, Field]] = [self.user]
        if isinstance(on, EventTrigger):
            parts.append(self._events(on.events))
        elif isinstance(on, CountTrigger):
            parts.append(self._events([on.event]))
        elif isinstance(on, JoinTrigger):
            parts += [self._events([step.event], step.alias) for step in on.steps]
            completing = [on.steps[-1].event] if on.ordered else [step.event for step in on.steps]
            parts.append(self._events(completing))
        return self._once(("fields", *map(id, parts)), lambda: merged(*parts))

    def _event_when(self, rule: Rule, fields: Fields) -> Compiled | None:
        if not isinstance(rule.on, EventTrigger) or not rule.on.has_offset or rule.when is None:
            return None
        part, _ = split_event_only(rule.when)
        return self._condition(part, fields)

    def _caps(self, rule: Rule, type_: MessageType, fields: Fields) -> tuple[CapPlan, ...]:
        owned = [(cap, f"type:{type_.id}") for cap in type_.caps]
        owned += [(cap, f"rule:{rule.id}") for cap in rule.caps]
        owned += [(cap, "book") for cap in self.book.caps]
        plans = [self._cap(cap, owner, fields) for cap, owner in owned]
        return self._same(tuple([plan for plan in plans if plan is not None]))

    def _cap(self, cap: Cap, owner: str, fields: Fields) -> CapPlan | None:
        return self._once(("cap", id(cap), owner, id(fields)), lambda: plan_cap(cap, owner, fields))

    def _same(self, value: Made) -> Made:
        """An equal value of before, else this one."""
        return self._once(("same", value), lambda: value)

    def _looks(self, rule: Rule, fields: Fields) -> tuple[Look, ...]:
        if not rule.variants:
            template = rule.send.template
            if not isinstance(template, str):
                return (self._look(None, 1.0, template, rule, fields),)
            key = ("look", template, rule.send.channels, id(fields))
            return self._once(key, lambda: (self._look(None, 1.0, template, rule, fields),))
        total = sum(variant.weight for variant in rule.variants)
        looks, end = [], 0.0
        for variant in rule.variants:
            end += variant.weight
            looks.append(self._look(variant.name, end / total, variant.template or rule.send.template, rule, fields))
        return tuple(looks)

    def _look(self, name: str | None, share: float, template: str | Template | None, rule: Rule, fields: Fields) -> Look:
        found = self.book.templates[template] if isinstance(template, str) else template
        contents = found.contents if found is not None else {}
        wanted = rule.send.channels or [channel for channel in CHANNELS if channel in contents]
        channels = tuple(
            [
                Channel(channel, contents[channel], compile_content(contents[channel], fields, self.book.locale, self.zone))
                for channel in wanted
                if channel in contents
            ]
        )
        return Look(name, share, found.id if found is not None else "", channels)

    def _verification(self, rule: Rule, type_: MessageType, fields: Fields) -> VerificationPlan | None:
        if type_.id != "verification":
            return None
        specs = [spec for spec in (rule.send.code, type_.code, DEFAULT_CODE) if spec is not None]

        def stated(name: str) -> Any:
            return next(value for spec in specs if (value := getattr(spec, name)) is not None)

        purpose = rule.send.purpose
        return VerificationPlan(
            CodeSpec(stated("digits"), stated("valid_for"), stated("checks")),
            fields[purpose.field].read if isinstance(purpose, Ref) else purpose or rule.id,
        )

    def _goal(self, rule: Rule) -> GoalPlan | None:
        if rule.goal is None:
            return None
        fields = merged(self.user, self._events([rule.goal.event]))
        return GoalPlan(rule.id, rule.goal.within.micros, self._condition(rule.goal.when, fields))

    # ---- what each event type, segment and schedule leads to ------------------------------------------------------------------------

    def _wire(self) -> None:
        self.plan.watched = self._watched()
        read_by_time = {field for segment in self.plan.watched for field in segment.when.reads}
        for plan in self.plan.events.values():
            names = [trait.name for trait in self.book.traits.values() if plan.type in trait.events]
            plan.traits = tuple([self.traits[name] for name in names])
            plan.moves_segments = any(f"user.{name}" in read_by_time for name in names)
        for rule in self.plan.rules.values():
            self._wire_rule(rule)
        for plan in self.plan.events.values():
            build_index(plan)
            counting = [cap for rule in plan.rules if rule.due is None for cap in rule.caps]
            plan.counters = tuple({cap.by: cap.event_key for cap in counting if cap.event_key is not None}.values())

    def _wire_rule(self, rule: RulePlan) -> None:
        on = rule.rule.on
        if isinstance(on, EventTrigger):
            for name in dict.fromkeys(on.events):
                plan = self.plan.events[name]
                plan.rules = (*plan.rules, rule)
            for entry in on.unless:
                self._wire_unless(rule, entry, on)
        elif isinstance(on, JoinTrigger):
            self._wire_join(rule, on)
        elif isinstance(on, CountTrigger):
            self._wire_count(rule, on)
        elif isinstance(on, DateSchedule):
            self.plan.dates = (*self.plan.dates, DatePlan(rule, on, self.user[on.date].read))
        elif isinstance(on, CronSchedule | OnceSchedule | FestivalSchedule):
            self.plan.ticks = (*self.plan.ticks, TickPlan(rule, on))
        if rule.goal is not None and rule.rule.goal is not None:
            plan = self.plan.events[rule.rule.goal.event]
            plan.goals = (*plan.goals, rule.goal)

    def _wire_unless(self, rule: RulePlan, entry: Unless, on: EventTrigger) -> None:
        plan = self.plan.events[entry.event]
        fields = merged(self.user, self._events([entry.event]))
        remembers = any(name != entry.event for name in on.events)
        plan.cancellers = (*plan.cancellers, Canceller(rule.id, entry.by_user, self._test(entry.when, fields), remembers))

    def _wire_join(self, rule: RulePlan, on: JoinTrigger) -> None:
        aliases = tuple([step.alias for step in on.steps])
        # A step's own part is asked when its event comes; what compares with other steps, when they meet.
        own = [self._own_part(step.when, step.alias) for step in on.steps]
        tests = tuple([self._test(part, rule.fields) for part in own])
        joiner = Joiner(on, rule.fields, [self._test(step.when, rule.fields) for step in on.steps], zone=self.zone)
        for name in dict.fromkeys(step.event for step in on.steps):
            steps = tuple([at for at, step in enumerate(on.steps) if step.event == name])
            fields = self._events([name])
            by = None if on.by == "user" else fields[on.by].read if on.by in fields else None
            if on.by != "user" and by is None:
                continue
            plan = self.plan.events[name]
            within = on.within.micros
            plan.steps = (*plan.steps, StepPlan(rule, joiner, steps, tests, aliases, by, on.by, on.ordered, within))

    def _own_part(self, when: Condition | None, alias: str) -> Condition | None:
        if when is None:
            return None
        part, _ = split_event_only(when, root=alias)
        return part

    def _wire_count(self, rule: RulePlan, on: CountTrigger) -> None:
        fields = merged(self.user, self._events([on.event]))
        by = None if on.by == "user" else fields[on.by].read
        plan = self.plan.events[on.event]
        count = CountPlan(rule, self._test(on.when, fields), on.at_least, on.within.micros, by, on.by)
        plan.counts = (*plan.counts, count)

    def _watched(self) -> tuple[WatchedSegment, ...]:
        crossings = [(rule, rule.rule.on) for rule in self.plan.rules.values() if isinstance(rule.rule.on, Crossing)]
        watched = []
        for name in dict.fromkeys(on.segment for _, on in crossings):
            entering = tuple([rule for rule, on in crossings if on.segment == name and on.enters])
            leaving = tuple([rule for rule, on in crossings if on.segment == name and not on.enters])
            watched.append(WatchedSegment(name, self.plan.segments[name], entering, leaving))
        return tuple(watched)


def _segments_in(condition: Condition) -> Iterable[str]:
    """Names of the segments that a condition refers to."""
    segment = getattr(condition, "segment", None)
    if segment is not None:
        yield segment
    inner = getattr(condition, "item", None)
    for item in (inner,) if inner is not None else getattr(condition, "items", ()):
        yield from _segments_in(item)
