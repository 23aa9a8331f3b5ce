"""The HTTP server of `hongyan serve`: waitress, in this process and its threads (docs/decisions/http-server.md)."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from waitress import wasyncore
from waitress.server import BaseWSGIServer, create_server

from cli.console import UsageError

Wsgi = Callable[..., Any]

THREADS = 16  # requests at once; one that waits for a decision holds one
STOP_SECONDS = 10.0  # for requests that are under way when the service stops
_LONGEST_BODY = 8 * 1024 * 1024  # the application refuses bodies long before, in its own words


class HttpServer:
    """Listens from the start, answers in `run`, until `stop` is called from a signal's handler or another thread."""

    def __init__(self, app: Wsgi, host: str, port: int, trusted_proxies: Sequence[str] = ()) -> None:
        self._stopping = False
        self._map: dict[int, Any] = {}
        try:
            server: Any = create_server(
                BehindProxies(app, trusted_proxies) if trusted_proxies else app,
                map=self._map,
                sockets=_listening(host, port),
                threads=THREADS,
                ident="hongyan",
                backlog=1024,
                connection_limit=1000,
                channel_timeout=60,
                max_request_body_size=_LONGEST_BODY,
                asyncore_use_poll=True,
                clear_untrusted_proxy_headers=not trusted_proxies,
            )
        except OSError as error:
            raise UsageError(f"{host}:{port}: {error.strerror or error} (settings: server.host, server.port)") from error
        self._dispatcher = server.task_dispatcher
        self._listeners: list[Any] = [one for one in self._map.values() if isinstance(one, BaseWSGIServer)]
        self.port = int(self._listeners[0].effective_port)

    def run(self) -> None:
        """Answer until `stop`; what is under way then is finished."""
        while not self._stopping:
            self._turn(1.0)
        for listener in self._listeners:
            listener.accepting = False
            listener.del_channel()
            listener.socket.close()
        deadline = time.monotonic() + STOP_SECONDS
        while self._busy() and time.monotonic() < deadline:
            self._turn(0.05)
        self._dispatcher.shutdown(timeout=max(0.1, deadline - time.monotonic()))
        wasyncore.close_all(self._map)

    def stop(self, *_: object) -> None:
        """Take no more requests; `run` returns soon. May be called by a signal."""
        self._stopping = True
        self._listeners[0].pull_trigger()

    def _turn(self, seconds: float) -> None:
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._map, count=1)

    def _busy(self) -> bool:
        """Whether an answer is still to be given. Connections without a request are closed on the way."""
        busy = False
        for listener in self._listeners:
            for channel in list(listener.active_channels.values()):
                if channel.requests or channel.request is not None or channel.total_outbufs_len:
                    busy = True
                else:
                    channel.will_close = True
        return busy


def _listening(host: str, port: int) -> list[socket.socket]:
    """One socket for each address of the host, bound already."""
    found: list[socket.socket] = []
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE):
        found.append(socket.socket(family, kind, protocol))
        found[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            found[-1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            found[-1].bind(address)
        except OSError:
            for listener in found:
                listener.close()
            raise
    return found


class BehindProxies:
    """Believes `X-Forwarded-For` and `-Proto` of trusted networks: the client is the last address that is none of them."""

    def __init__(self, app: Wsgi, trusted: Sequence[str]) -> None:
        self._app = app
        self._trusted = [ipaddress.ip_network(network, strict=False) for network in trusted]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        forwarded, proto = environ.pop("HTTP_X_FORWARDED_FOR", ""), environ.pop("HTTP_X_FORWARDED_PROTO", "")
        if self._is_trusted(environ.get("REMOTE_ADDR", "")):
            if proto in ("http", "https"):
                environ["wsgi.url_scheme"] = proto
            for hop in reversed([hop.strip() for hop in forwarded.split(",")]):
                if not _is_address(hop):
                    break  # what stands left of it nobody vouches for
                environ["REMOTE_ADDR"] = hop
                if not self._is_trusted(hop):
                    break
        return self._app(environ, start_response)

    def _is_trusted(self, address: str) -> bool:
        return _is_address(address) and any(ipaddress.ip_address(address) in network for network in self._trusted)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
