"""`hongyan serve`, `worker` and `dispatch` as processes of their own, on free ports and SQLite files."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.runtime.clock import RealClock
from engine.runtime.service import Service
from engine.settings import Settings
from engine.store.store import Store
from tests.cli.conftest import O2O
from tests.cli.test_service_commands import order

pytestmark = pytest.mark.slow  # a second or two for each process

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60.0  # for machines with better things to do; nothing here waits so long otherwise
POLL_SECONDS = 0.02


def until(found: Callable[[], Any], what: str) -> Any:
    """What `found` gives, once it gives something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if result := found():
            return result
        time.sleep(POLL_SECONDS)
    raise AssertionError(f"not within {PATIENCE_SECONDS:g} s: {what}")


class Process:
    """One `hongyan` command that runs on."""

    def __init__(self, folder: Path, *args: object, **settings: object) -> None:
        self.folder = folder
        self.port = _free_port()
        self._log = (folder / f"{args[0]}-{self.port}.log").open("wb")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HONGYAN_")}
        environment = inherited | {f"HONGYAN_{name.upper()}": str(value) for name, value in settings.items()}
        environment |= {"PYTHONPATH": str(ROOT), "HONGYAN_SERVER_PORT": str(self.port)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", *map(str, args)], cwd=folder, env=environment, stdout=self._log, stderr=self._log
        )

    @property
    def log(self) -> str:
        """What it has said so far."""
        return Path(self._log.name).read_text("utf-8")

    def ready(self) -> Process:
        """Wait until it takes requests."""
        until(lambda: self._process.poll() is not None or self._answers(), "ready")
        assert self._process.poll() is None, self.log
        return self

    def said(self, text: str) -> Process:
        """Wait until it has said something."""
        until(lambda: self._process.poll() is not None or text in self.log, text)
        assert text in self.log
        return self

    def _answers(self) -> bool:
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def ask(self, method: str, path: str, body: object = None, key: str = "") -> tuple[int, Any]:
        """(status, answer) of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if "json" in (answer.headers["Content-Type"] or "") else text.decode()
        finally:
            connection.close()

    def send(self, number: signal.Signals) -> None:
        """A signal."""
        self._process.send_signal(number)

    def ended(self) -> int:
        """Wait for its end; the exit code."""
        return self._process.wait(PATIENCE_SECONDS)

    def close(self) -> None:
        """Leave no process behind."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._log.close()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `hongyan ARGS` in the test's folder."""
    running: list[Process] = []

    def started(*args: object, **settings: object) -> Process:
        running.append(Process(tmp_path, *args, **settings))
        return running[-1]

    yield started
    for process in running:
        process.close()


def hongyan(folder: Path, *args: object) -> str:
    """Standard output of a command that ends by itself, and well."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HONGYAN_")} | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "cli.main", *map(str, args)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def key_of(folder: Path, role: str = "admin") -> str:
    """A new key."""
    return hongyan(folder, "keys", "create", "--name", "test", "--role", role)


def posted(number: int) -> dict[str, Any]:
    """An order of now, by somebody new."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return order(number) | {"time": now, "user": {"id": f"u{number}", "phone": "13800138000"}}


def state_of(process: Process, key: str, number: int) -> str:
    """The state of the first message of an event."""
    found = process.ask("GET", f"/v1/events/api/e{number}", key=key)[1]
    return str(found["messages"][0]["state"]) if found.get("messages") else ""


# ---- the demo -------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One `hongyan serve --demo` for the tests that only ask it."""
    process = Process(tmp_path_factory.mktemp("demo"), "serve", "--demo")
    try:
        yield process.ready()
    finally:
        process.close()


def keys_in(log: str) -> list[str]:
    """The keys that a demo has printed."""
    return re.findall(r"key for .*: (hy_\w+_[\w-]+)", log)


