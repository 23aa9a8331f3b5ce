"""The versions page: who published what, when and why; what changed between any two; an earlier one again."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from functools import lru_cache

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from engine.store import books
from engine.store.books import Version
from webapp.console import frame
from webapp.console.books import book_ref
from webapp.console.diffs import FileDifference, differences, size

blueprint = Blueprint("versions", __name__, url_prefix="/versions")

ROWS = 30
SHORTEST_REASON = 4  # characters


@dataclass(frozen=True, slots=True)
class Row:
    """A version in the list; `size`: lines added and removed since the one before, None for the first."""

    version: Version
    size: tuple[int, int] | None
    is_live: bool


@blueprint.get("")
def show() -> Response:
    """The list, newest first, and one difference: of `old` and `new`, else of the newest two."""
    before = request.args.get("before", type=int)
    with frame.house().service.store.read() as tx:
        active = books.active(tx, "live")
        found = [one for listed in books.listed(tx, before, ROWS + 1) if (one := books.get(tx, listed.version)) is not None]
    rows = [
        Row(one, _size(earlier, one) if earlier else None, active is not None and one.version == active.version)
        for one, earlier in zip(found, [*found[1:], None], strict=True)
    ][:ROWS]
    old, new, files = _chosen(found)
    following = rows[-1].version.version if len(found) > ROWS else None
    return frame.page(
        "versions/page.html", rows=rows, following=following, old=old, new=new, differing=files, published=request.args.get("published")
    )


@blueprint.get("/<int:version>.zip")
def download(version: int) -> Response:
    """The files of a version."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in sorted(book_ref(str(version)).files.items()):
            made.writestr(name, text)
    headers = {"Content-Disposition": f"attachment; filename=rulebook-v{version}.zip"}
    return Response(archive.getvalue(), content_type="application/zip", headers=headers)


@blueprint.post("/<int:version>/activate")
def activate(version: int) -> AnyResponse:
    """Put it in force again, with a reason."""
    reason = request.form.get("reason", "").strip()[:500]
    if len(reason) < SHORTEST_REASON:
        return frame.back_to(url_for("versions.show", new=version, reason="missing"))
    frame.house().service.activate(version, frame.visitor().name, reason)
    return frame.back_to(url_for("versions.show"))


@blueprint.post("/<int:version>/draft")
def open_as_draft(version: int) -> AnyResponse:
    """Its files as the draft, in place of the edits that are there."""
    frame.house().service.drafts.replace(book_ref(str(version)).files, frame.visitor().name)
    return frame.back_to(url_for("editor.show"))


def _chosen(found: list[Version]) -> tuple[str, str, list[FileDifference]]:
    """The two that are looked at, by their codes, and what differs."""
    if not found:
        return "", "", []
    newest = str(found[0].version)
    new = request.args.get("new") or newest
    default = next((str(one.version) for one in found if new.isdecimal() and one.version < int(new)), new)
    old = request.args.get("old") or default
    return old, new, differences(book_ref(old).files, book_ref(new).files)


def _size(old: Version, new: Version) -> tuple[int, int]:
    return _size_of(old.digest, new.digest, tuple(sorted(old.files.items())), tuple(sorted(new.files.items())))


@lru_cache(maxsize=256)
def _size_of(_old: str, _new: str, old: tuple[tuple[str, str], ...], new: tuple[tuple[str, str], ...]) -> tuple[int, int]:
    return size(dict(old), dict(new))
