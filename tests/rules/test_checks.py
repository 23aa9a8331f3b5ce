"""Each check fires at the exact place, and stays silent beside it.

A row is a piece of a book beside BASE. `¶` marks where findings of the row's code must begin; without a mark there must be none.
"""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest

from rules.checking import check, load_book
from rules.checks import CHECKS
from rules.findings import Finding

ROOT = Path(__file__).resolve().parents[2]
BASE = """
events:
  order: {key: order_id, data: {order_id: string, amount: {type: number, minimum: 0}, n: integer, city: {type: string, optional: true},
    paid: boolean, at: datetime, day: date, tags: {type: list, items: string}, url: {type: link, optional: true}, tel: phone,
    kind: {type: string, enum: [a, b, c]}, place: {type: object, properties: {street: string}}}}
  done: {key: order_id, data: {order_id: string, note: string}}
  login: {data: {ip: string}}
  cast: {broadcast: true, key: sale_id, data: {sale_id: string, starts_at: datetime, city: string}}
  cast2: {broadcast: true, key: sale_id, data: {sale_id: string}}
user:
  attributes: {city: string, tier: {type: string, enum: {basic: 普通, gold: 金卡}}, birthday: date, ok: boolean, points: integer}
  traits:
    orders: {on: order, take: count}
    last: {on: order, take: latest, of: event.time}
    spent: {on: order, take: sum, of: event.amount}
    bought: {on: order, take: distinct, of: event.kind}
segments:
  dormant: {when: {user.last: {older_than: 30d}}}
  lively: {when: {user.last: {newer_than: 30d}}}
  gold: {when: {user.tier: gold}}
templates:
  plain: {sms: 好}
  order: {sms: "订单{{ event.order_id }}"}
  video: {video_sms: {media: VM_1}}
"""
MANY = "很" * 134
QUIET = "quiet_hours: {from: '21:00', to: '08:00'}"
DROP = "quiet_hours: {from: '21:00', to: '08:00', then: drop}"


def sends(what: str, kind: str = "notification") -> str:
    """What a rule sends."""
    return f"send: {{type: {kind}, {what}}}"


SEND = sends("sms: 好")


def rule(on: str, rest: str = "", send: str = SEND) -> str:
    """A book with one rule."""
    return f"rules:\n  r:\n    on: {on}\n" + (f"    {rest}\n" if rest else "") + f"    {send}\n"


def when(condition: str, on: str = "order") -> str:
    """A rule with this condition."""
    return rule(on, f"when: {condition}")


def text(sms: str, on: str = "order", rest: str = "", kind: str = "notification") -> str:
    """A rule with this text, as YAML writes it."""
    return rule(on, rest, sends(f"sms: {sms}", kind))


def block(second_line: str) -> str:
    """A rule with a text of two lines."""
    return rule("order", "", f"send:\n      type: notification\n      sms: |-\n        好\n        {second_line}")


def story(rest: str) -> str:
    """A rule and a test of it."""
    return when("{event.paid: true}") + f"tests:\n  t:\n    {rest}\n"


