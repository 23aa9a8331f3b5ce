"""The live page: what comes in and goes out, who got what and why not, and the levers that stop things."""

from webapp.console.live import guarding, lists, overview, steering, tracing
from webapp.console.live.room import blueprint

__all__ = ["blueprint", "guarding", "lists", "overview", "steering", "tracing"]
