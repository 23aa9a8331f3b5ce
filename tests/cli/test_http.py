"""The HTTP server around an application, and whom it believes about where a request comes from."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from cli.console import UsageError
from cli.http import BehindProxies, HttpServer

Wsgi = Callable[..., Iterable[bytes]]


def seen_by(environ: dict[str, str], trusted: list[str]) -> tuple[str, str]:
    """(client's address, scheme) as an application sees them."""
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], _: object) -> None:
        seen.update(environ)

    BehindProxies(app, trusted)({"wsgi.url_scheme": "http", **environ}, None)  # type: ignore[arg-type]  # the application answers nothing
    assert "HTTP_X_FORWARDED_FOR" not in seen
    return seen["REMOTE_ADDR"], seen["wsgi.url_scheme"]


@pytest.mark.parametrize(
    ("peer", "forwarded", "proto", "expected"),
    [
        ("10.0.0.1", "203.0.113.7", "https", ("203.0.113.7", "https")),
        ("10.0.0.1", "1.1.1.1, 203.0.113.7, 10.0.0.9", "https", ("203.0.113.7", "https")),  # what the client wrote itself counts nothing
        ("10.0.0.1", "10.0.0.8, 10.0.0.9", "http", ("10.0.0.8", "http")),
        ("10.0.0.1", "2001:db8::1", "", ("2001:db8::1", "http")),
        ("10.0.0.1", "nonsense, 203.0.113.7", "gopher", ("203.0.113.7", "http")),
        ("10.0.0.1", "203.0.113.7, nonsense", "", ("10.0.0.1", "http")),
        ("10.0.0.1", "", "", ("10.0.0.1", "http")),
        ("203.0.113.5", "1.1.1.1", "https", ("203.0.113.5", "http")),  # nobody whom we trust
        ("", "1.1.1.1", "https", ("", "http")),
    ],
)
def test_only_trusted_proxies_are_believed(peer: str, forwarded: str, proto: str, expected: tuple[str, str]) -> None:
    """The client is the last address that is no trusted proxy's."""
    environ = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded, "HTTP_X_FORWARDED_PROTO": proto}

    assert seen_by(environ, ["10.0.0.0/8", "::1"]) == expected


@pytest.fixture
def echo() -> Iterator[HttpServer]:
    """Answers with the address that it believes the request to come from, and the address as it came."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{environ['REMOTE_ADDR']} {environ['REQUEST_URI']} {environ.get('HTTP_X_FORWARDED_FOR')}".encode()]

    server = HttpServer(app, "127.0.0.1", 0)
    running = threading.Thread(target=server.run)
    running.start()
    yield server
    server.stop()
    running.join(30)
    assert not running.is_alive()


def ask(server: HttpServer, path: str, headers: dict[str, str]) -> str:
    """The text of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", path, headers=headers)
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def test_the_application_sees_the_address_as_it_came(echo: HttpServer) -> None:
    """Headers of proxies that nobody trusts do not even reach it."""
    assert ask(echo, "/a%2Fb?c=%20", {"X-Forwarded-For": "1.1.1.1"}) == "127.0.0.1 /a%2Fb?c=%20 None"


def test_a_port_can_be_taken_once(echo: HttpServer) -> None:
    """The second one is told so."""
    with pytest.raises(UsageError, match=rf"127\.0\.0\.1:{echo.port}: .*server\.port"):
        HttpServer(lambda *_: [], "127.0.0.1", echo.port)


def test_idle_connections_do_not_hold_up_the_end() -> None:
    """A browser keeps its connection open for minutes."""
    server = HttpServer(lambda environ, start: (start("204 No Content", []), [])[1], "127.0.0.1", 0)
    running = threading.Thread(target=server.run)
    running.start()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/")
    connection.getresponse().read()
    server.stop()
    running.join(5)

    assert not running.is_alive()
    connection.close()