ROWS: dict[str, dict[str, str]] = {
    "structure": {
        "a loop in a text": text('¶"{% for x in event.tags %}{% endfor %}"'),
        "a syntax error in a text": text('¶"{{ event.city "'),
        "the very place in a block": block("再{{ ¶event.n + 1 }}好"),
        "a text in another channel": rule("order", "", sends('push: {title: ¶"{{ 1 }}"}')),
        "a template": "templates:\n  t: {sms: ¶'{% set x = 1 %}'}\n",
        "an unknown filter is another finding": text('"{{ event.order_id | moeny }}"'),
        "fields and if": text('"{% if event.city %}{{ event.city }}{% endif %}"'),
    },
    "unknown-name": {
        "an event": rule("¶nothing"),
        "an event in a list": rule("[order, ¶nothing]"),
        "an event in a mapping": rule("{event: [order, ¶nothing], after: 1h}"),
        "an event of unless": rule("{event: order, after: 1h, unless: [done, ¶nothing]}"),
        "an event of a long unless": rule("{event: order, after: 1h, unless: {event: ¶nothing}}"),
        "an event of a step": rule("{sequence: [order, {event: ¶nothing, as: b}], within: 1h}"),
        "an event of a count": rule("{count: ¶nothing, at_least: 3, within: 1h}"),
        "an event of a count with a condition": rule("{count: {event: ¶nothing, when: {event.x: 1}}, at_least: 3, within: 1h}"),
        "an event of a goal": rule("order", "goal: {event: ¶nothing, within: 1d}"),
        "an event of a trait": "user: {traits: {x: {on: [order, ¶nothing], take: count}}}\n",
        "an event of a test": story('events: [{at: "2026-06-01T10:00", type: ¶nothing}]'),
        "a segment in a condition": when("{segment: ¶nothing}"),
        "a segment as an audience": rule("cast", "audience: ¶nothing"),
        "a segment in a segment": "segments: {x: {when: {any: [{segment: gold}, {segment: ¶nothing}]}}}\n",
        "a segment to enter": rule("{enter: ¶nothing}"),
        "a template": rule("order", "", sends("template: ¶nothing")),
        "a template of a variant": rule(
            "order", "variants: {a: {weight: 1}, b: {weight: 1, template: ¶nothing}}", sends("template: plain")
        ),
        "a field of the event": when("{¶event.nothing: 1}"),
        "a field below all and any": when("{all: [{any: [{event.n: 1}, {¶event.nothing: 1}]}]}"),
        "a field of the user": when("{¶user.nothing: 1}"),
        "a field of an unknown alias": when("{¶b.n: 1}"),
        "a field of an alias": rule("{sequence: [{event: order, as: a}, {event: done, as: b}], within: 1h}", "when: {¶b.amount: 1}"),
        "a reference": when("{event.city: {is: {ref: ¶user.town}}}"),
        "a field of an object": when("{¶event.place.city: x}"),
        "a field of a declared object": when("{event.place.street: x}"),
        "a key": "events: {x: {key: ¶nothing, data: {sale: string}}}\n",
        "the field of a trait": "user: {traits: {x: {on: order, take: sum, of: ¶event.nothing}}}\n",
        "the field of before": rule("{event: order, before: 1h, of: ¶event.nothing}"),
        "the field of by": rule("{count: order, at_least: 3, within: 1h, by: ¶event.nothing}"),
        "a by that one step lacks": rule("{together: [order, login], within: 1h, by: ¶event.order_id}"),
        "the field of a schedule": rule("{schedule: {date: ¶user.nothing}}", "audience: all"),
        "a recipient": rule("order", "", sends("sms: 好, to: {user: ¶event.nobody}")),
        "a purpose": rule("order", "", 'send: {type: verification, sms: "{{ code }}", purpose: {ref: ¶event.nothing}}'),
        "what a cap of a rule counts by": rule("order", "caps: [{max: 1, per: 1h, by: [user, ¶event.nothing]}]"),
        "what a cap of a type counts by, misspelt": "message_types: {notification: {caps: [{max: 1, per: 1h, by: ¶event.order_jd}]}}\n",
        "what a cap of a type counts by, perhaps later": "message_types: {notification: {caps: [{max: 1, per: 1h, by: event.device}]}}\n",
        "consent": "message_types: {marketing: {needs_consent: ¶user.nothing}}\n",
        "a field of a text": text('¶"{{ event.nothing }}"'),
        "a field of a text that no rule sends": 'templates: {x: {sms: ¶"{{ user.nothing }}"}}\n',
        "a field in a block of text": block("{{ ¶event.nothing }}"),
        "a field of a text, known to another event": text('"{{ event.note }}"'),
        "a filter": text('¶"{{ event.order_id | moeny }}"'),
        "a rule of a test": story("expect: [{rule: ¶nothing}]"),
        "a rule of a receipt": story("receipts: [{rule: ¶nothing, status: none}]"),
        "fields of an unknown event say nothing more": when("{event.anything: 1}", "¶nothing"),
        "fields of a broken event say nothing": "events: {x: {brodcast: true}}\n" + when("{event.b: 1}", "x"),
        "built-in fields": when("{event.key: x, event.user: u1, user.locale: en, user.timezone: UTC}"),
        "one of several events": when("{event.amount: 1}", "[order, done]"),
    },
    "type-mismatch": {
        "a text for a number": when('{event.amount: ¶"5"}'),
        "a number for a text": when("{event.city: {is: ¶5}}"),
        "a number in a list for a text": when("{event.city: [a, ¶5]}"),
        "outside an enum": when("{event.kind: ¶d}"),
        "outside an enum, in a list": when("{event.kind: {not_in: [a, ¶d]}}"),
        "outside an enum of the user": when("{any: [{user.tier: [gold, ¶diamond]}]}"),
        "a member outside an enum": when("{user.bought: {contains: ¶d}}"),
        "a part of an enum's value": when("{user.tier: {contains: gol}}"),
        "a boolean for a number": when("{event.n: ¶true}"),
        "a text for a boolean": when('{event.paid: ¶"true"}'),
        "order of booleans": when("{event.paid: {at_least: ¶1}}"),
        "order of lists": when("{event.tags: {above: ¶1}}"),
        "order of texts": when("{event.city: {at_least: b}}"),
        "order of a text and a number": when("{event.city: {at_least: ¶5}}"),
        "a list equals nothing": when("{event.tags: ¶a}"),
        "a list has members": when("{event.tags: {contains: a}}"),
        "an age of a text": when("{event.city: {older_than: ¶30d}}"),
        "an age of a date": when("{event.day: {older_than: 30d}}"),
        "contains of a number": when("{event.n: {contains: ¶1}}"),
        "a start of a number": when('{event.n: {starts_with: ¶"1"}}'),
        "a date that is none": when('{event.day: {at_least: ¶"2026-02-30"}}'),
        "an instant that is none": when("{event.at: {below: ¶tomorrow}}"),
        "a bare date for an instant": when('{event.at: {below: "2026-06-01"}}'),
        "one end of between": when('{event.n: {between: [1, ¶"9"]}}'),
        "a reference to another type": when("{event.n: {is: {ref: ¶event.city}}}"),
        "a reference among values": when("{event.city: {in: [a, {ref: ¶event.n}]}}"),
        "a reference to a list": when("{event.city: {in: {ref: event.tags}}}"),
        "a reference to no list": when("{event.city: {in: {ref: ¶event.url}}}"),
        "integer and number": when("{event.n: {at_least: {ref: event.amount}}, event.amount: 3}"),
        "link, phone and string": when("{event.url: {is: {ref: event.city}}, event.tel: {starts_with: '+86'}}"),
        "today": when("{event.at: {on_date: today}, event.day: {same_day_as: {ref: event.at}}}"),
        "a date and an instant": when("{event.day: {is: {ref: ¶event.at}}}"),
        "a trait counts": when('{user.orders: ¶"1"}'),
        "an age of a trait": when("{user.last: {older_than: 30d}}"),
        "in a segment": "segments: {x: {when: {user.points: ¶many}}}\n",
        "a sum of texts": "user: {traits: {x: {on: order, take: sum, of: ¶event.city}}}\n",
        "a maximum of texts": "user: {traits: {x: {on: order, take: max, of: ¶event.city}}}\n",
        "a maximum of dates": "user: {traits: {x: {on: order, take: max, of: event.day}}}\n",
        "consent that is no boolean": "message_types: {marketing: {needs_consent: ¶user.city}}\n",
        "before a text": rule("{event: order, before: 1h, of: ¶event.city}"),
        "a schedule on a number": rule("{schedule: {date: ¶user.points}}", "audience: all"),
        "a phone that is a number": rule("order", "", sends("sms: 好, to: {phone: ¶event.n}")),
        "a key that is a list": "events: {x: {key: ¶ids, data: {ids: list}}}\n",
        "a time of a text": text('¶"{{ event.order_id | datetime }}"'),
        "a time of day of a date": text('¶"{{ event.day | time }}"'),
        "a date of an instant": text('"{{ event.at | date }}"'),
    },
    "wrong-place": {
        "an audience on a user's event": rule("order", "¶audience: gold"),
        "an audience on a crossing": rule("{enter: gold}", "¶audience: all"),
        "an audience on a sequence": rule("{sequence: [order, done], within: 1h}", "¶audience: all"),
        "an audience on a broadcast": rule("cast", "audience: gold"),
        "an audience on a schedule": rule('{schedule: {cron: "0 10 * * *"}}', "audience: {user.tier: gold}"),
        "the user beside an audience": rule("cast", "when: {¶user.tier: gold}\n    audience: all"),
        "a reference to the user beside an audience": rule("cast", "when: {event.city: {is: {ref: ¶user.city}}}\n    audience: all"),
        "a segment beside an audience": rule("cast", "when: {¶segment: gold}\n    audience: all"),
        "user and event in an audience": rule("cast", "audience: {user.city: {is: {ref: event.city}}}"),
        "an event in the audience of a schedule": rule('{schedule: {cron: "0 10 * * *"}}', "audience: {¶event.city: x}"),
        "an event when a segment is entered": rule("{enter: gold}", "when: {¶event.city: x}"),
        "an event in a segment": "segments: {x: {when: {¶event.city: x}}}\n",
        "the user in a trait": "user: {traits: {x: {on: order, take: count, when: {¶user.tier: gold}}}}\n",
        "the event in a step": rule("{sequence: [{event: order, as: a, when: {¶event.n: 1}}, done], within: 1h}"),
        "broadcasts and others": rule("[order, done, ¶cast]"),
        "others and broadcasts": rule("{event: [cast, ¶order]}", "audience: all"),
        "a broadcast in a sequence": rule("{sequence: [order, {event: ¶cast, as: b}], within: 1h}"),
        "a broadcast that is counted": rule("{count: ¶cast, at_least: 2, within: 1h}"),
        "two broadcasts": rule("[cast, cast2]", "audience: all"),
        "a broadcast that cancels": rule("{event: cast, before: 1h, of: event.starts_at, unless: cast2}", "audience: all"),
        "a broadcast without an audience": rule("¶cast"),
        "a schedule without an audience": rule('{¶schedule: {cron: "0 10 * * *"}}'),
        "an event for a cap of a schedule": rule(
            '{schedule: {cron: "0 10 * * *"}}', "audience: all\n    caps: [{max: 1, per: 1h, by: ¶event.city}]"
        ),
    },
    "unsafe-pattern": {
        "lookahead": when("{event.city: {matches: ¶'(?=a)'}}"),
        "a backreference": when("{event.city: {matches: ¶'(a)\\1'}}"),
        "an open bracket": when("{event.city: {matches: ¶'['}}"),
        "too many repetitions": when("{event.city: {matches: ¶'(a{1000}){1000}'}}"),
        "of a field": "events: {x: {data: {a: {type: string, pattern: ¶'(?<!a)b'}}}}\n",
        "of a list's items": "events: {x: {data: {a: {type: list, items: {type: string, pattern: ¶'('}}}}}\n",
        "of an attribute": "user: {attributes: {a: {type: string, pattern: ¶'*'}}}\n",
        "what backtracking engines fear": when("{event.city: {matches: '(a+)+$'}}"),
    },
    "cycle": {
        "of two": "segments:\n  ¶x: {when: {segment: y}}\n  y: {when: {not: {segment: x}}}\n",
        "of one": "segments:\n  ¶x: {when: {any: [{segment: gold}, {segment: x}]}}\n",
        "the first in the file": "segments:\n  ¶z: {when: {segment: a}}\n  a: {when: {segment: z}}\n",
        "one that only leads into it": "segments:\n  w: {when: {segment: x}}\n  ¶x: {when: {segment: y}}\n  y: {when: {segment: x}}\n",
        "a chain": "segments:\n  x: {when: {segment: y}}\n  y: {when: {segment: gold}}\n",
    },
    "impossible-condition": {
        "a range": when("{event.amount: {at_least: 10, below: ¶5}}"),
        "a range the other way round": when("{event.amount: {below: 5, at_least: ¶10}}"),
        "a range with room": when("{event.amount: {at_least: 5, below: 10}}"),
        "one point": when("{event.amount: {at_least: 5, at_most: 5}}"),
        "no integer between": when("{event.n: {above: 4, below: ¶5}}"),
        "a number between": when("{event.amount: {above: 4, below: 5}}"),
        "two values": when("{all: [{event.city: a}, {event.city: ¶b}]}"),
        "a value and a list": when("{event.city: a, all: [{event.city: ¶[b, c]}]}"),
        "a value and not it": when("{event.city: {is: a, is_not: ¶a}}"),
        "a value and another not": when("{event.city: {is: a, is_not: b}}"),
        "all of an enum denied": when("{event.kind: {not_in: ¶[a, b, c]}}"),
        "some of an enum denied": when("{event.kind: {not_in: [a, b]}}"),
        "missing and equal": when("{all: [{event.city: {exists: false}}, {event.city: ¶a}]}"),
        "missing or equal": when("{any: [{event.city: {exists: false}}, {event.city: a}]}"),
        "a required field missing": when("{event.amount: {exists: ¶false}}"),
        "between backwards": when("{event.n: {between: ¶[9, 1]}}"),
        "below the minimum": when("{event.amount: {below: ¶0}}"),
        "an empty list": when("{event.city: ¶[]}"),
        "a start that the value lacks": when("{event.city: {is: abc, starts_with: ¶x}}"),
        "a start that the value has": when("{event.city: {is: abc, starts_with: ab}}"),
        "older and newer": when("{user.last: {older_than: 30d, newer_than: ¶7d}}"),
        "between two ages": when("{user.last: {older_than: 7d, newer_than: 30d}}"),
        "older and still to come": when("{event.at: {older_than: 1h, within_next: ¶7d}}"),
        "dates": when('{event.day: {above: "2026-06-01", below: ¶"2026-06-02"}}'),
        "instants in zones": when('{event.at: {at_least: "2026-06-01T10:00+08:00", below: ¶"2026-06-01T02:00Z"}}'),
        "a segment and its opposite": when("{segment: dormant, user.last: {newer_than: ¶7d}}"),
        "by any of two ways": when("{event.n: 1, any: [{event.n: ¶2}, {event.n: 3}]}"),
        "another field is another matter": when("{event.n: {above: 5}, event.amount: {below: 5}}"),
        "references are not known": when("{event.n: {at_least: {ref: event.amount}, below: 1}}"),
        "a count below none": when("{user.orders: {below: ¶0}}"),
        "in a segment": "segments: {x: {when: {user.points: {above: 5, below: ¶3}}}}\n",
        "a wrong type is said elsewhere": when("{event.kind: d}"),
        "none of all there are": when("{none: [{event.n: {at_least: 5}}, {event.n: {below: ¶5}}]}"),
    },
    "always-true": {
        "a required field exists": when("{event.amount: {exists: ¶true}}"),
        "an optional field exists": when("{event.city: {exists: true}}"),
        "a field that one of the events lacks": when("{event.amount: {exists: true}}", "[order, done]"),
        "at least the minimum": when("{event.amount: {at_least: ¶0}}"),
        "above the minimum": when("{event.amount: {above: 0}}"),
        "not this or not that": when("{any: [{event.kind: {is_not: a}}, {event.kind: {is_not: ¶b}}]}"),
        "there or not": when("{any: [{event.city: {exists: true}}, {event.city: {exists: ¶false}}]}"),
        "over or under": when("{any: [{event.n: {at_least: 5}}, {event.n: {below: ¶5}}]}"),
        "over or under, or missing": when("{any: [{user.points: {at_least: 5}}, {user.points: {below: 5}}]}"),
        "none of nothing": when("{event.kind: {not_in: ¶[]}}"),
        "the whole enum": when("{event.kind: ¶[a, b, c]}"),
        "both booleans": when("{event.paid: ¶[true, false]}"),
        "lively or dormant, but never without an order": when("{any: [{segment: dormant}, {segment: lively}]}"),
        "a trait that counts": when("{user.orders: {at_least: ¶0}}"),
        "a trait that counts from one": when("{user.orders: {at_least: 1}}"),
        "a sum may be negative": when("{user.spent: {at_least: 0}}"),
    },
    "missing-template-value": {
        "a field of another event": rule("done", "", sends("template: ¶amounts")) + 'templates: {amounts: {sms: "{{ event.amount }}"}}\n',
        "a field that not all events have": rule("[order, done]", "", sends("template: ¶amounts"))
        + 'templates: {amounts: {sms: "{{ event.amount }}"}}\n',
        "a field that all events have": rule("[order, done]", "", sends("template: order")),
        "an event of a schedule": rule('{schedule: {cron: "0 10 * * *"}}', "audience: all", sends("template: ¶order")),
        "in a variant": rule("login", "variants: {a: {weight: 1}, b: {weight: 1, template: ¶order}}", sends("template: plain")),
        "in place": text('¶"{{ event.note }}"'),
        "an alias of another rule": rule("{sequence: [{event: order, as: a}, done], within: 1h}", "", sends("template: ab"))
        + '  s: {on: order, send: {type: notification, template: ¶ab}}\ntemplates: {ab: {sms: "{{ a.n }}"}}\n',
        "a code": text('¶"{{ code }}"'),
        "a code of a verification": text('"{{ code }}"', kind="verification"),
        "the completing event of a sequence": rule("{sequence: [order, done], within: 1h}", "", sends('sms: "{{ event.note }}"')),
        "any event of a together": rule("{together: [order, done], within: 1h}", "", sends('sms: ¶"{{ event.note }}"')),
        "only in a channel that is not used": rule("login", "", sends("channel: push, template: two"))
        + 'templates: {two: {push: 好, sms: "{{ event.note }}"}}\n',
        "an unknown name is another finding": text('"{{ event.nothing }}"'),
    },
    "optional-template-value": {
        "an optional field": text('¶"{{ event.city }}"'),
        "a required field": text('"{{ event.amount | money }}"'),
        "a default": text("'{{ event.city | default(\"无\") }}'"),
        "inside an if": text('"{% if event.city %}{{ event.city }}{% endif %}"'),
        "asked to exist": text('"{{ event.city }}"', rest="when: {event.city: {exists: true}}"),
        "compared": text('"{{ event.city }}"', rest="when: {event.city: [a, b]}"),
        "compared in every way": text(
            '"{{ event.city }}"', rest="when: {any: [{event.city: a}, {event.city: {starts_with: b}, event.n: 1}]}"
        ),
        "compared in one of two ways": text('¶"{{ event.city }}"', rest="when: {any: [{event.city: a}, {event.n: 1}]}"),
        "known not to be": text('¶"{{ event.city }}"', rest="when: {event.city: {is_not: a}}"),
        "not missing": text('"{{ event.city }}"', rest="when: {not: {event.city: {exists: false}}}"),
        "an attribute": text('¶"{{ user.city }}"'),
        "an attribute of an audience": text('"{{ user.tier | label }}"', "cast", "audience: gold"),
        "a count": text('"{{ user.orders }}"'),
        "the last time, which is now": text('"{{ user.last | date }}"'),
        "the last time, in a segment's crossing": text('"{{ user.last | date }}"', "{enter: dormant}"),
        "the last time, of another event": text('¶"{{ user.last | date }}"', "done"),
        "the field of before": text('"{{ event.eta | time }}"', "{event: visit, before: 1h, of: event.eta}")
        + "events: {visit: {data: {eta: {type: datetime, optional: true}}}}\n",
        "the date of a schedule": text('"{{ user.birthday }}"', "{schedule: {date: user.birthday}}", "audience: all"),
        "the other's attribute": rule("order", "when: {user.city: a}", sends('sms: ¶"{{ user.city }}", to: {user: event.tel}')),
        "the recipient": rule("order", "", sends('sms: "{{ event.url }}", to: {user: event.url}')),
        "consent": text('"{{ user.ok }}"', kind="marketing") + "message_types: {marketing: {needs_consent: user.ok}}\n",
        "in a block": block("在{{ ¶event.city }}"),
        "in another channel": rule("order", "", sends('push: {title: ¶"{{ event.city }}"}')),
        "once per text and field": text('¶"{{ event.city }}{{ event.city }}"'),
        "in a step's condition": rule(
            "{sequence: [{event: order, as: a, when: {a.city: x}}, done], within: 1h}", "", sends('sms: "{{ a.city }}"')
        ),
    },
    "too-many-parts": {
        "three parts": text(f"¶{MANY}长"),
        "two parts": text(MANY),
        "with the signature": text(f"¶{MANY[:130]}") + "book: {signature: 秒信通}\n",
        "with the ending": text(f"¶{MANY[:130]}", kind="marketing") + "message_types: {marketing: {ending: 拒收请回复R}}\n",
        "with values": text(f'¶"{MANY[:130]}{{{{ event.order_id }}}}"'),
        "with a short value": text(f'"{MANY[:128]}{{{{ event.order_id }}}}"'),
        "the longer branch": text(f'"{MANY[:100]}{{% if event.paid %}}{MANY[:30]}{{% else %}}{MANY[:30]}{{% endif %}}"'),
        "never": text(f"¶{MANY * 4}"),
        "letters for another locale": rule("order", "", sends(f"sms: {{zh_CN: 好, en: {'a' * 300}}}")),
        "letters for here": text(f"¶{'a' * 300}"),
        "another channel": rule("order", "", sends(f"email: {MANY}长")),
        "emoji count twice": text("¶" + "😀" * 68),
    },
    "verification-rules": {
        "no code": text("¶您正在登录", kind="verification"),
        "a code": text('"验证码{{ code }}"', kind="verification"),
        "no code in one language": rule("order", "", 'send: {type: verification, sms: {zh_CN: "{{ code }}", en: ¶hello}}'),
        "no code in a variant": rule(
            "order", "variants: {a: {weight: 1, template: ok}, b: {weight: 1, template: bad}}", "send: {type: verification}"
        )
        + 'templates: {ok: {sms: "{{ code }}"}, bad: {sms: ¶好}}\n',
        "in one string of another channel": rule("order", "", 'send: {type: verification, email: {subject: 好, text: "{{ code }}"}}'),
        "in no string of another channel": rule("order", "", "send: {type: verification, email: ¶{subject: 好, text: 好}}"),
        "30 minutes": "message_types: {verification: {code: {valid_for: ¶30m}}}\n",
        "over 30 minutes": "message_types: {verification: {code: {valid_for: ¶31m}}}\n",
        "10 minutes": "message_types: {verification: {code: {valid_for: 10m}}}\n",
        "of a rule": rule("order", "", 'send: {type: verification, sms: "{{ code }}", code: {valid_for: ¶1h}}'),
        "a link": text('¶"{{ code }} https://example.com/x"', kind="verification"),
        "a bare link": text('¶"{{ code }}，见example.com"', kind="verification"),
        "a mobile number": text('¶"{{ code }}，电话13800138000"', kind="verification"),
        "a service number": text('¶"{{ code }}，电话400-820-8820"', kind="verification"),
        "a link field": text('¶"{{ code }}{% if event.url %}{{ event.url }}{% endif %}"', kind="verification"),
        "a phone field": text('¶"{{ code }}{{ event.tel }}"', kind="verification"),
        "a masked phone": text('"{{ code }}{{ event.tel | mask }}"', kind="verification"),
        "figures": text('"{{ code }}，10分钟内有效，2026年"', kind="verification"),
        "a notification": text("电话13800138000"),
    },
    "unlike-keys": {
        "another object": rule("{event: order, after: 1h, unless: ¶cart}") + "events: {cart: {key: cart_id, data: {cart_id: string}}}\n",
        "the user instead of an object": rule("{event: order, after: 1h, unless: [done, {event: ¶login}]}"),
        "an object instead of the user": rule("{event: login, after: 1h, unless: ¶order}"),
        "one of several triggers": rule("{event: [order, login], after: 1h, unless: ¶done}"),
        "by the user": rule("{event: order, after: 1h, unless: {event: login, by: user}}"),
        "the same object": rule("{event: order, after: 1h, unless: [order, done]}"),
        "both the user": rule("{event: login, after: 1h, unless: login}"),
        "a broadcast by the user": rule("{event: cast, after: 1h, unless: {event: ¶login, by: user}}", "audience: all"),
        "broadcasts of one sale": rule("{event: cast, after: 1h, unless: cast2}", "audience: all"),
    },
    "no-way-out": {
        "no content for the channel": rule("order", "", sends("template: video, channel: ¶sms")),
        "no content for the chain": rule("order", "", sends("sms: 好, channel: ¶[video_sms, push]")),
        "content for one of the chain": rule("order", "", sends("template: video, channel: [video_sms, sms]")),
        "everybody held out": rule("order", "holdout: ¶100%"),
        "half held out": rule("order", "holdout: 50%"),
        "an instant outside of active": rule('{schedule: {at: ¶"2026-06-01T10:00"}}', 'audience: all\n    active: {from: "2026-07-01"}'),
        "a time that quiet hours drop": rule('{schedule: {cron: ¶"30 22 * * 1"}}', "audience: all", sends(f"sms: 好, {DROP}")),
        "one of two times": rule('{schedule: {cron: "0 10,22 * * 1"}}', "audience: all", sends(f"sms: 好, {DROP}")),
        "a time that quiet hours defer": rule('{schedule: {cron: "0 22 * * 1"}}', "audience: all", sends(f"sms: 好, {QUIET}")),
        "a time that quiet hours outlast": rule(
            '{schedule: {date: user.birthday, at: ¶"22:00"}}', "audience: all", sends(f"sms: 好, valid_for: 9h, {QUIET}")
        ),
        "a time that lasts": rule(
            '{schedule: {date: user.birthday, at: "22:00"}}', "audience: all", sends(f"sms: 好, valid_for: 10h, {QUIET}")
        ),
        "the end of quiet hours": rule('{event: order, at: "08:00"}', "", sends(f"sms: 好, {DROP}")),
        "the start of quiet hours": rule('{event: order, at: ¶"21:00"}', "", sends(f"sms: 好, {DROP}")),
        "before the event": rule("{event: order, before: ¶1h, of: event.time}"),
        "before the event, sent late": rule("{event: order, before: 1h, of: event.time, late: send}"),
        "before the event, a little": rule("{event: order, before: 0s, of: event.time}"),
        "switched off": rule("order", "enabled: false"),
    },
    "bad-window": {
        "a sequence within nothing": rule("{sequence: [order, done], within: ¶0s}"),
        "a count within nothing": rule("{count: order, at_least: 2, within: ¶0m}"),
        "a goal within nothing": rule("order", "goal: {event: done, within: ¶0d}"),
        "a trait within nothing": "user: {traits: {x: {on: order, take: count, within: ¶0d}}}\n",
        "a message for nothing": rule("order", "", sends("sms: 好, valid_for: ¶0s")),
        "a code for nothing": "message_types: {verification: {code: {valid_for: ¶0s}}}\n",
        "quiet hours of nothing": 'message_types: {notification: {quiet_hours: {from: "08:00", to: ¶"08:00"}}}\n',
        "a fallback after the end": rule(
            "order", "", sends("template: video, channel: [video_sms, push], valid_for: 5m, fallback_after: ¶10m")
        ),
        "a fallback before the end": rule(
            "order", "", sends("template: video, channel: [video_sms, push], valid_for: 5m, fallback_after: 1m")
        ),
        "a cap that another makes pointless": rule("order", "caps: [{max: 3, per: 24h}, {max: 3, per: ¶1h}]"),
        "caps that add up": rule("order", "caps: [{max: 1, per: 1h}, {max: 3, per: 24h}]"),
        "caps that count differently": rule("order", "caps: [{max: 5, per: 1h}, {max: 3, per: 24h, by: phone}]"),
        "a cap of the clock beside one that slides": rule("order", "caps: [{max: 1, per: day}, {max: 1, per: 1h}]"),
    },
    "hot-cap": {
        "of a rule": rule("order", "caps: [{max: 1, per: 1h, by: ¶all}]"),
        "of a type": "message_types: {notification: {caps: [{max: 1, per: day}, {max: 9, per: day, by: [¶all]}]}}\n",
        "of the book": "book: {caps: [{max: 1, per: 1h, by: ¶all}]}\n",
        "by user": rule("order", "caps: [{max: 1, per: 1h, by: [user, event.kind]}]"),
    },
    "uncapped-marketing": {
        "at the type": "message_types:\n  ¶marketing: {ending: R}\n" + text("好", kind="marketing"),
        "at the rule": text("好", kind="¶marketing"),
        "a cap on the type": "message_types:\n  marketing: {caps: [{max: 1, per: day}]}\n" + text("好", kind="marketing"),
        "a cap on the book": "book: {caps: [{max: 1, per: day}]}\n" + text("好", kind="marketing"),
        "a cap on the rule": text("好", rest="caps: [{max: 1, per: day}]", kind="marketing"),
        "no marketing": "message_types:\n  marketing: {ending: R}\n" + text("好"),
        "a broken type": "message_types:\n  marketing: {cap: []}\n" + text("好", kind="marketing"),
    },
    "missing-ending": {
        "at the type": "message_types:\n  ¶marketing: {caps: [{max: 1, per: day}]}\n" + text("好", kind="marketing"),
        "at the rule": text("好", kind="¶marketing"),
        "an ending": "message_types:\n  marketing: {ending: 拒收请回复R}\n" + text("好", kind="marketing"),
        "in the text": text("好，退订回T", kind="marketing"),
        "no sms": rule("order", "", "send: {type: marketing, template: video}"),
        "sms in a chain": rule("order", "", "send: {type: ¶marketing, template: plain, channel: [video_sms, sms]}"),
        "no marketing": text("好"),
    },
    "greeting-is-marketing": {
        "a festival": rule("{schedule: {festival: 端午}}", "audience: all", "send: {type: ¶notification, sms: 好}"),
        "a birthday": rule("{schedule: {date: user.birthday, every: year}}", "audience: all", "send: {type: ¶notification, sms: 好}"),
        "a date that comes once": rule("{schedule: {date: user.birthday}}", "audience: all"),
        "as marketing": rule("{schedule: {festival: 端午}}", "audience: all", "send: {type: marketing, sms: 好}"),
        "a weekly notice": rule('{schedule: {cron: "0 10 * * 1"}}', "audience: all"),
    },
    "unused": {
        "an event": "events:\n  ¶x: {data: {}}\n",
        "a segment": "segments:\n  ¶x: {when: {user.tier: gold}}\n",
        "a template": "templates:\n  ¶x: {sms: 好}\n",
        "an event only in a test": "events:\n  ¶x: {data: {}}\n" + story('events: [{at: "2026-06-01T10:00", type: x}]'),
        "an event of unless": "events:\n  x: {key: order_id, data: {order_id: string}}\n" + rule("{event: order, after: 1h, unless: x}"),
        "an event of a trait": "events:\n  x: {data: {}}\nuser: {traits: {y: {on: x, take: count}}}\n",
        "an event of a goal": "events:\n  x: {data: {}}\n" + rule("order", "goal: {event: x, within: 1d}"),
        "a segment of a segment": "segments:\n  x: {when: {user.tier: gold}}\n" + when("{not: {segment: x}}"),
        "a template of a variant": "templates:\n  x: {sms: 好}\n"
        + rule("order", "variants: {a: {weight: 1, template: x}}", "send: {type: notification}"),
        "what a broken rule names": "templates:\n  x: {sms: 好}\n" + rule("order", "whenever: 1", sends("template: x")),
    },
    "untested-rule": {
        "no test": "rules:\n  ¶r: {on: order, send: {type: notification, sms: 好}}\n",
        "only its receipt": "rules:\n  ¶r: {on: order, send: {type: notification, sms: 好}}\n"
        + "tests: {t: {receipts: [{rule: r, status: none}]}}\n",
        "an expected message": story("expect: [{rule: r}]"),
        "an expected verdict": story("verdicts: [{rule: r, outcome: skip}]"),
        "a broken test": story("expects: []"),
    },
}

