"""What is counted as it happens is what the rows say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from engine.runtime.clock import TestClock
from engine.runtime.housekeeping import Housekeeper
from engine.runtime.live.queues import strip
from engine.runtime.service import Service
from engine.settings import Retention
from engine.store import decisions, figures, reports, timers
from engine.store.store import Store
from tests.runtime.story import lived

EVER = 1 << 61


@pytest.fixture
def service(url: str) -> Iterator[Service]:
    store = Store(url)
    store.migrate()
    service = lived(store)
    service.figures.step()
    yield service
    service.close()


def _counted(service: Service, rules: set[str], beginning: str) -> Counter[tuple[str, str]]:
    with service.store.read() as tx:
        return Counter(
            {
                (rule, what.removeprefix(beginning)): number
                for rule in rules
                for what, number in figures.of(tx, "live", f"rule:{rule}").items()
                if number and what.startswith(beginning)
            }
        )


def test_figures_are_what_the_rows_say(service: Service) -> None:
    with service.store.read() as tx:
        verdicts = reports.verdicts(tx, "live", 0, EVER)
        states = reports.message_states(tx, "live", 0, EVER)
        goals = decisions.conversion_counts(tx, "live", 0, EVER)
        pending = sum(timers.count(tx, "live").values())
        shown = strip(tx, "live", service.clock.now())
    rules = {rule for rule, _, _ in verdicts} | {rule for rule, _ in states}
    outcomes = Counter({(rule, f"{outcome} {reason}"): number for (rule, outcome, reason), number in verdicts.items()})
    kinds: Counter[tuple[str, str]] = Counter()
    for (rule, state), number in states.items():
        kinds[rule, figures.kind_of(figures.State(state))] += number

    assert len(verdicts) > 30
    assert sum(kinds.values()) > 20
    told = {key: number for key, number in _counted(service, rules, "").items() if key[1].partition(" ")[0] not in ("message", "goal")}
    assert told == outcomes
    assert _counted(service, rules, "message ") == kinds
    assert _counted(service, rules, "goal ") == Counter({(rule, group): number for (rule, group), number in goals.items()})
    assert shown.timers == pending > 0


def test_what_was_counted_is_added_up_once(service: Service) -> None:
    with service.store.read() as tx:
        before = figures.of(tx, "live", "all")
        assert not figures.waits(tx)
    service.figures.step()
    with service.store.read() as tx:
        assert figures.of(tx, "live", "all") == before


def test_providers_are_counted_with_their_delays(service: Service) -> None:
    with service.store.read() as tx:
        capture = figures.of(tx, "live", "provider:capture")
        delays = figures.of(tx, "live", "delay:capture")
        sent = sum(sum(by.values()) for by in figures.by_time(tx, "live", "sent", 0).values())

    taken = sum(number for what, number in capture.items() if what.split()[1] in ("accepted", "delivered", "undelivered"))
    assert sent == taken > 20
    assert sum(delays.values()) == sum(number for what, number in capture.items() if what.endswith(" delivered"))


def test_the_quantile_is_that_of_the_delays_to_a_tenth() -> None:
    delays = Counter(str(place) for place in (10, 10, 10, 12))

    assert figures.quantile(delays, 0.5) == figures.DELAYS[10]
    assert figures.quantile(delays, 0.95) == figures.DELAYS[12]
    assert figures.quantile({}, 0.95) is None


def test_a_transaction_that_fails_has_counted_nothing(url: str) -> None:
    store = Store(url)
    store.migrate()

    def fail() -> None:
        with store.write() as tx:
            figures.note(tx, "live", "all", 0, "message open")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.read() as tx:
        assert not figures.waits(tx)
    store.close()


def test_old_figures_go_and_what_is_of_no_hour_stays(service: Service) -> None:
    later = TestClock(service.clock.now() + 91 * 86_400 * 1_000_000)
    keeper = Housekeeper(service.store, later, Retention())
    with service.store.read() as tx:
        pending = figures.of(tx, "live", "timers")["pending"]
    while keeper.step():
        pass

    with service.store.read() as tx:
        assert not figures.of(tx, "live", "all")
        assert not figures.by_time(tx, "live", "sent", 0)
        assert figures.samples(tx, "live", 0) == []
        assert figures.of(tx, "live", "timers")["pending"] == pending > 0
