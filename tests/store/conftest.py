"""A store of each kind, empty and private, gone afterwards.

PostgreSQL: the server of TEST_POSTGRESQL, else one that listens on this machine, else one started here on a free port from the
binaries of a Debian package. Without any of these the tests are skipped, or fail where CI=true.
"""

from __future__ import annotations

import glob
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from engine.store.schema import metadata
from engine.store.store import Store

KINDS = ("sqlite", "postgresql")
HOW = "no PostgreSQL: apt-get install postgresql, start it with a role for this user, or set TEST_POSTGRESQL to its address"
LOCAL = (
    "postgresql+psycopg://root@127.0.0.1:5432/postgres",
    "postgresql+psycopg://postgres@127.0.0.1:5432/postgres",
    "postgresql+psycopg:///postgres",
)


def answers(url: str) -> bool:
    """Whether a server is there and lets us make databases."""
    engine = sa.create_engine(url, connect_args={"connect_timeout": 3})
    try:
        with engine.connect() as connection:
            return bool(connection.execute(sa.text("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")).scalar())
    except OperationalError:
        return False
    finally:
        engine.dispose()


@contextmanager
def private_server() -> Iterator[str | None]:
    """A server of our own, as a user who is not root; None without binaries."""
    binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
    if not binaries:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="hongyan-pg-"))
    tools = Path(binaries[-1]).parent
    as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []
    if as_user:
        shutil.chown(folder, "nobody", "nogroup")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"
    subprocess.run([*as_user, tools / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"], check=True, capture_output=True)
    options = ["-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1"]
    server = subprocess.Popen([*as_user, tools / "postgres", "-D", data, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
        until = time.monotonic() + 30
        while not answers(url) and time.monotonic() < until:
            time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a server in which databases can be made."""
    given = os.environ.get("TEST_POSTGRESQL")
    url = next((one for one in ((given,) if given else LOCAL) if answers(one)), None)
    if url is not None or given:
        if url is None:
            pytest.fail(f"TEST_POSTGRESQL: nobody answers at {given}")
        yield url
        return
    with private_server() as started:
        if started is None:
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(HOW)
        yield started


@contextmanager
def database(kind: str, folder: Path, server: str | None) -> Iterator[str]:
    """The address of a new, empty database, which is dropped at the end."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / (secrets.token_hex(4) + '.db')}"
        return
    assert server is not None
    name = f"hongyan_test_{secrets.token_hex(6)}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            # A database that sorts as people of its country do: what must go by code point has to say so itself.
            locale = " LOCALE_PROVIDER icu ICU_LOCALE 'sv-SE'" if engine.dialect.server_version_info >= (15,) else ""
            connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'{locale}"))
        try:
            yield sa.engine.make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            with engine.connect() as connection:
                connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        engine.dispose()


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database of each kind."""
    server = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    with database(request.param, tmp_path, server) as address:
        yield address


@pytest.fixture(scope="session")
def shared_postgresql(postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated database for one test after the other: making one takes longer than most tests."""
    with database("postgresql", tmp_path_factory.mktemp("postgresql"), postgresql) as address:
        made = Store(address)
        made.migrate()
        made.close()
        yield address


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A migrated, empty store of each kind."""
    if request.param == "postgresql":
        made = Store(request.getfixturevalue("shared_postgresql"))
        with made.write() as tx:
            tables = ", ".join(f'"{table}"' for table in metadata.tables)
            tx.connection.execute(sa.text(f"TRUNCATE {tables} RESTART IDENTITY"))
    else:
        made = Store(f"sqlite:///{tmp_path / 'hongyan.db'}")
        made.migrate()
    try:
        yield made
    finally:
        made.close()
