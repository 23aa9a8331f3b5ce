"""missing-ending: marketing by sms that does not say how to refuse it. A warning: operators do not accept such texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rules.checks._marketing import MARKETING, at_type_or_rules, marketing_rules
from rules.checks._texts import literal, looks, texts
from rules.findings import Finding
from rules.model import Rule

if TYPE_CHECKING:
    from rules.draft import Draft

CODE = "missing-ending"
# How texts say it themselves: 拒收请回复R, 退订回T, 回TD退订, Reply STOP to unsubscribe.
SAYS_HOW = re.compile(r"拒收|退订|unsubscribe|\bSTOP\b", re.IGNORECASE)


def check(draft: Draft) -> Iterator[Finding]:
    """Marketing rules with an sms, where the type has no ending and the text itself does not say it either."""
    type_ = draft.book.message_types.get(MARKETING)
    if type_ is not None and type_.ending:
        return
    silent = [rule for rule in marketing_rules(draft) if _sends_silent_sms(draft, rule)]
    hint = "ending: 拒收请回复R in message_types.marketing"
    yield from at_type_or_rules(draft, CODE, silent, "marketing by sms does not say how to refuse it", hint)


def _sends_silent_sms(draft: Draft, rule: Rule) -> bool:
    if rule.send.channels and "sms" not in rule.send.channels:
        return False
    sms = [text for look in looks(draft, rule) for text in texts(look.template, ("sms",))]
    return any(not SAYS_HOW.search(literal(text.parsed)) for text in sms)
