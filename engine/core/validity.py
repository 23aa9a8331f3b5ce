"""Until when a message is worth sending, and until when it may leave."""

from __future__ import annotations

from datetime import tzinfo

from engine.core.outcomes import Item
from engine.core.plan import RulePlan
from engine.core.zones import next_quiet


def valid_until(rule: RulePlan, item: Item) -> int | None:
    """The last instant at which the message has a value; None: it always has."""
    return None if rule.valid_for is None else item.instant + rule.valid_for


def send_until(rule: RulePlan, item: Item, now: int, zone: tzinfo) -> int | None:
    """The last instant at which an attempt may leave: the end of its validity, or just before the next quiet time."""
    worthless = valid_until(rule, item)
    if rule.quiet is None:
        return worthless
    quiet = next_quiet(now, rule.quiet.start, rule.quiet.end, zone)
    ends = [end for end in (worthless, quiet - 1 if quiet is not None else None) if end is not None]
    return min(ends, default=None)
