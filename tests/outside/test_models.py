"""Small models of parts of the language, written from the specification, against the command over random histories."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from . import cases
from .o2o_oracle import days_later
from .test_properties import files, run

MANY = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
MONDAY = datetime(2026, 6, 1, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def an_event(number: int, kind: str, at: datetime, user: Any = "u1", received: datetime | None = None, **data: Any) -> dict:
    """An event in the input format."""
    line = {"id": f"e{number:03}", "type": kind, "time": cases.z(at), "user": user, "data": {"k": "k", **data}}
    return line if received is None else {**line, "received": cases.z(received)}


def verdicts(output: str) -> list[dict]:
    """The verdicts among the lines."""
    return [line for line in cases.parse(output) if line["kind"] == "verdict"]


# ---- caps

PEOPLE = {
    "u1": {"phone": "+8613800138001", "attributes": {"city": "沪"}},
    "u2": {"phone": "+8613800138002", "timezone": "America/New_York", "attributes": {"city": "沪"}},
    "u3": {"phone": "+8613800138001", "timezone": "Asia/Kathmandu"},
    "u4": {"phone": "+8613900139001"},
}
WINDOWS = {"10m": 10 * MINUTE, "1h": HOUR, "3h": 3 * HOUR, "24h": 24 * HOUR, "2d": 48 * HOUR}
ALIGNED: dict[str, Callable[[datetime], Any]] = {
    "minute": lambda t: (t.date(), t.hour, t.minute),
    "hour": lambda t: (t.date(), t.hour),
    "day": lambda t: t.date(),
    "week": lambda t: t.isocalendar()[:2],
    "month": lambda t: (t.year, t.month),
    "ever": lambda _: 0,
}
FIELDS = [
    "user",
    "phone",
    "phone_prefix",
    "all",
    "event.k",
    "event.s",
    "ip_network",
    "user.city",
    ["user", "event.k"],
    ["phone", "event.s"],
]
CAPS = st.lists(
    st.fixed_dictionaries(
        {"max": st.integers(1, 3), "per": st.sampled_from([*WINDOWS, *ALIGNED])}, optional={"by": st.sampled_from(FIELDS)}
    ),
    max_size=2,
)


def one_key(name: str, event: dict) -> Any:
    """The value of one field that a cap counts by; None where it is missing."""
    user, data = event["user"], event["data"]
    known = isinstance(user, str)
    phone = PEOPLE[user]["phone"] if known else user["phone"]
    values = {
        "user": user if known else phone,
        "phone": phone,
        "phone_prefix": phone[:-4],
        "all": "all",
        "ip_network": ("ip" in data and str(ip_network(data["ip"] + ("/64" if ":" in data["ip"] else "/24"), strict=False))) or None,
        "user.city": PEOPLE[user].get("attributes", {}).get("city") if known else None,
    }
    return values[name] if name in values else data.get(name.removeprefix("event."))


def is_full(cap: dict, event: dict, now: datetime, sent: list[tuple[datetime, dict]]) -> bool:
    """Whether a cap lets no further message through."""
    by = cap.get("by", "user")
    names = by if isinstance(by, list) else [by]
    key = [one_key(name, event) for name in names]
    if None in key:
        return False
    own = PEOPLE[event["user"]].get("timezone") if isinstance(event["user"], str) and "user" in names else None
    zone = ZoneInfo(own or "Asia/Shanghai")
    same = [at for at, other in sent if [one_key(name, other) for name in names] == key]
    if cap["per"] in WINDOWS:
        return sum(at > now - WINDOWS[cap["per"]] for at in same) >= cap["max"]
    label = ALIGNED[cap["per"]]
    return sum(label(at.astimezone(zone)) == label(now.astimezone(zone)) for at in same) >= cap["max"]


@st.composite
def busy_days(draw: st.DrawFn) -> list[dict]:
    """Many events in little time, at distinct instants, around a month's end."""
    start = datetime(2026, 6, 29, 14, 0, tzinfo=UTC)
    minutes = sorted(draw(st.sets(st.one_of(st.integers(0, 400), st.integers(0, 3 * 1440)), min_size=5, max_size=30)))
    events = []
    for number, minute in enumerate(minutes):
        user = draw(st.sampled_from([*PEOPLE, {"phone": "+8613800138001"}, {"phone": "+8613700137001"}]))
        data = {"k": draw(st.sampled_from("xy"))}
        if draw(st.booleans()):
            data["s"] = draw(st.sampled_from("甲乙"))
        if draw(st.booleans()):
            data["ip"] = draw(st.sampled_from(["10.0.0.1", "10.0.0.9", "10.0.1.1", "2001:db8::1", "2001:db8:0:0:9::", "2001:db8:0:1::1"]))
        events.append(an_event(number, draw(st.sampled_from(["made", "paid"])), start + minute * MINUTE, user, **data))
    return events


