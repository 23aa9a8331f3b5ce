"""Rule tests: a story of users and events is simulated, and what came of it is held against what was expected."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.core.facts import Event
from engine.core.outcomes import Message, Verdict
from engine.core.plan import BookPlan
from engine.core.trace import Trace
from engine.core.zones import format_instant, parse_instant, shift
from engine.events import EventReader
from engine.refusals import Refusal
from engine.simulate.explain import shown
from engine.simulate.output import line_of
from engine.simulate.simulation import ScriptedReceipt, Simulation
from rules.model import At, Duration, Expectation, FieldDef, RuleTest, path_text


@dataclass(frozen=True, slots=True)
class Problem:
    """What did not come as expected.

    kind: `missing` or `extra` (a message), `order` (of the messages), `verdict` (a missing one), `story` (it cannot be played: `text` alone
    says why). text: a paragraph for people. wanted: the fields that were expected, `at` as an instant. lines: what came instead, as
    `simulate` writes it: the verdicts of the rule, or the messages.
    """

    kind: Literal["missing", "extra", "order", "verdict", "story"]
    text: str
    wanted: Mapping[str, Any] = field(default_factory=dict)
    lines: Sequence[Mapping[str, Any]] = ()


@dataclass(slots=True)
class StoryResult:
    """How a rule test went. `problems` is empty when it passed."""

    name: str
    problems: list[Problem] = field(default_factory=list)
    seconds: float = 0.0
    messages: list[dict[str, Any]] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def message(self) -> str:
        """All problems, for people; empty when it passed."""
        return "\n".join(problem.text for problem in self.problems)

    @property
    def passed(self) -> bool:
        """Whether everything came as expected."""
        return not self.problems


def run_test(book: BookPlan, test: RuleTest, traces: list[Trace] | None = None) -> StoryResult:
    """Simulate one story."""
    started = time.perf_counter()
    result = StoryResult(test.id)
    story = _Story(book, test, result)
    if result.passed:
        happenings = story.play(traces)
        result.messages = [line_of(one, {}) for one in happenings if isinstance(one, Message)]
        result.verdicts = [line_of(one, {}) for one in happenings if isinstance(one, Verdict)]
        result.problems += _compare(test, result, story)
    result.seconds = time.perf_counter() - started
    return result


class _Story:
    """A rule test's users, events and instants, read."""

    def __init__(self, book: BookPlan, test: RuleTest, result: StoryResult) -> None:
        self.book, self.test, self.result = book, test, result
        self.begin = self._first_instant()
        self.events = self._events()

    def play(self, traces: list[Trace] | None) -> list[Verdict | Message]:
        receipts = [
            ScriptedReceipt(one.rule, one.status, self.instant(one.at) if one.at is not None else None, one.user)
            for one in self.test.receipts
        ]
        until = self.instant(self.test.until) if self.test.until is not None else None
        start = self.begin if not self.events else min(self.begin, self.events[0].received)
        simulation = Simulation(self.book, start=start, until=until, receipts=receipts, traces=traces)
        for user, profile in self.test.users.items():
            suppressed = profile.get("suppressed") or ()
            assert isinstance(suppressed, Sequence)
            simulation.add_user(user, profile, [str(scope) for scope in suppressed])
        return [happening for page in simulation.run(self.events) for happening in page]

    def instant(self, at: At) -> int:
        """An instant, or an offset from the first event."""
        return shift(self.begin, at, 1, self.book.zone) if isinstance(at, Duration) else at

    def _first_instant(self) -> int:
        first = self.test.events[0].at if self.test.events else self.test.until
        if isinstance(first, int):
            return first
        self.result.problems.append(Problem("story", "the first event needs an instant (later ones may be offsets from it)"))
        return 0

    def _events(self) -> list[Event]:
        reader = EventReader(self.book.book)
        found = []
        for index, story in enumerate(self.test.events):
            declared = self.book.book.events.get(story.type)
            line: dict[str, Any] = {
                "id": story.id or f"e{index + 1}",
                "source": story.source,
                "type": story.type,
                "time": format_instant(self.instant(story.at)),
                "received": format_instant(self.instant(story.received)) if story.received is not None else None,
                "user": thawed(story.user),
                "data": self._data(thawed(story.data), declared.data if declared is not None else {}),
            }
            event = reader.read(line)
            if isinstance(event, Refusal):
                self.result.problems.append(Problem("story", f"event {index + 1} ({path_text(story.path)}): {event.reason}"))
            else:
                found.append(event)
        found.sort(key=lambda event: event.received)
        return _once(found)

    def _data(self, data: dict[str, Any], declared: Mapping[str, FieldDef]) -> dict[str, Any]:
        """Times in a book without an offset are in the book's zone."""
        for name, value in data.items():
            if name in declared and declared[name].type == "datetime" and isinstance(value, str):
                try:
                    data[name] = format_instant(parse_instant(value, self.book.zone))
                except ValueError:
                    continue  # the reader names it
        return data


def _once(events: list[Event]) -> list[Event]:
    """An event whose (source, id) was seen is not judged again."""
    first: dict[tuple[str, str], Event] = {}
    for event in events:
        first.setdefault((event.source, event.id), event)
    return list(first.values())


