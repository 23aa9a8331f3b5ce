"""Verification codes watched: how many were asked for and used, by block of numbers and by network; networks that get none."""

from __future__ import annotations

from flask import request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from engine.core.networks import parse
from webapp.console import frame
from webapp.console.live import room, telling
from webapp.console.live.room import blueprint

HOURS = 24


@blueprint.get("/verification")
def verification() -> Response:
    """Figures, the worst blocks, the block list."""
    return _page()


@blueprint.post("/verification/block")
def block() -> Response:
    """Send no code to anybody who asks from a network."""
    network = parse(request.form.get("network", "").strip())
    reason = request.form.get("reason", "").strip()[:200]
    if network is None:
        return _page(422, gettext("这不是一个网段或地址。例：203.0.113.0/24"))
    if not reason:
        return _page(422, gettext("请写下原因。"))
    frame.house().service.block_network(room.env(), str(network), reason, frame.visitor().name)
    return frame.back_to(url_for("live.verification"))


@blueprint.post("/verification/unblock")
def unblock() -> Response:
    """Take a network off the list."""
    frame.house().service.release_network(room.env(), request.form.get("network", ""), frame.visitor().name)
    return frame.back_to(url_for("live.verification"))


def _page(status: int = 200, error: str | None = None) -> Response:
    counts, blocked = room.watch().codes(room.env(), HOURS)
    abuse = frame.house().service.verification_abuse(room.env())
    return frame.page(
        "live/verification.html", status, counts=counts, hours=HOURS, blocked=blocked, abuse=abuse, error=error, given=request.form,
        room=room, told=telling,
    )  # fmt: skip