PAIR = """rules:
  first: {{on: {on1}, {if1} send: {{type: notification, template: {t1}{more1}}}}}
  {mark}second: {{on: {on2}, {if2} send: {{type: notification, template: {t2}{more2}}}}}
"""


def pair(overlap: bool, on1: str = "order", on2: str = "order", if1: str = "", if2: str = "", **more: str) -> str:
    """Two rules that send one template."""
    names = {"t1": "order", "t2": "order", "more1": "", "more2": "", **more}
    return PAIR.format(mark="¶" if overlap else "", on1=on1, on2=on2, if1=if1 and f"{if1},", if2=if2 and f"{if2},", **names)


ROWS["overlapping-rules"] = {
    "the same": pair(True),
    "one of its events": pair(True, on2="[done, order]"),
    "another event": pair(False, on2="done"),
    "another template": pair(False, t2="plain"),
    "equalities that exclude": pair(False, if1="when: {event.kind: a}", if2="when: {event.kind: [b, c]}"),
    "equalities that meet": pair(True, if1="when: {event.kind: [a, b]}", if2="when: {event.kind: [b, c]}"),
    "equalities on two fields": pair(True, if1="when: {event.kind: a}", if2="when: {event.paid: true}"),
    "ranges that exclude": pair(False, if1="when: {event.n: {below: 5}}", if2="when: {event.n: {at_least: 5}}"),
    "segments that exclude": pair(False, if1="when: {segment: lively}", if2="when: {segment: dormant}"),
    "audiences that exclude": pair(False, "cast", "cast", "audience: lively", "audience: dormant", t1="plain", t2="plain"),
    "audiences that meet": pair(True, "cast", "cast", "audience: lively", "audience: gold", t1="plain", t2="plain"),
    "another instant": pair(False, on2="{event: order, after: 1h}"),
    "the same instant": pair(True, on1="{event: order, after: 1h}", on2="{event: order, after: 1h}"),
    "one of several instants": pair(True, "{event: order, before: [1d, 2h], of: event.at}", "{event: order, before: 2h, of: event.at}"),
    "another recipient": pair(False, more2=", to: {phone: event.tel}"),
    "another channel": pair(False, more1=", channel: sms", more2=", channel: push"),
    "switched off": pair(False, if2="enabled: false"),
    "one after the other": pair(False, if1='active: {until: "2026-06-01"}', if2='active: {from: "2026-06-01"}'),
    "a variant": pair(True, t1="plain, channel: sms", if1="variants: {a: {weight: 1, template: order}}"),
}

