"""The machine's clock steps: nothing is lost, nothing twice, and the verdicts are those of the instants that were recorded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from random import Random

import pytest

from engine.runtime import clock
from engine.runtime.clock import RealClock
from engine.runtime.service import Service
from engine.store import timers
from engine.store.store import Store
from tests.faults import checker, world
from tests.faults.processes import quiet, until
from tests.store.conftest import postgresql, url

__all__ = ["postgresql", "url"]  # fixtures
pytestmark = pytest.mark.slow
HOUR = 3_600 * world.SECOND


class Machine:
    """A clock that runs, and that somebody sets."""

    def __init__(self) -> None:
        self.stepped = 0

    def time_ns(self) -> int:
        return time.time_ns() + self.stepped * 1_000


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(clock, "time", machine)
    return machine


class Installed:
    """A service over one database that can be restarted."""

    def __init__(self, url: str, machine: Machine) -> None:
        self.url = url
        self.machine = machine
        self.story = world.Story("c", Random(3))
        self.accepted: list[str] = []
        self.service = self._open()
        self.service.publish(world.FILES, "first", "test")
        self.service.put_users("live", world.users())
        self.service.start()

    def _open(self) -> Service:
        store = Store(self.url)
        store.migrate()
        return Service(store, RealClock(), secret=b"pepper")

    def restart(self) -> None:
        self.service.close()
        self.service = self._open()
        self.service.start()

    def post(self, count: int) -> None:
        for line in self.story.lines(self.machine.time_ns() // 1_000, count):
            assert self.service.accept("live", [line])[0].status == "accepted"
            self.accepted.append(line["id"])

    def step(self, micros: int) -> None:
        self.machine.stepped += micros

    def due(self) -> int | None:
        with self.service.store.read() as tx:
            return timers.next_due(tx, "live")

    def at_rest(self) -> bool:
        checks = self.service.ready()
        assert set(checks.values()) == {"ok"}, checks
        return quiet(self.service.store)


@pytest.fixture
def installed(url: str, machine: Machine) -> Iterator[Installed]:
    installed = Installed(url, machine)
    yield installed
    installed.service.close()


def test_a_step_ahead_judges_what_is_due_at_its_own_instant(installed: Installed) -> None:
    """An hour ahead, several times, under load: timers are judged within a second or so, in order."""
    for _ in range(3):
        installed.post(25)
        installed.step(HOUR)
        until(installed.at_rest, "rest", 20)
        installed.post(10)
    until(installed.at_rest, "rest", 20)

    checker.check(installed.service.store, installed.accepted)


def test_a_step_back_stops_time_until_it_is_caught_up(installed: Installed) -> None:
    """What is posted meanwhile is accepted and judged, at the last instant that was seen; timers wait."""
    installed.post(25)
    installed.step(-HOUR)
    installed.post(25)
    waiting = installed.due()
    installed.step(HOUR)
    until(installed.at_rest, "rest", 20)

    assert waiting is not None
    report = checker.check(installed.service.store, installed.accepted)
    assert report.inversions == 0


def test_a_restart_after_a_step_back_loses_nothing(installed: Installed) -> None:
    """A new process does not know the later instants: the record then goes back once, and a replay in its order says the same."""
    installed.post(25)
    until(lambda: installed.service.await_decision("live", "api", installed.accepted[-1], 5), "decided")
    installed.step(-HOUR)
    installed.restart()
    installed.post(25)
    until(lambda: installed.service.await_decision("live", "api", installed.accepted[-1], 5), "decided")
    installed.step(2 * HOUR)
    until(installed.at_rest, "rest", 20)

    checker.check(installed.service.store, installed.accepted, one_order=False)