def thawed(tree: Any) -> Any:
    """A frozen tree of the model as plain JSON again."""
    if isinstance(tree, Mapping):
        return {name: thawed(value) for name, value in tree.items()}
    return [thawed(item) for item in tree] if isinstance(tree, tuple | list) else tree


# ---- expected against got ---------------------------------------------------------------------------------------------------------------


def _compare(test: RuleTest, result: StoryResult, story: _Story) -> list[Problem]:
    problems = []
    if test.expect is not None:
        problems += _compare_messages(test.expect, result, story)
    for wanted in test.verdicts:
        if not any(_fits(wanted, line, story) for line in result.verdicts):
            problems.append(_missing("verdict", wanted, result, story))
    return problems


def _missing(kind: Literal["missing", "verdict"], wanted: Expectation, result: StoryResult, story: _Story) -> Problem:
    """With the verdicts of the rule, so that "why not" needs no second run."""
    rule = str(wanted.fields.get("rule", ""))
    verdicts = [line for line in result.verdicts if line["rule"] == rule]
    what = "no verdict" if kind == "verdict" else "expected but not sent:"
    at = {"at": format_instant(story.instant(wanted.at))} if wanted.at is not None else {}
    fields = {**at, **{name: thawed(value) for name, value in wanted.fields.items()}}
    return Problem(kind, f"{what} {_shown(wanted, story)}\n{_why_not(rule, verdicts)}", fields, verdicts)


def _compare_messages(expected: tuple[Expectation, ...], result: StoryResult, story: _Story) -> list[Problem]:
    """Exactly these messages, in order; what is the same at both ends is left out of the report."""
    got = result.messages
    fits = [[_fits(wanted, line, story) for line in got] for wanted in expected]
    if len(expected) == len(got) and all(fits[at][at] for at in range(len(got))):
        return []
    missing, extra = _unmatched(fits, len(got))
    problems = [_missing("missing", expected[at], result, story) for at in missing]
    problems += [Problem("extra", f"sent but not expected: {_told(got[at])}", lines=[got[at]]) for at in extra]
    if not problems:
        told = "the messages came in another order: " + "; ".join(_told(line) for line in got)
        problems.append(Problem("order", told, lines=got))
    return problems


def _unmatched(fits: list[list[bool]], messages: int) -> tuple[list[int], list[int]]:
    """Expectations without a message, and messages that no expectation wants, each message used once."""
    free = list(range(messages))
    missing = []
    for at, row in enumerate(fits):
        found = next((index for index in free if row[index]), None)
        if found is None:
            missing.append(at)
        else:
            free.remove(found)
    return missing, free


_TEXT_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "is": lambda text, wanted: text == wanted,
    "is_not": lambda text, wanted: text != wanted,
    "contains": lambda text, wanted: wanted in text,
    "starts_with": lambda text, wanted: text.startswith(wanted),
    "ends_with": lambda text, wanted: text.endswith(wanted),
}


def _fits(wanted: Expectation, line: Mapping[str, Any], story: _Story) -> bool:
    if wanted.at is not None and line["at"] != format_instant(story.instant(wanted.at)):
        return False
    return all(_value_fits(value, line.get(name)) for name, value in wanted.fields.items())


def _value_fits(wanted: Any, got: Any) -> bool:
    if isinstance(wanted, Mapping):
        if isinstance(got, Mapping):
            return all(_value_fits(value, got.get(name)) for name, value in wanted.items())
        return isinstance(got, str) and all(_text_fits(op, value, got) for op, value in wanted.items())
    if isinstance(wanted, tuple) and not isinstance(got, list):
        return got in wanted
    wanted = thawed(wanted)
    return bool(wanted == got) and isinstance(wanted, bool) == isinstance(got, bool)


def _text_fits(op: str, wanted: Any, got: str) -> bool:
    if op == "not":
        return not _value_fits(wanted, got)
    test = _TEXT_TESTS.get(op)
    values = wanted if isinstance(wanted, tuple) else (wanted,)
    return test is not None and all(test(got, str(value)) for value in values)


def _shown(wanted: Expectation, story: _Story) -> str:
    at = f"at {format_instant(story.instant(wanted.at))} " if wanted.at is not None else ""
    return at + ", ".join(f"{name} {shown(thawed(value))}" for name, value in wanted.fields.items())


def _told(line: Mapping[str, Any]) -> str:
    what = f" {shown(line['text'])}" if line.get("text") else ""
    return f"at {line['at']} rule {line['rule']}, user {line['user'] or '-'}, channel {line['channel']}{what}"


def _why_not(rule: str, verdicts: Sequence[Mapping[str, Any]]) -> str:
    if not verdicts:
        return f"    the rule {rule} gave no verdict: no event or tick of the story fits its trigger" if rule else "    (no rule named)"
    return "\n".join(
        f"    {line['at']} {line['user'] or '-'}: {line['outcome']} {line['reason']} {_facts(line['detail'])}".rstrip() for line in verdicts
    )


def _facts(detail: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {shown(value)}" for name, value in detail.items())
