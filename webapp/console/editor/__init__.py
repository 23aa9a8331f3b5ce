"""The editor: the draft's files, what is wrong with them, what may be written, and what the messages will look like."""

from __future__ import annotations

from difflib import ndiff
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from engine.runtime import errors
from engine.runtime.drafts import DraftConflict
from engine.runtime.previews import NoPreview, desk_of
from engine.store import figures, timers
from rules.assist.completion import complete as completed
from rules.assist.cursor import offset_of
from rules.assist.hover import hover as hovered
from rules.assist.layout import CannotBeFormatted, formatted
from rules.model import DAY
from webapp.console import frame
from webapp.console.editor import desk as desks
from webapp.console.editor import previewing
from webapp.console.editor.desk import Desk, changed_lines, finding_line, opened, shelves
from webapp.console.tests import draft_tests
from webapp.console.words import clock, instant

blueprint = Blueprint("editor", __name__, url_prefix="/editor")

MOST_TIMERS = 10_000  # are counted; more are "more than"
MOST_DIFFERENCES = 60  # lines shown of what somebody else wrote


@blueprint.get("")
def show() -> AnyResponse:
    """The page: `file` and `line`, or `find` with the name of a rule, template, segment or event."""
    draft = frame.house().service.drafts.read()
    name, file = opened(draft, request.args.get("file"))
    desk = desks.desk_of(draft)
    wanted = request.args.get("find") or request.args.get("rule")
    place = desk.place_of(wanted) if wanted else None
    if place is not None:
        return frame.back_to(f"{url_for('editor.show')}?{urlencode({'file': place[0], 'line': place[1]})}")
    line = int(request.args.get("line", "1")) if request.args.get("line", "1").isdigit() else 1
    language = frame.visitor().locale
    return frame.page(
        "editor/page.html",
        desk=desk,
        draft=draft,
        name=name,
        file=file,
        line=line,
        counts=desk.counts(),
        run=draft_tests(),
        shelves=shelves(draft),
        findings=[finding_line(one, desk.checked.sources, language) for one in desk.findings],
        outline=desk.outline,
        rule=desk.rule_at(name, line),
        shown=previewing.show(desk, {"file": name, "line": str(line)}),
        phone=previewing.my_phone(),
        live=_live_version(draft.live_version),
        zone=desk.checked.draft.book.timezone,
    )


def _live_version(version: int | None) -> dict[str, Any] | None:
    return next((one for one in frame.house().service.versions() if one["version"] == version), None)


# ---- asked while somebody writes --------------------------------------------------------------------------------------------------------


