"""Messages: what was sent, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator

from hongyan_client.connection import Connection
from hongyan_client.results import Message, Reader
from hongyan_client.values import present, segment


class Messages:
    """`client.messages`"""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self, user: str | None = None, rule: str | None = None, event: str | None = None, state: str | None = None, page_size: int = 100
    ) -> Iterator[Message]:
        """All messages that match, fetched page by page as you go: stop early and the rest is never asked for."""
        params: dict[str, str] = present(user=user, rule=rule, event=event, state=state) | {"limit": str(page_size)}
        seen: set[str] = set()
        while True:
            page = Reader("messages", self._connection.call("GET", "/v1/messages", params=params))
            for item in page.needed_items("items"):
                yield Message.from_json(item)
            cursor = page.maybe_text("next")
            if cursor is None:
                return
            if cursor in seen:
                raise page.unexpected("next should lead on, but leads in a circle")
            seen.add(cursor)
            params = {**params, "cursor": cursor}

    def get(self, id: str) -> Message:
        """One message with its attempts and receipts. Raises NotFound."""
        return Message.from_json(self._connection.call("GET", f"/v1/messages/{segment('id', id)}"))
