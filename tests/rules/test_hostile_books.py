"""Broken and hostile books: each row says what must be found, where, and (in part) in which words. None takes a second, none raises."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise

import pytest
from jsonschema import Draft202012Validator

from rules.checking import check
from rules.judge import SCHEMA
from rules.loader import parse

SEND = "    send: {type: notification, sms: x}\n"
LETTERS = "abcdefghij"


@dataclass(frozen=True)
class Row:
    """A book of one file, and the finding it must have."""

    id: str
    text: str | bytes
    line: int
    column: int
    says: str
    code: str = "structure"
    severity: str = "error"


def on(trigger: str) -> str:
    """A rule with this trigger, which starts at line 3, column 9."""
    return f"rules:\n  r:\n    on: {trigger}\n{SEND}"


def rule(line: str) -> str:
    """A rule with this as its line 5, from column 5."""
    return f"rules:\n  r:\n    on: a.b\n{SEND}    {line}\n"


def send(message: str) -> str:
    """A rule with this `send`, which starts at line 4, column 11."""
    return f"rules:\n  r:\n    on: a.b\n    send: {message}\n"


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join('*' + before for _ in range(10))}]\n" for before, name in pairwise(LETTERS)
)

MERGES = "a: &a {" + ", ".join(f"k{n}: 1" for n in range(4000)) + "}\nb: {<<: *a}\nc: {<<: *a}\n"
QUIET = '{type: marketing, sms: x, quiet_hours: {from: "21:00", to: "21:00"}}'

YAML = [
    Row("key twice", "book: {id: a, id: b}\n", 1, 15, "first at book.yaml:1:8"),
    Row("entry twice", "segments:\n  a: {when: {}}\n  a: {when: {}}\n", 3, 3, "segments.a is there twice: first at book.yaml:2:3"),
    Row("section twice in a file", "rules: {}\nrules: {}\n", 2, 1, "rules is there twice: first at book.yaml:1:1"),
    Row("python tag", "book: {id: !!python/object/apply:os.system [ls]}\n", 1, 12, "the YAML tag"),
    Row("harmless tag", "book: {id: !!str 1}\n", 1, 12, "the YAML tag"),
    Row("own tag", "book: !x {id: a}\n", 1, 7, "the YAML tag !x"),
    Row("merge of itself", "rules: &a\n  <<: *a\n", 2, 7, "inside its own anchor"),
    Row("alias of itself in a list", "book:\n  caps: &a [*a]\n", 2, 13, "inside its own anchor"),
    Row("merge of a text", "rules:\n  <<: x\n", 2, 7, "<< with a single value"),
    Row("merge of a list of texts", "rules:\n  <<: [x]\n", 2, 8, "<< with a single value"),
    Row("alias without anchor", "book: {id: *x}\n", 1, 12, "*x has no anchor"),
    Row("two documents", "book: {id: a}\n---\nbook: {id: b}\n", 2, 1, "a second YAML document"),
    Row("directive", "%YAML 1.1\n---\nbook: {id: a}\n", 1, 1, "a YAML directive"),
    Row("number as a key", "rules:\n  1: {}\n", 2, 3, "the key 1"),
    Row("boolean as a key", "rules:\n  true: {}\n", 2, 3, "the key true"),
    Row("nothing as a key", "rules:\n  ? \n  : x\n", 2, 4, "an empty key"),
    Row("list as a key", "rules:\n  ? [a]\n  : x\n", 2, 5, "a list as a key"),
    Row("mapping as a key", "rules:\n  {a: b}: x\n", 2, 3, "a mapping as a key"),
    Row("byte order mark", b"\xef\xbb\xbfbook: {id: a}\n", 1, 1, "byte order mark"),
    Row("UTF-16", "book: {id: a}\n".encode("utf-16"), 1, 1, "0xff"),
    Row("Latin-1", b"book:\n  name: \xe4\xb8\xadcaf\xe9\n", 2, 13, "0xe9"),
    Row("tab", "book:\n\tid: a\n", 2, 1, "a tab"),
    Row("NUL", "book: {id: a\0b}\n", 1, 13, "U+0000"),
    Row("NUL by escape", 'book: {name: "a\\0b"}\n', 1, 14, "U+0000"),
    Row("bell", "book:\n  name: a\x07b\n", 2, 10, "U+0007"),
    Row("bell by escape", 'book: {name: "a\\ab"}\n', 1, 14, "U+0007"),
    Row("line separator", "book:\n  name: a\u2028b\n", 2, 10, "U+2028"),
    Row("lone surrogate", "book:\n  name: a\ud800b\n", 2, 10, "U+D800"),
    Row("deep lists", "book: " + "[" * 60 + "]" * 60, 1, 56, "more than 50 levels"),
    Row("deep mappings", "\n".join(" " * level + "a:" for level in range(60)), 51, 51, "more than 50 levels"),
    Row("very deep lists", "[" * 1_000_000, 1, 51, "more than 50 levels"),
    Row("very deep mappings", "{a: " * 250_000, 1, 201, "more than 50 levels"),
    Row("very deep dashes", "- " * 500_000, 1, 101, "more than 50 levels"),
    Row("depth by alias", "a: &a " + "[" * 30 + "]" * 30 + "\nb: " + "[" * 30 + "*a" + "]" * 30, 2, 34, "more than 50 levels"),
    Row("billion laughs", LAUGHS, 4, 36, "more than 10,000 values"),
    Row("billion laughs by merge", MERGES, 3, 9, "10,000"),
    Row("quadratic blow-up", "a: &a [" + "x, " * 500 + "]\nb: [" + "*a, " * 50 + "]\n", 2, 81, "more than 10,000 values"),
    Row("too large", "#" * 1_048_577, 1, 1, "1,048,577 bytes"),
    Row("too many values", "book: [" + "a," * 500_000 + "]", 1, 240_006, "more than 120,000 values"),
    Row("infinity", "book: {disorder: .inf}\n", 1, 18, ".inf is not a number"),
    Row("not a number", "book: {disorder: .NaN}\n", 1, 18, ".NaN is not a number"),
    Row("number beyond floats", rule("priority: 1e999"), 5, 15, "too large"),
    Row("ten thousand digits", rule("priority: " + "9" * 10_000), 5, 15, "10,000 digits"),
    Row("number beyond 64 bits", rule("priority: 9223372036854775808"), 5, 15, "too large"),
    Row("a list at the top", "- a\n", 1, 1, "a list at the top"),
    Row("a text at the top", "hello\n", 1, 1, "a single value at the top"),
    Row("bracket never closed", "book: {id: a\nrules: {}\n", 2, 6, "not YAML"),
    Row("quote never closed", 'book: {id: "a}\n', 2, 1, "not YAML"),
    Row("two colons", "book:\n  name: a: b\n", 2, 10, "not YAML"),
    Row("a million quotes", '"' * 1_000_000, 1, 3, "not YAML"),
    Row("a million colons", ":" * 1_000_000, 1, 1_000_000, "not YAML"),
    Row("a key of a megabyte", "a" * 1_000_000 + ": 1", 1, 1_000_001, "not YAML"),
]  # fmt: skip

SECTIONS = [
    Row("unknown section", "rule: {}\n", 1, 1, "did you mean rules?"),
    Row("empty section", "rules:\n", 1, 7, "nothing as rules"),
    Row("list as a section", "rules: []\n", 1, 8, "a list as rules"),
    Row("empty entry", "rules:\n  r:\n", 2, 5, "nothing is not a rule"),
    Row("part of user", "user: {atributes: {}}\n", 1, 8, "did you mean attributes?"),
    Row("setting", "book: {signatur: x}\n", 1, 8, "did you mean signature?"),
    Row("name with a space", "segments: {a b: {when: {}}}\n", 1, 12, '"a b" is not a name'),
    Row("zone", "book: {timezone: Asia/Shanhai}\n", 1, 18, "did you mean Asia/Shanghai?"),
    Row("zone that is a path", "book: {timezone: ../../../etc/passwd}\n", 1, 18, "is not a time zone"),
    Row("zone with NUL", 'book: {timezone: "a/\\0"}\n', 1, 18, "U+0000"),
    Row("locale", "book: {locale: chinese}\n", 1, 16, "is not a locale"),
    Row("signature with brackets", "book: {signature: 【秒信通】}\n", 1, 19, "without 【 and 】"),
    Row("field type", "events: {a: {data: {x: strin}}}\n", 1, 24, "did you mean string?", "unknown-name"),
    Row("field type, long form", "events: {a: {data: {x: {type: strin}}}}\n", 1, 31, "did you mean string?", "unknown-name"),
    Row("$ref", 'events: {a: {data: {x: {type: string, $ref: "#/x"}}}}\n', 1, 39, "unknown key $ref"),
    Row("field that every event has", "events: {a: {data: {time: datetime}}}\n", 1, 21, "every event has event.time"),
    Row("field with a dot", "events: {a: {data: {x.y: string}}}\n", 1, 21, "is not a field name"),
    Row("enum of another type", "events: {a: {data: {x: {type: integer, enum: [1, b]}}}}\n", 1, 50, "is no integer", "type-mismatch"),
    Row("labels of a kind", "events: {a: {data: {x: {type: integer, enum: {1: a, b: c}}}}}\n", 1, 53, "is no integer", "type-mismatch"),
    Row("attribute that every user has", "user: {attributes: {phone: phone}}\n", 1, 21, "every user has user.phone"),
    Row("trait like an attribute", "user:\n  attributes: {x: string}\n  traits: {x: {on: a, take: count}}\n", 3, 12, "user.x"),
    Row("take", "user: {traits: {x: {on: a, take: sume}}}\n", 1, 34, "did you mean sum?"),
    Row("take without of", "user: {traits: {x: {on: a, take: sum}}}\n", 1, 17, "without `of`"),
    Row("message type", "message_types: {marketting: {}}\n", 1, 17, "did you mean marketing?", "unknown-name"),
    Row("channel of a template", "templates: {a: {smss: x}}\n", 1, 17, "did you mean sms?", "unknown-name"),
    Row("template without content", "templates: {a: {}}\n", 1, 16, "an empty mapping"),
    Row("locale of a text", "templates: {a: {sms: {chinese!: x}}}\n", 1, 23, "is not a locale"),
    Row("media missing", "templates: {a: {video_sms: {params: {}}}}\n", 1, 17, "`media` is missing"),
    Row("consent by an event", "message_types: {marketing: {needs_consent: event.x}}\n", 1, 44, "is not a user field"),
]  # fmt: skip

RULES = [
    Row("no trigger", f"rules:\n  r:\n{SEND}", 2, 3, "`on` is missing"),
    Row("no message", "rules:\n  r:\n    on: a.b\n", 2, 3, "`send` is missing"),
    Row("unknown key", rule("whem: {event.x: 1}"), 5, 5, "did you mean when?"),
    Row("trigger of no kind", on("{}"), 3, 5, "none of event, sequence"),
    Row("two triggers", on("{event: a, sequence: [b, c], within: 1h}"), 3, 20, "sequence beside event"),
    Row("trigger misspelt", on("{evnt: a, after: 1h}"), 3, 10, "did you mean event?"),
    Row("sequence misspelt", on("{sequnce: [a, b], within: 1h}"), 3, 10, "did you mean sequence?"),
    Row("trigger of numbers", on("5"), 3, 9, "5 is not a trigger"),
    Row("no events", on("[]"), 3, 9, "an empty list"),
    Row("event twice", on("[a, b, a]"), 3, 16, '"a" is there twice'),
    Row("unit of a duration", on("{event: a, after: 10x}"), 3, 27, '"10x" is not a duration'),
    Row("duration without unit", on("{event: a, after: 10}"), 3, 27, "in quotes"),
    Row("two units", on("{event: a, after: 1h30m}"), 3, 27, "is not a duration"),
    Row("duration with a line end", on('{event: a, after: "10m\\n"}'), 3, 27, "is not a duration"),
    Row("duration in Arabic digits", on("{event: a, after: ١٠m}"), 3, 27, "is not a duration"),
    Row("duration of millennia", on("{event: a, after: 9999999999w}"), 3, 27, "is not a duration"),
    Row("two offsets", on("{event: a, after: 1d, before: 1d, of: event.x}"), 3, 31, "before beside after"),
    Row("before what?", on("{event: a, before: 3d}"), 3, 20, "before without `of`"),
    Row("of without before", on("{event: a, of: event.x}"), 3, 20, "of without `before`"),
    Row("hours beside a time of day", on('{event: a, after: 10h, at: "10:00"}'), 3, 27, "whole days"),
    Row("time of day", on('{event: a, at: "25:00"}'), 3, 24, "is not a time of day"),
    Row("late", on("{event: a, after: 1h, late: never}"), 3, 37, "one of skip and send"),
    Row("unless by", on("{event: a, after: 1h, unless: {event: b, by: key}}"), 3, 54, "only user"),
    Row("minute 61", on('{schedule: {cron: "61 * * * *"}}'), 3, 27, "is not a crontab line"),
    Row("six parts", on('{schedule: {cron: "0 0 * * * *"}}'), 3, 27, "is not a crontab line"),
    Row("festival", on("{schedule: {festival: 端午日}}"), 3, 31, "did you mean 端午?", "unknown-name"),
    Row("two schedules", on('{schedule: {cron: "0 10 * * *", at: 2026-06-16T10:00}}'), 3, 41, "at beside cron"),
    Row("hours before a festival", on("{schedule: {festival: 端午, before: 3h}}"), 3, 43, "whole days"),
    Row("no schedule", on("{schedule: {}}"), 3, 10, "none of cron, festival, date and at"),
    Row("month 13", on("{schedule: {at: 2026-13-01}}"), 3, 25, "is not an instant"),
    Row("date of an event", on("{schedule: {date: event.x}}"), 3, 27, "is not a user field"),
    Row("one step", on("{sequence: [a], within: 1h}"), 3, 20, "a list of 1"),
    Row("alias twice", on("{sequence: [{event: a, as: x}, {event: b, as: x}], within: 1h}"), 3, 55, "the alias x is there twice"),
    Row("alias event", on("{sequence: [{event: a, as: event}, b], within: 1h}"), 3, 36, "event.* is taken"),
    Row("no window", on("{together: [a, b]}"), 3, 5, "`within` is missing"),
    Row("count to zero", on("{count: a, at_least: 0, within: 1h}"), 3, 30, "at least 1"),
    Row("type of a message", send("{type: notificaton, sms: x}"), 4, 18, "did you mean notification?", "unknown-name"),
    Row("channel", send("{type: marketing, channel: smss, sms: x}"), 4, 38, "did you mean sms?", "unknown-name"),
    Row("channel in a chain", send("{type: marketing, channel: [sms, vidio_sms], sms: x}"), 4, 44, "video_sms?", "unknown-name"),
    Row("channel twice", send("{type: marketing, channel: [sms, sms], sms: x}"), 4, 44, "is there twice"),
    Row("nothing to send", send("{type: marketing}"), 4, 5, "nothing to send"),
    Row("template and content", send("{type: marketing, sms: x, template: t}"), 4, 37, "a template and content"),
    Row("no channel for two contents", send("{type: marketing, sms: x, email: y}"), 4, 5, "content for sms and email"),
    Row("to user and phone", send("{type: marketing, sms: x, to: {user: event.x, phone: event.y}}"), 4, 57, "phone beside user"),
    Row("to a field", send("{type: marketing, sms: x, to: event.x}"), 4, 41, "is not a recipient"),
    Row("quiet without length", send(QUIET), 4, 70, "from 21:00", "bad-window", "warning"),
    Row("quiet from nine", send('{type: marketing, sms: x, quiet_hours: {from: "9:00", to: "21:00"}}'), 4, 57, "is not a time of day"),
    Row("three digits", send("{type: verification, sms: x, code: {digits: 3}}"), 4, 55, "at least 4"),
    Row("operator", rule("when: {event.x: {at_leest: 3}}"), 5, 22, "did you mean at_least?", "unknown-name"),
    Row("operator beside ref", rule("when: {event.x: {ref: event.y, above: 3}}"), 5, 36, "unknown key above"),
    Row("between one", rule("when: {event.x: {between: [1]}}"), 5, 31, "[lowest, highest]"),
    Row("equals nothing", rule("when: {event.x: }"), 5, 21, "exists: false"),
    Row("group misspelt", rule("when: {anny: [{event.x: 1}]}"), 5, 12, "did you mean any?"),
    Row("field without root", rule("when: {amount: 1}"), 5, 12, "a field with its root"),
    Row("group of a mapping", rule("when: {any: {event.x: 1}}"), 5, 17, "is not a list"),
    Row("exists: yes", rule("when: {event.x: {exists: yes}}"), 5, 30, '"yes" is not true or false'),
    Row("enabled: yes", rule("enabled: yes"), 5, 14, '"yes" is not true or false'),
    Row("no operators", rule("when: {event.x: {}}"), 5, 21, "an empty mapping"),
    Row("active backwards", rule("active: {from: 2026-06-02, until: 2026-06-01}"), 5, 39, "not after", "bad-window", "warning"),
    Row("active tomorrow", rule("active: {from: tomorrow}"), 5, 20, "is not an instant"),
    Row("active by another calendar", rule("active: {from: 9999-12-31T23:59:60}"), 5, 20, "is not an instant"),
    Row("holdout of more than all", rule("holdout: 110%"), 5, 14, "is not a share"),
    Row("weightless", rule("variants: {a: {weight: 0}}"), 5, 5, "all weights are 0"),
    Row("cap that slides far", rule("caps: [{max: 201, per: 1h}]"), 5, 18, "at most 200"),
    Row("cap per fortnight", rule("caps: [{max: 1, per: fortnight}]"), 5, 26, "is not a window"),
    Row("cap over no time", rule("caps: [{max: 1, per: 0s}]"), 5, 26, "a window of no length", "bad-window", "warning"),
    Row("cap by", rule("caps: [{max: 1, per: day, by: fone}]"), 5, 35, "did you mean phone?", "unknown-name"),
    Row("cap without max", rule("caps:\n      - {per: day}"), 6, 9, "`max` is missing"),
]  # fmt: skip

TESTS = [
    Row("first event at an offset", "tests: {a: {events: [{at: +1h, type: a}]}}\n", 1, 27, "the first event at +1h"),
    Row("until an offset from nothing", "tests: {a: {until: +1h}}\n", 1, 20, "without an event"),
    Row("at tomorrow", "tests: {a: {events: [{at: tomorrow, type: a}]}}\n", 1, 27, "is not an instant or an offset"),
    Row("outcome", "tests: {a: {verdicts: [{outcome: sent}]}}\n", 1, 34, "did you mean send?", "unknown-name"),
    Row("reason", "tests: {a: {verdicts: [{reason: cappd}]}}\n", 1, 33, "did you mean capped?", "unknown-name"),
    Row("status", "tests: {a: {receipts: [{rule: x, status: lost}]}}\n", 1, 42, "one of delivered"),
    Row("phone as a number", "tests: {a: {users: {u: {phone: +8613800138000}}}}\n", 1, 32, "in quotes"),
]  # fmt: skip


QUICK = 4  # seconds of processor time: one is the aim, on a machine that does nothing else


@pytest.mark.parametrize("row", YAML + SECTIONS + RULES + TESTS, ids=lambda row: row.id)
def test_broken_books_have_a_finding_at_the_exact_place(row: Row) -> None:
    """The expected finding is there, and no other error stands before it on another line."""
    start = time.process_time()
    checked = check({"book.yaml": row.text})
    took = time.process_time() - start

    here = [f for f in checked.findings if (f.span.line, f.span.column, f.code) == (row.line, row.column, row.code)]
    assert here, [(f.span.line, f.span.column, f.code, f.message, f.hint) for f in checked.findings]
    assert row.says in f"{here[0].message} | {here[0].hint}"
    assert here[0].severity == row.severity
    assert took < QUICK


@pytest.mark.parametrize("row", [row for row in YAML + SECTIONS + RULES + TESTS if row.severity == "error"], ids=lambda row: row.id)
def test_an_error_leaves_no_book(row: Row) -> None:
    """Only errors make a book unusable, and each of these does."""
    assert check({"book.yaml": row.text}).book is None


def test_findings_are_not_without_end() -> None:
    """A file of nothing but mistakes is reported in part, and quickly."""
    start = time.process_time()
    checked = check({"book.yaml": "rules:\n" + "".join(f"  rule-{number}: {{onn: 1}}\n" for number in range(25_000))})

    assert len(checked.findings) == 300
    assert checked.book is None
    assert time.process_time() - start < QUICK


# What JSON Schema cannot say without our formats and relations.
ONLY_FORMATS_AND_RELATIONS = {
    "zone", "zone that is a path", "field that every event has", "field with a dot", "enum of another type",
    "labels of a kind", "attribute that every user has", "trait like an attribute", "take without of",
    "duration of millennia", "duration with a line end", "two offsets", "before what?",
    "of without before", "hours beside a time of day", "minute 61", "six parts",
    "month 13", "alias twice", "alias event", "nothing to send",
    "no channel for two contents", "template and content", "active tomorrow", "active by another calendar",
    "holdout of more than all", "weightless", "cap that slides far", "cap per fortnight", "cap by", "first event at an offset",
    "until an offset from nothing", "at tomorrow",
}  # fmt: skip


@pytest.mark.parametrize("row", [row for row in SECTIONS + RULES + TESTS if row.severity == "error"], ids=lambda row: row.id)
def test_an_editor_with_the_plain_schema_shows_the_same_rows(row: Row) -> None:
    """jsonschema alone, as an editor uses it, is content only with what a format or a relation of ours refuses."""
    parsed = parse({"book.yaml": row.text})
    if parsed.findings:
        return  # YAML itself was at fault
    plainly_valid = Draft202012Validator(SCHEMA).is_valid(parsed.tree)

    assert plainly_valid == (row.id in ONLY_FORMATS_AND_RELATIONS)
