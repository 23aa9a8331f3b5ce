"""What must hold after any fault: nothing accepted is lost, nothing is decided twice, verdicts are the simulator's, nothing leaves twice.

`check` reads a database that has come to rest. It knows the world of the tests (world.py), and nothing of what went wrong.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engine.core.clockwork import Clockwork
from engine.core.facts import Event
from engine.core.occurrences import Cancellation, Receipt, UserChange
from engine.core.outcomes import Decision, Message, Verdict
from engine.core.plan import BookPlan
from engine.runtime.waiting import UNLESS, retry_timer, untouched
from engine.simulate.memory import Memory
from engine.simulate.output import line_of
from engine.simulate.simulation import ScriptedReceipt
from engine.store import attempts, decisions, events, messages
from engine.store.decisions import Recorded
from engine.store.events import Received
from engine.store.messages import Stored
from engine.store.states import FINAL, State
from engine.store.store import Store
from tests.faults import smsc_log, world
from tests.faults.smsc_log import Said
from tests.unsent import Outbox, Unsent

SHOWN = tuple("kind at rule user outcome reason detail occurrence type channel to text parts template variant".split(" "))  # noqa: SIM905
ALL = 10_000_000
# What may be handed over again after nobody knows whether it arrived: a code by another provider, a notification by one that knows our id.
MAY_REPEAT = ("verification", "notification")


@dataclass
class History:
    """Everything that a database holds of one environment."""

    events: Sequence[Received]
    record: Sequence[Recorded]
    messages: Sequence[Stored]
    attempts: Mapping[int, Sequence[attempts.Attempt]]
    receipts: Mapping[int, Sequence[attempts.Receipt]]

    @classmethod
    def of(cls, store: Store, env: str = "live") -> History:
        """Read it all."""
        with store.read() as tx:
            sent = list(reversed(messages.newest(tx, env, limit=ALL).items))
            seqs = [one.seq for one in sent]
            return cls(
                events.history(tx, env, limit=ALL),
                decisions.history(tx, env, limit=ALL),
                sent,
                attempts.of_messages(tx, seqs),
                attempts.receipts_of(tx, seqs),
            )

    def judged(self) -> list[Recorded]:
        """Decisions of events and timers, and of what `overtaken` are, in the recorded order."""
        return [row for row in self.record if row.cause in ("event", "timer", "cancellation")]

    def overtaken(self) -> set[str]:
        """Messages whose `unless` came while a provider was asked, which refused for now."""
        return {str(row.ref) for row in self.record if row.cause == "cancellation"}

    def taken_back(self) -> dict[str, bool]:
        """Messages that an `unless` found waiting, and whether certainly nobody had got them."""
        ended = [one for one in self.messages if (one.state, one.reason) == (State.CANCELLED, UNLESS)]
        found = {one.message.id: untouched(self.attempts.get(one.seq, ())) for one in ended}
        return {id: is_clean for id, is_clean in found.items() if id not in self.overtaken()}

    def inversions(self) -> int:
        """How many decisions stand behind a later one: accepted before, and seen after, by processes that share a database."""
        latest, found = 0, 0
        for row in self.judged():
            found += row.at < latest
            latest = max(latest, row.at)
        return found

    def lines(self) -> list[str]:
        """Verdicts and messages in the words of `simulate`, sorted."""
        verdicts = [verdict for row in self.record for verdict in row.verdicts]
        return sorted(shown(one) for one in (*verdicts, *[stored.message for stored in self.messages]))


@dataclass
class Report:
    """What a check has counted, for people."""

    events: int = 0
    verdicts: int = 0
    messages: int = 0
    inversions: int = 0
    overtaken: int = 0  # messages that an `unless` ended while a provider was asked
    unknown: int = 0  # attempts whose outcome nobody knows
    repeated: int = 0  # messages that a gateway has got more than once, each allowed and counted
    states: dict[str, int] = field(default_factory=dict)


def shown(happening: Verdict | Message) -> str:
    """The line of `simulate`, without what only a price table knows."""
    line = line_of(happening, {})
    return str({name: line[name] for name in SHOWN if name in line})


def silence(plan: BookPlan) -> list[ScriptedReceipt]:
    """No receipt for any rule."""
    return [ScriptedReceipt(rule, "none") for rule in plan.rules]


def simulated(
    plan: BookPlan, people: Iterable[Mapping[str, Any]], recorded: Sequence[Received], until: int, taken_back: Mapping[str, bool]
) -> list[str]:
    """What `simulate` says of the recorded events in the recorded order, sorted. `taken_back`: messages that an `unless` found before they
    left, where a simulation's leave at once, and whether their slots are free."""
    if not recorded:
        return []
    simulation = Unsent(
        plan,
        stays=lambda message: message.id in taken_back,
        frees=lambda message: taken_back[message.id],
        until=until,
        receipts=silence(plan),
    )
    for user in people:
        simulation.add_user(user["id"], {name: value for name, value in user.items() if name != "id"})
    return sorted(shown(one) for page in simulation.run(one.event for one in recorded) for one in page)