@MANY
@given(busy_days(), CAPS, CAPS, CAPS, CAPS)
def test_a_message_is_capped_exactly_when_a_cap_is_full(events: list[dict], of_m: list, of_n: list, of_rule: list, of_book: list) -> None:
    """At most N messages per window, counted by some fields: neither one more nor one fewer."""
    book = {
        "book": {"id": "t", "name": "试", "timezone": "Asia/Shanghai", "locale": "zh_CN", "caps": of_book},
        "message_types": {"marketing": {"caps": of_m}, "notification": {"caps": of_n}},
        "rules": {
            "a": {"on": "made", "caps": of_rule, "send": {"type": "marketing", "sms": "一"}},
            "b": {"on": ["made", "paid"], "send": {"type": "notification", "sms": "二"}},
            "c": {"on": "made", "priority": 1, "send": {"type": "marketing", "sms": "三"}},
        },
    }
    sent: dict[str, list] = {name: [] for name in ("book", "marketing", "notification", "a", "b", "c")}
    expected = {}
    for event in events:
        now = cases.instant(event["time"])
        for rule in ("c", "a", "b") if event["type"] == "made" else ("b",):
            kind = "notification" if rule == "b" else "marketing"
            levels = [(cap, kind) for cap in (of_n if rule == "b" else of_m)]
            levels += [(cap, "a") for cap in of_rule if rule == "a"] + [(cap, "book") for cap in of_book]
            full = any(is_full(cap, event, now, sent[level]) for cap, level in levels)
            expected[event["id"], rule] = "capped" if full else "ok"
            if not full:
                for level in ("book", kind, rule):
                    sent[level].append((now, event))

    got = verdicts(run(files(json.dumps(book)), events, users=PEOPLE))

    by_time = {(event["time"], event["id"]): event["id"] for event in events}
    ids = {at: name for (at, _), name in by_time.items()}
    assert {(ids[line["at"]], line["rule"]): line["reason"] for line in got} == expected


# ---- timers and unless


@st.composite
def orders(draw: st.DrawFn) -> list[dict]:
    """Orders and payments, some of them received late, in order of `received`."""
    events = []
    for number in range(draw(st.integers(2, 16))):
        at = MONDAY + draw(st.integers(0, 60)) * 5 * MINUTE
        late = draw(st.sampled_from([0, 0, 0, 5, 30, 60, 65, 120])) * MINUTE
        kind, user = draw(st.sampled_from(["made", "made", "paid", "shut"])), draw(st.sampled_from(["u1", "u2"]))
        events.append(an_event(number, kind, at, user, at + late, k=draw(st.sampled_from("xy")), n=draw(st.integers(0, 1))))
    return sorted(events, key=lambda event: (event["received"], event["id"]))


