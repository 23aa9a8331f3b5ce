"""`python -m benchmarks.service.server`: `hongyan serve` with the kind `null`; with `bare`, a Flask post and nothing behind it.

`running` starts one in a process of its own, as in production: the client does not share its interpreter.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.machine import ROOT
from benchmarks.service import null
from benchmarks.service.workload import FILES

START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers. `token` opens everything."""

    port: int
    token: str
    process: subprocess.Popen[bytes]

    def processor_seconds(self) -> float:
        """What its process has used so far; 0 where there is no /proc."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(url: str, *, provider: str = "null", calls: Path | None = None) -> Iterator[Server]:
    """`hongyan serve` on an empty database, with the book of the workload. `provider`: null, or capture as without any settings."""
    with TemporaryDirectory(prefix="hongyan-bench-") as folder:
        token = _prepare(url, Path(folder))
        settings = Path(folder) / "hongyan.toml"
        tables = {"providers": null.TABLE, "routes": null.ROUTE} if provider == "null" else {}
        settings.write_text("".join(_toml(name, table) for name, table in tables.items()), encoding="utf-8")
        port = _free_port()
        variables = {
            "HONGYAN_SETTINGS": str(settings),
            "HONGYAN_DATABASE": url,
            "HONGYAN_SECRET": "a secret of benchmarks",
            "HONGYAN_SERVER_PORT": str(port),
            **({null.FILE: str(calls)} if calls is not None else {}),
        }
        with _process([sys.executable, "-m", "benchmarks.service.server"], variables, port) as process:
            yield Server(port, token, process)


@contextmanager
def bare() -> Iterator[Server]:
    """The same HTTP server around a Flask view that reads JSON and answers JSON."""
    port = _free_port()
    with _process([sys.executable, "-m", "benchmarks.service.server", "bare", str(port)], {}, port) as process:
        yield Server(port, "none", process)


@contextmanager
def _process(command: list[str], variables: Mapping[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HONGYAN_")}
    with TemporaryDirectory() as folder, open(Path(folder) / "log", "w+b") as log:
        process = subprocess.Popen(command, cwd=ROOT, env={**environment, **variables}, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise SystemExit(f"the server did not start:\n{log.read().decode(errors='replace')[-2000:]}")
                time.sleep(0.05)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _prepare(url: str, folder: Path) -> str:
    from cli.parts import opened
    from engine.settings import Settings

    with opened(Settings(database=url, secret="a secret of benchmarks")) as service:
        service.publish(FILES, "benchmark", "benchmark")
        return service.create_key("benchmark", "admin")


def _toml(name: str, table: Mapping[str, object]) -> str:
    return f"[[{name}]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _bare(port: int) -> None:
    import orjson
    from flask import Flask, Response, request

    from cli.http import HttpServer

    app = Flask("bare")

    @app.post("/v1/events")
    @app.post("/v1/events/batch")
    def take() -> Response:
        line = orjson.loads(request.get_data(cache=False))
        answer = {"id": line["id"]} if isinstance(line, dict) else [one["id"] for one in line]
        return Response(orjson.dumps(answer), 202, content_type="application/json")

    server = HttpServer(app, "127.0.0.1", port)
    signal.signal(signal.SIGTERM, server.stop)
    server.run()


if __name__ == "__main__":
    if sys.argv[1:2] == ["bare"]:
        _bare(int(sys.argv[2]))
    else:
        from cli.main import main

        null.register()
        sys.exit(main(["serve"]))
