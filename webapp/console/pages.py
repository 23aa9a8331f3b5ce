"""The pages of the console, in the order of the top bar."""

from __future__ import annotations

from flask import Blueprint, Flask

from engine.runtime.service import Service
from engine.simulate.output import Prices
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


def install(app: Flask, service: Service, prices: Prices, secret: bytes) -> None:
    """Put the console into the application. `secret` signs sessions."""
    frame.install(app, service, prices, secret, PAGES)