UNLESS: dict[str, tuple[Any, Callable[[dict, dict], bool]]] = {
    "paid": ("paid", lambda e, t: e["type"] == "paid" and e["data"]["k"] == t["data"]["k"]),
    "by-user": ({"event": "paid", "by": "user"}, lambda e, t: e["type"] == "paid" and e["user"] == t["user"]),
    "made": ("made", lambda e, t: e["type"] == "made" and e["data"]["k"] == t["data"]["k"]),
    "list": (
        ["made", {"event": "shut", "when": {"event.n": 1}}],
        lambda e, t: e["data"]["k"] == t["data"]["k"] and (e["type"] == "made" or (e["type"] == "shut" and e["data"]["n"] == 1)),
    ),
}


@MANY
@given(orders(), st.sampled_from(sorted(UNLESS)), st.sampled_from(["send", "skip"]))
def test_timers_fire_exactly_when_nothing_cancelled_them(events: list[dict], name: str, late: str) -> None:
    """Same key, not earlier in event time, judged later or arrived up to an hour before; at the due instant events come first."""
    condition, cancels = UNLESS[name]
    trigger = {"event": "made", "after": "90m", "unless": condition, "late": late}
    book = {"rules": {"r": {"on": trigger, "send": {"type": "notification", "sms": "好"}}}}
    time, received = (lambda e: cases.instant(e["time"])), (lambda e: cases.instant(e["received"]))
    expected: Counter = Counter()
    for place, event in enumerate(events):
        if event["type"] != "made":
            continue
        now, due = received(event), time(event) + 90 * MINUTE
        before = [e for e in events[:place] if cancels(e, event) and e["type"] != "made" and now - received(e) <= HOUR]
        after = [e for e in events[place + 1 :] if cancels(e, event) and received(e) <= due]
        if any(time(e) >= time(event) for e in before):
            expected[cases.z(now), event["user"], "cancel", "unless"] += 1
        elif due <= now:
            skipped = late == "skip" and now - due > 5 * MINUTE
            expected[cases.z(now), event["user"], *(("skip", "late") if skipped else ("send", "ok"))] += 1
        elif late_one := next((e for e in after if time(e) >= time(event)), None):
            expected[cases.z(received(late_one)), event["user"], "cancel", "unless"] += 1
        else:
            expected[cases.z(due), event["user"], "send", "ok"] += 1

    output = run(files(json.dumps(book)), events, "--from", "2026-05-31T00:00:00Z", "--until", "2026-06-03T00:00:00Z")

    got = Counter((v["at"], v["user"], v["outcome"], v["reason"]) for v in verdicts(output) if v["outcome"] != "schedule")
    assert got == expected


# ---- crossings

NEW_YORK = ZoneInfo("America/New_York")
STEP = 10 * MINUTE
TRAITS = {
    "c": {"on": "paid", "take": "count", "within": "6h"},
    "s": {"on": "paid", "take": "sum", "of": "event.n", "within": "5h"},
    "hi": {"on": "paid", "take": "max", "of": "event.n", "within": "4h"},
    "last": {"on": "paid", "take": "latest", "of": "event.time"},
    "n": {"on": "paid", "take": "latest", "of": "event.n"},
    "f": {"on": "paid", "take": "first", "of": "event.n"},
    "all": {"on": "paid", "take": "count"},
}


def traits(events: list[dict], now: datetime) -> dict[str, Any]:
    """The traits of somebody with these events, at an instant."""
    known = sorted((e for e in events if cases.instant(e["received"]) <= now), key=lambda e: cases.instant(e["time"]))
    of = [(cases.instant(e["time"]), e["data"]["n"]) for e in known]
    within = lambda hours: [n for at, n in of if now - hours * HOUR < at <= now]  # noqa: E731 - three uses, one line each
    return {
        "c": len(within(6)),
        "s": sum(within(5)),
        "hi": max(within(4), default=None),
        "last": of[-1][0] if of else None,
        "n": of[-1][1] if of else None,
        "f": of[0][1] if of else None,
        "all": len(of),
    }


