"""Which rules a story is run with: the draft, what is in force, or any published version. Checked and compiled once per text."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.core.compile import compile_book
from engine.core.plan import BookPlan
from engine.runtime.service import Service
from engine.store import books
from rules.checking import Checked, check
from rules.findings import Span
from rules.model import Path, path_text

_KEPT = 6


@dataclass(slots=True, eq=False)
class Rules:
    """A checked book. `plan` None: it has errors and can judge nothing."""

    digest: str
    files: Mapping[str, str]
    checked: Checked
    plan: BookPlan | None
    _paths: dict[str, Path] = field(default_factory=dict)

    def place(self, path: str) -> Span:
        """Where a node of a trace stands (`rules.x.when.any[1].event.amount`), or the nearest entry above it."""
        if not self._paths:
            self._paths.update({path_text(one): one for one, _, _ in self.checked.positions.items()})
        found = self._paths.get(path)
        while found is None and path:
            path = path[: max(path.rfind("."), path.rfind("["))] if ("." in path or "[" in path) else ""
            found = self._paths.get(path)
        return self.checked.positions.nearest(found or ())

    def lines(self, span: Span, around: int = 2) -> list[tuple[int, str]]:
        """(number, text) of the lines about a place."""
        text = self.files.get(span.file, "").splitlines()
        first = max(span.line - around, 1)
        return [(number, text[number - 1]) for number in range(first, min(span.line + around, len(text)) + 1)]


class Shelf:
    """The latest books that were asked for. May be shared by threads."""

    def __init__(self) -> None:
        self._kept: dict[str, Rules] = {}
        self._lock = threading.Lock()

    def rules(self, files: Mapping[str, str]) -> Rules:
        """These files, checked."""
        digest = books.digest_of(files)
        with self._lock:
            found = self._kept.pop(digest, None)
            if found is None:
                checked = check(dict(files))
                found = Rules(digest, dict(files), checked, compile_book(checked.book) if checked.book is not None else None)
            self._kept[digest] = found
            while len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]
            return found


@dataclass(frozen=True, slots=True)
class Choice:
    """`name`: what stands in the address (`draft`, `live`, `v17`). `version` None: the draft."""

    name: str
    version: int | None
    files: Mapping[str, str]


def choose(service: Service, env: str, name: str) -> Choice | None:
    """The files behind a name; None when there is no such version. An unknown name is the draft."""
    if name == "live" or name.startswith("v"):
        with service.store.read() as tx:
            active = books.active(tx, env)
            number = (active.version if active is not None else None) if name == "live" else _number(name)
            found = books.get(tx, number) if number is not None else None
        return Choice(name, found.version, found.files) if found is not None else None
    files = service.drafts.files()
    return Choice("draft", None, files) if files else None


def _number(name: str) -> int | None:
    digits = name[1:]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 9 else None
