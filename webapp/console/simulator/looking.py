"""What one look at the simulator shows: the address read, the story run up to its clock, and everything that the templates say of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

from flask import url_for

from engine.core.conditions import Node, first_failure
from engine.core.facts import Event
from engine.core.parts import count_parts
from engine.core.phones import is_mainland, mask
from engine.core.plan import RulePlan
from engine.core.trace import STAGES
from engine.core.zones import day_start, local_date, offset, parse_date, parse_instant
from engine.runtime.errors import NotFound
from engine.runtime.service import Service
from engine.simulate.output import Prices, cost_of
from engine.simulate.rehearse import Rehearsal, rehearse
from rules.findings import Span
from rules.model import DAY, HOUR, MINUTE, EventTrigger
from webapp.console import words
from webapp.console.frame import House
from webapp.console.simulator import clock, sources, timeline
from webapp.console.simulator import story as stories
from webapp.console.simulator.book import Choice, Rules, Shelf, choose
from webapp.console.simulator.naming import Naming, _
from webapp.console.simulator.running import OUTCOMES, UNSENT, Judged, Read, Run, read, run
from webapp.console.simulator.story import Story
from webapp.console.simulator.timeline import Timeline
from webapp.console.simulator.why import Why, leaf_fact, leaf_wish, why

WIDE, NARROW = 552, 250  # pixels of the plot, about: what lies closer than its marks is put together
NO_END = 366 * DAY  # how far the clock may be set beyond the story's end
_KEPT = 12
LISTED = 200  # rows of the table
shelf = Shelf()


@dataclass(frozen=True, slots=True)
class Address:
    """What stands in the address besides the story. Anything that cannot be meant is as if it were not there."""

    story: str = ""
    book: str = "draft"
    at: str = ""
    verdict: str = ""
    only: str = ""  # an outcome, or `unsent`
    tab: str = ""  # of the inspector: `false`, `values`
    view: str = ""  # on a narrow window: `story`, `log`
    day: str = ""
    edit: str = ""  # what is being filled in: `event`, `event-3`, `user`, `paste` ...
    type: str = ""  # of the event being filled in

    def query(self, **changes: Any) -> dict[str, Any]:
        """The parameters of another look; the defaults are left out."""
        found = {name: changes.get(name, getattr(self, name)) for name in self.__slots__}
        return {name: value for name, value in found.items() if value and not (name == "book" and value == "draft")}


@dataclass
class Look:
    """A story at an instant, as one address names it."""

    address: Address
    choice: Choice
    rules: Rules
    story: Story
    given: Read
    run: Run
    end: int
    milliseconds: float
    naming: Naming
    prices: Prices
    chosen: Judged | None = None
    shown: list[Judged] = field(default_factory=list)
    _link: str = ""
    _said: dict[str, str] = field(default_factory=dict)
    _instants: dict[int, str] = field(default_factory=dict)

    # ---- the clock and the left side ----------------------------------------------------------------------------------------------------

    @property
    def zone(self) -> Any:
        """The book's."""
        return self.run.plan.zone

    @property
    def jumps(self) -> clock.Jumps:
        """Where the buttons land."""
        return clock.jumps(self.run, self.end)

    @property
    def next_time(self) -> int:
        """When another event may happen: ten minutes after the last one, the first one at ten in the morning."""
        last = max([event.time for event in self.given.events], default=None)
        return last + 10 * MINUTE if last is not None else self.run.start + 10 * HOUR

    @property
    def is_quiet(self) -> bool:
        """Whether it is quiet now, in the book's zone."""
        return clock.is_quiet(self.run.plan, self.run.now)

    def lines(self) -> Iterator[tuple[int | None, Event | None, str]]:
        """The events in order, each with its place in the story and its day where that begins; (None, None, "") where the clock stands."""
        places = {(str(line.get("source", "api")), line.get("id")): at for at, line in reversed(list(enumerate(self.story.events)))}
        before, passed = None, False
        for event in self.run.events:
            if event.received > self.run.now and not passed:
                passed = True
                yield None, None, ""
            day = local_date(event.received, self.zone)
            yield places.get((event.source, event.id)), event, words.day(event.received, self.zone) if day != before else ""
            before = day
        if not passed:
            yield None, None, ""

    def about(self, user: str) -> str:
        """Two or three words on a person: labels of what is known of them, and what keeps marketing away."""
        line = next((one for one in self.run.users if one.id == user), None)
        cell = self.run.people.get(user)
        book = self.run.plan.book
        attributes = dict(cell.attributes if cell is not None else line.attributes if line is not None else {})
        found = []
        for name, declared in book.attributes.items():
            value = attributes.get(name)
            if isinstance(value, str) and not declared.personal and not declared.secret and declared.type == "string":
                found.append(self.naming.value(value, declared))
        consents = {type_.needs_consent for type_ in book.message_types.values() if type_.needs_consent is not None}
        for consent in sorted(consents):
            if attributes.get(consent.removeprefix("user.")) is not True:
                found.append(_("未同意营销"))
        zone = cell.timezone if cell is not None else line.timezone if line is not None else None
        if zone is not None and cell is not None and cell.zone is not self.zone:
            found.append(_offset(self.run.now, cell.zone))
        return " · ".join(list(dict.fromkeys(found))[:4])

    def phone(self, user: str) -> str:
        """The masked number of a user."""
        line = next((one for one in self.run.users if one.id == user), None)
        cell = self.run.people.get(user)
        number = (cell.phone if cell is not None else None) or (line.phone if line is not None else None)
        return mask(number) if number else ""

    # ---- the middle ---------------------------------------------------------------------------------------------------------------------

    @cached_property
    def counts(self) -> dict[str, int]:
        """Verdicts by outcome."""
        return self.run.counts()

    @property
    def wide(self) -> Timeline:
        """The whole story."""
        return timeline.draw(self.run, self.shown, self.end, width=WIDE, chosen=self.chosen, day=self._asked_day())

    @property
    def narrow(self) -> Timeline:
        """One day of it: the one asked for, the chosen verdict's, or the clock's."""
        at = self.chosen.verdict.at if self.chosen is not None else max(self.run.start, min(self.run.now, self.end - 1))
        day = self._asked_day() or local_date(at, self.zone)
        first = self.chosen.person if self.chosen is not None else None
        return timeline.draw(self.run, self.shown, self.end, width=NARROW, chosen=self.chosen, day=day, first=first)

    @cached_property
    def days(self) -> list[date]:
        """The days of the story."""
        return timeline.days_of(self.run.start, max(self.end, self.run.now), self.zone)

    def _asked_day(self) -> date | None:
        try:
            day = parse_date(self.address.day)
        except ValueError:
            return None
        return day if day in self.days else None

    @cached_property
    def log(self) -> list[Judged]:
        """The verdicts of the table: those of the chosen verdict's person, else all that are shown."""
        if self.chosen is None:
            return self.shown
        return [one for one in self.shown if one.person == self.chosen.person]

    def rule_name(self, rule: str) -> str:
        """The name of a rule, or its id."""
        known = self.run.plan.book.rules.get(rule)
        return known.name if known is not None and known.name else rule

    def why(self, one: Judged) -> Why:
        """Why a verdict came."""
        return why(one, self.run, self.naming)

    @property
    def rows(self) -> list[Judged]:
        """The part of it that is listed: about the chosen one."""
        at = self.log.index(self.chosen) if self.chosen in self.log else 0
        first = max(min(at - LISTED // 2, len(self.log) - LISTED), 0)
        return self.log[first : first + LISTED]

    def brief(self, one: Judged) -> str:
        """A verdict's facts in the table."""
        told = self.why(one)
        if one.outcome == "sent" and one.messages:
            return " ".join(filter(None, [self._parts(one.messages[-1].channel, one.messages[-1].parts), words.money(self.cost(one))]))
        return told.headline

    def cost(self, one: Judged) -> float | None:
        """What its messages cost."""
        costs = [cost_of(message, self.prices) for message in one.messages]
        return sum(cost for cost in costs if cost is not None) if any(cost is not None for cost in costs) else None

    def _parts(self, channel: str, parts: int) -> str:
        return _("%(parts)s 条", parts=parts) if channel == "sms" else words.word(channel, "channel")

    def full_name(self, one: Judged) -> str:
        """A mark for those who cannot see it: outcome, rule, person, instant, reason."""
        person = one.verdict.user or (mask(one.verdict.phone) if one.verdict.phone else self.say("无收件人"))
        outcome = self.say("失败") if one.outcome == "failed" else words.word(one.verdict.outcome, "outcome")
        reason = words.word(one.verdict.reason, "reason")
        at = self._told(one.verdict.at)
        return self.say("，").join([outcome, self.rule_name(one.verdict.rule), person, at, reason])

    def link(self, one: Judged) -> str:
        """The address of a look at a verdict. There are hundreds on a page, alike but for its name."""
        if not self._link:
            self._link = url_for("simulator.show", **self.address.query(verdict="", edit=""))
        return f"{self._link}{'&' if '?' in self._link else '?'}verdict={one.id}"

    def say(self, text: str) -> str:
        """A word in the visitor's language, looked up once: one of those that stand at every mark."""
        if text not in self._said:
            self._said[text] = _(text)
        return self._said[text]

    def _told(self, at: int) -> str:
        minute = at - at % 60_000_000
        if minute not in self._instants:
            self._instants[minute] = words.instant(minute, self.zone)
        return self._instants[minute]

    # ---- the inspector ------------------------------------------------------------------------------------------------------------------

    def neighbour(self, step: int) -> Judged | None:
        """The verdict before (-1) or after (1) the chosen one in the table."""
        log = self.log
        if self.chosen not in log:
            return log[0] if log and step > 0 else None
        at = log.index(self.chosen) + step
        return log[at] if 0 <= at < len(log) else None

    @property
    def plan(self) -> RulePlan | None:
        """The chosen verdict's rule."""
        return self.run.plan.rules.get(self.chosen.verdict.rule) if self.chosen is not None else None

    def rail(self) -> list[tuple[str, str]]:
        """(stage, passed | ended | not_reached) of the chosen verdict; `timer` where a promise was made, or came too late."""
        assert self.chosen is not None
        verdict, trace = self.chosen.verdict, self.chosen.trace
        on = self.plan.rule.on if self.plan is not None else None
        cancellable = isinstance(on, EventTrigger) and bool(on.unless)
        if trace is None:
            told = [(name, "ended" if name == "unless" else "not_reached") for name in STAGES]
        else:
            told = list(trace.stages)
        if verdict.reason in ("timer_set", "late"):
            told.insert(STAGES.index("when") + 1, ("timer", "ended"))
        return [(name, result) for name, result in told if name != "unless" or cancellable or result == "ended"]

    def trees(self) -> list[tuple[str, Node]]:
        """The condition trees of the chosen verdict: (when | audience, tree)."""
        trace = self.chosen.trace if self.chosen is not None else None
        found = [] if trace is None else [("when", trace.when), ("audience", trace.audience)]
        return [(name, tree) for name, tree in found if tree is not None]

    def failing(self, tree: Node) -> str | None:
        """The path of the node to name in a tree that is false."""
        return first_failure(tree).path if tree.result is False else None

    def values(self) -> list[tuple[str, str, bool]]:
        """(field, value, whether it was read) of every leaf, each field once."""
        found: dict[str, tuple[str, str, bool]] = {}
        for __, tree in self.trees():
            for leaf in _leaves(tree):
                assert leaf.field is not None
                declared = self.naming.declared(leaf.field, self.plan.rule if self.plan is not None else None)
                if leaf.field not in found or (leaf.result is not None and not found[leaf.field][2]):
                    found[leaf.field] = (leaf.field, self.naming.value(leaf.actual, declared), leaf.result is not None)
        return list(found.values())

    def actual(self, leaf: Node) -> str:
        """The value of a leaf, with its label."""
        declared = self.naming.declared(leaf.field or "", self.plan.rule if self.plan is not None else None)
        told = self.naming.value(leaf.actual, declared)
        return (
            f"{leaf.actual} {told}"
            if isinstance(leaf.actual, str) and declared is not None and declared.enum and told != leaf.actual
            else told
        )

    def operand(self, leaf: Node) -> str:
        """What a leaf asks for, as the book writes it."""
        return _yaml(leaf.operand)

    def fact(self, leaf: Node) -> str:
        """A leaf in words."""
        return f"{leaf_fact(leaf, self.naming, self.plan)}{_('，')}{_('要求')}{leaf_wish(leaf, self.naming, self.plan)}"

    def rehearsal(self) -> Rehearsal | None:
        """What the recipient gets, or would get."""
        trace = self.chosen.trace if self.chosen is not None else None
        return rehearse(trace) if trace is not None else None

    def measure(self, made: Rehearsal) -> str:
        """`46 / 70 字 · 1 条 · ¥0.045`."""
        if made.text is None:
            return words.word(made.channel, "channel")
        units = len(made.text.encode("utf-16-le")) // 2
        mainland = is_mainland(made.to)
        told = [_("%(units)s / 70 字", units=units) if mainland and units <= 70 else _("%(units)s 字", units=units)]
        told.append(_("%(parts)s 条", parts=count_parts(made.text, mainland)))
        price = self.prices.get(made.channel, {}).get("CN") if mainland else None
        return " · ".join([*told, *([words.money(price * made.parts)] if price is not None else [])])

    def place(self, told: Why) -> Span:
        """Where the book says so."""
        return self.rules.place(told.place)

    def cause(self, one: Judged) -> str:
        """What of its trigger followed from the event: `之后 1 小时`."""
        plan = self.run.plan.rules.get(one.verdict.rule)
        return self.naming.trigger(plan.rule) if plan is not None else ""

    def later(self) -> list[Judged]:
        """What came of the chosen verdict, for the same person where it was nobody's."""
        return self.chosen.after if self.chosen is not None else []


def _leaves(node: Node) -> Iterator[Node]:
    if node.kind == "leaf":
        yield node
    for child in node.children:
        yield from _leaves(child)


def _yaml(value: Any) -> str:
    if isinstance(value, dict) and "ref" in value:
        return f"ref {value['ref']}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    return {None: "null", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else str(value)


def _offset(now: int, zone: Any) -> str:
    minutes = offset(now, zone) // 60_000_000
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}{f':{rest:02d}' if rest else ''}"


# ---- from an address --------------------------------------------------------------------------------------------------------------------


class NoRules(Exception):
    """Nothing is drafted or published under the name in the address."""


@dataclass(frozen=True, slots=True)
class Broken(Exception):
    """The chosen rules have errors."""

    choice: Choice
    rules: Rules


def rules_of(service: Service, env: str, address: Address) -> tuple[Choice, Rules]:
    """The rules to judge with. Raises NoRules and Broken."""
    choice = choose(service, env, address.book)
    if choice is None:
        raise NoRules(address.book)
    rules = shelf.rules(choice.files)
    if rules.plan is None:
        raise Broken(choice, rules)
    return choice, rules


def story_of(service: Service, rules: Rules, id: str, reader: str) -> Story:
    """`sample:1-evening`, `test:overdue-reminder`, or a kept one. Raises NotFound."""
    assert rules.plan is not None
    kind, colon, name = id.partition(":")
    if colon:
        found = (
            sources.samples(rules.plan.book).get(name)
            if kind == "sample"
            else sources.of_test(rules.plan, name)
            if kind == "test"
            else None
        )
        if found is None:
            raise NotFound(f"there is no story {id}")
        return found
    return stories.from_body(dict(service.stories.get(id, reader).body))


def look(choice: Choice, rules: Rules, story: Story, address: Address, house: House) -> Look:
    """Run the story up to the address's clock. Raises BadStory. A story that names no instant yet begins today."""
    assert rules.plan is not None
    prices = house.prices
    given = read(story, rules.plan)
    if given.start is None:
        zone = rules.plan.zone
        given = replace(given, since=day_start(local_date(house.service.clock.now(), zone), zone))
    end = clock.end_of(given, rules.plan)
    at = min(_instant(address.at, end), end + NO_END)
    made, milliseconds = _runs.run(given, rules, story, at)
    speech = Naming(rules.plan.book, _teller(rules.plan.zone))
    chosen = made.by_id.get(address.verdict)
    found = Look(address, choice, rules, story, given, made, end, milliseconds, speech, prices, chosen)
    found.shown = [one for one in made.judged if _is_shown(one, address.only)]
    return found


def _instant(text: str, end: int) -> int:
    try:
        return parse_instant(text, None)
    except (ValueError, TypeError):
        return end


def _teller(zone: Any) -> Callable[[int | str], str]:
    def tell(at: int | str) -> str:
        instant = parse_instant(at, None) if isinstance(at, str) else at
        return words.instant(instant, zone, seconds=instant % 60_000_000 != 0)

    return tell


def _is_shown(one: Judged, only: str) -> bool:
    return one.outcome in UNSENT if only == "unsent" else one.outcome == only if only in OUTCOMES else True


class _Runs:
    """The latest runs: going through the verdicts of one does not judge it anew."""

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], tuple[Run, float]] = {}
        self._lock = threading.Lock()

    def run(self, given: Read, rules: Rules, story: Story, at: int) -> tuple[Run, float]:
        key = (story.id, rules.digest, given.since, at)
        with self._lock:
            found = self._kept.pop(key, None)
            if found is not None:
                self._kept[key] = found
                return found
        assert rules.plan is not None
        started = time.perf_counter()
        judged = run(given, rules.plan, at)
        made = judged, (time.perf_counter() - started) * 1000
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]
        return made


_runs = _Runs()
