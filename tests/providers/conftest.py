"""A gateway by npm's `smpp`, sinks that remember, and a place to wait for things without sleeping."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from providers.contract import Inbound, Provider, Receipt, Sinks
from providers.registry import make

NOW = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
PATIENCE_SECONDS = 20.0
SMSC = Path(__file__).parent / "smsc"


class Seen:
    """A list that several threads fill and a test waits on."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._changed = threading.Condition()

    def add(self, items: Sequence[Any]) -> None:
        with self._changed:
            self.items.extend(items)
            self._changed.notify_all()

    def clear(self) -> None:
        with self._changed:
            self.items.clear()

    def wait(self, count: int = 1, that: Callable[[Any], bool] = lambda item: True) -> list[Any]:
        """At least so many that fulfil something; fails when they do not come."""

        def found() -> list[Any]:
            return [item for item in self.items if that(item)]

        with self._changed:
            assert self._changed.wait_for(lambda: len(found()) >= count, PATIENCE_SECONDS), f"{len(found())} of {count}: {self.items}"
            return found()


class Kept:
    """Sinks that keep, or refuse as long as `refuses` is set."""

    def __init__(self) -> None:
        self.receipts = Seen()
        self.inbound = Seen()
        self.refuses = False
        self.sinks = Sinks(self._receipts, self._inbound, lambda: NOW)

    def _receipts(self, receipts: Sequence[Receipt]) -> None:
        self._refuse()
        self.receipts.add(receipts)

    def _inbound(self, inbound: Sequence[Inbound]) -> None:
        self._refuse()
        self.inbound.add(inbound)

    def _refuse(self) -> None:
        if self.refuses:
            raise OSError("disk full")


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def build(kept: Kept) -> Iterator[Callable[..., Any]]:
    """Make a provider of its settings; it is closed after the test."""
    made: list[Provider] = []

    def build(kind: str, **settings: Any) -> Provider:
        made.append(make({"name": "p", "kind": kind, **settings}, kept.sinks, {}))
        return made[-1]

    yield build
    for provider in made:
        provider.close()


class Smsc:
    """The gateway's process. `order` returns when it was carried out."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.events = Seen()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.port: int = self.wait("listening")[0]["port"]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.events.add([json.loads(line)])

    def order(self, what: str, **facts: Any) -> Mapping[str, Any]:
        before = len([event for event in self.events.items if event["event"] == "done"])
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, **facts}) + "\n")
        self._process.stdin.flush()
        return self.wait("done", before + 1)[before]

    def mode(self, **mode: Any) -> Mapping[str, Any]:
        return self.order("mode", mode=mode)

    def deliver(self, **pdu: Any) -> None:
        self.order("deliver", pdu=pdu)

    def wait(self, event: str, count: int = 1) -> list[Mapping[str, Any]]:
        return self.events.wait(count, lambda item: item["event"] == event)

    def end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        self._process.stdout.close()


def missing(what: str) -> None:
    """Skip here, fail in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@contextmanager
def running_smsc() -> Iterator[Smsc]:
    """The gateway's process, ended afterwards. Skips, or fails in CI, where there is none."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        missing("the SMPP tests need Node.js: apt-get install nodejs npm")
    assert node is not None
    assert npm is not None
    with open(Path(tempfile.gettempdir()) / "hongyan-smsc.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one of pytest's workers installs, the others wait
        if not (SMSC / "node_modules" / "smpp" / "package.json").exists():
            command = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
            installed = subprocess.run(command, cwd=SMSC, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
            if installed.returncode:
                missing(f"npm could not install the SMSC: {installed.stderr.strip()[-300:]}")
    process = subprocess.Popen([node, "smsc.js"], cwd=SMSC, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    smsc = Smsc(process)
    try:
        yield smsc
    finally:
        smsc.end()


@pytest.fixture(scope="session")
def smsc_process() -> Iterator[Smsc]:
    with running_smsc() as smsc:
        yield smsc


@pytest.fixture
def smsc(smsc_process: Smsc) -> Smsc:
    """The gateway as new: nobody connected, nothing held back."""
    smsc_process.order("reset")
    smsc_process.events.clear()
    return smsc_process


@pytest.fixture
def smpp(smsc: Smsc, build: Callable[..., Provider]) -> Callable[..., Provider]:
    """Make an account at the gateway, with short times."""

    def smpp(**settings: Any) -> Provider:
        table = {
            "host": "127.0.0.1",
            "port": smsc.port,
            "system_id": "hongyan",
            "password": "secret",
            "sender": "10690001",
            "reconnect_seconds": 0.02,
            "reconnect_longest_seconds": 0.1,
            "response_timeout_seconds": PATIENCE_SECONDS,
            **settings,
        }
        return build("smpp", channels=["sms"], **table)

    return smpp