def replayed(plan: BookPlan, people: Iterable[Mapping[str, Any]], history: History) -> list[str]:
    """What the core says when it judges again in the order of the record, sorted. This also holds where two instants were turned around."""
    memory = Memory()
    found: list[Verdict | Message] = []

    def took(decision: Decision) -> None:
        memory.apply(decision)
        found.extend(decision.verdicts())
        found.extend(decision.messages)
        outbox.took(decision)

    clockwork = Clockwork(plan, memory, took)
    taken_back = history.taken_back()
    overtaken = {id: one for one in history.messages if (id := one.message.id) in history.overtaken()}
    now = 0
    outbox = Outbox(
        plan,
        memory,
        lambda message: message.id in taken_back,
        lambda receipt: clockwork.judge(receipt, now),
        frees=lambda message: taken_back[message.id],
    )
    known: dict[tuple[str, str | None], Event] = {(one.event.source, one.event.id): one.event for one in history.events}
    for user in people:
        clockwork.judge(UserChange(user["id"], {name: value for name, value in user.items() if name != "id"}), 0)
    found.clear()
    for row in history.judged():
        now = row.at
        if row.cause == "event":
            assert row.source is not None
            clockwork.event(known[row.source, row.ref], row.at)
        elif row.cause == "cancellation":
            stored = overtaken[str(row.ref)]
            clockwork.judge(Cancellation([retry_timer(stored.message, plan)], UNLESS), now)
            if untouched(history.attempts[stored.seq]):
                clockwork.judge(Receipt(stored.message, "rejected", in_time=False), now)
        else:
            clockwork.settle(memory.take_due(row.at), (), row.at)
    return sorted(map(shown, found))


def check(
    store: Store, accepted: Iterable[str], captured: Sequence[Path] = (), *, one_order: bool = True, smsc: Sequence[Said] | None = None
) -> Report:
    """Raise AssertionError unless everything holds. `one_order`: one process at a time judged, so that nothing may be turned around.

    `smsc`: the SMSC's own log, where the gateway was one."""
    history = History.of(store)
    report = Report(len(history.events), sum(len(row.verdicts) for row in history.record), len(history.messages), history.inversions())
    _nobody_in_a_circle(store)

    ids = [one.event.id for one in history.events]
    lost = set(accepted) - set(ids)
    assert not lost, f"{len(lost)} accepted events are lost: {sorted(lost)[:5]}"
    assert all(one.done for one in history.events), "events wait to be judged"
    times = Counter(row.ref for row in history.record if row.cause == "event")
    assert times == Counter(ids), f"not judged exactly once: {list((times - Counter(ids)) + (Counter(ids) - times))[:5]}"

    twice = [id for id, number in Counter(one.message.id for one in history.messages).items() if number > 1]
    assert not twice, f"messages with one id: {twice[:5]}"
    _same(history.lines(), replayed(world.plan(), world.users(), history), "a replay of the record")
    if one_order:
        assert not report.inversions, f"{report.inversions} decisions stand behind later ones"
    report.overtaken = len(history.overtaken())
    if not report.inversions and not report.overtaken:  # a simulation has no providers that refuse for now
        until = max([row.at for row in history.record], default=0)
        _same(history.lines(), simulated(world.plan(), world.users(), history.events, until, history.taken_back()), "simulate")
    _everybody_once(history)
    if smsc is None:
        _left(history, captured, report)
    else:
        _attempted(history, ("verification",), report)
        smsc_log.check(store, history.messages, history.attempts, smsc)
        report.repeated = sum(
            sum(one.outcome != "rejected" for one in history.attempts.get(stored.seq, ())) > 1 for stored in history.messages
        )
    return report


