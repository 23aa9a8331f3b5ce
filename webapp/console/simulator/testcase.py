"""A story as a rule test, written into the draft of the book, and only when `hongyan test` would pass it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any, Literal

from engine.core.compile import compile_book
from engine.core.facts import Event
from engine.core.outcomes import Message
from engine.core.zones import format_instant, local, offset
from engine.people import UserLine
from engine.runtime.drafts import Drafts
from engine.simulate.simulation import ScriptedReceipt
from engine.simulate.story import run_test
from rules.checking import Checked, check
from webapp.console.simulator.running import Judged, Read, Run
from webapp.console.simulator.running import run as run_again
from webapp.console.simulator.story import BadStory

MAX_FILES = 20
_NAME = re.compile(r"""[^\s.,:|{}\[\]"']{1,100}""").fullmatch  # as the schema has it
# What YAML reads as the text that it looks like.
_PLAIN = re.compile(r"[A-Za-z_\u4e00-\u9fff][A-Za-z0-9_./\u4e00-\u9fff-]*").fullmatch
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "nan", "inf"}  # readers of older YAML take some of these for others

Scope = Literal["messages", "verdict"]


@dataclass(frozen=True, slots=True)
class Saved:
    """Where a test was written."""

    file: str
    name: str
    line: int


def save(drafts: Drafts, name: str, entry: str, by: str) -> Saved:
    """Write an entry into the first of our files that takes it. Raises BadStory when it would not pass, and DraftConflict."""
    draft = drafts.read()
    files = draft.texts
    before = check(files)
    if name in before.draft.book.tests:
        raise BadStory(f"there is a test {name} already")
    if before.book is None:
        raise BadStory("the draft has errors; its tests cannot run")
    for number in range(1, MAX_FILES + 1):
        file = f"tests-console{'' if number == 1 else f'-{number}'}.yaml"
        text = _appended(files.get(file), entry)
        after = check({**files, file: text})
        if _took(before, after, name):
            problem = _problem(after, name)
            if problem:
                raise BadStory(problem)
            revision = draft.files[file].revision if file in draft.files else draft.gone[file].revision if file in draft.gone else 0
            drafts.save(file, text, revision, by)
            return Saved(file, name, after.positions.key(("tests", name)).line)
    raise BadStory("the test cannot be written into the draft")


def _appended(text: str | None, entry: str) -> str:
    if text is None or not text.strip():
        return f"# 在模拟页存下的测试。\ntests:\n{entry}"
    return text.rstrip("\n") + "\n\n" + entry


def _took(before: Checked, after: Checked, name: str) -> bool:
    """Whether the entry became a test, and nothing else has changed."""
    return after.book is not None and set(after.book.tests) == {*before.draft.book.tests, name}


def _problem(checked: Checked, name: str) -> str:
    """Why the test fails; empty when it passes."""
    assert checked.book is not None
    return run_test(compile_book(checked.book), checked.book.tests[name]).message


def is_name(name: str) -> bool:
    """Whether a test may be called so."""
    return _NAME(name) is not None


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """A name like the wanted one that no test has."""
    base = re.sub(r"""[\s.,:|{}\[\]"']+""", "-", wanted).strip("-")[:90] or "story"
    names = set(taken)
    return base if base not in names else next(name for number in range(2, len(names) + 3) if (name := f"{base}-{number}") not in names)


# ---- the text ---------------------------------------------------------------------------------------------------------------------------


def entry(name: str, given: Read, run: Run, scope: Scope, chosen: Judged | None) -> str:
    """The YAML of the test, two blanks deep: the story up to the run's instant, and what came of it.

    `messages`: exactly these messages. `verdict`: the chosen verdict, whatever else is sent. Times are in the book's zone.
    """
    zone = run.plan.zone
    lines = [f"  {_text(name)}:"]
    if given.users:
        lines += ["    users:", *(f"      {_text(user.id)}: {_flow(_profile(user))}" for user in given.users)]
    events = [event for event in given.events if event.received <= run.now]
    lines += ["    events:", *(f"      - {_flow(_event(event, zone))}" for event in events)] if events else []
    receipts = [one for one in given.receipts if one.at is None or one.at <= run.now]
    lines += ["    receipts:", *(f"      - {_flow(_receipt(one, zone))}" for one in receipts)] if receipts else []
    lines.append(f"    until: {_text(written(run.now, zone))}")
    if scope == "messages":
        # A test has no `from`: what a story hides before its own is expected too.
        messages = (run if given.since is None else run_again(replace(given, since=None), run.plan, run.now)).messages
        lines += ["    expect:", *(f"      - {_flow(_message(message, zone))}" for message in messages)] if messages else ["    expect: []"]
    if chosen is not None:
        lines += ["    verdicts:", f"      - {_flow(_verdict(chosen, zone))}"]
    return "\n".join(lines) + "\n"


def written(instant: int, zone: tzinfo) -> str:
    """`2026-06-01T10:00+08:00`, as rule authors write it."""
    at = local(instant, zone)
    clock = at.isoformat(timespec="microseconds" if at.microsecond else "seconds" if at.second else "minutes")
    minutes, rest = divmod(offset(instant, zone) // 1_000_000, 60)
    if rest:
        return format_instant(instant)  # an offset with seconds, of long ago
    sign, minutes = ("-", -minutes) if minutes < 0 else ("+", minutes)
    return f"{clock}{sign}{minutes // 60:02d}:{minutes % 60:02d}"


def _profile(user: UserLine) -> dict[str, Any]:
    found = {"phone": user.phone, "timezone": user.timezone, "locale": user.locale, "attributes": dict(user.attributes) or None}
    return _without_none(found | {"suppressed": list(user.suppressed) or None})


def _event(event: Event, zone: tzinfo) -> dict[str, Any]:
    user: Any = event.user
    if event.profile is not None:
        user = ({"id": event.user} if event.user is not None else {}) | dict(event.profile)
    elif event.user is None and event.phone is not None:
        user = {"phone": event.phone}
    found = {
        "at": written(event.time, zone),
        "received": written(event.received, zone) if event.received != event.time else None,
        "id": event.id,
        "source": event.source if event.source != "api" else None,
        "type": event.type,
        "user": user,
    }
    return _without_none(found) | {"data": event.data}


def _receipt(receipt: ScriptedReceipt, zone: tzinfo) -> dict[str, Any]:
    at = written(receipt.at, zone) if receipt.at is not None else None
    return _without_none({"rule": receipt.rule, "user": receipt.user, "at": at, "status": receipt.status})


def _message(message: Message, zone: tzinfo) -> dict[str, Any]:
    return _without_none({"at": written(message.at, zone), "rule": message.rule, "user": message.user, "channel": message.channel})


def _verdict(one: Judged, zone: tzinfo) -> dict[str, Any]:
    verdict = one.verdict
    found = {"at": written(verdict.at, zone), "rule": verdict.rule, "user": verdict.user}
    return _without_none(found) | {"outcome": verdict.outcome, "reason": verdict.reason}


def _without_none(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value is not None}


def _flow(value: Any) -> str:
    """A value in one line of YAML 1.2."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(str(name))}: {_flow(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(member) for member in value) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return _text(value) if isinstance(value, str) else repr(value)


def _text(value: str) -> str:
    if _PLAIN(value) and value.lower() not in _WORDS:
        return value
    inside = "".join(f"\\{letter}" if letter in '"\\' else letter if letter.isprintable() else f"\\U{ord(letter):08X}" for letter in value)
    return f'"{inside}"'
