"""The compare page: what a book would do differently over what has happened, and the gate through which it goes live."""

from __future__ import annotations

from random import Random
from typing import Any

from flask import Blueprint, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from engine.runtime.comparing import Job, Question
from engine.runtime.errors import Conflict, Refused
from rules.model import DAY
from webapp.console import frame
from webapp.console.books import DRAFT, LIVE, BookRef, book_ref
from webapp.console.compare import figures, gate
from webapp.console.diffs import differences

blueprint = Blueprint("compare", __name__, url_prefix="/compare")

SPANS = {"24h": 1, "7d": 7, "30d": 30}  # days


@blueprint.get("")
def show() -> Response:
    """The page: a comparison that was asked for, or what can be asked."""
    old, new = book_ref(request.args.get("old", LIVE)), book_ref(request.args.get("new", DRAFT))
    job = _job(request.args.get("job", ""))
    return frame.page("compare/page.html", **_standing(old, new, job))


@blueprint.post("/run")
def run() -> Response:
    """Begin to compare. The address of the page then names the job, so that a reload finds it again."""
    old, new = book_ref(request.form.get("old", LIVE)), book_ref(request.form.get("new", DRAFT))
    house, over = frame.house(), _over(request.form.get("over"))
    until = house.service.clock.now()
    since = None if over == "sample" else until - SPANS[over] * DAY
    question = Question(old.files, new.files, frame.visitor().env, since, until, over == "sample")
    if house.service.gates.checked(old.files).book is None or house.service.gates.checked(new.files).book is None:
        return frame.back_to(url_for("compare.show", old=old.code, new=new.code, over=over))
    house.service.comparisons.start(question)
    return frame.back_to(url_for("compare.show", old=old.code, new=new.code, over=over, job=question.id))


@blueprint.get("/job/<id>")
def progress(id: str) -> Response:
    """How far it has come; with `HX-Refresh` once it is done."""
    job = _job(id)
    if job is None or job.state != "running":
        return Response(status=204, headers={"HX-Refresh": "true"})
    return frame.partial("compare/progress.html", job=job, id=id)


@blueprint.post("/job/<id>/cancel")
def cancel(id: str) -> Response:
    """End it."""
    frame.house().service.comparisons.cancel(id)
    return frame.back_to(url_for("compare.show", **_asked()))


@blueprint.get("/gate")
def show_gate() -> Response:
    """The gate alone: it runs the tests, and is loaded after the page."""
    return frame.partial("compare/gate.html", gate=gate.of_draft(), note="", refused=None)


@blueprint.post("/publish")
def publish() -> Response:
    """Through the gate, by the same code as the command. Who is told no keeps the note."""
    service, who, note = frame.house().service, frame.visitor().name, request.form.get("note", "").strip()
    standing = gate.of_draft(note=note, acknowledged="acknowledged" in request.form)
    if not standing.is_open:
        return frame.page("compare/page.html", 422, **_standing(book_ref(LIVE), book_ref(DRAFT), None, gate=standing, note=note))
    draft = service.drafts.read()
    try:
        published = service.publish(draft.texts, note, who, draft.base_version or 0)
    except (Conflict, Refused):  # somebody was faster, by a moment
        standing = gate.of_draft(note=note, acknowledged="acknowledged" in request.form)
        return frame.page("compare/page.html", 409, **_standing(book_ref(LIVE), book_ref(DRAFT), None, gate=standing, note=note))
    service.drafts.published(who)
    return frame.back_to(url_for("versions.show", published=published["version"]))


@blueprint.post("/rebase")
def rebase() -> Response:
    """Let the draft go on from what is in force now."""
    both = frame.house().service.drafts.rebase(frame.visitor().name)
    return frame.back_to(url_for("compare.show", both=",".join(both) or None))


# ---- what the page shows ----------------------------------------------------------------------------------------------------------------


def _standing(old: BookRef, new: BookRef, job: Job | None, **more: Any) -> dict[str, Any]:
    service = frame.house().service
    over = _over(request.values.get("over"))
    if job is not None and (job.question.old != old.files or job.question.new != new.files):
        job = None  # somebody has edited since
    checked = {ref.code: service.gates.checked(ref.files) for ref in (old, new)}
    files = differences(old.files, new.files)
    found = None
    if job is not None and job.state == "done":
        found = figures.of(job, checked[old.code], checked[new.code], _chosen(job))
    return {
        "old": old, "new": new, "over": over, "job": job, "id": job.question.id if job is not None else "",
        "choices": _choices(), "errors": {code: one.errors for code, one in checked.items() if one.book is None},
        "differing": files, "found": found, "touched": gate.timers_touched(checked[old.code].book, checked[new.code].book),
        "both": request.args.get("both"), "gate": more.get("gate"), "note": more.get("note", ""), "is_draft": new.code == DRAFT,
    }  # fmt: skip


def _chosen(job: Job) -> figures.Chosen:
    """Which examples: of a kind, perhaps of a rule; five drawn by a seed that the address holds."""
    kind = request.args.get("kind", "")
    seed = request.args.get("seed", "1")
    return figures.Chosen(kind if kind in figures.KINDS else "", request.args.get("rule") or None, Random(seed), seed)


def _job(id: str) -> Job | None:
    return frame.house().service.comparisons.get(id)


def _asked() -> dict[str, Any]:
    return {name: request.form[name] for name in ("old", "new", "over") if name in request.form}


def _over(given: str | None) -> str:
    return given if given in SPANS or given == "sample" else "7d"


def _choices() -> list[tuple[str, str]]:
    """Books that may be compared: code and label, newest first."""
    versions = [(str(one["version"]), f"v{one['version']}") for one in frame.house().service.versions()[:20]]
    live = next((one["version"] for one in frame.house().service.versions() if one["active"]), 0)
    return [(DRAFT, gettext("草稿")), (LIVE, gettext("正式 v%(version)s", version=live)), *versions]
