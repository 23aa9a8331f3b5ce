"""`hongyan worker`: judges what has come in and what falls due. No HTTP, and nothing leaves; several may share a PostgreSQL database."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser, Namespace

from cli import collector
from cli.console import say
from cli.parts import effective, opened
from engine import observe
from engine.settings import without_password


def arguments(parser: ArgumentParser) -> None:
    """There are none: the settings say everything."""


def run(args: Namespace) -> int:
    """Work until SIGTERM or SIGINT; the batch in hand is finished."""
    return until_stopped("judging", judging=True)


def until_stopped(doing: str, *, judging: bool = False, sending: bool = False) -> int:
    """Run a part of the service until a signal says stop."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    settings = effective()
    observe.set_up()
    with opened(settings, sending=sending) as service:
        service.start(judging=judging, sending=sending)
        collector.spare()
        say(f"{doing} on {without_password(settings.database)}; Ctrl+C stops it")
        stop.wait()
    return 0
