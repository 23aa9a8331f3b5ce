"""The simulator page."""

from __future__ import annotations

from flask import Blueprint, Response

from webapp.console import frame

blueprint = Blueprint("simulator", __name__, url_prefix="/simulator")


@blueprint.get("")
def show() -> Response:
    """The page."""
    return frame.page("simulator/page.html")