def test_a_demo_has_users_events_messages_and_keys(demo: Process) -> None:
    """Yesterday's events were judged at their own times, and what came of them has left."""
    everything, ingest, test = keys_in(demo.said("openapi.json").log)
    found = demo.ask("GET", "/v1/messages?limit=1000", key=everything)[1]["items"]

    assert len(found) > 50
    assert {message["state"] for message in found} >= {"delivered"}
    assert not {message["state"] for message in found} & {"queued", "submitting", "unknown"}
    assert len({message["at"][11:13] for message in found}) > 8  # over the whole day
    assert demo.ask("GET", "/v1/messages", key=ingest)[0] == 403
    assert demo.ask("GET", "/v1/messages", key=test)[1]["items"] == []
    assert f"http://127.0.0.1:{demo.port}" in demo.log


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="runs the README's lines as they stand")
def test_the_first_curl_of_the_readme_works(demo: Process) -> None:
    """It posts an order and reads back verdicts and message; the second one reads what became of it."""
    lines = (ROOT / "README.md").read_text("utf-8").split("## A first event")[1].split("```sh")[1].split("```")[0]
    assert lines.count("curl") == 2
    script = lines.replace("hy_live_...", keys_in(demo.log)[0]).replace("127.0.0.1:8000", f"127.0.0.1:{demo.port}")
    script = "set -e\n" + script.replace("curl -s", "curl -sf")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    decoder = json.JSONDecoder()
    first, end = decoder.raw_decode(done.stdout)
    second, _ = decoder.raw_decode(done.stdout[end:].strip())

    assert first["status"] == "accepted"
    assert {verdict["rule"]: verdict["outcome"] for verdict in first["verdicts"]}["order-created"] == "send"
    assert "A1001" in first["messages"][0]["text"]
    assert second["event"]["id"] == "first-order"
    assert second["messages"][0]["rule"] == "order-created"


def test_an_address_with_a_slash_in_it_is_one_name(demo: Process) -> None:
    """Sources of CloudEvents are URIs; the server must give the address as it came."""
    key = keys_in(demo.said("openapi.json").log)[0]
    event = posted(7) | {"source": "shop/a", "data": {"order_id": "A7", "kind": "delivery", "item": "x", "amount": 5}}
    status, answer = demo.ask("POST", "/v1/events?wait=verdicts", event, key)

    assert (status, answer.get("status")) == (202, "accepted"), answer
    assert demo.ask("GET", "/v1/events/shop%2Fa/e7", key=key)[0] == 200


def test_a_demo_that_was_here_before_keeps_everything(start: Start) -> None:
    """Its keys are not printed again, nor is anything loaded twice."""
    first = start("serve", "--demo").ready().said("openapi.json")
    key = keys_in(first.log)[0]
    before = len(first.ask("GET", "/v1/messages?limit=1000", key=key)[1]["items"])
    first.send(signal.SIGTERM)
    assert first.ended() == 0

    second = start("serve", "--demo").ready().said("openapi.json")
    assert keys_in(second.log) == []
    assert "was here before" in second.log
    assert len(second.ask("GET", "/v1/messages?limit=1000", key=key)[1]["items"]) >= before
    assert len(second.ask("GET", "/v1/rulebooks", key=key)[1]["items"]) == 1


# ---- starting and stopping --------------------------------------------------------------------------------------------------------------


def test_the_first_book_is_published_once(start: Start, book: Path, tmp_path: Path) -> None:
    """A later start with another book changes nothing."""
    first = start("serve", "--book", book).ready()
    key = key_of(tmp_path)
    status, answer = first.ask("POST", "/v1/events?wait=verdicts", posted(1), key)
    first.send(signal.SIGINT)

    assert status == 202
    assert answer["messages"][0]["text"] == "【秒信通】订单A1已收到。"
    assert first.ended() == 0

    start("serve", "--book", O2O).ready()
    assert len(json.loads(hongyan(tmp_path, "versions", "--format", "json"))) == 1


