"""What a webhook is told, as Standard Webhooks has it: `{"type", "timestamp", "data"}`.

Made from the subject's own row when it is sent or looked at, and from what the delivery remembers of the instant: so nothing about a person
is kept twice. Never in it: a text, a code, a number that is not masked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from engine.core.phones import mask
from engine.core.zones import format_instant
from engine.observe import mask_numbers
from engine.store import campaigns, deliveries, messages, verifications
from engine.store.deliveries import Delivery
from engine.store.messages import Stored
from engine.store.store import Tx
from engine.traces import trace_of

Payload = dict[str, Any]


def payloads(tx: Tx, told: Sequence[Delivery]) -> dict[int, Payload]:
    """By the delivery's seq; those whose subject is gone are left out."""
    of_messages = {one.seq: int(_name(one)) for one in told if one.type.startswith("message.")}
    stored = messages.by_seq(tx, set(of_messages.values())) if of_messages else {}
    found: dict[int, Payload] = {}
    for one in told:
        if one.seq in of_messages:
            message = stored.get(of_messages[one.seq])
            data = _message(message) if message is not None else None
        else:
            data = _other(tx, one)
        if data is not None:
            shown = {name: _masked(value) for name, value in {**data, **one.detail}.items()}
            found[one.seq] = {"type": one.type, "timestamp": format_instant(one.at), "data": shown}
    return found


def body(payload: Payload) -> bytes:
    """As it is signed and sent."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _name(delivery: Delivery) -> str:
    return delivery.subject.partition(":")[2]


def _message(stored: Stored) -> Payload:
    message = stored.message
    return {
        "id": message.id,
        "trace": trace_of(stored.env, message.occurrence),
        "at": format_instant(message.at),
        "rule": message.rule,
        "occurrence": message.occurrence,
        "user": message.user,
        "type": message.type,
        "channel": message.channel,
        "to": mask(message.to),
        "template": message.template,
        "variant": message.variant,
        "campaign": stored.campaign,
    }


def _other(tx: Tx, delivery: Delivery) -> Payload | None:
    if delivery.type == deliveries.SAMPLE:
        return {"webhook": delivery.webhook}
    if delivery.type.startswith("campaign."):
        campaign = campaigns.get(tx, delivery.env, _name(delivery))
        if campaign is None:
            return None
        return {
            "id": campaign.id,
            "at": format_instant(campaign.instant),
            "rules": [{"rule": item.rule, "occurrence": item.occurrence} for item in campaign.items],
        }
    found = verifications.get(tx, delivery.env, _name(delivery))
    if found is None:
        return None
    return {"id": found.id, "purpose": found.purpose, "user": found.user, "phone": mask(found.phone)}


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask_numbers(value)
    if isinstance(value, list):
        return [_masked(one) for one in value]
    return {name: _masked(one) for name, one in value.items()} if isinstance(value, Mapping) else value
