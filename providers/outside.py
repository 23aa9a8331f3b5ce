"""Addresses of others that we post to, made safe: resolved once, refused unless public, and the connection goes to what was checked.

So a name that resolves to a private address, whatever its form (decimal, octal, IPv4 in IPv6), leads nowhere, and a name that resolves
differently the second time is not asked a second time. Redirects are not followed: nothing here reads more than the status line.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

Resolver = Callable[[str, int], Sequence[str]]

_UNICAST = ipaddress.ip_network("2000::/3")  # everything else in IPv6 is local, mapped, translated, multicast or not given out
_ODD_V4 = ipaddress.ip_network("192.0.0.0/24")
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: |\r?\n)")
_LONGEST_HEAD = 16 * 1024


class UrlRefused(ValueError):
    """An address that we do not post to; `code` is a word for it, the text says why."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


class NothingSent(Exception):
    """The connection was not made; certainly nothing was sent. The text is a word for the cause."""


class NoAnswer(Exception):
    """It was written, at least in part, and no answer came. The text is a word for the cause."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart. `path` is ASCII, with the query."""

    scheme: str
    host: str
    port: int
    path: str


def resolve(host: str, port: int) -> Sequence[str]:
    """What the system's resolver says, in its order. It has a time-out of its own. Raises OSError."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def parse(url: str, *, allow_http: bool = False) -> Target:
    """Raises UrlRefused."""
    if not url.isprintable() or any(character in url for character in " \\"):
        raise UrlRefused("url", "the address has characters that no address has")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").rstrip(".")
        host = host if ":" in host else host.encode("idna").decode()
    except ValueError:  # UnicodeError is one
        raise UrlRefused("url", "this is not an address") from None
    if parts.scheme not in ("https", "http") or not host:
        raise UrlRefused("url", "the address must begin with https://")
    if parts.scheme == "http" and not allow_http:
        raise UrlRefused("not_https", "the address must begin with https://")
    if "@" in parts.netloc:
        raise UrlRefused("url", "the address must not hold a user or password")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = "?" + quote(parts.query, safe="/?%:@!$&'()*+,;=~-._[]") if parts.query else ""
    return Target(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), path + query)


def is_public(address: str) -> bool:
    """Whether an address belongs to the public Internet. Tunnels to IPv4 (mapped, 6to4, Teredo, NAT64) do not."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast and ip not in _ODD_V4
    return ip in _UNICAST and ip.is_global and ip.sixtofour is None and ip.teredo is None


def check(target: Target, *, allow_private: bool = False, resolver: Resolver = resolve) -> None:
    """Whether anything may be posted there, as far as that can be said before. Raises UrlRefused; NothingSent for an unknown name."""
    _addresses(target, resolver, allow_private)


def post(
    target: Target,
    headers: Mapping[str, str],
    body: bytes,
    *,
    timeout_seconds: float,
    allow_private: bool = False,
    resolver: Resolver = resolve,
    context: ssl.SSLContext | None = None,
) -> int:
    """The status of the answer. `timeout_seconds` is for all of it but the resolver. Raises UrlRefused, NothingSent, NoAnswer."""
    deadline = time.monotonic() + timeout_seconds
    connection = _connect(target, _addresses(target, resolver, allow_private), deadline, context)
    try:
        return _exchange(connection, target, headers, body, deadline)
    finally:
        connection.close()


def _addresses(target: Target, resolver: Resolver, allow_private: bool) -> Sequence[str]:
    try:
        addresses = list(dict.fromkeys(resolver(target.host, target.port)))
    except OSError:
        raise NothingSent("unresolved") from None
    if not addresses:
        raise NothingSent("unresolved")
    # One private address among public ones is how a rebinding name looks.
    if not allow_private and not all(is_public(address) for address in addresses):
        raise UrlRefused("private_address", "the address leads to a private network")
    return addresses


def _connect(target: Target, addresses: Sequence[str], deadline: float, context: ssl.SSLContext | None) -> socket.socket:
    cause = "unreachable"
    for address in addresses:
        try:
            raw = socket.create_connection((address, target.port), timeout=_left(deadline))
        except TimeoutError:
            cause = "connect_timeout"
            continue
        except OSError:
            continue
        if target.scheme == "http":
            return raw
        try:
            return (context or ssl.create_default_context()).wrap_socket(raw, server_hostname=target.host)
        except OSError as error:  # a handshake that failed, a certificate that is not theirs, a time-out
            raw.close()
            cause = "certificate" if isinstance(error, ssl.SSLCertVerificationError) else "tls"
    raise NothingSent(cause)


def _exchange(connection: socket.socket, target: Target, headers: Mapping[str, str], body: bytes, deadline: float) -> int:
    client = http.client.HTTPConnection(target.host, target.port)
    if (target.scheme, target.port) == ("https", 443):
        client.default_port = 443  # so that Host has no port
    client.sock = connection
    try:
        connection.settimeout(_left(deadline))
        client.request("POST", target.path, body, dict(headers))
        return _read_status(connection, deadline)
    except TimeoutError:
        raise NoAnswer("timeout") from None
    except OSError:
        raise NoAnswer("connection_lost") from None


def _read_status(connection: socket.socket, deadline: float) -> int:
    """http.client would start its time-out anew with every byte of a slow answer."""
    head = b""
    while len(head) < _LONGEST_HEAD:
        connection.settimeout(_left(deadline))
        chunk = connection.recv(4096)
        if not chunk:
            raise NoAnswer("connection_lost")
        head += chunk
        while (status := _STATUS.match(head)) is not None:
            if not status[1].startswith(b"1"):
                return int(status[1])
            _, end, rest = head.partition(b"\r\n\r\n")  # 100 Continue and its like come before the answer
            if not end:
                break
            head = rest
    raise NoAnswer("not_http")


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
