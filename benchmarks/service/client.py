"""A client that costs little: plain sockets that are kept open, one thread for each, requests made beforehand. To 127.0.0.1 only."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Load:
    """What came of a number of posts."""

    seconds: float = 0.0  # from the first byte to the last answer
    latencies: list[float] = field(default_factory=list)  # seconds; at a given rate from when it was due, else from when it was sent
    statuses: Counter[int] = field(default_factory=Counter)
    reconnects: int = 0  # the server had closed the connection, as it may between two requests

    @property
    def per_second(self) -> float:
        """Posts answered in a second."""
        return len(self.latencies) / self.seconds


def post(port: int, requests: Sequence[bytes], connections: int, per_second: float | None = None) -> Load:
    """Send them all, each once. `per_second`: each at its own time, however long the one before takes; else as fast as answers come."""
    load, lock, turn = Load(), threading.Lock(), iter(range(len(requests)))
    barrier = threading.Barrier(connections + 1)
    start = 0.0

    def work() -> None:
        latencies, statuses = [], Counter[int]()
        connection, reconnects = _connect(port), 0
        try:
            barrier.wait()
            barrier.wait()  # `start` is set
            while True:
                with lock:
                    number = next(turn, None)
                if number is None:
                    break
                began = time.perf_counter()
                if per_second is not None:
                    due = start + number / per_second
                    if due > began:
                        time.sleep(due - began)
                    began = due
                while True:
                    try:
                        connection.sendall(requests[number])
                        statuses[_answer(connection)] += 1
                        break
                    except (ConnectionError, TimeoutError):
                        if reconnects > len(requests):
                            raise
                        connection.close()
                        connection, reconnects = _connect(port), reconnects + 1  # the same event again is a duplicate at worst
                latencies.append(time.perf_counter() - began)
        finally:
            connection.close()
        with lock:
            load.reconnects += reconnects
            load.latencies += latencies
            load.statuses += statuses

    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    barrier.wait()
    start = time.perf_counter()
    barrier.wait()
    for thread in threads:
        thread.join()
    load.seconds = time.perf_counter() - start
    return load


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), 30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _answer(connection: socket.socket) -> int:
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
    missing = int(fields[b"content-length"]) - len(body)
    while missing > 0:
        missing -= len(_more(connection))
    return int(head.split(b" ", 2)[1])


def _more(connection: socket.socket) -> bytes:
    received = connection.recv(262_144)
    if not received:
        raise ConnectionError("the server hung up")
    return received
