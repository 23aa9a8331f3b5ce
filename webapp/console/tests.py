"""The tests page."""

from __future__ import annotations

from flask import Blueprint, Response

from webapp.console import frame

blueprint = Blueprint("tests", __name__, url_prefix="/tests")


@blueprint.get("")
def show() -> Response:
    """The page."""
    return frame.page("tests/page.html")
