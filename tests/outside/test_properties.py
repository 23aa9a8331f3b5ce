"""What holds for every history: determinism, caps, quiet hours, and that the future does not change the past."""

import json
import tempfile
from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from . import cases
from .conftest import run_here
from .o2o_oracle import is_quiet

FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

BOOK = """
message_types:
  marketing: {quiet_hours: {from: "21:00", to: "08:00", then: defer}, caps: [{max: 1, per: day}, {max: 2, per: 36h, by: phone}]}
  notification: {valid_for: 6h, caps: [{max: 3, per: 2h}]}
user: {traits: {spent: {on: paid, take: sum, of: event.n}, last: {on: paid, take: latest, of: event.time}}}
segments:
  big: {name: 大, when: {user.spent: {at_least: 8}}}
  quiet: {name: 静, when: {user.last: {older_than: 6h}}}
rules:
  unpaid: {on: {event: made, after: 90m, unless: paid}, send: {type: notification, sms: 好}}
  now: {on: made, when: {event.n: {above: 1}}, caps: [{max: 1, per: 1h, by: event.k}], send: {type: notification, sms: "{{ event.k }}"}}
  big: {on: {enter: big}, priority: 5, send: {type: marketing, sms: 大}}
  quiet: {on: {enter: quiet}, send: {type: marketing, sms: 静}}
  pair: {on: {sequence: [{event: made, as: a}, {event: paid, as: b}], within: 3h}, send: {type: notification, sms: "{{ a.k }}{{ b.k }}"}}
  often: {on: {count: made, at_least: 3, within: 5h}, send: {type: marketing, sms: 多}}
  morning: {on: {schedule: {cron: "0 10 * * *"}}, audience: all, send: {type: marketing, sms: 早}}
"""
START = datetime(2026, 6, 1, 0, 0, tzinfo=UTC)
USERS = {
    "u1": {"phone": "+8613800138001"},
    "u2": {"phone": "+8613800138002", "timezone": "America/New_York"},
    "u3": {"phone": "+8613800138001", "timezone": "Europe/London"},
}


@st.composite
def histories(draw: st.DrawFn) -> list[dict]:
    """A few events of a few people over three days, some of them received late, in order of `received`."""
    events = []
    for number in range(draw(st.integers(1, 22))):
        at = START + timedelta(minutes=draw(st.integers(0, 3 * 24 * 12)) * 5)
        late = draw(st.sampled_from([0, 0, 0, 0, 5, 50, 70]))
        events.append(
            {
                "id": f"e{number}",
                "type": draw(st.sampled_from(["made", "made", "paid", "shut"])),
                "time": cases.z(at),
                "received": cases.z(at + timedelta(minutes=late)),
                "user": draw(st.sampled_from(sorted(USERS))),
                "data": {"k": draw(st.sampled_from("xyz")), "n": draw(st.integers(0, 5))},
            }
        )
    return sorted(events, key=lambda event: event["received"])


def run(book: dict[str, str], events: list[dict], *args: object, users: dict | None = None, receipts: list[dict] | None = None) -> str:
    """Standard output of a run over these events; `book` holds its files by name."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "book").mkdir()
        for file, text in book.items():
            (folder / "book" / file).write_text(text, encoding="utf-8")
        stream = cases.write_lines(folder / "events.jsonl", events)
        people = cases.write_lines(folder / "users.jsonl", cases.user_lines(users or USERS))
        if receipts:
            args = (*args, "--receipts", cases.write_lines(folder / "receipts.jsonl", receipts))
        result = run_here("simulate", folder / "book", "--events", stream, "--users", people, "--format", "jsonl", "--verdicts", *args)
    assert result.returncode == 0, result.stderr
    return result.stdout


def files(text: str) -> dict[str, str]:
    """The case's file and the common one, as `write_book` writes them."""
    with tempfile.TemporaryDirectory() as name:
        folder = cases.write_book(Path(name) / "book", text)
        return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


PARTS = files(BOOK)


