"""The database: one engine, transactions that write and transactions that read, and the migrations.

`with store.write() as tx:` takes the one write lock of SQLite at once (BEGIN IMMEDIATE), so that what was read in it stays true until its
end; on PostgreSQL what is read for a change is locked row by row, in a fixed order. `with store.read() as tx:` sees one state and changes
nothing.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar

import orjson
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, CursorResult, Engine, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError, TimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

from engine import observe
from engine.core.facts import Cell
from engine.store import migrations, prepared
from engine.store.prepared import Found

T = TypeVar("T")

BUSY_MILLISECONDS = 30_000
SILENCE_SECONDS = 1.0
_TRIES = 6
# SQLSTATEs of a transaction that another one got in the way of: deadlock, serialization, lock not available.
_REPEATABLE = ("40P01", "40001", "55P03")


class Crossed(Exception):
    """Another transaction judges this environment. Rows of this one may be in its way, so `transact` lets go of them and begins anew."""

    def __init__(self, env: str) -> None:
        super().__init__(env)
        self.env = env


class Tx:
    """One transaction. `seen` are the cells that it has loaded, by (env, id), so that saving knows what has changed. `figures` is what it
    has counted (figures.py), written at its end; `told` is what the log says of it once it is committed; `listeners` are the
    webhooks that may want to hear of it (deliveries.py), None while nobody has looked."""

    __slots__ = ("_judged", "connection", "figures", "is_postgresql", "listeners", "seen", "told", "writing")

    def __init__(self, connection: Connection, writing: bool) -> None:
        self.connection = connection
        self.is_postgresql = connection.dialect.name == "postgresql"
        self.writing = writing
        self.seen: dict[tuple[str, str], Cell | None] = {}
        self.figures: Counter[tuple[str, str, int, str]] = Counter()
        self.told: list[observe.Told] = []
        self.listeners: list[tuple[str, str, frozenset[str]]] | None = None  # (env, webhook, types)
        self._judged: set[str] = set()

    def judge(self, env: str, *, waits: bool = False) -> None:
        """From here to its end only this transaction judges the environment, which is to say: changes cells. Who judges locks rows of many
        kinds, in the order in which rules ask for them; if two did so at a time, each would come to wait for the other.

        For `Store.transact` (docs/decisions/judging-alone.md). Raises Crossed where another one is at it; `waits`, which only one that
        holds no row yet may, until that has ended. SQLite has one writer.
        """
        if self.is_postgresql and env not in self._judged:
            if not self.run(_JUDGE if waits else _TRY_TO_JUDGE, {"env": env}).scalar():
                raise Crossed(env)
            self._judged.add(env)

    def judges(self, env: str) -> bool:
        """Whether nobody else judges the environment before the end of this transaction."""
        return env in self._judged or (self.writing and not self.is_postgresql)

    def execute(
        self, statement: sa.Executable, values: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[*tuple[Any, ...]]:
        """Run a statement in this transaction."""
        result = self.connection.execute(statement, values)
        assert isinstance(result, CursorResult)
        return result

    def run(self, statement: sa.Executable, values: Mapping[str, Any] | None = None) -> Found:
        """The same for a statement of every turn, which is made once (prepared.py); all its rows at once."""
        return prepared.run(self.connection, statement, values)


class Store:
    """A database by its address: `sqlite:///hongyan.db` or `postgresql+psycopg://...`. May be shared by threads."""

    def __init__(self, url: str, *, connections: int = 10) -> None:
        self.engine = _engine(url, connections)
        self.is_postgresql = self.engine.dialect.name == "postgresql"
        self._writing = self.engine.execution_options(hongyan_writes=True)
        # Said in BEGIN, which saves a statement of each.
        one_state = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reading = self.engine.execution_options(**one_state) if self.is_postgresql else self.engine
        self._glancing = self.engine.execution_options(isolation_level="AUTOCOMMIT") if self.is_postgresql else self.engine
        # SQLite has one writer. Threads of one process wait for it here, in turn: its own waiting sleeps between looks.
        self._turn = nullcontext() if self.is_postgresql else threading.Lock()

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """A transaction that is committed at the end of the block, or leaves nothing when the block raises."""
        with self._turn, self._writing.begin() as connection:
            tx = Tx(connection, writing=True)
            yield tx
            changes = [(*key, number) for key, number in tx.figures.items() if number]
            if changes:
                tx.run(_COUNTED, {"body": orjson.dumps(changes).decode()})
        observe.tell(tx.told)

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A transaction that sees one state of the database and changes nothing."""
        with self._reading.begin() as connection:
            yield Tx(connection, writing=False)

    @contextmanager
    def glance(self) -> Iterator[Tx]:
        """For one statement that is `run` and changes nothing: it sees one state by itself, and is asked so often that BEGIN and COMMIT
        would be most of it."""
        with self._glancing.connect() as connection:
            yield Tx(connection, writing=False)

    def transact(self, work: Callable[[Tx], T]) -> T:
        """`work` in a writing transaction, again from the start when others got in the way. It must be repeatable."""
        judged: set[str] = set()
        tried = 0
        while True:
            try:
                with self.write() as tx:
                    for env in sorted(judged):
                        tx.judge(env, waits=True)
                    return work(tx)
            except Crossed as crossed:
                judged.add(crossed.env)
            except DBAPIError as error:
                tried += 1
                if tried == _TRIES or not is_repeatable(error):
                    raise
                time.sleep(0.01 * 2**tried)

    def migrate(self) -> None:
        """Bring the tables to the newest form. Processes that start together wait for each other."""
        with self.write() as tx:
            if self.is_postgresql:
                tx.execute(_MIGRATION_LOCK)
            migrations.upgrade(tx.connection)

    def pending_migrations(self) -> list[str]:
        """Migrations that the database still lacks, oldest first."""
        with self.read() as tx:
            return migrations.pending(tx.connection)

    def truncate_log(self) -> None:
        """Leave nothing of what was deleted in SQLite's log. PostgreSQL's log is the administrator's."""
        if not self.is_postgresql:
            with self._turn, self.engine.connect() as connection:
                connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()