WARNINGS = {
    "impossible-condition",
    "always-true",
    "optional-template-value",
    "too-many-parts",
    "overlapping-rules",
    "no-way-out",
    "bad-window",
    "hot-cap",
    "uncapped-marketing",
    "missing-ending",
    "greeting-is-marketing",
}
SEVERITIES = {**dict.fromkeys(ROWS, "error"), **dict.fromkeys(WARNINGS, "warning"), "unused": "info", "untested-rule": "info"}
# language.md: a code good for over 10m, a link and a phone number are warnings of a check that otherwise reports errors.
MILD = {
    "30 minutes",
    "a link",
    "a bare link",
    "a mobile number",
    "a service number",
    "a link field",
    "a phone field",
}
CASES = [pytest.param(code, name, id=f"{code}: {name}") for code, rows in ROWS.items() for name in rows]


def found(code: str, yaml: str) -> list[Finding]:
    """The findings of one code in a piece of a book."""
    result = check({"base.yaml": BASE, "case.yaml": yaml})
    return [finding for finding in result.findings if finding.code == code and finding.span.file == "case.yaml"]


@pytest.mark.parametrize(("code", "name"), CASES)
def test_a_check_fires_at_the_place_and_nowhere_else(code: str, name: str) -> None:
    """Line and column of every finding are those of the marks."""
    marked = ROWS[code][name]
    places = [(line, column - row[:column].count("¶") + 1) for line, row in enumerate(marked.split("\n"), 1) for column in marks(row)]

    findings = found(code, marked.replace("¶", ""))

    assert [(finding.span.line, finding.span.column) for finding in findings] == places, [finding.message for finding in findings]


