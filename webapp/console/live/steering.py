"""The levers: campaigns paused, resumed and stopped; rules, message types, channels and providers stopped and resumed; numbers suppressed.

All act at once, without publishing, and are in the audit log with name and reason.
"""

from __future__ import annotations

from flask import abort, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from engine.core.phones import normalise
from engine.runtime.campaigns import ACTIONS
from engine.runtime.errors import ServiceError
from rules.model import CHANNELS, MESSAGE_TYPES
from webapp.console import frame
from webapp.console.live import lists, overview, room, telling
from webapp.console.live.room import blueprint

SCOPES = (*MESSAGE_TYPES, "all", "blocked")
_LONGEST = 200  # characters of a reason


@blueprint.post("/campaigns/<id>/<action>")
def steer(id: str, action: str) -> Response:
    """Pause, resume, or with a reason stop a campaign."""
    if action not in ACTIONS:
        abort(404)
    reason = _reason()
    if action == "stop" and not reason:
        raise ServiceError(gettext("停止后不能再继续，请写下原因。"))
    frame.house().service.steer_campaign(room.env(), id, action, reason, frame.visitor().name)
    if frame.is_htmx() and request.form.get("pane") == "running":
        return overview.running()
    return frame.back_to(url_for("live.campaigns"))


@blueprint.get("/switches")
def switches() -> Response:
    """What is stopped, and a way to stop more."""
    return _switches()


@blueprint.post("/switches")
def stop() -> Response:
    """Stop something, with a reason."""
    kind, _, name = request.form.get("what", "").partition(":")
    reason = _reason()
    if name not in _names().get(kind, ()):
        return _switches(422, gettext("请选择要停用的规则、消息类型、通道或服务商。"))
    if not reason:
        return _switches(422, gettext("请写下原因，它会和您的名字一起显示给大家。"))
    frame.house().service.switch(room.env(), kind, name, True, reason, frame.visitor().name)
    return frame.back_to(url_for("live.switches"))


@blueprint.post("/switches/resume")
def resume() -> Response:
    """Let something go on."""
    kind, _, name = request.form.get("what", "").partition(":")
    frame.house().service.switch(room.env(), kind, name, False, _reason(), frame.visitor().name)
    return frame.back_to(url_for("live.switches"))


def _switches(status: int = 200, error: str | None = None) -> Response:
    found = room.watch().switches(room.env())
    return frame.page(
        "live/switches.html",
        status,
        switches=found,
        names=_names(),
        error=error,
        given=request.form,
        wanted=request.args.get("what", ""),
        room=room,
        told=telling,
    )


def _names() -> dict[str, list[str]]:
    book = room.plan()
    return {
        "rule": sorted(book.rules, key=room.rule_name) if book is not None else [],
        "type": list(MESSAGE_TYPES),
        "channel": list(CHANNELS),
        "provider": list(room.watch().providers),
    }


@blueprint.post("/suppressions")
def suppress() -> Response:
    """Send no more of something to a number."""
    number = normalise(request.form.get("phone", ""))
    scope, reason = request.form.get("scope", ""), _reason()
    if number is None:
        return lists.suppressions_page(422, gettext("这不是一个手机号码。"))
    if scope not in SCOPES:
        return lists.suppressions_page(422, gettext("请选择范围。"))
    if not reason:
        return lists.suppressions_page(422, gettext("请写下原因。"))
    frame.house().service.suppress(room.env(), number, [scope], reason, frame.visitor().name)
    return frame.back_to(url_for("live.suppressions"))


@blueprint.post("/suppressions/release")
def release() -> Response:
    """Lift a suppression. The row says which: a number that the visitor may not see stands in no form."""
    row = room.whole(request.form.get("row"))
    cursor = room.checked_cursor(request.form.get("cursor"), str, str)
    asked = request.form.get("asked", "").strip()
    phone = (normalise(asked) or asked) if asked else None
    page = room.watch().suppressions(room.env(), phone, cursor)
    if row is None or row >= len(page.items) or page.items[row].at != room.whole(request.form.get("at")):
        return lists.suppressions_page(409, gettext("名单刚刚变了，请再看一眼。"))
    one = page.items[row]
    frame.house().service.release(room.env(), one.phone, [one.scope], frame.visitor().name)
    return frame.back_to(url_for("live.suppressions"))


def _reason() -> str:
    return request.form.get("reason", "").strip()[:_LONGEST]
