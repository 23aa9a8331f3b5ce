"""The HTTP server of `hongyan serve`: cheroot, in this process and its threads (docs/decisions/http-server.md)."""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

from cheroot import wsgi

from cli.console import UsageError

Wsgi = Callable[..., Any]

log = logging.getLogger(__name__)

THREADS = 16  # requests at once; one that waits for a decision holds one
STOP_SECONDS = 10  # for requests that are under way when the service stops
_BACKLOG = 1024
_SILENCE_SECONDS = 60  # after which a connection that says nothing is closed


class HttpServer:
    """Listens from the start, answers in `run`, until `stop` is called from a signal's handler or another thread."""

    def __init__(self, app: Wsgi, host: str, port: int, trusted_proxies: Sequence[str] = ()) -> None:
        self._stopping = threading.Event()
        try:
            # Asked before the server asks: what it opened in vain it would leave open.
            socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
        except OSError as error:
            raise UsageError(f"{host}:{port}: {error.strerror or error} (settings: server.host, server.port)") from error
        self._server = _Server(
            (host, port),
            BehindProxies(app, trusted_proxies),
            numthreads=THREADS,
            server_name="hongyan",
            request_queue_size=_BACKLOG,
            timeout=_SILENCE_SECONDS,
            shutdown_timeout=STOP_SECONDS,
        )
        self._server.prepare()
        self.port = int(self._server.bind_addr[1])

    def run(self) -> None:
        """Answer until `stop`; what is under way then is finished."""
        answering = threading.Thread(target=self._server.serve, name="http", daemon=True)
        answering.start()
        self._stopping.wait()
        self._server.stop()
        answering.join(STOP_SECONDS)

    def stop(self, *_: object) -> None:
        """Take no more requests; `run` returns soon. May be called by a signal."""
        self._stopping.set()


class _Server(wsgi.Server):
    keep_alive_conn_limit = 1000  # cheroot closes all but ten after each answer

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """What the server has to say goes where everything goes."""
        log.log(level, msg, exc_info=traceback)


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