LEAVES: list[tuple[dict, Callable[[dict, datetime], bool]]] = [
    ({"user.c": {"at_least": 2}}, lambda t, _: t["c"] >= 2),
    ({"user.c": 1}, lambda t, _: t["c"] == 1),
    ({"user.s": {"between": [3, 6]}}, lambda t, _: 3 <= t["s"] <= 6),
    ({"user.hi": {"exists": True}}, lambda t, _: t["hi"] is not None),
    ({"user.hi": {"at_least": 4}}, lambda t, _: t["hi"] is not None and t["hi"] >= 4),
    ({"user.hi": {"is_not": 3}}, lambda t, _: t["hi"] != 3),
    ({"user.last": {"older_than": "2h"}}, lambda t, now: t["last"] is not None and now >= t["last"] + 2 * HOUR),
    ({"user.last": {"newer_than": "3h"}}, lambda t, now: t["last"] is not None and now < t["last"] + 3 * HOUR),
    ({"user.last": {"older_than": "1d"}}, lambda t, now: t["last"] is not None and now >= days_later(t["last"], 1, NEW_YORK)),
    ({"user.n": {"above": 2}}, lambda t, _: t["n"] is not None and t["n"] > 2),
    ({"user.f": {"in": [1, 2]}}, lambda t, _: t["f"] in (1, 2)),
    ({"user.all": {"at_most": 2}}, lambda t, _: t["all"] <= 2),
]
TREES = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: ({"all": [p[0][0], p[1][0]]}, lambda t, n: p[0][1](t, n) and p[1][1](t, n))),
        st.tuples(inner, inner).map(lambda p: ({"any": [p[0][0], p[1][0]]}, lambda t, n: p[0][1](t, n) or p[1][1](t, n))),
        st.tuples(inner, inner).map(lambda p: ({"none": [p[0][0], p[1][0]]}, lambda t, n: not (p[0][1](t, n) or p[1][1](t, n)))),
        inner.map(lambda p: ({"not": p[0]}, lambda t, n: not p[1](t, n))),
    ),
    max_leaves=4,
)


@MANY
@given(
    TREES,
    st.dictionaries(st.integers(0, 200), st.tuples(st.integers(0, 5), st.sampled_from([0, 0, 0, 1, 7, 40])), max_size=8),
    st.sampled_from([datetime(2026, 10, 31, 4, tzinfo=UTC), datetime(2026, 3, 7, 5, tzinfo=UTC), MONDAY]),
)
def test_crossings_are_found_at_their_very_instant(tree: tuple, steps: dict[int, tuple[int, int]], start: datetime) -> None:
    """For every leaf that depends on the clock the next instant at which it can flip; against looking at every ten minutes."""
    condition, holds = tree
    book = {
        "user": {"traits": TRAITS},
        "segments": {"it": {"name": "它", "when": condition}},
        "rules": {
            "enter": {"on": {"enter": "it"}, "send": {"type": "notification", "sms": "进"}},
            "leave": {"on": {"leave": "it"}, "send": {"type": "notification", "sms": "出"}},
        },
    }
    arrivals: set[int] = set()
    events = []
    for step, (n, late) in sorted(steps.items()):
        if step + late not in arrivals:  # one arrival at an instant, so that a crossing has one cause
            arrivals.add(step + late)
            events.append(an_event(step, "paid", start + step * STEP, "u1", start + (step + late) * STEP, n=n))
    expected, member = [], holds(traits(events, start - STEP), start - STEP)
    for step in range(450):
        now = start + step * STEP
        if holds(traits(events, now), now) != member:
            member = not member
            expected.append((cases.z(now), "enter" if member else "leave"))

    users = {"u1": {"phone": "+8613800138001", "timezone": "America/New_York"}}
    clock = ("--from", cases.z(start - STEP), "--until", cases.z(start + 449 * STEP))
    output = run(files(json.dumps(book)), sorted(events, key=lambda e: e["received"]), *clock, users=users)

    assert [(line["at"], line["rule"]) for line in verdicts(output)] == expected


