"""A shop on a Tuesday morning, for pictures: four days of sample events up to 16 June 2026, 10:31 in Shanghai, and a draft under way.

The Dragon Boat Festival is on the 19th, so the sale before it (`holiday-sale`) has just gone out.
"""

from __future__ import annotations

from datetime import date

from engine.core.zones import parse_instant
from engine.runtime.clock import TestClock
from engine.simulate import sample
from tests.console.house import Console

FIRST_DAY, DAYS, ORDERS, SEED = date(2026, 6, 13), 4, 60, 7
NOW = parse_instant("2026-06-16T10:31:08+08:00", None)
WHO = "王敏"
HOUR = 3600 * 1_000_000
_WHEN = """
    when:
      all:
        - event.amount: {at_least: 50}
        - any:
            - user.tier: [gold, platinum]
            - user.orders_90d: {at_least: 2}"""


def set_up(url: str) -> Console:
    """The shop's console, judged and sent up to now."""
    lines = list(sample.events(ORDERS, SEED, FIRST_DAY, DAYS))
    clock = TestClock(_received(lines[0]))
    console = Console(url, clock, inline=5)  # so that a small audience is a campaign, too
    service = console.service
    service.accounts.create(WHO, "admin", "correct horse", phone="13800138000", by="hongyan")
    service.put_users("live", list(sample.users(ORDERS, SEED, FIRST_DAY)))
    for line in lines:
        if _received(line) > NOW:
            break
        clock.set(_received(line))
        console.settle()
        service.accept("live", [line])
        console.settle()
        if NOW - _received(line) < HOUR:
            service.figures.step()  # as the worker does all the time
    clock.set(NOW)
    console.settle()
    service.figures.step()
    return console


def change(console: Console) -> None:
    """A draft: carts are remembered only for who buys much, an overdue pick-up four hours earlier."""
    drafts = console.service.drafts
    text = drafts.files()["marketing.yaml"]
    at = text.index("\n    send:", text.index("  cart-reminder:"))
    drafts.save("marketing.yaml", text[:at] + _WHEN + text[at:], 0, WHO)
    drafts.save("delivery.yaml", drafts.files()["delivery.yaml"].replace("after: 24h", "after: 20h"), 0, WHO)


def break_(console: Console) -> None:
    """A slip in it, with a value that the attribute does not have."""
    drafts = console.service.drafts
    file = drafts.read().files["marketing.yaml"]
    rule = file.text.index("  cart-reminder:")
    broken = file.text[rule:].replace("platinum", "platinm", 1)
    drafts.save("marketing.yaml", file.text[:rule] + broken, file.revision, WHO)


def _received(line: dict[str, object]) -> int:
    return parse_instant(str(line.get("received") or line["time"]), None)
