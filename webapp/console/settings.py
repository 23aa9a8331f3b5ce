"""The settings page."""

from __future__ import annotations

from flask import Blueprint, Response

from webapp.console import frame

blueprint = Blueprint("settings", __name__, url_prefix="/settings")


@blueprint.get("")
def show() -> Response:
    """The page."""
    return frame.page("settings/page.html")
