"""Users: whom messages reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hongyan_client.connection import Connection
from hongyan_client.results import User
from hongyan_client.values import present, segment


class Users:
    """`client.users`"""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(
        self,
        id: str,
        phone: str | None = None,
        timezone: str | None = None,
        locale: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        suppressed: Sequence[str] | None = None,
    ) -> User:
        """Creates or replaces a user. What is None is not sent.

        Args:
            suppressed: message types that they have opted out of, or `["all"]`.
        """
        if isinstance(suppressed, str):
            raise TypeError("suppressed is a list of message types, or ['all']")
        body = present(phone=phone, timezone=timezone, locale=locale, attributes=attributes, suppressed=_list(suppressed))
        return User.from_json(self._connection.call("PUT", _path(id), body))

    def get(self, id: str) -> User:
        """Raises NotFound."""
        return User.from_json(self._connection.call("GET", _path(id)))

    def erase(self, id: str) -> None:
        """Erases all that is held about a person; an opt-out survives. Raises NotFound for somebody who was not there."""
        self._connection.call("DELETE", _path(id))


def _path(id: str) -> str:
    return f"/v1/users/{segment('id', id)}"


def _list(items: Sequence[str] | None) -> list[str] | None:
    return None if items is None else list(items)
