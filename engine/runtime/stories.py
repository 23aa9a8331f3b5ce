"""Stories that people keep: private or shared cases by name, and what a link leads to. What comes here is made up, or masked before."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.runtime.clock import Clock
from engine.runtime.errors import NotFound, ServiceError
from engine.store import audit, stories
from engine.store.store import Store
from engine.store.stories import Kept

LONGEST_NAME = 80  # characters
_CASE = "c-"  # ids of cases begin so, hashes do not


class Stories:
    """The stories of one installation."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def link(self, id: str, body: Mapping[str, Any]) -> None:
        """Keep a story for its link, under the hash of its body. The same again changes nothing but how long it is kept."""
        now = self._clock.now()
        with self._store.write() as tx:
            stories.put(tx, Kept(id, None, None, True, now, now, body))

    def get(self, id: str, reader: str) -> Kept:
        """A story by its id. Raises NotFound, also for a private case of somebody else."""
        with self._store.read() as tx:
            found = stories.get(tx, id)
        if found is None or (found.owner not in (None, reader) and not found.shared):
            raise NotFound(f"there is no story {id}")
        return found

    def cases(self, reader: str) -> list[Kept]:
        """What somebody finds in the list: their own cases, and what others share."""
        with self._store.read() as tx:
            return stories.cases(tx, reader)

    def save(self, name: str, body: Mapping[str, Any], *, shared: bool, by: str) -> str:
        """Keep a case; one of the same owner and name is replaced. Its id. Raises ServiceError for what is no name."""
        name = name.strip()
        if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
            raise ServiceError(f"a name has 1 to {LONGEST_NAME} printable characters")
        now = self._clock.now()
        with self._store.write() as tx:
            known = next((one for one in stories.cases(tx, by) if one.owner == by and one.name == name), None)
            kept = Kept(_CASE + secrets.token_hex(8), name, by, shared, now, now, body)
            stories.put(tx, kept if known is None else replace(known, shared=shared, changed=now, body=body))
            audit.add(tx, "live", audit.Entry(now, by, "story.save", {"name": name, "shared": shared}))
            return kept.id if known is None else known.id

    def remove(self, id: str, by: str) -> None:
        """Forget one's own case. Raises NotFound."""
        with self._store.write() as tx:
            found = stories.get(tx, id)
            if found is None or found.owner != by:
                raise NotFound(f"you have no story {id}")
            stories.remove(tx, id)
            audit.add(tx, "live", audit.Entry(self._clock.now(), by, "story.remove", {"name": found.name}))