def _body(*names: str) -> dict[str, Any]:
    """The JSON that was posted, with these texts in it."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict) or not all(isinstance(body.get(name), str) for name in names):
        raise BadRequest
    return body


def _number(body: dict[str, Any], name: str) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadRequest
    return value


@blueprint.post("/check")
def check() -> Response:
    """Findings of the whole book with a file as it is being written; marks of the tree, contents, changed lines, what others did."""
    body = _body("file", "text")
    draft = frame.house().service.drafts.read()
    desk = desks.desk_of(draft, body["file"], body["text"])
    language = frame.visitor().locale
    return jsonify(
        findings=[finding_line(one, desk.checked.sources, language) for one in desk.findings],
        counts=desk.counts(),
        files={name: {**desk.counts(name), "changed": name in draft.changed} for name in draft.files},
        outline=[one.as_dict() for one in desk.outline],
        changed=changed_lines(draft.base_files.get(body["file"]), body["text"]),
        file=_state(draft.files.get(body["file"])),
    )


def _state(file: Any) -> dict[str, Any] | None:
    if file is None:
        return None
    return {"revision": file.revision, "by": file.edited_by, "at": None if file.edited_at is None else instant(file.edited_at)}


@blueprint.post("/complete")
def complete() -> Response:
    """What may be written at a line and column."""
    body = _body("file", "text")
    library = desks.library(frame.house().service.drafts.read(), body["file"], body["text"])
    found = completed(body["text"], _offset(body), library, frame.visitor().locale)
    items = [{"label": one.label, "kind": one.kind, "insert": one.insert, "help": one.help.as_dict()} for one in found.items]
    return jsonify(start=found.start, end=found.end, items=items)


@blueprint.post("/hover")
def hover() -> Response:
    """What the word at a line and column means."""
    body = _body("file", "text")
    library = desks.library(frame.house().service.drafts.read(), body["file"], body["text"])
    found = hovered(body["text"], _offset(body), library, frame.visitor().locale)
    return jsonify(None if found is None else {"start": found.start, "end": found.end, "help": found.help.as_dict()})


def _offset(body: dict[str, Any]) -> int:
    return offset_of(body["text"], _number(body, "line"), _number(body, "column"))


@blueprint.post("/format")
def reformat() -> Response:
    """The file in good shape, or why it is left alone."""
    body = _body("text")
    try:
        return jsonify(text=formatted(body["text"]))
    except CannotBeFormatted as refused:
        why = {
            "not-yaml": gettext("这个文件还读不通，先改好标红的地方再整理格式。"),
            "would-change": gettext("整理会改变这个文件的意思，所以没有动它。"),
        }
        return jsonify(refused=why[str(refused)])


@blueprint.post("/preview")
def preview() -> Response:
    """The preview with chosen values."""
    asked = {name: value for name, value in request.form.items() if name != "csrf_token"}
    desk = desks.desk_of(frame.house().service.drafts.read(), asked.get("file"), asked.get("text"))
    return frame.partial("editor/preview.html", shown=previewing.show(desk, asked), phone=previewing.my_phone(), now_shown=True)


@blueprint.get("/statistics")
def statistics() -> Response:
    """What a rule is doing: timers that stand, messages of the last seven days."""
    rule = request.args.get("rule", "")
    service, env = frame.house().service, frame.visitor().env
    with service.store.read() as tx:
        pending = timers.count_of_rule(tx, env, rule, MOST_TIMERS)
        found = figures.of(tx, env, f"rule:{rule}", figures.hour(service.clock.now() - 7 * DAY))
    return frame.partial("editor/statistics.html", rule=rule, pending=pending, most=MOST_TIMERS, sent=found["send ok"])


# ---- changes ----------------------------------------------------------------------------------------------------------------------------


@blueprint.post("/save")
def save() -> Response:
    """Keep a file of the draft: `revision` and more, or `refused`, or `conflict` with who else has changed it, when, and what it is now.

    A conflict is an answer, not an error: browsers would report it as one.
    """
    body = _body("file", "text")
    drafts = frame.house().service.drafts
    try:
        revision = drafts.save(body["file"], body["text"], _number(body, "revision"), frame.visitor().name)
    except DraftConflict as found:
        told = {"by": found.who, "at": instant(found.at), "revision": found.revision, "text": found.text}
        return jsonify(conflict={**told, "lines": _differences(body["text"], found.text or "")})
    except errors.ServiceError as refused:
        return jsonify(refused=str(refused))
    changed = drafts.read().changed
    now = clock(frame.house().service.clock.now(), seconds=True)
    return jsonify(revision=revision, at=now, changed=len(changed), differs=body["file"] in changed)


def _differences(mine: str, theirs: str) -> list[tuple[str, str]]:
    """Lines that only one of the two has: (`mine` or `theirs`, text)."""
    lines = [("theirs" if line[0] == "+" else "mine", line[2:]) for line in ndiff(mine.split("\n"), theirs.split("\n")) if line[0] in "+-"]
    return lines[:MOST_DIFFERENCES]


@blueprint.post("/create")
def create() -> AnyResponse:
    """A new, empty file."""
    name = _file_name(request.form.get("name", ""))
    drafts = frame.house().service.drafts
    draft = drafts.read()
    if name in draft.files:
        raise errors.Conflict(gettext("已经有叫 %(name)s 的文件", name=name))
    gone = draft.gone.get(name)
    drafts.save(name, "", gone.revision if gone is not None else 0, frame.visitor().name)
    return _to(name)


@blueprint.post("/rename")
def rename() -> AnyResponse:
    """The same text under another name."""
    old, new = request.form.get("file", ""), _file_name(request.form.get("name", ""))
    drafts, by = frame.house().service.drafts, frame.visitor().name
    draft = drafts.read()
    if old not in draft.files:
        raise errors.NotFound(gettext("没有叫 %(name)s 的文件", name=old))
    if new in draft.files:
        raise errors.Conflict(gettext("已经有叫 %(name)s 的文件", name=new))
    gone = draft.gone.get(new)
    drafts.save(new, draft.files[old].text, gone.revision if gone is not None else 0, by)
    drafts.remove(old, draft.files[old].revision, by)
    return _to(new)


@blueprint.post("/remove")
def remove() -> AnyResponse:
    """Take a file out of the draft; what is in force keeps it until the draft is published."""
    name = request.form.get("file", "")
    drafts = frame.house().service.drafts
    file = drafts.read().files.get(name)
    drafts.remove(name, file.revision if file is not None else 0, frame.visitor().name)
    return _to("")


@blueprint.post("/sample")
def sample() -> Response:
    """Send what the preview shows to the visitor's own number."""
    asked = dict(request.form.items())
    desk = desks.desk_of(frame.house().service.drafts.read(), asked.get("file"), asked.get("text"))
    visitor = frame.visitor()
    shown = previewing.show(desk, asked)
    if visitor.phone is None:
        raise errors.ServiceError(gettext("先在“我的账号”里登记您的手机号"))
    if shown.renderer is None or not shown.template or shown.preview is None or shown.preview.problem is not None:
        raise errors.ServiceError(gettext("这里没有可以发送的模板"))
    plan = _plan(desk, shown.template)
    values = shown.renderer.typed({one.name: text for one, text in shown.variables})
    frame.house().service.sample(visitor.env, shown.template, shown.locale, values, visitor.phone, by=visitor.name, draft=plan)
    return frame.partial("editor/sent.html", phone=previewing.my_phone())


def _plan(desk: Desk, template: str) -> Any:
    try:
        return desk_of(desk.checked.draft.book, None, template).plan
    except NoPreview as error:
        raise errors.ServiceError(str(error)) from None


def _file_name(given: str) -> str:
    """`promotions` is promotions.yaml."""
    name = given.strip()
    return name if name.endswith((".yaml", ".yml")) or not name else f"{name}.yaml"


def _to(name: str) -> AnyResponse:
    return frame.back_to(f"{url_for('editor.show')}?{urlencode({'file': name})}" if name else url_for("editor.show"))
