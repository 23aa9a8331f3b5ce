"""Real `hongyan` processes over one installation, clients that load them, and a killer."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa

from engine.runtime.clock import RealClock
from engine.runtime.service import Service
from engine.store import campaigns, events, messages, timers
from engine.store.store import Store
from tests.faults import world
from tests.providers.conftest import Smsc

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 90.0  # for a machine with better things to do; nothing here waits so long otherwise
POLL_SECONDS = 0.02
SECRET = "a pepper for the tests of faults"
TOKEN = "a token for receipts"


def until(found: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS, why_not: Callable[[], str] = str) -> Any:
    """What `found` gives, once it gives something. `why_not` is asked when it never does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := found():
            return result
        time.sleep(POLL_SECONDS)
    raise AssertionError(f"not within {seconds:g} s: {what} {why_not()}".rstrip())


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def quiet(store: Store) -> bool:
    """Whether nothing is under way: no event waits, no timer runs, no campaign goes on, nothing is being sent."""
    with store.read() as tx:
        states = {state for _, state in messages.depths(tx, "live")}
        busy = (
            events.count_waiting(tx, "live") or campaigns.listed(tx, "live", ("running",)) or states & {"queued", "waiting", "submitting"}
        )
        return not busy and timers.next_due(tx, "live") is None


def under_way(store: Store) -> str:
    """What keeps a database from being quiet, with a few of each, and who waits for whom."""
    lines = [f"now {time.time_ns() // 1000}"]
    with store.read() as tx:
        lines += [f"events waiting: {events.count_waiting(tx, 'live')}", f"depths: {messages.depths(tx, 'live')}"]
        lines += [f"campaign: {one}" for one in campaigns.listed(tx, "live", ("running",))]
        lines += [f"timers: {timers.count(tx, 'live')}", f"next: {timers.next_due(tx, 'live')}"]
        queries = ["select * from messages where state in ('queued', 'waiting', 'submitting') limit 5", "select * from timers limit 5"]
        if store.is_postgresql:
            queries += [
                "select pid, state, wait_event_type, wait_event, now() - xact_start, pg_blocking_pids(pid), left(query, 300)"
                " from pg_stat_activity where datname = current_database()"
            ]
        lines += [str(dict(row._mapping)) for query in queries for row in tx.execute(sa.text(query))]
    return "\n".join(lines)


