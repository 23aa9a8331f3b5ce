"""Webhooks that come from Hongyan: who sent them, and when (Standard Webhooks 1.0.0)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from hongyan_client.errors import WebhookRefused

TOLERANCE = timedelta(minutes=5)
SECRET_PREFIX = "whsec_"


@dataclass(frozen=True)
class WebhookEvent:
    """A webhook that is to be trusted. The same `id` may come again (a lost answer): do its work once.

    `type`: message.delivered, verification.approved, ...; `payload` is the whole body.
    """

    id: str
    sent_at: datetime
    type: str
    payload: Mapping[str, Any] = field(repr=False)

    @property
    def data(self) -> Mapping[str, Any]:
        """What it is about."""
        data = self.payload.get("data")
        return data if isinstance(data, Mapping) else {}


def verify(
    payload: bytes | str, headers: Mapping[str, str], secret: str, *, tolerance: timedelta = TOLERANCE, now: datetime | None = None
) -> WebhookEvent:
    """The event in a webhook, if it is genuine and recent.

    Args:
        payload: the body exactly as it arrived; parsed and dumped again it has another signature.
        headers: of the request; upper or lower case.
        secret: `whsec_...`, as shown when the webhook was made.
        tolerance: how far its time may be from ours, either way.

    Raises:
        WebhookRefused: answer 400 and do nothing.
        ValueError: the secret is none.
    """
    key = _key(secret)
    body = _bytes(payload)
    given = {name.lower(): value for name, value in headers.items()}
    id, timestamp, signatures = (given.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not (id and timestamp and signatures):
        raise WebhookRefused("webhook-id, webhook-timestamp or webhook-signature is missing")
    if not re.fullmatch(r"[0-9]{1,11}", timestamp):
        raise WebhookRefused("webhook-timestamp is no whole number of seconds")

    signed = b".".join((id.encode("utf-8", "replace"), timestamp.encode(), body))
    if not _any_matches(signatures, hmac.new(key, signed, hashlib.sha256).digest()):
        raise WebhookRefused("no signature matches: another secret, or the body was changed")
    sent_at = datetime.fromtimestamp(int(timestamp), timezone.utc)
    if abs((datetime.now(timezone.utc) if now is None else now) - sent_at) > tolerance:
        raise WebhookRefused("webhook-timestamp is too far from now: a replay, or a clock is wrong")
    return _event(id, sent_at, body)


def _key(secret: str) -> bytes:
    text = secret[len(SECRET_PREFIX) :] if secret.startswith(SECRET_PREFIX) else secret
    try:
        key = base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ValueError("the secret of a webhook is whsec_ and base64")
    return key


def _bytes(payload: bytes | str) -> bytes:
    if isinstance(payload, str):
        return payload.encode("utf-8", "surrogatepass")
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload)
    raise TypeError("payload is the raw body (bytes or text), not what was parsed from it")


def _any_matches(signatures: str, digest: bytes) -> bool:
    """Whether one of the space-separated `v1,<base64>` is right (there are several while a secret is changed), in constant time."""
    expected = b"v1," + base64.b64encode(digest)
    matches = [hmac.compare_digest(expected, signature.encode("utf-8", "replace")) for signature in signatures.split(" ")]
    return any(matches)


def _event(id: str, sent_at: datetime, body: bytes) -> WebhookEvent:
    try:
        payload = json.loads(body)
    except ValueError:
        payload = None
    if not isinstance(payload, dict):
        raise WebhookRefused("the body is no JSON object")
    type = payload.get("type")
    return WebhookEvent(id, sent_at, type if isinstance(type, str) else "", payload)
