"""`hongyan doctor`: what is in force, what is wrong, and what to do about it. Changes nothing."""

from __future__ import annotations

import os
import shutil
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from cli.console import painter, plural
from cli.parts import effective, reason_of, sqlite_path
from engine.core.zones import format_instant
from engine.runtime.books import ENVIRONMENTS
from engine.runtime.routing import WITHOUT_ROUTE, read_routes
from engine.secret import secret_path
from engine.settings import Settings, SettingsError
from engine.store import books, events, messages, switches, timers
from engine.store.states import State
from engine.store.store import Store, Tx
from providers import registry
from providers.contract import Sinks
from providers.settings import ProviderSettingsError
from rules.checking import check
from rules.model import CHANNELS

SECOND = 1_000_000
LATE_SECONDS = 30  # an event or a timer that waits longer: nobody works
LITTLE_SPACE = 1 << 30  # bytes
STYLES = {"ok": "green", "warning": "yellow", "wrong": "red"}


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that was looked at. `state`: ok, warning or wrong; `todo` says what to do about it."""

    about: str
    state: str
    text: str
    todo: str = ""


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--format", choices=("text", "json"), default="text", help="for people (default), or one JSON object")


def run(args: Namespace) -> int:
    """1 when something is wrong; warnings do not count."""
    settings = effective()
    found = list(examine(settings))
    if args.format == "json":
        tree = {"settings": settings.masked(), "checks": [asdict(one) for one in found]}
        print(orjson.dumps(tree, option=orjson.OPT_INDENT_2).decode())
    else:
        for line in report(settings, found):
            print(line)
    return 1 if any(one.state == "wrong" for one in found) else 0


def report(settings: Settings, found: list[Found]) -> Iterator[str]:
    """The settings as they stand, then everything that was looked at."""
    paint = painter(sys.stdout)
    yield f"settings: {settings.file or 'defaults and the environment'}"
    for name, value in _flat(settings.masked()):
        yield f"  {name} = {orjson.dumps(value).decode()}"
    yield ""
    for one in found:
        yield f"{paint(f'{one.state:<7}', STYLES[one.state])}  {one.about}: {one.text}"
        if one.todo:
            yield f"         → {one.todo}"


def _flat(tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{below}", item) for below, item in _flat(value))
        else:
            yield name, value


def examine(settings: Settings) -> Iterator[Found]:
    """Look at everything."""
    yield from _clock(settings)
    yield _secret(settings)
    yield from _ways_out(settings)
    path = sqlite_path(settings)
    if path is not None and not path.is_file():
        folder = path.resolve().parent
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            yield Found("database", "wrong", f"{path} cannot be made", f"make the folder {folder} and let this user write there")
        else:
            yield Found("database", "warning", f"{path} does not exist yet", "`hongyan serve` or `hongyan publish` makes it")
        return
    yield from _space(settings)
    yield from _database(settings)


def _clock(settings: Settings) -> Iterator[Found]:
    if settings.clock == "test":
        yield Found("clock", "warning", "a test clock, which stands until the API moves it", 'for a real service: clock = "real"')
    elif time.time() < 1_577_836_800:  # 2020
        yield Found(
            "clock", "wrong", f"this machine believes it is {time.strftime('%Y-%m-%d')}", "set its clock (chrony, systemd-timesyncd)"
        )
    else:
        yield Found("clock", "ok", format_instant(time.time_ns() // 1_000_000_000 * SECOND))


def _secret(settings: Settings) -> Found:
    path = secret_path(settings)
    if settings.secret:
        return Found("secret", "ok", "given in the settings")
    if not path.exists():
        return Found("secret", "warning", f"none yet; {path} is made on the first start", "" if sqlite_path(settings) else _SAME)
    if path.stat().st_mode & 0o077:
        return Found("secret", "wrong", f"{path} can be read by others", f"chmod 600 {path}")
    return Found("secret", "ok", str(path), "" if sqlite_path(settings) else _SAME)


_SAME = "processes on several machines need the same one: give it in HONGYAN_SECRET"


def _space(settings: Settings) -> Iterator[Found]:
    path = sqlite_path(settings)
    if path is not None:
        free = shutil.disk_usage(path.resolve().parent).free
        if free < LITTLE_SPACE:
            yield Found("disk", "warning", f"{free // (1 << 20):,} MiB free beside {path}", "make room, or shorten `retention`")


# ---- the way out ------------------------------------------------------------------------------------------------------------------------


def _ways_out(settings: Settings) -> Iterator[Found]:
    carried: dict[str, frozenset[str]] = {WITHOUT_ROUTE: frozenset(CHANNELS)}
    for table in settings.providers:
        try:
            made = registry.make(table, Sinks(lambda _: None, lambda _: None))
        except ProviderSettingsError as error:
            yield Found("providers", "wrong", str(error), "mend [[providers]] in the settings")
            continue
        carried[made.name] = made.channels
        made.close()
        yield Found("providers", "ok", f"{made.name} ({made.kind}) carries {', '.join(sorted(made.channels))}")
    try:
        routes = read_routes(settings.routes, carried)
    except SettingsError as error:
        yield Found("routes", "wrong", str(error), "mend [[routes]] in the settings")
        return
    routed = {route.channel for route in routes}
    captured = [channel for channel in CHANNELS if channel not in routed]
    if not routed:
        yield Found("routes", "warning", "none: every message is kept by the provider capture and reaches nobody", "write [[routes]]")
    elif captured:
        yield Found("routes", "ok", f"{', '.join(sorted(routed))}; the rest is captured: {', '.join(captured)}")
    else:
        yield Found("routes", "ok", ", ".join(sorted(routed)))


# ---- the database -----------------------------------------------------------------------------------------------------------------------


def _database(settings: Settings) -> Iterator[Found]:
    store = None
    try:
        store = Store(settings.database)
        missing = store.pending_migrations()
        with store.read() as tx:
            yield Found("database", "ok", _version(tx))
            if missing:
                yield Found("migrations", "warning", f"missing: {', '.join(missing)}", "the next start of `hongyan serve` makes them")
                return
            yield Found("migrations", "ok", "none is missing")
            yield from _inside(tx, time.time_ns() // 1_000, settings.clock == "real")
    except (SQLAlchemyError, ValueError, OSError) as error:
        todo = "start it, and look at `database` in the settings: host, name, user, password"
        yield Found(
            "database", "wrong", reason_of(error), todo if sqlite_path(settings) is None else "restore a backup, or look at the file"
        )
    finally:
        if store is not None:
            store.close()


def _version(tx: Tx) -> str:
    if tx.is_postgresql:
        return str(tx.execute(sa.text("SELECT version()")).scalar()).partition(" on ")[0]
    return f"SQLite {tx.execute(sa.text('SELECT sqlite_version()')).scalar()}"


def _inside(tx: Tx, now: int, runs: bool) -> Iterator[Found]:
    if tx.is_postgresql:
        theirs = float(tx.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())")).scalar() or 0)
        if abs(theirs - now / SECOND) > 2:
            yield Found(
                "clock", "wrong", f"{theirs - now / SECOND:+.0f} s from the database's", "set both clocks (chrony, systemd-timesyncd)"
            )
    yield _book(tx)
    for env in ENVIRONMENTS:
        yield from _queues(tx, env, now, runs)
        for switch in switches.in_force(tx, env):
            yield Found(env, "warning", f"{switch.what} is stopped since {format_instant(switch.at)} by {switch.who}: {switch.reason}")


def _book(tx: Tx) -> Found:
    active = books.active(tx, "live")
    if active is None:
        return Found("book", "warning", "nothing is published: events are refused", 'hongyan publish BOOK --note "why"')
    version = books.get(tx, active.version)
    book = check(dict(version.files)).book if version is not None else None
    if book is None:
        return Found("book", "wrong", f"version {active.version} can no longer be read", "publish a book that `hongyan check` accepts")
    return Found("book", "ok", f"{book.id}, version {active.version}, {plural(len(book.rules), 'rule')}, since {format_instant(active.at)}")


def _queues(tx: Tx, env: str, now: int, runs: bool) -> Iterator[Found]:
    """`runs`: the clock does, so that what waits can be late."""
    waiting, due = events.count_waiting(tx, env), timers.next_due(tx, env)
    oldest = events.take(tx, env, 1)
    late = max(now - oldest[0].event.received if oldest else 0, now - due if due is not None else 0) // SECOND
    depths = messages.depths(tx, env)
    open_ = ", ".join(f"{number:,} {channel} {state}" for (channel, state), number in sorted(depths.items()))
    pending = sum(timers.count(tx, env).values())
    text = f"{plural(waiting, 'event')} to be judged, {plural(pending, 'timer')} set, messages: {open_ or 'none open'}"
    if runs and late > LATE_SECONDS:
        yield Found(
            env, "wrong", f"{text}; the oldest has waited {late:,} s", "is `hongyan serve` (or `worker`) running? What does its log say?"
        )
    else:
        yield Found(env, "ok", text)
    unknown = sum(number for (_, state), number in depths.items() if state == State.UNKNOWN)
    if unknown:
        yield Found(env, "warning", f"{plural(unknown, 'message')} of which no provider has said whether it left", "wait for receipts")
