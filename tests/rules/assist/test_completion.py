"""What may be written at a place. `¦` is where the caret stands; each row names some of what must be offered, and what must not."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest

from rules.assist.completion import CARET, Completion, complete
from rules.assist.library import library_of
from rules.known import Known

O2O = Path(__file__).resolve().parents[3] / "rules" / "books" / "o2o"
BOOK = {path.name: path.read_text("utf-8") for path in O2O.glob("*.yaml")}
MEMORY = Known()
RULE = "rules:\n  x:\n    "
ORDER = f"{RULE}on: order.created\n    "
PAIR = "on: {together: [{event: payment.succeeded, as: paid}, {event: order.accepted, as: taken}], within: 1h}"


def at(marked: str, language: str = "zh") -> Completion:
    """What is offered in a file beside those of the O2O book."""
    text = marked.replace("¦", "", 1)
    library = library_of({**BOOK, "x.yaml": text}, MEMORY)
    return complete(text, marked.index("¦"), library, language)  # type: ignore[arg-type]


# id: text, offered, not offered
ROWS = {
    "an empty file": ("¦", ["rules", "templates", "events"], ["on"]),
    "letters at the top": ("ru¦", ["rules"], []),
    "an empty line below a section": ("message_types:\n  ¦", ["marketing"], ["rules"]),
    "an empty rule": (f"{RULE}¦", ["on", "when", "send", "caps"], ["event"]),
    "a rule's next key": (f"{ORDER}¦", ["when", "send"], ["on"]),
    "a line before other keys": (f"{RULE}¦\n    send: {{type: marketing}}\n", ["on", "when"], ["send"]),
    "letters before other keys": (f"{RULE}wh¦\n    send: {{type: marketing}}\n", ["when"], ["send"]),
    "in the middle of a key": (f"{RULE}o¦n: order.created\n", ["on", "when"], []),
    "events behind `on:`": (f"{RULE}on: ¦", ["order.created", "cart.abandoned"], ["rules"]),
    "triggers behind `on:`": (f"{RULE}on: ¦", ["sequence", "schedule", "enter"], []),
    "events in a list": (f"{RULE}on: [order.created, ¦]", ["order.accepted"], []),
    "keys in braces": (f"{RULE}on: {{¦}}", ["event", "count", "leave"], ["cron"]),
    "keys of the trigger that was begun": (
        f"{RULE}on: {{event: order.created, ¦}}", ["after", "unless", "before"], ["event", "cron", "within"],
    ),
    "a brace that is not closed": (f"{RULE}on: {{event: order.created, ¦\n    send: {{}}\n", ["after"], ["send"]),
    "a date of the event for before": (
        f"{RULE}on: {{event: coupon.issued, before: 2d, of: ¦}}", ["event.expires_at"], ["event.coupon_id", "user.birthday"],
    ),
    "unless": (f"{RULE}on:\n      event: order.created\n      unless: ¦", ["order.cancelled", "event"], []),
    "a long unless": (f"{RULE}on:\n      event: order.created\n      unless: {{event: order.created, ¦}}", ["by", "when"], ["after"]),
    "the condition of an unless": (
        f"{RULE}on: {{event: order.created, unless: {{event: order.reviewed, when: {{¦}}}}}}", ["event.score"], ["event.item"],
    ),
    "a step": (f"{RULE}on: {{sequence: [{{event: order.created, ¦}}], within: 1h}}", ["as", "when"], ["after"]),
    "keys of a schedule": (f"{RULE}on: {{schedule: {{¦}}}}", ["cron", "festival", "date", "at"], ["event"]),
    "a festival": (f"{RULE}on: {{schedule: {{festival: [端午, ¦]}}}}", ["中秋", "春节"], []),
    "a user's date": (f"{RULE}on: {{schedule: {{date: ¦}}}}", ["user.birthday"], ["user.city", "event.time"]),
    "a segment to enter": (f"{RULE}on: {{enter: ¦}}", ["dormant", "vip"], ["all"]),
    "fields of a condition": (f"{ORDER}when:\n      ¦", ["event.amount", "user.tier", "all", "segment"], ["event.store_id", "is"]),
    "a field below other keys": (f"{ORDER}when:\n      event.¦\n    send: {{}}\n", ["event.amount"], []),
    "fields in braces": (f"{ORDER}when: {{user.¦}}", ["user.spent", "user.city"], []),
    "no user beside an audience": (f"{RULE}on: flashsale.announced\n    audience: members\n    when: {{¦}}", ["segment"], ["user.tier"]),
    "an item of a list": (f"{ORDER}when:\n      all:\n        - ¦", ["event.amount", "any"], []),
    "a line where a dash is missing": (f"{ORDER}when:\n      all:\n        - event.amount: 1\n        ¦", ["event.item"], []),
    "fields of aliases": (f"{RULE}{PAIR}\n    when: {{taken.¦}}", ["taken.merchant", "paid.amount"], ["taken.amount"]),
    "operators of a number": (
        f"{ORDER}when: {{event.amount: {{¦}}}}", ["above", "between", "exists"], ["contains", "older_than", "starts_with"],
    ),
    "operators of a text": (f"{ORDER}when:\n      event.item:\n        ¦", ["contains", "starts_with", "matches"], ["older_than"]),
    "operators of an instant": (f"{ORDER}when: {{user.last_order_at: {{¦", ["older_than", "within_next", "on_date"], ["contains"]),
    "operators of a list": (f"{ORDER}when: {{user.bought: {{¦}}}}", ["contains", "exists"], ["above", "is"]),
    "values of an enum": (f"{ORDER}when: {{user.tier: ¦}}", ["gold", "platinum"], ["true"]),
    "values of an enum in a list": (f"{ORDER}when: {{user.tier: [gold, ¦]}}", ["platinum"], []),
    "values of an enum behind an operator": (f"{ORDER}when: {{user.tier: {{is_not: ¦}}}}", ["basic"], []),
    "true and false": (f"{ORDER}when: {{user.member: ¦}}", ["true", "false"], []),
    "a duration": (f"{ORDER}when: {{user.last_order_at: {{older_than: ¦}}}}", ["3d", "24h"], []),
    "a segment of a condition": (f"{ORDER}when: {{segment: ¦}}", ["vip"], ["all"]),
    "a reference": (f"{ORDER}when: {{event.item: {{is: {{ref: ¦}}}}}}", ["user.city"], []),
    "an audience": (f"{RULE}on: flashsale.announced\n    audience: ¦", ["members", "all"], []),
    "the kinds of message": (f"{ORDER}send: {{type: ¦", ["verification", "marketing"], []),
    "a channel": (f"{ORDER}send: {{type: marketing, channel: ¦}}", ["sms", "video_sms"], []),
    "a template": (f"{ORDER}send: {{type: marketing, template: ¦}}", ["cart_reminder"], []),
    "a template of a variant": (f"{ORDER}variants: {{a: {{weight: 1, template: ¦}}}}", ["cart_reminder"], []),
    "a recipient": (f"{ORDER}send: {{to: {{¦}}}}", ["user", "phone"], []),
    "a window of a cap": (f"{ORDER}caps:\n      - {{max: 1, per: ¦}}", ["24h", "day", "ever"], []),
    "what a cap counts by": (f"{ORDER}caps:\n      - {{max: 1, per: 24h, by: ¦}}", ["user", "phone", "event.order_id"], []),
    "keys of a cap on lines": (f"{ORDER}caps:\n      - max: 1\n        ¦", ["per", "by"], ["max"]),
    "events of a goal": (f"{ORDER}goal: {{event: ¦}}", ["order.completed"], []),
    "fields of a goal": (f"{ORDER}goal: {{event: order.completed, within: 7d, when: {{¦}}}}", ["event.category"], ["event.item"]),
    "types of a field": ("events:\n  x:\n    data:\n      a: ¦", ["string", "datetime", "type"], []),
    "flags of a field": ("events:\n  x:\n    data:\n      a: {type: string, ¦}", ["optional", "enum", "secret"], ["type"]),
    "the key of an event": ("events:\n  x:\n    key: ¦\n    data: {order_no: string}\n", ["order_no"], []),
    "what is taken": ("user:\n  traits:\n    x: {on: order.completed, take: ¦}", ["latest", "distinct"], []),
    "what it is taken of": ("user:\n  traits:\n    x: {on: order.completed, take: sum, of: ¦}", ["event.amount"], ["user.city"]),
    "fields of a segment": ("segments:\n  x:\n    when: {¦}", ["user.spent", "segment"], ["event.amount"]),
    "consent": ("message_types:\n  marketing: {needs_consent: ¦}", ["user.consent_marketing"], ["user.city"]),
    "quiet hours": ("message_types:\n  marketing: {quiet_hours: {from: \"21:00\", to: \"08:00\", then: ¦}}", ["defer", "drop"], []),
    "channels of a template": ("templates:\n  x:\n    ¦", ["sms", "caller_card"], []),
    "a variable": ("templates:\n  order_created:\n    sms: 您已下单{{ ¦ }}", ["event.item", "user.city"], ["event.score"]),
    "a variable of a quoted text": ("templates:\n  order_created:\n    sms: \"{{ event.i¦", ["event.item"], []),
    "a variable in a block": ("templates:\n  order_created:\n    sms: |\n      您好，\n      {{ ev¦\n", ["event.item"], []),
    "a variable of an alias": ("templates:\n  paid_and_accepted:\n    sms: 好{{ ¦", ["paid.order_id", "accepted.merchant"], []),
    "a filter of a number": (
        "templates:\n  order_created:\n    sms: \"{{ event.amount | ¦ }}\"", ["money", "default"], ["datetime", "label"],
    ),
    "a filter of an instant": ("templates:\n  order_created:\n    sms: 约{{ event.service_at|d¦", ["datetime", "date"], ["money"]),
    "a filter of an enum": (
        f"{RULE}on: account.changed\n    send: {{type: notification, sms: \"{{{{ event.field | ¦\"}}", ["label"], ["money"],
    ),
    "a tag": ("templates:\n  order_created:\n    sms: 好{% ¦", ["if", "endif"], []),
    "the test of a tag": ("templates:\n  order_created:\n    sms: 好{% if ¦ %}", ["event.service_at"], []),
    "nothing beside the braces": ("templates:\n  order_created:\n    sms: 好¦{{ event.item }}", [], ["event.item"]),
    "keys of a test": ("tests:\n  x:\n    ¦", ["users", "events", "expect"], []),
    "data of a test's event": (
        "tests:\n  x:\n    events:\n      - {at: +0s, type: order.created, data: {item: 花, ¦}}", ["amount", "order_id"], ["item"],
    ),
    "a rule of a test": ("tests:\n  x:\n    expect:\n      - {rule: ¦}", ["order-created", "birthday"], []),
    "a user of a test": ("tests:\n  x:\n    users: {u1: {}, u2: {}}\n    expect:\n      - {user: ¦}", ["u1", "u2"], []),
    "a reason of a test": ("tests:\n  x:\n    verdicts:\n      - {outcome: skip, reason: ¦}", ["capped", "holdout"], []),
    "nothing in a comment": (f"{ORDER}# wh¦", [], ["when"]),
    "behind Chinese": ("templates:\n  x:\n    sms: 您的订单\nrules:\n  下单:\n    ¦", ["on", "send"], []),
    "after a line that is no YAML": ("rules:\n  a: {on: [x\n  x:\n    on: order.created\n    ¦", ["when", "send"], []),
    "with a quote that is not closed": ("rules:\n  a:\n    name: \"下单\n    on: ¦\n", ["order.created"], []),
    "with tabs above": ("rules:\n\ta: 1\n  x:\n    on: order.created\n    ¦", ["when"], []),
}  # fmt: skip


@pytest.mark.parametrize(("text", "offered", "absent"), ROWS.values(), ids=ROWS.keys())
def test_what_is_offered(text: str, offered: list[str], absent: list[str]) -> None:
    """The fitting words, and no others."""
    labels = {item.label for item in at(text).items}

    assert set(offered) - labels == set()
    assert set(absent) & labels == set()


INSERTS = {
    "a key": (f"{RULE}wh¦", "when", f"{RULE}when: ¦"),
    "a key that has its colon": (f"{RULE}w¦hen: {{}}", "when", f"{RULE}when¦: {{}}"),
    "a mapping behind a key": (f"{RULE}on: ¦", "schedule", f"{RULE}on: {{schedule: ¦}}"),
    "an operator behind a field": (f"{ORDER}when: {{event.amount: ¦}}", "above", f"{ORDER}when: {{event.amount: {{above: ¦}}}}"),
    "a field with its root": (f"{ORDER}when: {{event.am¦}}", "event.amount", f"{ORDER}when: {{event.amount: ¦}}"),
    "a missing dash": (
        f"{ORDER}when:\n      any:\n        - user.member: true\n        ¦",
        "segment",
        f"{ORDER}when:\n      any:\n        - user.member: true\n        - segment: ¦",
    ),
    "a value inside quotes": (f"{ORDER}when: {{user.tier: \"go¦\"}}", "gold", f"{ORDER}when: {{user.tier: \"gold¦\"}}"),
    "a time of day is quoted": (
        f"{RULE}on: {{event: order.created, at: ¦}}", "09:00", f"{RULE}on: {{event: order.created, at: \"09:00\"¦}}",
    ),
    "a variable and its braces": (
        "templates:\n  order_created:\n    sms: 好{{ ¦", "event.item", "templates:\n  order_created:\n    sms: 好{{ event.item }}¦",
    ),
    "a variable in braces": (
        "templates:\n  order_created:\n    sms: 好{{ event.¦ }}", "event.item",
        "templates:\n  order_created:\n    sms: 好{{ event.item¦ }}",
    ),
    "a filter with its word": (
        "templates:\n  order_created:\n    sms: 好{{ event.item | tr¦ }}",
        "truncate",
        "templates:\n  order_created:\n    sms: 好{{ event.item | truncate(¦12) }}",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "label", "wanted"), INSERTS.values(), ids=INSERTS.keys())
def test_what_comes_in(text: str, label: str, wanted: str) -> None:
    """Where the caret comes to stand, too."""
    found = at(text)
    insert = next(item.insert for item in found.items if item.label == label)
    insert = insert if CARET in insert else insert + CARET
    plain = text.replace("¦", "", 1)

    assert plain[: found.start] + insert + plain[found.end :] == wanted


def test_it_says_what_things_are_in_both_languages() -> None:
    text = f"{ORDER}when: {{¦}}"
    chinese = {item.label: item.help for item in at(text).items}
    english = {item.label: item.help for item in at(text, "en").items}

    assert (chinese["user.spent"].kind, chinese["user.spent"].type, chinese["user.spent"].text) == (
        "trait",
        "number",
        "由 order.completed 的 amount 求和。",
    )
    assert english["user.spent"].text == "the sum of amount over order.completed."
    assert english["all"].text == "Every item holds."
    assert chinese["all"].text == "全部成立。"


def test_every_prefix_of_the_book_can_be_asked() -> None:
    """Whatever is written so far, there is an answer and no error; the file behind the caret may be gone."""
    text = BOOK["orders.yaml"]
    library = library_of({**BOOK, "orders.yaml": text}, MEMORY)
    for offset in range(0, len(text), 7):
        complete(text[:offset], offset, library)
        found = complete(text, offset, library)
        assert found.start <= offset <= found.end or not found.items


@pytest.mark.slow
def test_it_is_fast() -> None:
    """Under 50 ms of processor time with the whole book, one file of it being new. Measured: 8 to 12."""
    text = BOOK["marketing.yaml"]
    taken = []
    for number in range(5):
        began = process_time()
        changed = f"{text}\n  x{number}:\n    on: {{"
        library = library_of({**BOOK, "marketing.yaml": changed}, MEMORY)
        assert complete(changed, len(changed), library).items
        taken.append(process_time() - began)

    assert sorted(taken)[2] < 0.05
