"""The draft: one for the whole book, edited by several people, saved file by file. Who saves over somebody else's change is told first.

A file's revision is what its next editor must name. 0: the file stands as in the base version, or is not there yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.runtime.clock import Clock
from engine.runtime.errors import NotFound, ServiceError
from engine.store import audit, books, drafts
from engine.store.drafts import Edit, Standing
from engine.store.store import Store, Tx
from rules.yaml12 import MAX_BYTES

LONGEST_NAME = 120  # characters


class DraftConflict(ServiceError):
    """Somebody else changed the file since: who, when, and what it holds now (`text` None: it is gone)."""

    def __init__(self, name: str, who: str, at: int, revision: int, text: str | None) -> None:
        super().__init__(f"{name} was changed by {who}")
        self.name, self.who, self.at, self.revision, self.text = name, who, at, revision, text


@dataclass(frozen=True, slots=True)
class DraftFile:
    """A file of the draft. `revision` 0 and no editor: as in the base version."""

    text: str
    revision: int = 0
    edited_by: str | None = None
    edited_at: int | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """The draft as a whole. `base_version`: what it began from; `live_version`: what is in force now (None: nothing is published)."""

    base_version: int | None
    live_version: int | None
    files: Mapping[str, DraftFile]
    base_files: Mapping[str, str]  # of the base version
    gone: Mapping[str, Edit]  # files of the base that the draft removes
    changed: tuple[str, ...]  # names of files that differ from the base, removed ones too
    edited_by: str | None = None  # the last change
    edited_at: int | None = None

    @property
    def texts(self) -> dict[str, str]:
        """name -> text, as `rules.checking.check` takes it."""
        return {name: file.text for name, file in self.files.items()}

    @property
    def is_behind(self) -> bool:
        """Somebody has published since the draft began."""
        return bool(self.changed) and self.base_version != self.live_version


class Drafts:
    """The draft of one installation."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def read(self) -> Draft:
        """The draft as it stands; without edits, what is in force."""
        with self._store.read() as tx:
            return _draft(tx)

    def files(self) -> dict[str, str]:
        """name -> text of the whole draft."""
        return self.read().texts

    def save(self, name: str, text: str, revision: int, by: str) -> int:
        """Keep a file, if it is still what its editor saw (`revision`); its new revision. Raises DraftConflict, ServiceError."""
        _check(name, text)
        return self._edit(name, text, revision, by)

    def remove(self, name: str, revision: int, by: str) -> int:
        """Take a file away, if it is still what its editor saw. Raises DraftConflict, NotFound."""
        if name not in self.files():
            raise NotFound(f"there is no file {name}")
        return self._edit(name, None, revision, by)

    def replace(self, files: Mapping[str, str], by: str) -> None:
        """These files and no others, over what is in force: "open as draft" of an old version. Edits are given up; the audit says so."""
        for name, text in files.items():
            _check(name, text)
        with self._store.write() as tx:
            now = self._begin_anew(tx, by)
            base = _base_files(tx, now.base)
            for name in sorted(base.keys() | files.keys()):
                if base.get(name) != files.get(name):
                    drafts.put(tx, Edit(name, files.get(name), now.revision, by, now.at))
            audit.add(tx, "live", audit.Entry(now.at, by, "draft.replace", {}))

    def discard(self, by: str) -> None:
        """Give up all edits. The audit says who did."""
        with self._store.write() as tx:
            changed = len(drafts.edits(tx))
            now = self._begin_anew(tx, by)
            audit.add(tx, "live", audit.Entry(now.at, by, "draft.discard", {"files": changed}))

    def published(self, by: str) -> None:
        """The draft is in force now: nothing differs."""
        with self._store.write() as tx:
            self._begin_anew(tx, by)

    def rebase(self, by: str) -> tuple[str, ...]:
        """Go on from what is in force now; the names of files that were changed there as well and that the draft's text would replace."""
        with self._store.write() as tx:
            old = _draft(tx)
            now = self._stand(tx, drafts.standing(tx), _live(tx), by)
            new = _base_files(tx, now.base)
        return tuple(name for name in old.changed if new.get(name) != old.base_files.get(name))

    def _edit(self, name: str, text: str | None, revision: int, by: str) -> int:
        with self._store.write() as tx:
            before = drafts.standing(tx)
            edits = {edit.name: edit for edit in drafts.edits(tx)}
            found = edits.get(name)
            if (found.revision if found is not None else 0) != revision:
                raise self._conflict(tx, name, found, before)
            base = before.base if before is not None and edits else _live(tx)
            now = self._stand(tx, before, base, by)
            drafts.put(tx, Edit(name, text, now.revision, by, now.at))
            return now.revision

    def _conflict(self, tx: Tx, name: str, found: Edit | None, before: Standing | None) -> DraftConflict:
        if found is not None:
            return DraftConflict(name, found.who, found.at, found.revision, found.text)
        assert before is not None  # a revision was given out, and the edits are gone
        return DraftConflict(name, before.who, before.at, 0, _base_files(tx, _live(tx)).get(name))

    def _begin_anew(self, tx: Tx, by: str) -> Standing:
        before = drafts.standing(tx)
        drafts.clear(tx)
        return self._stand(tx, before, _live(tx), by)

    def _stand(self, tx: Tx, before: Standing | None, base: int | None, by: str) -> Standing:
        now = Standing(base, (before.revision if before is not None else 0) + 1, by, self._clock.now())
        drafts.stand(tx, now)
        return now


def _draft(tx: Tx) -> Draft:
    standing, edits, live = drafts.standing(tx), drafts.edits(tx), _live(tx)
    base = standing.base if standing is not None and edits else live
    before = _base_files(tx, base)
    files = {name: DraftFile(text) for name, text in before.items()}
    for edit in edits:
        if edit.text is None:
            files.pop(edit.name, None)
        else:
            files[edit.name] = DraftFile(edit.text, edit.revision, edit.who, edit.at)
    changed = tuple(edit.name for edit in edits if edit.text != before.get(edit.name))
    gone = {edit.name: edit for edit in edits if edit.text is None}
    last = standing if edits else None
    return Draft(base, live, dict(sorted(files.items())), before, gone, changed, last.who if last else None, last.at if last else None)


def _live(tx: Tx) -> int | None:
    active = books.active(tx, "live")
    return active.version if active is not None else None


def _base_files(tx: Tx, version: int | None) -> Mapping[str, str]:
    found = books.get(tx, version) if version is not None else None
    return found.files if found is not None else {}


def _check(name: str, text: str) -> None:
    parts = name.split("/")
    if len(name) > LONGEST_NAME or not name.endswith((".yaml", ".yml")) or not name.isprintable() or "\\" in name:
        raise ServiceError(f"a file of a book is called something.yaml, with at most {LONGEST_NAME} characters")
    if any(part in ("", ".", "..") or part.startswith(".") for part in parts):
        raise ServiceError("a file's name has no empty or hidden parts")
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise ServiceError("a file of a book has at most 1 MB")
