"""Webhooks as people and programs manage them. Who posts to them is deliverer.py.

A secret is not kept: it is an HMAC of the webhook's id and the number of its secret, under the service's own secret. It is shown when it is
made, and by nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.core.zones import format_instant
from engine.runtime.clock import Clock
from engine.runtime.errors import Conflict, NotFound, ServiceError
from engine.runtime.payloads import Payload, payloads
from engine.store import audit, deliveries, webhooks
from engine.store.deliveries import Delivery, Happened
from engine.store.paging import Page
from engine.store.store import Store, Tx
from engine.store.webhooks import Webhook
from providers.outside import NothingSent, UrlRefused
from providers.webhook import SECRET_PREFIX, Sender

MOST = 20  # webhooks of an environment: each of them hears of every message
GRACE_SECONDS = 86_400  # how long an old secret signs beside its successor, unless somebody says otherwise
_SECOND = 1_000_000
_BATCH = 1_000  # deliveries that are deleted in one transaction


class UrlNotTaken(ServiceError):
    """Nothing will be posted to this address; the text says why."""


class Webhooks:
    """Those of one installation. `ring` is called when there is something to deliver."""

    def __init__(self, store: Store, clock: Clock, *, secret: bytes, sender: Sender, ring: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._secret = secret
        self._sender = sender
        self._ring = ring

    # ---- looking ------------------------------------------------------------------------------------------------------------------------

    def listed(self, env: str, limit: int = 100, cursor: str | None = None) -> Page[dict[str, Any]]:
        """Webhooks, newest first."""
        now = self._clock.now()
        with self._store.read() as tx:
            found = webhooks.newest(tx, env, cursor=cursor, limit=limit)
        return Page([_view(one, now) for one in found.items], found.next)

    def get(self, env: str, id: str) -> dict[str, Any] | None:
        """One webhook."""
        with self._store.read() as tx:
            found = webhooks.get(tx, env, id)
        return _view(found, self._clock.now()) if found is not None else None

    def deliveries(self, env: str, id: str, state: str | None = None, limit: int = 100, cursor: str | None = None) -> Page[dict[str, Any]]:
        """What a webhook was and will be told, newest first, with every attempt. Raises NotFound."""
        with self._store.read() as tx:
            _existing(tx, env, id)
            found = deliveries.newest(tx, id, state=state, cursor=cursor, limit=limit)
            bodies = payloads(tx, found.items)
        return Page([_delivery_view(one, bodies.get(one.seq)) for one in found.items], found.next)

    # ---- changing -----------------------------------------------------------------------------------------------------------------------

    def create(self, env: str, url: str, types: Sequence[str], description: str, by: str) -> dict[str, Any]:
        """A new webhook, with its secret. Raises UrlNotTaken, and Conflict when there are too many."""
        self._check(url)
        made = Webhook(f"wh_{secrets.token_hex(12)}", env, url, _in_order(types), description, self._clock.now(), by)

        def work(tx: Tx) -> None:
            if webhooks.count(tx, env) >= MOST:
                raise Conflict(f"there are {MOST} webhooks, which is the most: delete one")
            webhooks.add(tx, made)
            self._record(tx, made, "create", by)

        self._store.transact(work)
        return self._with_secret(made)

    def change(self, env: str, id: str, changes: Mapping[str, Any], by: str) -> dict[str, Any]:
        """Change what is given of url, types, description, enabled. What waits goes out once it is enabled again; of what happens meanwhile
        it is told nothing. Raises NotFound and UrlNotTaken."""
        if "url" in changes:
            self._check(changes["url"])

        def work(tx: Tx) -> Webhook:
            found = _existing(tx, env, id)
            after = replace(found, **_read(found, changes))
            webhooks.save(tx, after)
            self._record(tx, after, "change", by)
            return after

        changed = self._store.transact(work)
        self._ring()
        return _view(changed, self._clock.now())

    def remove(self, env: str, id: str, by: str) -> None:
        """Delete a webhook and what it was told. Raises NotFound."""

        def work(tx: Tx) -> None:
            found = _existing(tx, env, id)
            webhooks.remove(tx, env, id)
            self._record(tx, found, "delete", by)

        self._store.transact(work)
        while self._store.transact(lambda tx: deliveries.forget_all(tx, id, _BATCH)):
            pass

    def rotate(self, env: str, id: str, grace_seconds: int, by: str) -> dict[str, Any]:
        """A new secret, shown now; the one before signs too for so long, any earlier one no more. Raises NotFound."""

        def work(tx: Tx) -> Webhook:
            found = _existing(tx, env, id)
            until = self._clock.now() + grace_seconds * _SECOND if grace_seconds else None
            after = replace(found, generation=found.generation + 1, old_until=until)
            webhooks.save(tx, after)
            self._record(tx, after, "rotate", by)
            return after

        return self._with_secret(self._store.transact(work))

    # ---- telling ------------------------------------------------------------------------------------------------------------------------

    def test(self, env: str, id: str) -> dict[str, Any]:
        """Send a sample, whatever the webhook wants to hear; its delivery. Raises NotFound, and Conflict for one that is not enabled."""

        def work(tx: Tx) -> dict[str, Any]:
            _enabled(tx, env, id)
            [seq] = deliveries.add(tx, [(id, Happened(env, deliveries.SAMPLE, f"webhook:{id}", self._clock.now()))])
            return _told(tx, deliveries.by_seq(tx, seq))

        view = self._store.transact(work)
        self._ring()
        return view

    def redeliver(self, env: str, id: str, delivery: str) -> dict[str, Any]:
        """Send a delivery again, at once and then as a new one would be, under the same id. Raises NotFound, and Conflict as `test`."""

        def work(tx: Tx) -> dict[str, Any]:
            _enabled(tx, env, id)
            found = deliveries.get(tx, id, delivery)
            if found is None or found.seq not in payloads(tx, [found]):
                raise NotFound("no such delivery, or what it was about is gone")
            again = replace(found, state="pending", due=self._clock.now(), tries=0)
            deliveries.save(tx, [again])
            return _told(tx, again)

        view = self._store.transact(work)
        self._ring()
        return view

    # ---- inside -------------------------------------------------------------------------------------------------------------------------

    def _check(self, url: str) -> None:
        try:
            self._sender.check(url)
        except UrlRefused as error:
            raise UrlNotTaken(str(error)) from None
        except NothingSent:
            raise UrlNotTaken("nobody knows the name in this address") from None

    def _with_secret(self, webhook: Webhook) -> dict[str, Any]:
        key = base64.b64encode(key_of(self._secret, webhook.id, webhook.generation)).decode()
        return _view(webhook, self._clock.now()) | {"secret": SECRET_PREFIX + key}

    def _record(self, tx: Tx, webhook: Webhook, verb: str, by: str) -> None:
        detail = {"id": webhook.id, "types": list(webhook.types), "enabled": webhook.enabled}
        audit.add(tx, webhook.env, audit.Entry(self._clock.now(), by, f"webhook.{verb}", detail))


# ---- secrets ----------------------------------------------------------------------------------------------------------------------------


def key_of(secret: bytes, id: str, generation: int) -> bytes:
    """The key inside a webhook's secret of a generation."""
    return hmac.digest(secret, f"webhook secret|{id}|{generation}".encode(), hashlib.sha256)


