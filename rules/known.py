"""What was read before: a book that is being written changes in one file, often in one letter. A memory for `check`; it changes no result.

Kept are the nodes of texts, the plain tree of each entry, and which plain trees were found sound: all by identity, so that what has not
been read anew is the very same object.
"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from rules.judge import Judge
from rules.latest import Latest
from rules.model import Path, Scalar
from rules.positions import Place
from rules.yaml12 import Document, Node, read

Plain = Scalar | list["Plain"] | dict[str, "Plain"]

MAX_DOCUMENTS = 120  # of the O2O book there are 20, and a few people write at once
MAX_ENTRIES = 20_000
MAX_CHARACTERS = 200_000  # of a file that is kept; larger ones are read anew


@dataclass(frozen=True, slots=True)
class Entry:
    """What was made of a node without a fault: its plain tree, and where everything in it stands."""

    node: Node
    plain: Plain
    places: dict[Path, Place]


class Known:
    """The memory of one console. Threads may share it: the worst that can happen is that something is read twice."""

    def __init__(self) -> None:
        self._documents: Latest[Document] = Latest(MAX_DOCUMENTS)
        self._entries: Latest[Entry] = Latest(MAX_ENTRIES)
        self._judges: Latest[Judge] = Latest(4)

    def document(self, text: str) -> Document:
        """The nodes of a file's text."""
        if len(text) > MAX_CHARACTERS:
            return read(text)
        return self._documents.get(text) or self._documents.put(text, read(text))

    def entry(self, file: str, path: Path, node: Node) -> Entry | None:
        """What was made of this very node."""
        found = self._entries.get((file, path))
        return found if found is not None and found.node is node else None

    def keep(self, file: str, path: Path, entry: Entry) -> None:
        """Remember an entry."""
        self._entries.put((file, path), entry)

    def judge(self, local: ZoneInfo) -> Judge:
        """The judge of a zone, which remembers what it found sound."""
        return self._judges.get(local.key) or self._judges.put(local.key, Judge(local, Latest(MAX_ENTRIES)))