def backwards(parts: dict[str, str]) -> dict[str, str]:
    """The same book with every section in a file of its own, files and entries in the opposite order."""
    sections: dict[str, dict] = {}
    for text in parts.values():
        for name, section in cases.read_yaml(text).items():
            held = sections.setdefault(name, {})
            for key, value in section.items():
                held[key] = {**held[key], **value} if name == "user" and key in held else value
    ordered = {f"{chr(ord('z') - n)}-{name}.yaml": (name, section) for n, (name, section) in enumerate(sections.items())}
    return {file: json.dumps({name: dict(reversed(section.items()))}, ensure_ascii=False) for file, (name, section) in ordered.items()}


def at(line: dict) -> datetime:
    """The instant of a line."""
    return cases.instant(line["at"])


@FEW
@given(histories())
def test_the_same_input_gives_the_same_bytes(events: list[dict]) -> None:
    """The same input gives byte-identical output."""
    assert run(PARTS, events, "--until", "2026-06-05T00:00:00Z") == run(PARTS, events, "--until", "2026-06-05T00:00:00Z")


@FEW
@given(histories())
def test_the_order_of_files_and_entries_never_matters(events: list[dict]) -> None:
    """Order of files and entries never changes a result."""
    assert run(PARTS, events, "--until", "2026-06-05T00:00:00Z") == run(backwards(PARTS), events, "--until", "2026-06-05T00:00:00Z")


@FEW
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_lines_with_different_instants_never_matters(events: list[dict], random: object) -> None:
    """Events are judged in order of `received`, then of the file: shuffled lines of different instants give the same."""
    distinct = list({event["received"]: event for event in events}.values())
    mixed = distinct[:]
    random.shuffle(mixed)

    assert run(PARTS, mixed) == run(PARTS, distinct)


@FEW
@given(histories(), st.randoms(use_true_random=False))
def test_caps_hold_under_any_order(events: list[dict], random: object) -> None:
    """At most N messages per window, whatever the order of events, late ones included."""
    times = [event["received"] for event in events]
    random.shuffle(times)
    for event, received in zip(events, times, strict=True):
        event["received"] = max(received, event["time"])
    messages = [line for line in cases.parse(run(PARTS, events, "--until", "2026-06-06T00:00:00Z")) if line["kind"] == "message"]

    days, sliding = defaultdict(int), defaultdict(list)
    for line in messages:
        if line["type"] == "marketing":
            zone = ZoneInfo(USERS[line["user"]].get("timezone", "Asia/Shanghai"))
            days[line["user"], at(line).astimezone(zone).date()] += 1
            sliding["phone", line["to"]].append(at(line))
        else:
            sliding["user", line["user"]].append(at(line))
        if line["rule"] == "now":
            sliding["key", line["text"]].append(at(line))
    most = {"phone": (2, timedelta(hours=36)), "user": (3, timedelta(hours=2)), "key": (1, timedelta(hours=1))}
    assert max(days.values(), default=0) <= 1
    for (kind, _), moments in sliding.items():
        count, length = most[kind]
        assert all(later - earlier >= length for earlier, later in zip(moments, moments[count:], strict=False))


@FEW
@given(histories())
def test_every_message_follows_a_verdict_to_send(events: list[dict]) -> None:
    """a verdict before its message; without chains each verdict to send has exactly one."""
    lines = cases.parse(run(PARTS, events, "--until", "2026-06-05T00:00:00Z"))
    for before, line in zip([None, *lines], lines, strict=False):
        if line["kind"] == "message":
            assert before is not None
            assert {name: before[name] for name in ("kind", "outcome")} == {"kind": "verdict", "outcome": "send"}
            assert all(before[name] == line[name] for name in ("at", "rule", "user", "occurrence"))

    assert sum(line["kind"] == "message" for line in lines) == sum(line.get("outcome") == "send" for line in lines)


@FEW
@given(histories(), st.integers(0, 3 * 24 * 12))
def test_the_future_does_not_change_the_past(events: list[dict], step: int) -> None:
    """Splitting the file at any point does not matter to what came before, nor does where the clock stops."""
    cut = START + timedelta(minutes=5 * step)
    first = [event for event in events if cases.instant(event["received"]) <= cut]
    since = cases.z(START - timedelta(days=1))
    whole = run(PARTS, events, "--from", since, "--until", "2026-06-06T00:00:00Z")

    part = run(PARTS, first, "--from", since, "--until", cases.z(cut))

    assert cases.parse(part) == [line for line in cases.parse(whole) if at(line) <= cut]


