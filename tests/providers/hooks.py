"""An endpoint of somebody else: keeps what is posted, answers by the last part of the path."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Endpoint(ThreadingHTTPServer):
    """`/204` answers 204; `/hang` never answers, `/drip` one byte after the other; `/close` hangs up; `/early` says 103 before 200."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.posts: list[tuple[str, dict[str, str], bytes]] = []
        self.ended = threading.Event()
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is what some tests do."""


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.posts.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        what = self.path.rpartition("/")[2].partition("?")[0]
        if what == "hang":
            self.server.ended.wait(20)
        elif what == "drip":
            self._drip()
        elif what == "nonsense":
            self.wfile.write(b"220 smtp.example ESMTP\r\n" + b"x" * 20000)
        elif what == "early":
            self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")
        elif what != "close":
            self.send_response(int(what or 200))
            self.send_header("location", f"http://127.0.0.1:{self.server.port}/200")
            self.end_headers()

    def _drip(self) -> None:
        for _ in range(400):
            self.wfile.write(b" ")
            if self.server.ended.wait(0.02):
                return

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def endpoint(context: ssl.SSLContext | None = None) -> Iterator[Endpoint]:
    server = Endpoint(context)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
