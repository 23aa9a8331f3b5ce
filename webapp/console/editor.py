"""The editor page."""

from __future__ import annotations

from flask import Blueprint, Response

from webapp.console import frame

blueprint = Blueprint("editor", __name__, url_prefix="/editor")


@blueprint.get("")
def show() -> Response:
    """The page."""
    return frame.page("editor/page.html")
