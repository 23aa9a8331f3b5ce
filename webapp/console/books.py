"""Which book a page is about: the draft, what is in force, or a version by its number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext

from engine.runtime.errors import NoBook, NotFound
from engine.store import books
from engine.store.books import digest_of
from webapp.console import frame

DRAFT, LIVE = "draft", "live"


@dataclass(frozen=True, slots=True)
class BookRef:
    """A book as a page names it. `code`: draft, live, or a number, as in addresses; `version` None: the draft."""

    code: str
    label: str
    version: int | None
    files: Mapping[str, str]

    @property
    def digest(self) -> str:
        """What two with the same text share."""
        return digest_of(self.files)


def book_ref(code: str) -> BookRef:
    """The book that an address names. Raises NotFound, NoBook."""
    service = frame.house().service
    if code == DRAFT:
        return BookRef(code, gettext("草稿"), None, service.drafts.files())
    with service.store.read() as tx:
        active = books.active(tx, "live")
        if code == LIVE and active is None:
            raise NoBook("nothing is published")
        number = active.version if code == LIVE and active is not None else int(code) if code.isdecimal() else -1
        found = books.get(tx, number)
    if found is None:
        raise NotFound(gettext("没有版本 %(version)s。", version=code[:20]))
    label = gettext("正式 v%(version)s", version=number) if active is not None and active.version == number else f"v{number}"
    return BookRef(code, label, number, found.files)
