"""Verification codes: send one, check what the person typed."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from hongyan_client.connection import Connection
from hongyan_client.results import Checked, Verification
from hongyan_client.values import present, segment


class Verifications:
    """`client.verifications`"""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def start(
        self, phone: str, purpose: str, ip: str | None = None, device_id: str | None = None, idempotency_key: str | None = None
    ) -> Verification:
        """Sends a code. Give the person's `ip` and `device_id`: the limits against abuse count by them.

        Raises:
            RateLimited: too soon, or too many; `retry_after_seconds` says when the next may be asked for.
        """
        body = present(phone=phone, purpose=purpose, ip=ip, device_id=device_id)
        return Verification.from_json(self._post("/v1/verifications", body, idempotency_key))

    def check(self, id: str, code: str) -> Checked:
        """Whether `code` is the one sent: `.approved`. Each call uses up a check; its own repetitions do not.

        Raises:
            InvalidRequest: not 4 to 10 digits, so not a code at all.
        """
        return Checked.from_json(self._post(f"/v1/verifications/{segment('id', id)}/check", {"code": _code(code)}))

    def check_by(self, *, purpose: str, code: str, phone: str | None = None, user: str | None = None) -> Checked:
        """The same without an id: by phone or by user, for codes that an event started."""
        if (phone is None) == (user is None):
            raise ValueError("give a phone or a user, one of them")
        body = present(phone=phone, user=user, purpose=purpose, code=_code(code))
        return Checked.from_json(self._post("/v1/verifications/check", body))

    def _post(self, path: str, body: dict[str, str], idempotency_key: str | None = None) -> Any:
        key = str(uuid4()) if idempotency_key is None else idempotency_key
        return self._connection.call("POST", path, body, idempotency_key=key)


def _code(code: str) -> str:
    if not isinstance(code, str):
        raise TypeError("a code is a text: as a number it loses its leading zeros")
    return code.strip()
