"""The pages of the console, in the order of the top bar."""

from __future__ import annotations

from flask import Blueprint, Flask

from webapp.console import compare, editor, frame, home, live, settings, signin, simulator, tests, versions

PAGES: tuple[Blueprint, ...] = (
    signin.blueprint,
    home.blueprint,
    editor.blueprint,
    simulator.blueprint,
    tests.blueprint,
    compare.blueprint,
    live.blueprint,
    versions.blueprint,
    settings.blueprint,
)


def install(app: Flask, house: frame.House, secret: bytes) -> None:
    """Put the console into the application. `secret` signs sessions."""
    frame.install(app, house, secret, PAGES)
