"""Simulations: what a book would send, without sending."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Union
from uuid import uuid4

from hongyan_client.connection import Connection
from hongyan_client.events import Event
from hongyan_client.results import Simulation
from hongyan_client.values import instant_text, present

Book = Union[Path, Mapping[str, str], int, None]


class Simulations:
    """`client.simulations`"""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run(
        self,
        book: Book,
        events: Iterable[Event | Mapping[str, Any]],
        users: Iterable[Mapping[str, Any]] = (),
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        verdicts: bool = False,
    ) -> Simulation:
        """The messages (and, if asked, `verdicts`) that `book` decides on these events.

        Args:
            book: a folder (`Path`), the files of one (name -> YAML), or the number of a published version; None for the book that is live.
            events: in order of their time; a mapping is an event as in JSON.
            users: who is known from the start: `{"id", "phone", ...}`.
            since, until: what is printed of the virtual time; the first and last event if None.
        """
        chosen: dict[str, Any] = {}
        if isinstance(book, int):
            chosen = {"version": book}
        elif book is not None:
            chosen = {"files": _files(book) if isinstance(book, Path) else dict(book)}
        lines = [event.to_json() if isinstance(event, Event) else dict(event) for event in events]
        span = {"from": None if since is None else instant_text(since), "until": None if until is None else instant_text(until)}
        body = {**chosen, **present(**span), "events": lines, "users": [dict(user) for user in users], "verdicts": verdicts}
        return Simulation.from_json(self._connection.call("POST", "/v1/simulations", body, idempotency_key=str(uuid4())))


def _files(folder: Path) -> dict[str, str]:
    """The YAML files of a folder, by their names below it."""
    found = sorted(file for file in folder.rglob("*") if file.suffix in (".yaml", ".yml") and file.is_file())
    if not found:
        raise ValueError(f"no YAML file in {folder}")
    return {file.relative_to(folder).as_posix(): file.read_text("utf-8") for file in found}
