"""The live page."""

from __future__ import annotations

from flask import Blueprint, Response

from webapp.console import frame

blueprint = Blueprint("live", __name__, url_prefix="/live")


@blueprint.get("")
def show() -> Response:
    """The page."""
    return frame.page("live/page.html")
