"""`hongyan serve`: the whole service in one process: API, worker, dispatcher."""

from __future__ import annotations

import signal
from argparse import ArgumentParser, Namespace

from cli import collector, demo
from cli.books import checked
from cli.console import say
from cli.http import HttpServer
from cli.parts import effective, opened
from cli.publish import publish
from engine import observe
from engine.secret import secret_of
from engine.settings import Settings, without_password
from webapp.app import create_app
from webapp.idempotency import StoredAnswers


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--demo", action="store_true", help="start with the O2O book, sample users, and a day of sample events")
    start.add_argument("--book", metavar="DIR", help="publish this book when nothing is published yet")


def run(args: Namespace) -> int:
    """Serve until SIGTERM or SIGINT; what is under way is finished. 1 when the book of --book is refused."""
    settings = effective()
    with opened(settings) as service:
        is_new = not service.versions()
    keys: dict[str, str] = {}
    account: tuple[str, str] | None = None
    if args.demo and is_new:
        demo.load(settings)
        keys, account = demo.keys(settings), demo.account(settings)
    observe.set_up()  # not before: a day of demo data would fill the screen with what became of it
    with opened(settings, sending=True) as service:
        if args.book and is_new and publish(service, args.book, checked(args.book), "first book", "hongyan serve --book") is None:
            return 1
        if not service.versions():
            say('nothing is published yet, so events are refused: hongyan publish BOOK --note "why"')
        answers = StoredAnswers(service.store, service.clock.now)
        secret = secret_of(settings).encode()
        app = create_app(service, prices=settings.prices, answers=answers, secret=secret, settings=settings.masked())
        server = HttpServer(app, settings.server.host, settings.server.port, settings.server.trusted_proxies)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, server.stop)
        service.start()
        collector.spare()
        address = address_of(settings)
        say(f"hongyan serves {address} from {without_password(settings.database)}; Ctrl+C stops it")
        if args.demo:
            _where_to_look(address, keys, account)
        server.run()
    return 0


def address_of(settings: Settings) -> str:
    """Where to point a browser or curl."""
    host = settings.server.host
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{settings.server.port}"


def _where_to_look(address: str, keys: dict[str, str], account: tuple[str, str] | None) -> None:
    if account is not None:
        say(f"  the console:            {address}/  as {account[0]} with the password {account[1]}")
    for what, token in keys.items():
        say(f"  key for {what}: {token}")
    if keys:
        say("  keys and password are shown only now; `hongyan keys create` and `hongyan accounts create` make others")
        say(f"  yesterday's messages:   curl -s {address}/v1/messages -H 'Authorization: Bearer {next(iter(keys.values()))}'")
    else:
        say("  this database was here before: its book, users and keys are kept (`hongyan keys create` makes a key)")
    say(f"  all there is to ask:    {address}/v1/openapi.json")
