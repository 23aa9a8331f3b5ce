"""A service in memory with the façade of `engine.runtime.service`: keeps what it is given; every event has one verdict and one message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry

from engine.runtime.errors import ClockIsReal, Conflict, NotFound, Refused, Throttled
from engine.runtime.webhooks import UrlNotTaken
from engine.store.paging import BadCursor

PHONE = "+8613800138000"
AT = "2026-06-01T02:00:00Z"
TRACE = "0123456789abcdef"
START = 1_780_279_200_000_000


@dataclass(frozen=True)
class Accepted:
    index: int
    id: str | None
    source: str | None
    status: str
    reason: str | None = None
    pointer: str | None = None


@dataclass(frozen=True)
class Page:
    items: Sequence[dict[str, Any]]
    next: str | None


@dataclass(frozen=True)
class Key:
    name: str
    role: str
    test: bool = False
    personal: bool = False


def verdict(number: int, **more: Any) -> dict[str, Any]:
    return {
        "kind": "verdict", "at": AT, "rule": "order-created", "user": "u1", "outcome": "send", "reason": "ok", "detail": {"phone": PHONE},
        "occurrence": "e1", "id": f"v{number}", **more,
    }  # fmt: skip


def message(number: int, **more: Any) -> dict[str, Any]:
    return {
        "kind": "message", "at": AT, "rule": "order-created", "user": "u1", "type": "notification", "channel": "sms", "to": PHONE,
        "text": f"您好{PHONE}", "parts": 1, "cost": None, "template": "order_created", "variant": None, "occurrence": "e1",
        "id": f"m{number}", "trace": TRACE, "state": "queued", "channel_chain": ["sms"], "attempts": [
            {"provider": "capture", "at": AT, "outcome": "accepted", "code": None, "raw": {"to": PHONE}}
        ], "receipts": [], "phone": PHONE, **more,
    }  # fmt: skip


class FakeWebhooks:
    """One webhook, `wh1`, which is there from the start, with one delivery, `evt1`."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.made = 0

    def _one(self, id: str, **more: Any) -> dict[str, Any]:
        if id != "wh1":
            raise NotFound("there is no such webhook")
        return {
            "id": "wh1", "url": "https://hooks.example/", "types": ["message.*"], "description": "", "enabled": True, "reason": None,
            "failing_since": None, "old_secret_until": None, "created": AT, "by": "admin", **more,
        }  # fmt: skip

    def _delivery(self, id: str) -> dict[str, Any]:
        self._one(id)
        attempt = {"at": AT, "milliseconds": 12, "outcome": "failed", "code": "500"}
        return {
            "id": "evt1", "type": "message.queued", "at": AT, "state": "pending", "next_try": AT, "attempts": [attempt],
            "payload": {"type": "message.queued", "timestamp": AT, "data": {"to": "138****8000"}},
        }  # fmt: skip

    def listed(self, env: str, limit: int = 100, cursor: str | None = None) -> Page:
        if cursor is not None:
            raise BadCursor("not a cursor of this list")
        return Page([self._one("wh1")], None)

    def get(self, env: str, id: str) -> dict[str, Any] | None:
        return self._one(id) if id == "wh1" else None

    def create(self, env: str, url: str, types: Sequence[str], description: str, by: str) -> dict[str, Any]:
        if "private" in url:
            raise UrlNotTaken("the address leads to a private network")
        self.made += 1
        return self._one("wh1", url=url, secret=f"whsec_{self.made}")

    def change(self, env: str, id: str, changes: Mapping[str, Any], by: str) -> dict[str, Any]:
        if "private" in changes.get("url", ""):
            raise UrlNotTaken("the address leads to a private network")
        return self._one(id, **changes)

    def remove(self, env: str, id: str, by: str) -> None:
        self._one(id)

    def rotate(self, env: str, id: str, grace_seconds: int, by: str) -> dict[str, Any]:
        self.calls.append(("rotate", id, grace_seconds, by))
        return self._one(id, secret="whsec_new")

    def test(self, env: str, id: str) -> dict[str, Any]:
        return self._delivery(id)

    def deliveries(self, env: str, id: str, state: str | None = None, limit: int = 100, cursor: str | None = None) -> Page:
        if cursor is not None:
            raise BadCursor("not a cursor of this list")
        return Page([self._delivery(id)], None)

    def redeliver(self, env: str, id: str, delivery: str) -> dict[str, Any]:
        if delivery != "evt1":
            raise NotFound("no such delivery")
        return self._delivery(id)


