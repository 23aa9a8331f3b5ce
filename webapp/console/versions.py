"""The versions page."""

from __future__ import annotations

from flask import Blueprint, Response

from webapp.console import frame

blueprint = Blueprint("versions", __name__, url_prefix="/versions")


@blueprint.get("")
def show() -> Response:
    """The page."""
    return frame.page("versions/page.html")