# ---- patterns


@st.composite
def streams(draw: st.DrawFn) -> list[dict]:
    """Events at distinct instants, each with a number of its own; nothing late."""
    minutes = sorted(draw(st.sets(st.integers(0, 60), min_size=3, max_size=30)))
    return [
        an_event(
            number,
            draw(st.sampled_from(["made", "paid", "shut"])),
            MONDAY + minute * 5 * MINUTE,
            draw(st.sampled_from(["u1", "u2"])),
            k=draw(st.sampled_from("xy")),
            s=draw(st.sampled_from("甲乙")),
            i=number,
        )
        for number, minute in enumerate(minutes)
    ]


def texts(rule: dict, events: list[dict]) -> list[str]:
    """What a rule about a pattern says."""
    lines = cases.parse(run(files(json.dumps({"rules": {"r": rule}})), events))
    return [line["text"] for line in lines if line["kind"] == "message"]


def window(events: list[dict], last: dict, length: timedelta, group: Callable[[dict], Any]) -> list[dict]:
    """The events of the same person or object up to this one, inside the window, the latest first."""
    now = cases.instant(last["time"])
    near = [e for e in events if now - length < cases.instant(e["time"]) <= now and group(e) == group(last)]
    return near[::-1]


GROUPS: dict[str, Callable[[dict], Any]] = {"user": lambda e: e["user"], "event.k": lambda e: e["data"]["k"]}


@MANY
@given(streams(), st.sampled_from(sorted(GROUPS)))
def test_a_sequence_of_two_with_a_condition(events: list[dict], by: str) -> None:
    """with the latest earlier events that fit; events once used are not used again"""
    steps = [{"event": "made", "as": "a"}, {"event": "paid", "as": "b", "when": {"b.s": {"is_not": {"ref": "a.s"}}}}]
    on = {"sequence": steps, "within": "2h", **({} if by == "user" else {"by": by})}
    used, expected = set(), []
    for event in events:
        if event["type"] == "paid":
            for earlier in window(events, event, 2 * HOUR, GROUPS[by]):
                if earlier["type"] == "made" and earlier["id"] not in used and earlier["data"]["s"] != event["data"]["s"]:
                    used.add(earlier["id"])
                    expected.append(f"{earlier['data']['i']}-{event['data']['i']}")
                    break

    assert texts({"on": on, "send": {"type": "notification", "sms": "{{ a.i }}-{{ b.i }}"}}, events) == expected


@MANY
@given(streams())
def test_a_sequence_of_three(events: list[dict]) -> None:
    """in event-time order, with the latest earlier events that fit, each used once"""
    steps = [{"event": "made", "as": "a"}, {"event": "paid", "as": "b"}, {"event": "shut", "as": "c"}]
    used, expected = set(), []
    for event in events:
        if event["type"] == "shut":
            free = [e for e in window(events, event, 2 * HOUR, GROUPS["user"]) if e["id"] not in used]
            pairs = [(a, b) for n, b in enumerate(free) if b["type"] == "paid" for a in free[n + 1 :] if a["type"] == "made"]
            if pairs:
                used |= {pairs[0][0]["id"], pairs[0][1]["id"]}
                expected.append("-".join(str(e["data"]["i"]) for e in (*pairs[0], event)))
    rule = {"on": {"sequence": steps, "within": "2h"}, "send": {"type": "notification", "sms": "{{ a.i }}-{{ b.i }}-{{ c.i }}"}}

    assert texts(rule, events) == expected