class FakeService:
    """One key per role: `hy_live_<role>` and `hy_test_<role>`; `hy_live_personal` is a viewer who sees numbers."""

    def __init__(self) -> None:
        self.metrics = CollectorRegistry()
        self.webhooks = FakeWebhooks()
        self.events: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.users: dict[tuple[str, str], dict[str, Any]] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.verifications: dict[str, dict[str, Any]] = {}
        self.suppressed: list[dict[str, Any]] = []
        self.stopped: list[dict[str, Any]] = []
        self.books: list[dict[str, Any]] = []
        self.files: Mapping[str, str] | None = None
        self.published: dict[int, Mapping[str, str]] = {}
        self.now: int | None = START
        self.healthy = True
        self.decides = True

    def key(self, token: str) -> Key | None:
        prefix, kind, role = (*token.split("_"), "", "")[:3]
        if prefix != "hy" or kind not in ("live", "test"):
            return None
        if role == "personal":
            return Key("personal", "viewer", kind == "test", personal=True)
        return Key(role, role, kind == "test") if role in ("ingest", "viewer", "qa", "editor", "publisher", "admin") else None

    def ready(self) -> dict[str, Any]:
        return {"database": True if self.healthy else "cannot connect"}

    # ---- events and users

    def accept(self, env: str, lines: list[Any]) -> list[Accepted]:
        return [self._accept(env, index, line) for index, line in enumerate(lines)]

    def _accept(self, env: str, index: int, line: Any) -> Accepted:
        if not isinstance(line, dict):
            return Accepted(index, None, None, "refused", "must be a JSON object", "")
        for name in ("id", "type", "time"):
            if not isinstance(line.get(name), str) or not line[name]:
                return Accepted(index, None, None, "refused", f"{name}: is missing", f"/{name}")
        source = line.get("source", "api")
        if not isinstance(source, str) or not source:
            return Accepted(index, line["id"], None, "refused", "source: must be a text", "/source")
        if line["type"] == "unknown":
            return Accepted(index, line["id"], source, "refused", f'no event "unknown" of {PHONE}', "/type")
        place = (env, source, line["id"])
        status = "duplicate" if place in self.events else "accepted"
        self.events.setdefault(place, line)
        return Accepted(index, line["id"], source, status)

    def await_decision(self, env: str, source: str, id: str, timeout_seconds: float) -> bool:
        return self.decides

    def event(self, env: str, source: str, id: str) -> dict[str, Any] | None:
        line = self.events.get((env, source, id))
        return (
            None
            if line is None
            else {"trace": TRACE, "event": line, "status": "decided", "verdicts": [verdict(1)], "messages": [message(1)]}
        )

    def trace(self, env: str, id: str) -> dict[str, Any] | None:
        return None

    def put_users(self, env: str, lines: list[Any]) -> list[Accepted]:
        results = []
        for index, line in enumerate(lines):
            if not isinstance(line, dict) or not isinstance(line.get("id"), str) or not line["id"]:
                results.append(Accepted(index, None, None, "refused", "id: is missing", "/id"))
            elif line.get("timezone") == "Mars":
                results.append(Accepted(index, line["id"], None, "refused", 'timezone: no time zone "Mars"', "/timezone"))
            else:
                user = {"phone": None, "timezone": None, "locale": None, **line, "attributes": line.get("attributes") or {}}
                self.users[env, line["id"]] = user
                results.append(Accepted(index, line["id"], None, "accepted"))
        return results

    def user(self, env: str, id: str) -> dict[str, Any] | None:
        return self.users.get((env, id))

    def erase_user(self, env: str, id: str) -> bool:
        return self.users.pop((env, id), None) is not None

    # ---- what was decided

    def messages(self, env: str, *, limit: int = 100, cursor: str | None = None, **filters: Any) -> Page:
        self.calls.append(("messages", env, filters))
        return self._page([message(number) for number in range(250)], limit, cursor)

    def message(self, env: str, id: str) -> dict[str, Any] | None:
        return message(1) if id == "m1" else None

    def verdicts(self, env: str, *, limit: int = 100, cursor: str | None = None, **filters: Any) -> Page:
        self.calls.append(("verdicts", env, filters))
        return self._page([verdict(number) for number in range(250)], limit, cursor)

    def _page(self, items: list[dict[str, Any]], limit: int, cursor: str | None) -> Page:
        if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 9):
            raise BadCursor("not a cursor of this list")
        start = int(cursor or 0)
        page = items[start : start + limit]
        return Page(page, str(start + limit) if start + limit < len(items) else None)

    # ---- codes

    def start_verification(self, env: str, *, phone: str, purpose: str, **_: Any) -> dict[str, Any]:
        if purpose == "throttled":
            raise Throttled(42)
        id_ = f"ver{len(self.verifications)}"
        found = {"id": id_, "status": "pending", "expires_at": AT, "retry_after_seconds": 60, "checks_left": 5}
        self.verifications[id_] = {**found, "phone": phone}
        return found

    def check_verification(
        self, env: str, *, id: str | None = None, phone: str | None = None, code: str, **_: Any
    ) -> dict[str, Any] | None:
        found = self.verifications.get(id or "") or next((one for one in self.verifications.values() if one["phone"] == phone), None)
        return found and {"id": found["id"], "status": "approved" if code == "123456" else "pending", "checks_left": 4}

    # ---- operating

    def cancel(self, env: str, rule: str, key: str) -> dict[str, Any]:
        self.calls.append(("cancel", env, rule, key))
        return {"timers": 1, "messages": 0}

    def suppress(self, env: str, phone: str, scopes: Sequence[str], reason: str, by: str) -> None:
        self.suppressed.append({"phone": phone, "scope": scopes[0], "reason": reason, "at": AT})

    def release(self, env: str, phone: str, scopes: Sequence[str], by: str) -> None:
        self.suppressed = [one for one in self.suppressed if one.get("phone") != phone]

    def block_network(self, env: str, network: str, reason: str, by: str) -> bool:
        self.suppressed.append({"network": network, "scope": "blocked", "reason": reason, "at": AT})
        return True

    def release_network(self, env: str, network: str, by: str) -> bool:
        before = len(self.suppressed)
        self.suppressed = [one for one in self.suppressed if one.get("network") != network]
        return len(self.suppressed) < before

    def verification_abuse(self, env: str, limit: int = 50) -> dict[str, Any]:
        return {"since": AT, "until": AT, "prefixes": [], "networks": []}

    def suppressions(self, env: str, limit: int = 100, cursor: str | None = None) -> Page:
        return self._page(self.suppressed, limit, cursor)

    def switch(self, env: str, kind: str, name: str, stopped: bool, reason: str, by: str) -> None:
        self.stopped.append({"what": f"{kind}:{name}", "at": AT, "reason": reason, "by": by})

    def switches(self, env: str) -> list[dict[str, Any]]:
        return self.stopped

    def campaigns(self, env: str, limit: int = 100, cursor: str | None = None) -> Page:
        return Page([{"id": "c1", "state": "running"}], None)

    def steer_campaign(self, env: str, id: str, action: str, reason: str, by: str) -> None:
        if id != "c1":
            raise NotFound("no such campaign")
        self.calls.append(("steer", id, action, reason, by))

    def sample(self, env: str, template: str, locale: str | None, values: Mapping[str, Any], to: str, by: str) -> dict[str, Any]:
        if template == "missing":
            raise NotFound("no such template")
        return {"id": "m9", "to": to}

    def receive(self, provider: str, kind: str, headers: Mapping[str, str], body: bytes) -> tuple[bytes, int]:
        if provider != "smsc":
            raise NotFound("no such provider")
        self.calls.append(("receive", kind, headers, body))
        return b"OK", 200

    def set_clock(self, instant: int) -> int:
        if self.now is None:
            raise ClockIsReal
        self.now = instant
        return instant

    def advance_clock(self, micros: int) -> int:
        return self.set_clock((self.now or 0) + micros)

    def report(self, env: str, since: int | None, until: int | None) -> list[dict[str, Any]]:
        self.calls.append(("report", env, since, until))
        return [{"rule": "order-created", "matched": 1, "sent": 1, "delivered": 0, "converted": 0}]

    # ---- books

    def publish(self, files: Mapping[str, str], note: str, author: str, expect_version: int | None = None) -> dict[str, Any]:
        if expect_version is not None and expect_version != len(self.books):
            raise Conflict(f"version {len(self.books)} is active")
        if any("!!" in text for text in files.values()):
            raise Refused([], [{"test": "t1", "passed": False}])
        self.books.insert(0, {"version": len(self.books) + 1, "note": note, "author": author})
        self.files = self.published[len(self.books)] = files
        return {"version": len(self.books), "book": "small", "findings": []}

    def versions(self) -> list[dict[str, Any]]:
        return self.books

    def activate(self, version: int, author: str) -> None:
        if version > len(self.books):
            raise NotFound("no such version")

    def active_files(self, env: str) -> Mapping[str, str] | None:
        return self.files

    def version_files(self, version: int) -> Mapping[str, str] | None:
        return self.published.get(version)