@FEW
@given(histories(), st.integers(0, 3 * 24 * 12))
def test_from_only_hides(events: list[dict], step: int) -> None:
    """earlier events are judged too, but their lines not printed"""
    rules = json.loads(json.dumps(cases.read_yaml(BOOK)))
    del rules["rules"]["morning"]  # schedules tick inside the clock only
    parts = files(json.dumps(rules, ensure_ascii=False))
    cut = START + timedelta(minutes=5 * step)
    whole = run(parts, events, "--until", "2026-06-06T00:00:00Z")

    part = run(parts, events, "--from", cases.z(cut), "--until", "2026-06-06T00:00:00Z")

    assert cases.parse(part) == [line for line in cases.parse(whole) if at(line) >= cut]


@FEW
@given(histories(), st.data())
def test_events_seen_again_change_nothing(events: list[dict], data: st.DataObject) -> None:
    """An event whose (source, id) was seen is not judged again."""
    again = data.draw(st.lists(st.sampled_from(events), max_size=5))
    until = "2026-06-06T00:00:00Z"
    later = [{**event, "received": "2026-06-05T00:00:00Z"} for event in again]

    assert run(PARTS, events + later, "--until", until) == run(PARTS, events, "--until", until)


@FEW
@given(histories())
def test_a_disabled_rule_changes_nothing_for_others(events: list[dict]) -> None:
    """A rule that is switched off says so and takes no slot."""
    book = json.loads(json.dumps(cases.read_yaml(BOOK)))
    book["rules"]["also"] = {"enabled": False, "on": "made", "priority": 9, "send": {"type": "notification", "sms": "关"}}
    until = "2026-06-06T00:00:00Z"

    with_it = cases.parse(run(files(json.dumps(book, ensure_ascii=False)), events, "--until", until))

    assert [line for line in with_it if line["rule"] != "also"] == cases.parse(run(PARTS, events, "--until", until))
    assert {line["reason"] for line in with_it if line["rule"] == "also"} <= {"disabled"}


