"""The compare page."""

from __future__ import annotations

from flask import Blueprint, Response

from webapp.console import frame

blueprint = Blueprint("compare", __name__, url_prefix="/compare")


@blueprint.get("")
def show() -> Response:
    """The page."""
    return frame.page("compare/page.html")
