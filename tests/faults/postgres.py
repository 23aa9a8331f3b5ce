"""A PostgreSQL of our own that may be stopped, as if its machine failed, and started again."""

from __future__ import annotations

import glob
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.processes import free_port, until
from tests.store.conftest import answers


class OwnServer:
    """One cluster in a folder. `stop` is abrupt: nothing is written down, as with `kill -9` of all its processes."""

    def __init__(self, tools: Path, folder: Path, *options: str) -> None:
        self._tools = tools
        self._folder = folder
        self._options = [part for option in options for part in ("-c", option)]
        self._as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []
        if self._as_user:
            shutil.chown(folder, "nobody", "nogroup")
        self._port = free_port()
        self.url = f"postgresql+psycopg://postgres@127.0.0.1:{self._port}/postgres"
        self._process: subprocess.Popen[bytes] | None = None
        made = [*self._as_user, tools / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--wal-segsize=1"]
        subprocess.run(made, check=True, capture_output=True)

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = ["-p", str(self._port), "-k", str(self._folder), "-c", "listen_addresses=127.0.0.1", *self._options]
        command = [*self._as_user, self._tools / "postgres", "-D", self._folder / "data", *options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: answers(self.url), "PostgreSQL answers")

    def stop(self) -> None:
        """Immediate shutdown: connections end at once, the next start recovers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(60)
            self._process = None

    def supervise(self) -> bool:
        """Start it again if it has given up, as systemd would; whether it had."""
        gone = self._process is not None and self._process.poll() is not None
        if gone:
            self.start()
        return gone


@contextmanager
def own_server(place: Path | None = None, *options: str) -> Iterator[OwnServer | None]:
    """A running server, gone afterwards; None without binaries. `place`: the folder in which its own is made."""
    binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
    if not binaries:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="hongyan-pg-", dir=place))
    server = None
    try:
        server = OwnServer(Path(binaries[-1]).parent, folder, *options)
        server.start()
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