ZONES = ["America/New_York", "America/Sao_Paulo", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns"]
ZONES += ["Africa/Casablanca", "Pacific/Chatham", "Pacific/Apia", "Asia/Shanghai", "America/Santiago", "Asia/Tehran"]
CHANGES = [  # the hours around which clocks were moved
    datetime(2026, 3, 8, 7, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
    datetime(2018, 11, 4, 3, tzinfo=UTC),
    datetime(2018, 2, 18, 2, tzinfo=UTC),
    datetime(2011, 12, 30, 10, tzinfo=UTC),
]
CLOCKS = st.builds(time, st.integers(0, 23), st.sampled_from([0, 10, 30, 59]))


@settings(FEW, max_examples=40)
@given(
    st.sampled_from(ZONES),
    st.sampled_from(CHANGES),
    st.lists(st.integers(-36 * 12, 36 * 12), min_size=1, max_size=15),
    st.tuples(CLOCKS, CLOCKS).filter(lambda hours: hours[0] != hours[1]),
)
def test_nothing_leaves_in_quiet_hours_in_any_zone(zone: str, change: datetime, minutes: list[int], hours: tuple[time, time]) -> None:
    """Quiet hours `[from, to)` in the recipient's zone, on days when the clock moves too; and every deferral ends in a release."""
    quiet = {"from": hours[0].strftime("%H:%M"), "to": hours[1].strftime("%H:%M"), "then": "defer"}
    book = {
        "message_types": {"marketing": {"quiet_hours": quiet}},
        "rules": {"r": {"on": "made", "send": {"type": "marketing", "sms": "好"}}},
    }
    events = [
        {"id": f"e{n}", "type": "made", "time": cases.z(change + timedelta(minutes=5 * m)), "user": "u1", "data": {"k": "k"}}
        for n, m in enumerate(sorted(minutes))
    ]
    users = {"u1": {"phone": "+8613800138001", "timezone": zone}}
    until = cases.z(change + timedelta(days=4))

    lines = cases.parse(run(files(json.dumps(book)), events, "--until", until, users=users))

    messages = [line for line in lines if line["kind"] == "message"]
    assert len(messages) == len(events)
    assert not [line for line in messages if is_quiet(at(line), hours, ZoneInfo(zone))]
    for line in lines:
        if line.get("outcome") == "defer":
            assert is_quiet(at(line), hours, ZoneInfo(zone))
            release = min(at(m) for m in messages if m["occurrence"] == line["occurrence"])
            assert at(line) < release <= at(line) + timedelta(hours=50)


@FEW
@given(st.text(max_size=60))
def test_any_value_makes_a_safe_text(value: str) -> None:
    """From every value 【, 】 and control characters are removed; no value brings the command down."""
    book = {
        "book": {"id": "t", "name": "试", "timezone": "Asia/Shanghai", "locale": "zh_CN", "signature": "秒信通"},
        "rules": {"r": {"on": "made", "send": {"type": "notification", "sms": "甲{{ event.s }}乙"}}},
    }
    safe = value.encode("utf-8", "ignore").decode()
    events = [{"id": "e", "type": "made", "time": "2026-06-01T02:00:00Z", "user": "u1", "data": {"k": "k", "s": safe}}]

    (message,) = (line for line in cases.parse(run(files(json.dumps(book)), events)) if line["kind"] == "message")

    body = message["text"].removeprefix("【秒信通】")
    assert body.startswith("甲")
    assert body.endswith("乙")
    assert not set(body) & {"【", "】", *map(chr, range(32)), *map(chr, range(127, 160))}


GOOD = {"id": "good", "source": "s", "type": "made", "time": "2026-06-01T02:00:00Z", "user": "u1", "data": {"k": "k", "n": 1, "s": "甲"}}
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["made", "u1", "2026-06-01", "k", "+86", "all"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "phone", "attributes", "k", "n", "timezone"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def spoilt_lines(draw: st.DrawFn) -> bytes:
    """A good line with a field replaced by anything, or with some of its bytes changed."""
    if draw(st.booleans()):
        field = draw(st.sampled_from([*GOOD, "received", "specversion", "subject", "zzz"]))
        return json.dumps({**GOOD, "id": "odd", field: draw(JSON)}).encode()
    line = bytearray(json.dumps({**GOOD, "id": "odd"}, ensure_ascii=False).encode())
    for place, byte in draw(st.lists(st.tuples(st.integers(0, len(line) - 1), st.integers(0, 255)), min_size=1, max_size=3)):
        line[place] = byte
    return bytes(line[: draw(st.integers(0, len(line)))]) if draw(st.booleans()) else bytes(line)


@FEW
@given(st.lists(spoilt_lines(), min_size=1, max_size=30))
def test_no_line_brings_the_others_down(bad: list[bytes]) -> None:
    """A line that cannot be used is named; the rest goes on; exit 1. Whatever the line, no crash and no half output."""
    book = files('rules:\n  r: {on: made, send: {type: notification, sms: "{{ event.k }}"}}\n')
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "book").mkdir()
        for file, text in book.items():
            (folder / "book" / file).write_text(text, encoding="utf-8")
        first, last = (json.dumps({**GOOD, "id": name, "data": {"k": name}}).encode() for name in ("first", "last"))
        (folder / "events.jsonl").write_bytes(b"\n".join([first, *bad, last]))
        people = cases.write_lines(folder / "users.jsonl", cases.user_lines(USERS))
        args = ("--events", folder / "events.jsonl", "--users", people, "--format", "jsonl", "--verdicts")
        args += ("--from", "2026-06-01T02:00:00Z", "--until", "2026-06-01T02:00:00Z")
        result = run_here("simulate", folder / "book", *args)

    assert result.returncode in (0, 1), result.stderr
    assert "Traceback" not in result.stderr
    assert {"first", "last"} <= {line.get("text") for line in cases.parse(result.stdout)}
