"""Webhooks as Standard Webhooks 1.0.0 has them: signed, with an id by which the receiver de-duplicates, and a time.

`send` is for whoever has an address and secrets; the provider is it with the address of its settings. Retries are dispatch's.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from providers import outside
from providers.base import CLOSED, BaseProvider
from providers.contract import Accepted, Outcome, Reason, Receipt, ReceiptStatus, Rejected, Sinks, Submission, Unknown
from providers.settings import CommonSettings, ProviderSettingsError, setting

SECRET_PREFIX = "whsec_"
_SECRET_BYTES = range(24, 65)  # as the specification has it
# What an endpoint's answer means. Others of their hundred: see _rejected.
STATUSES: Mapping[int, Rejected] = {
    408: Rejected(Reason.RETRY_LATER, "408", True),
    410: Rejected(Reason.DEAD_NUMBER, "410", False),  # gone for good
    413: Rejected(Reason.BLOCKED_CONTENT, "413", False),
    425: Rejected(Reason.RETRY_LATER, "425", True),
    429: Rejected(Reason.THROTTLED, "429", True),
}


class BadSecret(ValueError):
    """A secret that is not `whsec_` and 24 to 64 bytes in base64. The text does not show it."""


def decode_secret(secret: str) -> bytes:
    """The key inside a `whsec_...`. Raises BadSecret."""
    text = secret.removeprefix(SECRET_PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise BadSecret("a secret is whsec_ and base64") from None
    if not secret.startswith(SECRET_PREFIX) or len(key) not in _SECRET_BYTES:
        raise BadSecret("a secret is whsec_ and 24 to 64 bytes in base64")
    return key


def sign(webhook_id: str, timestamp_seconds: int, body: bytes, keys: Sequence[bytes]) -> str:
    """The value of `webhook-signature`: one signature per key, so that a receiver may have the old or the new one."""
    signed = f"{webhook_id}.{timestamp_seconds}.".encode() + body
    digests = (hmac.digest(key, signed, hashlib.sha256) for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """How webhooks are sent: limits and what is allowed."""

    timeout_seconds: float = 10.0
    allow_private: bool = False
    allow_http: bool = False
    resolver: outside.Resolver = outside.resolve
    context: ssl.SSLContext | None = None

    def check(self, url: str) -> None:
        """Raises UrlRefused for an address that nothing is sent to, NothingSent for one whose name nobody knows."""
        outside.check(outside.parse(url, allow_http=self.allow_http), allow_private=self.allow_private, resolver=self.resolver)

    def send(self, url: str, webhook_id: str, body: bytes, keys: Sequence[bytes], now: datetime) -> Outcome:
        """Post it once. A 2xx is Accepted under the webhook's own id."""
        timestamp_seconds = int(now.timestamp())
        headers = {
            "content-type": "application/json",
            "user-agent": "hongyan-webhooks/1",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(timestamp_seconds),
            "webhook-signature": sign(webhook_id, timestamp_seconds, body, keys),
            "connection": "close",
        }
        try:
            target = outside.parse(url, allow_http=self.allow_http)
            status = outside.post(
                target,
                headers,
                body,
                timeout_seconds=self.timeout_seconds,
                allow_private=self.allow_private,
                resolver=self.resolver,
                context=self.context,
            )
        except outside.UrlRefused as error:
            return Rejected.of(Reason.MISCONFIGURED, error.code)
        except outside.NothingSent as error:
            return Rejected.of(Reason.RETRY_LATER, str(error))
        except outside.NoAnswer as error:
            return Unknown(str(error))
        return Accepted(webhook_id) if 200 <= status < 300 else _rejected(status)


def _rejected(status: int) -> Rejected:
    """Standard Webhooks takes every answer but 2xx for a failure to be tried again; a redirect is one that will not go away."""
    if status in STATUSES:
        return STATUSES[status]
    if status >= 500:
        return Rejected(Reason.RETRY_LATER, str(status), True)
    return Rejected(Reason.MISCONFIGURED, str(status), status >= 400)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings(CommonSettings):
    """Settings of a webhook."""

    url: str = setting("where to post; https, and no private address")
    secrets: tuple[str, ...] = setting("`whsec_...`, the current one first; while a secret is changed, the old one behind it", secret=True)
    timeout_seconds: float = setting("for connecting, posting and the answer together", 10.0, least=0.01)
    parallel: int = setting("how many are posted at the same time", 8, least=1)
    allow_private: bool = setting("post to private, loopback and link-local addresses too: for trials", False)
    allow_http: bool = setting("post without encryption: for trials", False)


class WebhookProvider(BaseProvider):
    """Posts a message's content as it is. The receiver de-duplicates by `webhook-id`, our id; its 2xx is also the receipt."""

    deduplicates = True

    def __init__(self, settings: WebhookSettings, sinks: Sinks, sender: Sender | None = None) -> None:
        super().__init__(settings, sinks)
        try:
            outside.parse(settings.url, allow_http=settings.allow_http)
            self._keys = [decode_secret(secret) for secret in settings.secrets]
        except ValueError as error:
            raise ProviderSettingsError(f'provider "{settings.name}": {error}') from None
        self._url = settings.url
        self._sender = sender or Sender(
            timeout_seconds=settings.timeout_seconds, allow_private=settings.allow_private, allow_http=settings.allow_http
        )
        self._gate = threading.Lock()
        self._pool = ThreadPoolExecutor(settings.parallel, thread_name_prefix=f"webhook-{settings.name}")

    def _submit(self, batch: Sequence[Submission]) -> Sequence[Outcome]:
        with self._gate:  # what is not in the pool before `close` never gets there
            if self._closed.is_set():
                return [CLOSED] * len(batch)
            posts = [self._pool.submit(self._post, submission) for submission in batch]
        outcomes = [post.result() for post in posts]
        delivered = [submission for submission, outcome in zip(batch, outcomes, strict=True) if isinstance(outcome, Accepted)]
        now = self._sinks.now()
        self._report([Receipt(one.id, one.id, ReceiptStatus.DELIVERED, now) for one in delivered if one.wants_receipt])
        return outcomes

    def _post(self, submission: Submission) -> Outcome:
        body = json.dumps(submission.content or {}, ensure_ascii=False, separators=(",", ":"), default=str).encode("utf-8", "replace")
        return self._sender.send(self._url, submission.id, body, self._keys, self._sinks.now())

    def close(self) -> None:
        with self._gate:
            super().close()
        self._pool.shutdown()
