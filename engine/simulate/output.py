"""The lines of `simulate --format jsonl`: a promise of interfaces.md, byte for byte the same for the same input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.core.outcomes import Message, Verdict
from engine.core.phones import region
from engine.core.zones import format_instant

Prices = Mapping[str, Mapping[str, float]]  # channel -> country -> price of one part


def line_of(happening: Verdict | Message, prices: Prices) -> dict[str, Any]:
    """The line of a verdict or a message."""
    return message_line(happening, prices) if isinstance(happening, Message) else verdict_line(happening)


def message_line(message: Message, prices: Prices) -> dict[str, Any]:
    """One message. `to` is the whole number, since the input held it; a verification code stands as ******."""
    return {
        "kind": "message",
        "at": format_instant(message.at),
        "rule": message.rule,
        "user": message.user,
        "type": message.type,
        "channel": message.channel,
        "to": message.to,
        "text": message.text,
        "parts": message.parts,
        "cost": cost_of(message, prices),
        "template": message.template,
        "variant": message.variant,
        "occurrence": message.occurrence,
    }


def verdict_line(verdict: Verdict) -> dict[str, Any]:
    """One verdict, with the facts behind its reason."""
    return {
        "kind": "verdict",
        "at": format_instant(verdict.at),
        "rule": verdict.rule,
        "user": verdict.user,
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "detail": dict(verdict.detail),
        "occurrence": verdict.occurrence,
    }


def cost_of(message: Message, prices: Prices) -> float | None:
    """What the message costs."""
    return cost(message.channel, message.to, message.parts, prices)


def cost(channel: str, to: str, parts: int, prices: Prices) -> float | None:
    """Parts times the price of the channel in the number's country; None without a price."""
    by_country = prices.get(channel)
    price = by_country.get(region(to)) if by_country else None
    return None if price is None else round(parts * price, 6)