_COUNTED = sa.text("INSERT INTO figure_changes (body) VALUES (:body)")
_TRY_TO_JUDGE = sa.text("SELECT pg_try_advisory_xact_lock(hashtext('judging'), hashtext(:env))")
_JUDGE = sa.text("SELECT pg_advisory_xact_lock(hashtext('judging'), hashtext(:env)) IS NOT NULL")
_MIGRATION_LOCK = sa.text("SELECT pg_advisory_xact_lock(4817263541)")


def is_repeatable(error: DBAPIError) -> bool:
    """Whether a transaction failed only because of others, so that the same again may succeed."""
    if isinstance(error.orig, sqlite3.OperationalError):
        return "locked" in str(error.orig) or "busy" in str(error.orig)
    return getattr(error.orig, "sqlstate", None) in _REPEATABLE


# Primary codes of SQLite for what its surroundings do to it: no room, no file, an unreadable disk, somebody else's lock.
_OUTSIDE = frozenset(
    {
        sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL,
    }
)  # fmt: skip


def is_unavailable(error: BaseException) -> bool:
    """Whether the database is away, full or too busy, so that the same may succeed later; False: the statement is at fault."""
    if isinstance(error, TimeoutError):  # no connection became free
        return True
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code is None or code & 0xFF in _OUTSIDE


def _engine(url: str, connections: int) -> Engine:
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        # READ COMMITTED: after waiting for a lock, a statement sees what the other transaction left behind.
        engine = sa.create_engine(address, isolation_level="READ COMMITTED", pool_size=connections, max_overflow=connections)
        event.listen(engine, "checkout", _ask_after_silence)
        event.listen(engine, "checkin", _note_use)
        return engine
    if address.get_backend_name() != "sqlite" or not address.database or address.database == ":memory:":
        raise ValueError(f"the database must be a SQLite file or PostgreSQL, got {address.render_as_string()}")
    engine = sa.create_engine(address, connect_args={"check_same_thread": False}, pool_size=connections, max_overflow=connections)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _ask_after_silence(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
    """Whether PostgreSQL is still there, before a connection is used that was silent for a while. One that was used a moment ago is not
    asked: that would be a third of a small transaction, and one that is lost at this very moment fails either way."""
    if time.monotonic() - record.info.get("used", float("-inf")) > SILENCE_SECONDS:
        try:
            connection.autocommit = True
            connection.execute("SELECT 1")
            connection.autocommit = False
        except Exception as error:
            raise DisconnectionError("lost while it was not used") from error


def _note_use(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info["used"] = time.monotonic()


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver
    cursor = connection.cursor()
    for setting in (
        f"busy_timeout = {BUSY_MILLISECONDS}",
        "journal_mode = WAL",
        "synchronous = FULL",  # NORMAL may lose the last commits when the power fails
        "foreign_keys = ON",
        "secure_delete = ON",  # an erased person leaves no bytes behind
        "temp_store = MEMORY",
        "cache_size = -32768",  # KiB
    ):
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("hongyan_writes", False)
    driver: Any = connection.connection.driver_connection
    driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
