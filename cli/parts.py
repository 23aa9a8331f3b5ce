"""The service put together from the settings, for the commands that need it: `serve` keeps it running, others ask it once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from cli.console import UsageError
from engine import settings as read_settings
from engine.runtime.books import ENVIRONMENTS
from engine.runtime.campaigns import CampaignSettings
from engine.runtime.clock import Clock, RealClock, TestClock
from engine.runtime.errors import ServiceError
from engine.runtime.service import Service
from engine.secret import secret_of
from engine.settings import Settings, without_password
from engine.store import events
from engine.store.store import Store
from providers.settings import ProviderSettingsError
from providers.webhook import Sender

SQLITE = "sqlite:///"


def effective() -> Settings:
    """The settings of this process. Raises SettingsError."""
    return read_settings.load(os.environ)


def sqlite_path(settings: Settings) -> Path | None:
    """The file of the database; None for PostgreSQL."""
    if not settings.database.startswith(SQLITE):
        return None
    return Path(settings.database.removeprefix(SQLITE).partition("?")[0])


@contextmanager
def opened(settings: Settings | None = None, clock: Clock | None = None, *, sending: bool = False) -> Iterator[Service]:
    """The service over its database, with the tables in their newest form, closed in the end. It does nothing by itself until started.

    `sending`: with the providers of the settings, which other commands can do without.

    Raises UsageError when the database cannot be used, or refuses what the command wanted.
    """
    settings = settings or effective()
    _make_file(settings)
    with reachable(settings):
        store = Store(settings.database)
        try:
            store.migrate()
            secret = secret_of(settings).encode()
            service = Service(
                store,
                clock or clock_of(settings, store),
                secret=secret,
                prices=settings.prices,
                providers=settings.providers if sending else (),
                routes=settings.routes if sending else (),
                retention=settings.retention,
                campaigns=CampaignSettings(per_second=settings.campaigns.per_second),
                webhooks=Sender(allow_private=settings.webhooks.allow_private, allow_http=settings.webhooks.allow_http),
            )
        except BaseException:
            store.close()
            raise
        try:
            yield service
        finally:
            service.close()


def _make_file(settings: Settings) -> None:
    """A new SQLite file is for its owner alone: it will hold everybody's numbers. Its journal files get the same mode."""
    path = sqlite_path(settings)
    if path is None:
        return
    try:
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise UsageError(f"database {path}: {error.strerror}") from error


@contextmanager
def reachable(settings: Settings) -> Iterator[None]:
    """Errors of the database, and of the service, as people need them."""
    try:
        yield
    except (ServiceError, ProviderSettingsError) as error:
        raise UsageError(str(error)) from error
    except (SQLAlchemyError, ValueError) as error:
        if isinstance(error, ValueError) and "database must be" not in str(error):
            raise
        raise UsageError(f"database {without_password(settings.database)}: {reason_of(error)} (`hongyan doctor` says more)") from error


def reason_of(error: Exception) -> str:
    """The first line of what the database said, without the statement and its values."""
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]


def clock_of(settings: Settings, store: Store) -> Clock:
    """The real clock; or one that stands where the database's newest event left it, from 1970 on, until the API moves it."""
    if settings.clock == "real":
        return RealClock()
    newest = 0
    with store.read() as tx:
        for env in ENVIRONMENTS:
            for one in events.newest(tx, env, limit=1).items:
                newest = max(newest, one.event.received)
    return TestClock(newest)