def test_a_bad_first_book_stops_the_start(start: Start, bad_book: Path) -> None:
    """Its errors are shown, exit code 1."""
    process = start("serve", "--book", bad_book)

    assert process.ended() == 1
    assert "^^^" in process.log


def test_a_port_in_use_is_said(start: Start, book: Path) -> None:
    """With the setting's name, exit code 2, and no traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start("serve", "--book", book, server_host="127.0.0.1")
        process.close()
        again = subprocess.run(
            [sys.executable, "-m", "cli.main", "serve"],
            cwd=process.folder,
            env=os.environ | {"PYTHONPATH": str(ROOT), "HONGYAN_SERVER_PORT": str(taken.getsockname()[1])},
            capture_output=True,
            text=True,
            check=False,
        )

    assert again.returncode == 2
    assert "server.port" in again.stderr
    assert "Traceback" not in again.stderr


def test_a_request_under_way_is_answered_before_the_end(start: Start, book: Path, tmp_path: Path) -> None:
    """SIGTERM comes between its head and its body; nobody new is let in."""
    process = start("serve", "--book", book).ready()
    key = key_of(tmp_path)
    body = json.dumps(posted(1)).encode()
    head = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", process.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:10])
        assert process.ask("GET", "/healthz")[0] == 200  # the server has read that far
        process.send(signal.SIGTERM)
        until(lambda: not _listens(process.port), "no new connections")
        connection.sendall(body[10:])
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 202")
    assert process.ended() == 0
    process = start("serve").ready()
    assert until(lambda: state_of(process, key, 1), "decided")


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_what_was_accepted_survives_a_kill(start: Start, book: Path, tmp_path: Path) -> None:
    """kill -9 right after the answer: decided once after the next start."""
    process = start("serve", "--book", book).ready()
    key = key_of(tmp_path)
    for number in range(1, 6):
        assert process.ask("POST", "/v1/events", posted(number), key)[0] == 202
    process.send(signal.SIGKILL)
    process.ended()

    again = start("serve").ready()
    for number in range(1, 6):
        until(lambda number=number: state_of(again, key, number) not in ("", "queued", "submitting"), f"message {number}")
    assert len(again.ask("GET", "/v1/messages", key=key)[1]["items"]) == 5


def test_no_number_and_no_key_stands_in_the_log(start: Start, book: Path, tmp_path: Path) -> None:
    """Of accepted, refused and broken requests."""
    process = start("serve", "--book", book).ready()
    key = key_of(tmp_path)
    process.ask("POST", "/v1/events?wait=verdicts", posted(1), key)
    process.ask("POST", "/v1/events", posted(1) | {"data": "13800138000"}, key)
    process.ask("GET", "/v1/users/13800138000", key=key)
    process.send(signal.SIGTERM)

    assert process.ended() == 0
    assert "13800138000" not in process.log
    assert key not in process.log


# ---- the parts alone --------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def service(tmp_path: Path, book: Path) -> Iterator[Service]:
    """The same database, in this process, idle."""
    hongyan(tmp_path, "publish", book, "--note", "x")
    settings = Settings(database=f"sqlite:///{tmp_path / 'hongyan.db'}")
    secret = (tmp_path / "hongyan.db.secret").read_text().strip().encode()
    found = Service(Store(settings.database), RealClock(), secret=secret)
    yield found
    found.close()


def test_worker_and_dispatcher_do_their_part(start: Start, service: Service) -> None:
    """The worker judges and sends nothing; the dispatcher sends. Both stop in order."""

    def first_message() -> Mapping[str, Any]:
        return next(iter(service.messages("live").items), {})

    assert [one.status for one in service.accept("live", [posted(1)])] == ["accepted"]
    worker = start("worker").said("judging on sqlite:///hongyan.db")
    assert until(first_message, "judged")["state"] == "queued"

    dispatcher = start("dispatch").said("sending on sqlite:///hongyan.db")
    until(lambda: first_message()["attempts"], "sent")
    for process in (worker, dispatcher):
        process.send(signal.SIGTERM)
        assert process.ended() == 0