@pytest.mark.parametrize(("code", "name"), CASES)
def test_a_finding_has_the_severity_of_its_code(code: str, name: str) -> None:
    """As language.md states it; the milder of verification-rules are warnings."""
    expected = "warning" if code == "verification-rules" and name in MILD else SEVERITIES[code]

    assert {finding.severity for finding in found(code, ROWS[code][name].replace("¶", ""))} <= {expected}


def test_the_book_beside_the_rows_is_sound() -> None:
    """Else a row could owe its finding to BASE."""
    assert [finding for finding in check({"base.yaml": BASE}).findings if finding.severity != "info"] == []


def test_the_book_that_ships_has_no_finding_that_matters() -> None:
    """A check that warns of it would be wrong, or the book would be."""
    findings = load_book(ROOT / "rules" / "books" / "o2o").findings

    assert [finding for finding in findings if finding.severity != "info"] == []


def marks(row: str) -> list[int]:
    """Where the marks of a line are."""
    return [column for column, character in enumerate(row) if character == "¶"]


@pytest.mark.parametrize("kind", ["deep", "wide", "doubled", "round", "alike"])
def test_hostile_conditions_take_no_time(kind: str) -> None:
    """What would take long to work out stays open instead; nothing recurses as deep as a book can lead."""
    chain = {f"s{i}": f"{{segment: s{i + 1}}}" for i in range(1000)} | {"s1000": "{user.points: 1}"}
    double = {f"s{i}": f"{{any: [{{segment: s{i + 1}}}, {{segment: s{i + 1}}}, {{user.points: {i}}}]}}" for i in range(60)}
    circle = {f"s{i}": f"{{segment: s{(i + 1) % 1000}}}" for i in range(1000)}
    wide = ", ".join(f"{{event.n: {{is_not: {i}}}}}" for i in range(3000))
    alike = [
        f"  r{i}: {{on: order, when: {{event.n: {{above: {i}}}}}, send: {{type: notification, template: plain}}}}\n" for i in range(600)
    ]
    segments = {"deep": chain, "doubled": double, "round": circle}.get(kind, {"s0": "{user.points: 1}"})
    book = "segments:\n" + "".join(f"  {name}: {{when: {when_}}}\n" for name, when_ in segments.items())
    book += when(f"{{segment: s0, user.points: 2, any: [{wide if kind == 'wide' else '{event.n: 1}'}]}}")
    book += "".join(alike) if kind == "alike" else ""
    draft = check({"base.yaml": BASE, "case.yaml": book}).draft
    started = process_time()

    for module in CHECKS:
        list(module.check(draft))

    assert process_time() - started < 10  # seconds; without limits some of these would take hours