def keys_of(secret: bytes, webhook: Webhook, now: int) -> list[bytes]:
    """What signs now, the present one first."""
    generations = [webhook.generation] + ([webhook.generation - 1] if _old_signs(webhook, now) else [])
    return [key_of(secret, webhook.id, generation) for generation in generations]


def _old_signs(webhook: Webhook, now: int) -> bool:
    return webhook.old_until is not None and now < webhook.old_until


# ---- views ------------------------------------------------------------------------------------------------------------------------------


def _view(webhook: Webhook, now: int) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "url": webhook.url,
        "types": list(webhook.types),
        "description": webhook.description,
        "enabled": webhook.enabled,
        "reason": webhook.reason,
        "failing_since": _instant(webhook.failing_since),
        "old_secret_until": _instant(webhook.old_until if _old_signs(webhook, now) else None),
        "created": format_instant(webhook.created),
        "by": webhook.creator,
    }


def _delivery_view(delivery: Delivery, payload: Payload | None) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "type": delivery.type,
        "at": format_instant(delivery.at),
        "state": delivery.state,
        "next_try": _instant(delivery.due if delivery.state == "pending" else None),
        "attempts": [
            {"at": format_instant(one.at), "milliseconds": one.milliseconds, "outcome": one.outcome, "code": one.code}
            for one in delivery.attempts
        ],
        "payload": payload,
    }


def _told(tx: Tx, delivery: Delivery) -> dict[str, Any]:
    return _delivery_view(delivery, payloads(tx, [delivery]).get(delivery.seq))


def _instant(at: int | None) -> str | None:
    return format_instant(at) if at is not None else None


# ---- reading ----------------------------------------------------------------------------------------------------------------------------


def _existing(tx: Tx, env: str, id: str) -> Webhook:
    found = webhooks.get(tx, env, id)
    if found is None:
        raise NotFound("there is no such webhook")
    return found


def _enabled(tx: Tx, env: str, id: str) -> Webhook:
    found = _existing(tx, env, id)
    if not found.enabled:
        raise Conflict("the webhook is not enabled")
    return found


def _read(found: Webhook, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that change. Enabled again, it has not failed yet."""
    fields = {name: changes[name] for name in ("url", "description", "enabled") if name in changes}
    if "types" in changes:
        fields["types"] = _in_order(changes["types"])
    if fields.get("enabled") is True and not found.enabled:
        fields |= {"reason": None, "failing_since": None}
    if fields.get("enabled") is False and found.enabled:
        fields["reason"] = "requested"
    return fields


def _in_order(types: Sequence[str]) -> tuple[str, ...]:
    return tuple(wish for wish in deliveries.wishes() if wish in types)