@MANY
@given(streams(), st.sampled_from(sorted(GROUPS)))
def test_three_together(events: list[dict], by: str) -> None:
    """the same in any order"""
    steps = [{"event": "made", "as": "a"}, {"event": "paid", "as": "b"}, {"event": "shut", "as": "c"}]
    on = {"together": steps, "within": "2h", **({} if by == "user" else {"by": by})}
    used, expected = set(), []
    for event in events:
        free = [e for e in window(events, event, 2 * HOUR, GROUPS[by]) if e["id"] not in used]
        latest = {kind: next((e for e in free if e["type"] == kind), None) for kind in ("made", "paid", "shut")}
        if all(latest.values()):
            used |= {e["id"] for e in latest.values()}
            expected.append("-".join(str(e["data"]["i"]) for e in latest.values()))

    assert texts({"on": on, "send": {"type": "notification", "sms": "{{ a.i }}-{{ b.i }}-{{ c.i }}"}}, events) == expected


@MANY
@given(streams(), st.sampled_from(sorted(GROUPS)), st.integers(2, 4))
def test_a_count(events: list[dict], by: str, least: int) -> None:
    """fires when the number is reached, and again only after the window has emptied below it"""
    on = {"count": {"event": "paid", "when": {"event.s": "甲"}}, "at_least": least, "within": "1h", **({} if by == "user" else {"by": by})}
    fit = [e for e in events if e["type"] == "paid" and e["data"]["s"] == "甲"]
    expected = [str(e["data"]["i"]) for e in fit if len(window(fit, e, HOUR, GROUPS[by])) == least]

    assert texts({"on": on, "send": {"type": "notification", "sms": "{{ event.i }}"}}, events) == expected


# ---- chains

CHANNELS = ("video_sms", "push", "sms")
FATES = st.one_of(
    st.just(("delivered at once", 0)),
    st.just(("none", 1)),
    st.tuples(st.sampled_from(["delivered", "undelivered", "rejected", "rejected"]), st.sampled_from([10, 60, 119, 120, 121, 170])),
)


@MANY
@given(
    st.lists(st.tuples(st.integers(10, 40), st.tuples(FATES, FATES, FATES)), min_size=1, max_size=7),
    st.sampled_from([None, 60, 120, 130, 240]),
    st.integers(1, 2),
)
def test_chains_and_the_slots_they_take(story: list[tuple], valid_for: int | None, most: int) -> None:
    """Each further channel after a bad receipt or silence, inside the validity; a slot is given back when all channels were rejected."""
    send = {
        "type": "notification",
        "channel": list(CHANNELS),
        "video_sms": {"media": "V"},
        "push": {"title": "好", "body": "好"},
        "sms": "好",
    }
    if valid_for:
        send["valid_for"] = f"{valid_for}s"
    book = {"message_types": {"notification": {"caps": [{"max": most, "per": "45m"}]}}, "rules": {"r": {"on": "made", "send": send}}}
    now, taken = MONDAY, []
    events, receipts, expected = [], [], []
    for gap, fates in story:
        now += gap * MINUTE
        events.append(an_event(len(events), "made", now))
        if sum(at > now - 45 * MINUTE for at in taken) >= most:
            expected.append((cases.z(now), "capped"))
            continue
        expected.append((cases.z(now), "ok"))
        leaves, rejected = now, []
        for channel, (fate, seconds) in zip(CHANNELS, fates, strict=True):
            expected.append((cases.z(leaves), channel))
            rejected.append(fate == "rejected")
            if fate == "delivered at once":
                break
            receipts.append({"rule": "r", "user": "u1", "at": cases.z(leaves + timedelta(seconds=seconds)), "status": fate})
            if fate == "delivered" or seconds > 120:
                break
            leaves += timedelta(seconds=120 if fate == "none" else seconds)
            if valid_for and leaves > now + timedelta(seconds=valid_for):
                break
        if not all(rejected):
            taken.append(now)

    lines = cases.parse(run(files(json.dumps(book)), events, "--until", "2026-06-02T00:00:00Z", receipts=receipts))

    assert [(line["at"], line["reason"] if line["kind"] == "verdict" else line["channel"]) for line in lines] == expected
