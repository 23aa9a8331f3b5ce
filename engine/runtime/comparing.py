"""Comparing two books over what the database has recorded: in a process of its own, so that the live service is not slowed, with progress.

A comparison is known by what went into it, so that the same one is not run twice while this process lives.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

import orjson

from engine.core.compile import compile_book
from engine.core.facts import Event
from engine.events import EventReader
from engine.people import UserReader
from engine.refusals import Refusal
from engine.runtime.recorded import Record, Replay, Said
from engine.simulate import sample
from engine.simulate.detailed import DetailedComparison
from engine.simulate.output import Prices
from engine.simulate.simulation import Happening, Simulation
from engine.store import events
from engine.store.books import digest_of
from engine.store.store import Store
from rules.checking import check
from rules.model import Rulebook

KEPT = 8  # finished comparisons
SAMPLE_ORDERS, SAMPLE_SEED, SAMPLE_DAYS = 200, 1, 7
SAMPLE_START = date(2026, 6, 13)  # the Dragon Boat Festival is within the week
_REFUSED_SHOWN = 20
_TOLD_EVERY = 0.2  # seconds between two words of progress
_NICE = 10  # the live service goes first


@dataclass(frozen=True, slots=True)
class Question:
    """Two books as files, and over what: events of `env` received in `[since, until]` (microseconds), or a made-up week (`sample`)."""

    old: Mapping[str, str]
    new: Mapping[str, str]
    env: str
    since: int | None
    until: int
    sample: bool = False

    @property
    def id(self) -> str:
        """The same for the same question."""
        span = "sample" if self.sample else f"{self.since}-{self.until}"
        return digest_of({"old": digest_of(self.old), "new": digest_of(self.new), "over": f"{self.env} {span}"})[:20]


Tell = Callable[[str, Any], None]
State = Literal["running", "done", "failed", "cancelled"]


@dataclass(slots=True)
class Job:
    """A comparison under way or finished. `result` as of DetailedComparison, with `events`, `refused` and `seconds`."""

    question: Question
    state: State = "running"
    done: int = 0
    total: int = 0
    result: dict[str, Any] | None = None
    error: str = ""
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds_left(self) -> int | None:
        """At the pace so far; None before there is one."""
        if self.done < 1 or self.total < 1:
            return None
        return round((time.monotonic() - self.started) * (self.total - self.done) / self.done)


class Comparisons:
    """The comparisons of this process. One runs at a time: whoever asks another question ends the one under way."""

    def __init__(self, store: Store, prices: Prices) -> None:
        self._url = store.engine.url.render_as_string(hide_password=False)
        self._prices = {channel: dict(countries) for channel, countries in prices.items()}
        self._jobs: dict[str, Job] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()

    def start(self, question: Question) -> Job:
        """The job of this question, running from now on unless it is there already."""
        with self._lock:
            known = self._jobs.get(question.id)
            if known is not None and known.state in ("running", "done"):
                return known
            for id in list(self._processes):
                self._end(id)
            job = self._jobs[question.id] = Job(question)
            while len(self._jobs) > KEPT:
                del self._jobs[next(iter(self._jobs))]
            process = self._processes[question.id] = subprocess.Popen(
                _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment()
            )
            asked = {**asdict(question), "url": self._url, "prices": self._prices}
            threading.Thread(target=self._listen, args=(question.id, job, process, asked), name="comparison", daemon=True).start()
            return job

    def get(self, id: str) -> Job | None:
        """A job by its question's id."""
        with self._lock:
            return self._jobs.get(id)

    def cancel(self, id: str) -> None:
        """End a job that runs."""
        with self._lock:
            self._end(id)

    def close(self) -> None:
        """End them all."""
        with self._lock:
            for id in list(self._processes):
                self._end(id)

    def _end(self, id: str) -> None:
        process, job = self._processes.pop(id, None), self._jobs.get(id)
        if process is None:
            return
        if job is not None and job.state == "running":
            job.state = "cancelled"
        process.kill()
        process.wait()

    def _listen(self, id: str, job: Job, process: subprocess.Popen[bytes], asked: dict[str, Any]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdin as questions, process.stdout as answers, suppress(BrokenPipeError):
            questions.write(orjson.dumps(asked))
            questions.close()
            for line in answers:
                if job.state == "running":
                    _hear(job, *orjson.loads(line))
        code = process.wait()
        with self._lock:
            if self._processes.get(id) is process:
                del self._processes[id]
        if job.state == "running":
            job.state, job.error = "failed", f"the process ended with {code}"


def _hear(job: Job, kind: str, value: Any) -> None:
    if kind == "total":
        job.total = value
    elif kind == "done":
        job.done = value
    elif kind == "result":
        job.done, job.result, job.state = job.total, value, "done"
    else:
        job.error, job.state = value, "failed"


# ---- in the process of its own ----------------------------------------------------------------------------------------------------------

_COMMAND = (sys.executable, "-m", "engine.runtime.comparing")


def _environment() -> dict[str, str]:
    """Of this process, so that the packages are found from wherever it was started."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}


def main() -> None:
    """The question on standard input, as JSON (no password stands among the arguments); lines `[kind, value]` on standard output."""
    os.nice(_NICE)
    asked = orjson.loads(sys.stdin.buffer.read())
    url, prices = asked.pop("url"), asked.pop("prices")

    def tell(kind: str, value: Any) -> None:
        sys.stdout.buffer.write(orjson.dumps([kind, value]) + b"\n")
        sys.stdout.buffer.flush()

    try:
        store = Store(url, connections=2)
        try:
            tell("result", answer(store, Question(**asked), prices, tell))
        finally:
            store.close()
    except Exception as error:  # whatever it is, who waits for the result is told
        tell("error", f"{type(error).__name__}: {error}")


def answer(store: Store, question: Question, prices: Prices, tell: Tell) -> dict[str, Any]:
    """Run the comparison; `tell(kind, number)` hears `total` and `done` events. Both books must be without errors."""
    began = time.monotonic()
    old, new = (_book(files) for files in (question.old, question.new))
    with store.read() as tx:
        tell("total", sum(1 for _ in _sampled()) if question.sample else events.count_received(tx, question.env, question.until))
    comparison = DetailedComparison(prices)
    before = _History(store, question, old, None)
    after = _History(store, question, new, tell)
    comparison.run(before.pages(), after.pages())
    return {**comparison.as_dict(), "events": after.count, "refused": after.refused, "seconds": round(time.monotonic() - began, 1)}


def _book(files: Mapping[str, str]) -> Rulebook:
    book = check(dict(files)).book
    if book is None:
        raise ValueError("the book has errors")
    return book


class _History:
    """What one book makes of the past. Events that it cannot read are named, and left out."""

    def __init__(self, store: Store, question: Question, book: Rulebook, tell: Tell | None) -> None:
        self._store, self._question, self._book, self._tell = store, question, book, tell
        self._told = time.monotonic()
        self.count = 0
        self.refused: list[dict[str, str]] = []

    def pages(self) -> Iterator[list[Happening]]:
        """What happened, instant by instant."""
        plan, question = compile_book(self._book), self._question
        if question.sample:
            return self._sample(Simulation(plan))
        replay = Replay(plan, start=question.since, until=question.until)
        record = Record(self._store, question.env, question.until)
        return record.begun(self._book, replay).again(self._known(record))

    def _known(self, record: Record) -> Iterator[Event | Said]:
        for one in record:
            if isinstance(one, Event):
                self._counted()
                if self._book.refuse_unknown_events and one.type not in self._book.events:
                    self._refuse(one.id, f"the book has no event type {one.type}")
                    continue
            yield one

    def _sample(self, simulation: Simulation) -> Iterator[list[Happening]]:
        people = UserReader(self._book)
        for line in sample.users(SAMPLE_ORDERS, SAMPLE_SEED, SAMPLE_START):
            user = people.read(line)
            if not isinstance(user, Refusal):
                profile = {"phone": user.phone, "timezone": user.timezone, "locale": user.locale, "attributes": user.attributes}
                simulation.add_user(user.id, profile, user.suppressed)
        return simulation.run(self._readable())

    def _readable(self) -> Iterator[Event]:
        reader = EventReader(self._book)
        seen = set()
        for line in _sampled():
            self._counted()
            event = reader.read(line)
            if isinstance(event, Refusal):
                self._refuse(str(line.get("id")), event.reason)
            elif (event.source, event.id) not in seen:
                seen.add((event.source, event.id))
                yield event

    def _counted(self) -> None:
        self.count += 1
        if self._tell is not None and time.monotonic() - self._told > _TOLD_EVERY:
            self._told = time.monotonic()
            self._tell("done", self.count)

    def _refuse(self, id: str, reason: str) -> None:
        if len(self.refused) < _REFUSED_SHOWN:
            self.refused.append({"id": id, "reason": reason})


def _sampled() -> Iterator[dict[str, Any]]:
    return sample.events(SAMPLE_ORDERS, SAMPLE_SEED, SAMPLE_START, SAMPLE_DAYS)


if __name__ == "__main__":
    main()
