"""Which (source, id) were seen before, in flat memory: a set while there are few, then a temporary SQLite table behind a Bloom filter."""

from __future__ import annotations

import sqlite3
from types import TracebackType

LIMIT = 200_000  # identities held in memory, some 30 MB
_BITS = 26  # 2^26 bits are 8 MB; with two probes 7 % needless look-ups at ten million identities
_MASK = (1 << _BITS) - 1


class SeenIds:
    """A growing set of identities. To be closed, or used in `with`."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._recent: set[str] = set()
        self._table: sqlite3.Connection | None = None
        self._bloom = bytearray()
        self.lookups = 0  # in the table

    def add(self, source: str, id: str) -> bool:
        """Whether this identity is new; from now on it is not."""
        key = f"{source}\n{id}"
        recent = self._recent
        if key in recent or (self._table is not None and self._is_in_table(key)):
            return False
        recent.add(key)
        if len(recent) >= self._limit:
            self._spill()
        return True

    @property
    def in_memory(self) -> int:
        """How many identities are held in memory now."""
        return len(self._recent)

    def close(self) -> None:
        """Forget everything; the temporary file goes with it."""
        if self._table is not None:
            self._table.close()
            self._table = None
        self._recent.clear()

    def __enter__(self) -> SeenIds:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _is_in_table(self, key: str) -> bool:
        assert self._table is not None
        digest = hash(key)
        first, second = digest & _MASK, (digest >> _BITS) & _MASK
        bloom = self._bloom
        if not (bloom[first >> 3] & (1 << (first & 7)) and bloom[second >> 3] & (1 << (second & 7))):
            return False
        self.lookups += 1
        return self._table.execute("SELECT 1 FROM seen WHERE key = ?", (key,)).fetchone() is not None

    def _spill(self) -> None:
        if self._table is None:
            self._table = sqlite3.connect("")  # a temporary file that SQLite makes when needed and deletes itself
            self._table.execute("PRAGMA journal_mode = OFF")
            self._table.execute("PRAGMA cache_size = -16384")
            self._table.execute("CREATE TABLE seen (key TEXT PRIMARY KEY) WITHOUT ROWID")
            self._bloom = bytearray(1 << (_BITS - 3))
        bloom = self._bloom
        for key in self._recent:
            digest = hash(key)
            first, second = digest & _MASK, (digest >> _BITS) & _MASK
            bloom[first >> 3] |= 1 << (first & 7)
            bloom[second >> 3] |= 1 << (second & 7)
        # In order, so that pages of the table are written one after the other.
        self._table.executemany("INSERT INTO seen VALUES (?)", ((key,) for key in sorted(self._recent)))
        self._table.commit()
        self._recent.clear()