def _nobody_in_a_circle(store: Store) -> None:
    """PostgreSQL finds a deadlock after a second, and all who wait behind it wait as long: there must be none."""
    if store.is_postgresql:
        with store.read() as tx:
            found = tx.execute(sa.text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")).scalar_one()
        assert not found, f"{found} deadlocks"


def _same(got: Sequence[str], expected: Sequence[str], what: str) -> None:
    more, less = Counter(got) - Counter(expected), Counter(expected) - Counter(got)
    assert not more, f"not what {what} says, {len(more)} too many, {len(less)} missing: {list(more)[:3]} instead of {list(less)[:3]}"
    assert not less, f"{len(less)} missing that {what} has: {list(less)[:3]}"


def _everybody_once(history: History) -> None:
    """Every broadcast judged everybody, once."""
    people = {user["id"] for user in world.users()}
    sales = [f"api:{one.event.id}" for one in history.events if one.event.type == "sale.announced"]
    reached = Counter((verdict.rule, verdict.occurrence, verdict.user) for row in history.record for verdict in row.verdicts)
    for rule in ("sale", "sale-again"):
        found = Counter(occurrence for of, occurrence, user in reached if of == rule and user in people)
        assert set(found.values()) <= {len(people)}, f"{rule}: somebody was left out: {found}"
        assert len(found) == len(sales), f"{rule}: {len(found)} of {len(sales)} campaigns"
    assert all(number == 1 for (rule, _, user), number in reached.items() if rule.startswith("sale") and user is not None)


def check_campaigns(store: Store, sales: Iterable[str], people: int, captured: Sequence[Path]) -> Report:
    """Of campaigns that were paged: everybody was judged once for each rule and occurrence, and nobody got a message twice."""
    history = History.of(store)
    report = Report(len(history.events), sum(len(row.verdicts) for row in history.record), len(history.messages))
    judged = Counter(
        (verdict.rule, verdict.occurrence.partition("@")[0], verdict.user)
        for row in history.record
        for verdict in row.verdicts
        if verdict.user is not None
    )
    occurrences = {occurrence for _, occurrence, _ in judged}
    expected = {
        (rule, occurrence, user["id"]) for rule in ("sale", "sale-again") for occurrence in occurrences for user in world.users(people)
    }
    assert len(occurrences) == len(list(sales))
    assert not expected - set(judged), f"left out: {len(expected - set(judged))}, {list(expected - set(judged))[:3]}"
    assert not set(judged) - expected
    assert set(judged.values()) == {1}, f"judged more than once: {[one for one, times in judged.items() if times > 1][:3]}"
    sent = Counter((one.message.rule, one.message.occurrence, one.message.to) for one in history.messages)
    assert set(sent.values()) == {1}
    _left(history, captured, report)
    return report


def _left(history: History, captured: Sequence[Path], report: Report) -> None:
    """What gateways that know our ids have got is what was attempted; more than once only where the policy allows it, and counted."""
    got = Counter(json.loads(line)["id"] for path in captured if path.exists() for line in path.read_text("utf-8").splitlines())
    submitted = {int(id.removeprefix("hy").partition("-")[0]): number for id, number in got.items()}
    assert set(submitted) <= {one.seq for one in history.messages}, "a gateway has got what nobody decided"
    _attempted(history, MAY_REPEAT, report)
    for stored in history.messages:
        outcomes = [one.outcome for one in history.attempts.get(stored.seq, ())]
        times = submitted.get(stored.seq, 0)
        report.repeated += times > 1
        where = f"{_where(history, stored)}, got {times} times"
        assert times <= len(outcomes), where
        if captured and "accepted" in outcomes:
            assert times, where


def _where(history: History, stored: Stored) -> str:
    outcomes = [(one.provider, one.outcome) for one in history.attempts.get(stored.seq, ())]
    return f"message {stored.seq} ({stored.message.type}, {stored.state}): {outcomes}"


def _attempted(history: History, may_repeat: Collection[str], report: Report) -> None:
    """Attempts are what the state and the policy of the type say: who may have got it gets it again only where that is allowed."""
    for stored in history.messages:
        tried = history.attempts.get(stored.seq, ())
        outcomes = [one.outcome for one in tried]
        where = _where(history, stored)
        report.states[stored.state.value] = report.states.get(stored.state.value, 0) + 1
        report.unknown += outcomes.count("unknown")
        assert len(tried) == stored.tries, where
        # A receipt may be faster than the answer, and the process dead before it was recorded: then the receipt has said it all.
        assert None not in outcomes or (stored.state in FINAL and history.receipts.get(stored.seq)), where
        assert stored.state in FINAL | {State.ACCEPTED, State.UNKNOWN}, where
        assert "accepted" not in outcomes[:-1], where
        doubtful = [one for one in tried if one.outcome != "rejected"]
        if len(doubtful) > 1:
            assert stored.message.type in may_repeat, where
        if len(doubtful) > 1 and stored.message.type == "verification":
            assert len({one.provider for one in doubtful}) == len(doubtful), where
        moved = [
            one.status
            for one in history.receipts.get(stored.seq, ())
            if one.effect == "moved" and one.status in ("delivered", "undelivered")
        ]
        assert len(moved) <= 1, f"{where}: {moved}"


def summary(report: Report) -> str:
    """One line for people."""
    states = ", ".join(f"{number} {state}" for state, number in sorted(report.states.items()))
    return (
        f"{report.events} events, {report.verdicts} verdicts, {report.messages} messages ({states}); {report.unknown} unknown attempts, "
        f"{report.repeated} messages at a gateway more than once, {report.inversions} inversions, "
        f"{report.overtaken} ended by an unless while a provider was asked"
    )


__all__ = ["History", "Report", "check", "replayed", "shown", "silence", "simulated", "summary"]
