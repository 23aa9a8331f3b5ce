"""`hongyan dispatch`: hands messages to providers. No HTTP, and judges nothing; several may share a PostgreSQL database."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cli.worker import until_stopped


def arguments(parser: ArgumentParser) -> None:
    """There are none: the settings say everything."""


def run(args: Namespace) -> int:
    """Send until SIGTERM or SIGINT; the batch in hand is finished."""
    return until_stopped("sending", sending=True)
