"""`hongyan replay BOOK --from T --to T`: the recorded events of the database through a book, as `simulate` does with files."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from cli.books import usable
from cli.console import say
from cli.inputs import span
from cli.parts import opened
from cli.simulate import print_lines
from cli.timeline import Tally
from engine.core.facts import Event, UserCell
from engine.core.zones import zone
from engine.people import UserLine
from engine.runtime.service import Service
from engine.simulate.run import lines, simulation_of
from engine.store import cells, events, people
from rules.model import Rulebook

_PAGE = 1000


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("book", metavar="BOOK", help="the folder of the book")
    text = "an instant, or a date (00:00) or time in the book's zone; default: the {} event"
    parser.add_argument("--from", dest="since", metavar="T", help=text.format("first"))
    parser.add_argument("--to", dest="until", metavar="T", help=text.format("last"))
    parser.add_argument("--test", action="store_true", help="the events of the environment of test keys")
    parser.add_argument("--format", choices=("table", "jsonl"), default="table", help="a timeline (default), or lines for programs")
    parser.add_argument("--verdicts", action="store_true", help="also what was not sent, with the reason")
    parser.add_argument("--trace", action="store_true", help="with every condition's values (implies --verdicts)")


def run(args: Namespace) -> int:
    """What is recorded was accepted once, so nothing is refused here. Changes nothing."""
    book = usable(args.book)
    if book is None:
        return 1
    since, until = span(args, book)
    env = "test" if args.test else "live"
    tally = Tally()
    with opened() as service:
        recorded = _Recorded(service, env, until)
        simulation = simulation_of(
            book,
            _users(service, env, book),
            start=since,
            until=until,
            verdicts=args.verdicts or args.trace,
            traces=[] if args.trace else None,
        )
        print_lines(tally.count(lines(simulation, recorded, service.prices)), book, args.format)
    for text in tally.summary(book, recorded.count, 0, 0, len(simulation.pending())):
        say(text)
    return 0


class _Recorded:
    """The events of the database in the order in which they were accepted, read in pages."""

    def __init__(self, service: Service, env: str, until: int | None) -> None:
        self._service = service
        self._env = env
        self._until = until
        self.count = 0

    def __iter__(self) -> Iterator[Event]:
        after = 0
        while True:
            with self._service.store.read() as tx:
                page = events.history(tx, self._env, until=self._until, after=after, limit=_PAGE)
            for one in page:
                self.count += 1
                yield one.event
            if len(page) < _PAGE:
                return
            after = page[-1].seq


def _users(service: Service, env: str, book: Rulebook) -> Iterator[UserLine]:
    """Everybody as known now: what people were like at each event is not kept, but what events said of them is said again."""
    after = None
    while True:
        with service.store.read() as tx:
            page = people.page(tx, env, after=after, limit=_PAGE)
            found = cells.load(tx, env, [f"user:{user}" for _, user in page], zone(book.timezone))
            phones = cells.load(tx, env, [f"phone:{phone}" for phone, _ in page if phone])
        for _, user in page:
            cell = found[f"user:{user}"]
            if isinstance(cell, UserCell):
                stops = phones.get(f"phone:{cell.phone}")
                scopes = tuple(sorted(stops.suppressed)) if stops is not None else ()
                yield UserLine(cell.id, cell.phone, cell.timezone, cell.locale, cell.attributes, scopes)
        if len(page) < _PAGE:
            return
        after = page[-1]
