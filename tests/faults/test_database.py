"""The database goes away and comes back, or has no room: answers are errors meanwhile, and the same process goes on by itself."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa

from tests.faults import checker
from tests.faults.postgres import OwnServer, own_server
from tests.faults.processes import PATIENCE_SECONDS, Client, Installation, kill, until
from tests.store.conftest import HOW

pytestmark = pytest.mark.slow
RESTARTS = 2
ROOM = 6 * 1024 * 1024  # bytes, for database and log
POSTGRESQL_ROOM = 96 * 1024 * 1024


@contextmanager
def loaded(installation: Installation) -> Iterator[tuple[subprocess.Popen[bytes], Client]]:
    """A server that somebody posts to."""
    client = Client(installation, "a", 1, pause_seconds=0.01)
    process = installation.start("serve")
    try:
        installation.ready(process)
        client.start()
        until(lambda: client.answers > 5, "answers")
        yield process, client
    finally:
        client.stopping.set()
        if client.ident is not None:
            client.join(PATIENCE_SECONDS)
        kill(process)


def goes_on(installation: Installation, process: subprocess.Popen[bytes], client: Client) -> None:
    """Posts are taken again, and judged and sent by the same process."""
    before = len(client.accepted)
    until(lambda: len(client.accepted) > before, "accepted again")
    posted = client.accepted[-1]
    until(lambda: installation.ask("GET", f"/v1/events/api/{posted}")[1].get("status") == "decided", f"{posted} is decided")
    assert process.poll() is None
    status, checks = installation.ask("GET", "/readyz")
    assert status == 200, checks


def settled(installation: Installation, client: Client) -> checker.Report:
    """All is in order."""
    installation.rest()
    service = installation.service()
    try:
        return checker.check(service.store, client.accepted, installation.captured)
    finally:
        service.close()


def test_postgresql_is_restarted(tmp_path: Path) -> None:
    """Abruptly, under load: the service waits for it, and nothing that was answered is gone."""
    chance = Random(7)
    with own_server() as server:
        if server is None:
            pytest.skip(HOW)
        installation = Installation(tmp_path, server.url)
        with loaded(installation) as (process, client):
            for _ in range(RESTARTS):
                time.sleep(chance.uniform(0.2, 1.5))
                server.stop()
                errors = client.errors
                until(lambda errors=errors: client.errors > errors, "an error while it is away")
                time.sleep(chance.uniform(0, 1))
                server.start()
                goes_on(installation, process, client)
        report = settled(installation, client)

    assert report.events > 10


@contextmanager
def tmpfs(folder: Path, size: int) -> Iterator[None]:
    """A small disk; skips where we may not mount."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no tmpfs: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(filler: Path) -> None:
    """Leave no byte."""
    with filler.open("wb") as file:
        for size in (65536, 4096):
            while True:
                try:
                    os.write(file.fileno(), bytes(size))
                except OSError:
                    break


def on_a_disk_of_its_own(server: OwnServer, disk: Path) -> str:
    """The address of a new database whose tables lie in `disk`."""
    place = disk / "tables"
    place.mkdir()
    if os.getuid() == 0:
        shutil.chown(place, "nobody", "nogroup")
    engine = sa.create_engine(server.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE TABLESPACE small LOCATION '{place}'"))
        connection.execute(sa.text("CREATE DATABASE small TABLESPACE small"))
    engine.dispose()
    return server.url.removesuffix("/postgres") + "/small"


def full(
    installation: Installation, client: Client, fill: Callable[[], None], free: Callable[[], None], process: subprocess.Popen[bytes]
) -> None:
    """Without room posts get 503, which asks clients to come again; with room they are taken again."""
    fill()
    errors = client.errors
    until(lambda: client.errors >= errors + 5, "errors without room")
    assert process.poll() is None, installation.log("serve")[-3000:]
    free()
    goes_on(installation, process, client)
    assert client.statuses <= {200, 202, 503}, client.statuses
    assert 503 in client.statuses


@pytest.mark.skipif(sys.platform != "linux", reason="tmpfs is Linux's")
def test_the_disk_is_full(tmp_path: Path) -> None:
    """A disk without a byte left: errors, no lost event; with room again all goes on, without a restart."""
    disk, home = tmp_path / "disk", tmp_path / "home"
    disk.mkdir()
    home.mkdir()

    with tmpfs(disk, ROOM):
        installation = Installation(home, f"sqlite:///{disk / 'hongyan.db'}")
        with loaded(installation) as (process, client):
            full(installation, client, lambda: fill(disk / "filler"), (disk / "filler").unlink, process)
        settled(installation, client)


@pytest.mark.skipif(sys.platform != "linux", reason="tmpfs is Linux's")
@pytest.mark.parametrize("what", ["tables", "everything"])
def test_the_disk_of_postgresql_is_full(tmp_path: Path, what: str) -> None:
    """The one with the tables alone, where statements fail; or the one with its log, too (should it give up, it is started again)."""
    home = tmp_path / "home"
    home.mkdir()
    disk = Path(tempfile.mkdtemp(prefix="hongyan-disk-"))  # where a user who is not root may come
    try:
        with tmpfs(disk, POSTGRESQL_ROOM):
            disk.chmod(0o777)
            with own_server(disk if what == "everything" else None, "max_wal_size=4MB", "min_wal_size=2MB") as server:
                if server is None:
                    pytest.skip(HOW)
                url = server.url if what == "everything" else on_a_disk_of_its_own(server, disk)
                installation = Installation(home, url)

                def free() -> None:
                    (disk / "filler").unlink()
                    server.supervise()

                with loaded(installation) as (process, client):
                    full(installation, client, lambda: fill(disk / "filler"), free, process)
                settled(installation, client)
    finally:
        disk.rmdir()


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of another process are Linux's")
def test_a_file_may_not_grow(tmp_path: Path) -> None:
    """The other way to run out of room, on any machine: the kernel refuses to make the log longer."""
    installation = Installation(tmp_path, f"sqlite:///{tmp_path / 'hongyan.db'}")
    with loaded(installation) as (process, client):
        size = (tmp_path / "hongyan.db-wal").stat().st_size
        unlimited = resource.RLIM_INFINITY
        full(
            installation,
            client,
            lambda: resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, unlimited)) and None,
            lambda: resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited)) and None,
            process,
        )
    settled(installation, client)