class Installation:
    """A folder with settings, a database with the book and its people, two gateways that write down what they get: files, or two accounts
    of an SMSC."""

    def __init__(self, folder: Path, url: str, people: int = world.PEOPLE, smsc: Smsc | None = None) -> None:
        self.folder = folder
        self.url = url
        self.port = free_port()
        self.smsc = smsc
        self.captured = [] if smsc is not None else [folder / "one.jsonl", folder / "two.jsonl"]
        self.providers: list[dict[str, Any]] = [
            {"name": path.stem, "kind": "capture", "channels": ["sms"], "path": str(path), "token": TOKEN} for path in self.captured
        ]
        if smsc is not None:
            self.providers = [_account(name, smsc) for name in ("one", "two")]
        self.routes = [{"channel": "sms", "providers": ["one", "two"]}]
        tables = [
            "[[providers]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in table.items()) for table in self.providers
        ]
        (folder / "hongyan.toml").write_text(
            "".join([*tables, '[[routes]]\nchannel = "sms"\nproviders = ["one", "two"]\n']), encoding="utf-8"
        )
        service = self.service()
        service.publish(world.FILES, "first", "test")
        assert {one.status for one in service.put_users("live", world.users(people))} == {"accepted"}
        self.key = service.create_key("faults", "admin")
        service.close()

    def service(self) -> Service:
        """The same installation in this process."""
        store = Store(self.url)
        store.migrate()
        return Service(store, RealClock(), secret=SECRET.encode(), providers=self.providers, routes=self.routes)

    def start(
        self, command: str, *, port: int | None = None, limit_bytes: int | None = None, **settings: object
    ) -> subprocess.Popen[bytes]:
        """One `hongyan` process. Its log is added to `<command>.log`."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HONGYAN_")}
        environment = inherited | {f"HONGYAN_{name.upper()}": str(value) for name, value in settings.items()}
        environment |= {
            "PYTHONPATH": str(ROOT),
            "HONGYAN_DATABASE": self.url,
            "HONGYAN_SECRET": SECRET,
            "HONGYAN_SERVER_PORT": str(port or self.port),
        }
        limit = [] if limit_bytes is None else ["prlimit", f"--fsize={limit_bytes}:{limit_bytes}"]
        with (self.folder / f"{command}.log").open("ab") as log:
            return subprocess.Popen(
                [*limit, sys.executable, "-m", "cli.main", command], cwd=self.folder, env=environment, stdout=log, stderr=log
            )

    def smsc_log(self) -> list[Mapping[str, Any]] | None:
        """What the SMSC has written down, where there is one."""
        return list(self.smsc.events.items) if self.smsc is not None else None

    def log(self, command: str) -> str:
        """What processes of a command have said."""
        return (self.folder / f"{command}.log").read_text("utf-8", "replace")

    def ask(self, method: str, path: str, body: object = None, *, port: int | None = None) -> tuple[int, Any]:
        """(status, answer) of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=30)
        try:
            connection.request(
                method,
                path,
                None if body is None else json.dumps(body),
                {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
            )
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if "json" in (answer.headers["Content-Type"] or "") else text.decode()
        finally:
            connection.close()

    def ready(self, process: subprocess.Popen[bytes], port: int | None = None) -> None:
        """Wait until the server takes requests."""

        def answers() -> bool:
            assert process.poll() is None, self.log("serve")[-3000:]
            try:
                return self.ask("GET", "/readyz", port=port)[0] == 200
            except (OSError, http.client.HTTPException):
                return False

        until(answers, "ready")

    def rest(self) -> None:
        """Let everything that is under way come to its end, in this process: no event waits, no timer runs, nothing is being sent."""
        store = Store(self.url)
        try:
            self._come_to_rest()
            while not quiet(store):  # as it was stopped it had just taken up what nobody knew the fate of
                self._come_to_rest()
        finally:
            store.close()

    def _come_to_rest(self) -> None:
        service = self.service()
        # Nobody else is there any more: what they were sending need not wait until it is certain that they are gone.
        interrupted = service.way_out._dispatcher.start(alone=True)
        counted = [
            sample.value
            for family in service.metrics.collect()
            for sample in family.samples
            if sample.name == "hongyan_attempts_total" and sample.labels["code"] == "interrupted"
        ]
        assert sum(counted) == interrupted, "what nobody knows must be counted"
        service.start()

        try:
            until(lambda: quiet(service.store), "rest", why_not=lambda: under_way(service.store))
            if self.smsc is not None:
                smsc = self.smsc
                until(lambda: not smsc.mode()["owed"], "the gateway's receipts are acknowledged")
        finally:
            service.close()


def _account(name: str, smsc: Smsc) -> dict[str, Any]:
    return {
        "name": name, "kind": "smpp", "channels": ["sms"], "host": "127.0.0.1", "port": smsc.port, "system_id": name, "sender": "10690001",
        "reconnect_seconds": 0.05, "reconnect_longest_seconds": 0.3, "response_timeout_seconds": 1.0,
    }  # fmt: skip


class Client(threading.Thread):
    """Posts a story over HTTP until it is stopped. What was not answered is posted again, the same, as an integrator would."""

    def __init__(self, installation: Installation, name: str, seed: int, *, pause_seconds: float = 0.03, port: int | None = None) -> None:
        super().__init__(name=name, daemon=True)
        self._installation = installation
        self._port = port or installation.port
        self._chance = Random(f"{name} {seed}")
        self._story = world.Story(name, self._chance)
        self._pause_seconds = pause_seconds
        self._connection: http.client.HTTPConnection | None = None
        self._unanswered: list[dict[str, Any]] = []
        self.accepted: list[str] = []
        self.answers = 0
        self.refused: list[Any] = []
        self.errors = 0
        self.statuses: set[int] = set()
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set():
            lines = self._unanswered or self._story.lines(time.time_ns() // 1000, self._chance.choice((1, 1, 3, 8)))
            self._unanswered = lines
            try:
                self._post(lines)
            except (OSError, http.client.HTTPException, ValueError):
                self._drop()
                self.errors += 1
                self.stopping.wait(0.1)
            self.stopping.wait(self._pause_seconds * self._chance.random())
        self._drop()

    def _post(self, lines: Sequence[dict[str, Any]]) -> None:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        single = len(lines) == 1
        headers = {"Authorization": f"Bearer {self._installation.key}", "Content-Type": "application/json"}
        path = "/v1/events" if single else "/v1/events/batch"
        self._connection.request("POST", path, json.dumps(lines[0] if single else lines), headers)
        answer = self._connection.getresponse()
        text = json.loads(answer.read())
        self.statuses.add(answer.status)
        if answer.status not in (200, 202):
            self.errors += 1
            if answer.status < 500 and answer.status != 429:
                self.refused.append(text)
            self.stopping.wait(0.1)
            return
        self.answers += 1
        results = [text] if single else text["results"]
        self.refused += [result for result in results if result["status"] not in ("accepted", "duplicate")]
        self.accepted += [result["id"] for result in results if result["status"] in ("accepted", "duplicate")]
        self._unanswered = []

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Receipts(threading.Thread):
    """Says something of the silent numbers: after a while, twice, sometimes the contrary."""

    def __init__(self, installation: Installation, seed: int) -> None:
        super().__init__(name="receipts", daemon=True)
        self._installation = installation
        self._chance = Random(seed)
        self._read = dict.fromkeys(installation.captured, 0)
        self.told = 0
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.wait(0.3):
            for path in self._installation.captured:
                items = self._new(path)
                if items and self._tell(path.stem, items):
                    self.told += len(items)

    def _new(self, path: Path) -> list[dict[str, str]]:
        if not path.exists():
            return []
        with path.open("rb") as file:
            file.seek(self._read[path])
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read[path] += len(whole)
        lines = [json.loads(line) for line in whole.splitlines()]
        ids = [line["id"] for line in lines if line["to"].endswith(world.SILENT) and line["to"].startswith("+861990000")]
        return [
            {"id": id, "status": status} for id in ids for status in self._chance.choices(("delivered", "undelivered", "accepted"), k=2)
        ]

    def _tell(self, provider: str, items: list[dict[str, str]]) -> bool:
        try:
            return self._installation.ask("POST", f"/v1/receipts/{provider}?token={TOKEN.replace(' ', '%20')}", items)[0] == 200
        except (OSError, http.client.HTTPException):
            return False


def kill(process: subprocess.Popen[bytes]) -> None:
    """kill -9, and wait for the body."""
    process.send_signal(signal.SIGKILL)
    process.wait()
