"""Keeps what it is given instead of sending it: in memory, and as JSON lines when a path is set. Carries every channel.

De-duplicates by our id among what it keeps; with a path also across processes, and after one was killed.

Some numbers have fixed outcomes (`MAGIC`), so that an integrator can see each of them. All are of a range that is valid on the mainland
and belongs to somebody: that is no harm here, as nothing is ever sent.
"""

from __future__ import annotations

import hmac
import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qs

from providers.base import BaseProvider
from providers.contract import (
    Accepted,
    Inbound,
    Outcome,
    Reason,
    Receipt,
    ReceiptStatus,
    Rejected,
    Request,
    RequestRefused,
    Sinks,
    Submission,
    Unknown,
)
from providers.record import Record, Turn
from providers.settings import CommonSettings, setting

_log = logging.getLogger(__name__)
MAGIC_RANGE = "+861990000"  # and four digits


@dataclass(frozen=True, slots=True)
class Report:
    """What a receipt will say."""

    status: ReceiptStatus
    reason: Reason | None = None
    code: str = ""


DELIVERED = Report(ReceiptStatus.DELIVERED, None, "DELIVRD")


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to a number: the outcomes of `submit`, the last of them from then on (None: accepted), and the receipts after it."""

    about: str
    outcomes: tuple[Rejected | Unknown | None, ...] = (None,)
    reports: tuple[Report, ...] = ()
    reply: str = ""

    def __post_init__(self) -> None:
        if not self.outcomes:
            raise ValueError("a fate needs an outcome")


def _refused(about: str, reason: Reason, code: str) -> Fate:
    return Fate(about, (Rejected.of(reason, code),))


ORDINARY = Fate("accepted, then delivered", reports=(DELIVERED,))
# By the last four digits.
MAGIC: Mapping[str, Fate] = {
    "0001": ORDINARY,
    "0002": Fate("accepted, then undelivered: off too long", reports=(Report(ReceiptStatus.UNDELIVERED, Reason.RETRY_LATER, "EXPIRED"),)),
    "0003": _refused("rejected: no such number", Reason.DEAD_NUMBER, "MK:0001"),
    "0004": _refused("rejected each time: throttled", Reason.THROTTLED, "IB:0008"),
    "0005": Fate("outcome unknown, then delivered", (Unknown("magic number"),), (DELIVERED,)),
    "0006": Fate("accepted, then silence"),
    "0007": _refused("rejected: text blocked", Reason.BLOCKED_CONTENT, "MK:0115"),
    "0008": Fate("accepted, then undelivered: no such number", reports=(Report(ReceiptStatus.UNDELIVERED, Reason.DEAD_NUMBER, "MK:0001"),)),
    "0009": Fate("accepted, then rejected: ported", reports=(Report(ReceiptStatus.REJECTED, Reason.OTHER_CHANNEL, "NP:1243"),)),
    "0010": _refused("rejected: unsubscribed", Reason.UNSUBSCRIBED, "MBBLACK"),
    "0011": _refused("rejected: signature not filed", Reason.MISCONFIGURED, "XA:0003"),
    "0012": _refused("rejected: a code that no table has", Reason.UNKNOWN_CODE, "ZZ:9999"),
    "0013": Fate("throttled once, then accepted and delivered", (Rejected.of(Reason.THROTTLED, "IB:0008"), None), (DELIVERED,)),
    "0014": Fate(
        "rejected once (again later), then accepted and delivered", (Rejected.of(Reason.RETRY_LATER, "SYSERR"), None), (DELIVERED,)
    ),
    "0015": Fate("accepted, then delivered twice", reports=(DELIVERED, DELIVERED)),
    "0016": Fate(
        "accepted, then delivered and only afterwards on its way", reports=(DELIVERED, Report(ReceiptStatus.ACCEPTED, None, "ACCEPTD"))
    ),
    "0017": Fate("outcome unknown, then silence", (Unknown("magic number"),)),
    "0018": Fate("accepted, then delivered and answered with TD", reports=(DELIVERED,), reply="TD"),
}


def fate_of(to: str) -> Fate:
    """What capture does with a number."""
    is_magic = to.startswith(MAGIC_RANGE) and len(to) == len(MAGIC_RANGE) + 4
    return MAGIC.get(to[len(MAGIC_RANGE) :], ORDINARY) if is_magic else ORDINARY


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureSettings(CommonSettings):
    """Settings of capture."""

    path: str = setting("a file to which each submission is added as one JSON line, readable by the owner alone; with personal data", "")
    keep: int = setting("how many submissions stay in memory, the latest ones", 10_000, least=1)
    receipts: Literal["at_once", "on_demand"] = setting(
        "`at_once`: before `submit` returns, as a fast gateway may; `on_demand`: when `release` is called", "at_once"
    )
    token: str = setting(
        "what a request with receipts or replies must show (`?token=`, or `Authorization: Bearer`); without it none is taken",
        "",
        secret=True,
    )


@dataclass(slots=True)
class _Captured:
    """A submission and the last receipt that was released for it. `elsewhere`: by another process, or before this one was started."""

    submission: Submission
    last: Receipt | None = None
    elsewhere: bool = False


class CaptureProvider(BaseProvider):
    """The sink gets receipts with our id and with the provider's."""

    deduplicates = True
    can_query = True

    def __init__(self, settings: CaptureSettings, sinks: Sinks) -> None:
        super().__init__(settings, sinks)
        self._settings = settings
        self._lock = threading.Lock()
        self._record = Record(settings.path, settings.keep) if settings.path else None
        self._kept: OrderedDict[str, _Captured] = OrderedDict()  # by our id, oldest first
        self._tries: OrderedDict[str, int] = OrderedDict()  # rejections of each id so far
        self._due: dict[str, Submission] = {}  # with receipts that were not released yet

    @property
    def captured(self) -> list[Submission]:
        """What was taken (or may have been), oldest first, each once."""
        with self._lock, self._turn():
            return [kept.submission for kept in self._kept.values()]

    def _submit(self, batch: Sequence[Submission]) -> Sequence[Outcome]:
        taken: list[Submission] = []
        with self._lock, self._turn() as turn:
            outcomes = [self._take(submission, taken) for submission in batch]
            if turn is not None and taken:
                self._write(turn, taken)
        if self._settings.receipts == "at_once":
            try:
                self.release()
            except Exception as error:
                # The outcome must not be lost; the receipts stay due, for the next release.
                _log.warning("%s: the sink refused receipts: %s", self.name, type(error).__name__)
        return outcomes

    @contextmanager
    def _turn(self) -> Iterator[Turn | None]:
        """Know what others have taken, and let nobody else take anything meanwhile; None without a path."""
        if self._record is None:
            yield None
            return
        with self._record.turn() as turn:
            for submission in turn.news:
                if submission.id not in self._kept:
                    self._keep(_Captured(submission, elsewhere=True))
            yield turn

    def _write(self, turn: Turn, taken: Sequence[Submission]) -> None:
        try:
            turn.add(taken)
        except OSError:  # not taken, as far as is known: what did get into the file is read from there
            for submission in taken:
                self._kept.pop(submission.id, None)
                self._due.pop(submission.id, None)
            raise

    def _keep(self, captured: _Captured) -> None:
        for forgotten in _remember(self._kept, captured.submission.id, captured, self._settings.keep):
            self._due.pop(forgotten, None)

    def _take(self, submission: Submission, taken: list[Submission]) -> Outcome:
        known = self._kept.get(submission.id)
        if known is not None:
            if known.elsewhere:  # whoever took it may have been killed before the receipts were out; twice does no harm
                known.elsewhere = False
                self._owe_receipts(submission)
            return Accepted(_provider_id(submission.id))  # de-duplicated: whatever was unknown about it is known now
        fate = fate_of(submission.to)
        tries = self._tries.get(submission.id, 0)
        outcome = fate.outcomes[min(tries, len(fate.outcomes) - 1)]
        if isinstance(outcome, Rejected):
            _remember(self._tries, submission.id, tries + 1, self._settings.keep)
            return outcome
        taken.append(submission)
        self._keep(_Captured(submission))
        self._owe_receipts(submission)
        return outcome or Accepted(_provider_id(submission.id))

    def _owe_receipts(self, submission: Submission) -> None:
        if fate_of(submission.to).reports and submission.wants_receipt:
            self._due[submission.id] = submission

    def release(self, submission_id: str = "") -> int:
        """Hand the receipts and replies that are due to the sinks, of one submission or of all; how many receipts there were."""
        with self._sink_lock:
            with self._lock:
                due = [found for key, found in self._due.items() if submission_id in ("", key)]
            receipts = [self._receipt(submission, report) for submission in due for report in fate_of(submission.to).reports]
            replies = [self._reply(submission) for submission in due if fate_of(submission.to).reply]
            if receipts:
                self._sinks.receipts(receipts)
            if replies:
                self._sinks.inbound(replies)
            with self._lock:  # only now: what a sink refused is due again
                self._settle(due, receipts)
        return len(receipts)

    def _settle(self, due: Sequence[Submission], receipts: Sequence[Receipt]) -> None:
        for submission in due:
            self._due.pop(submission.id, None)
        for receipt in receipts:
            kept = self._kept.get(receipt.id or "")
            if kept is not None:
                kept.last = receipt

    def report(self, submission_id: str, report: Report) -> None:
        """Send one receipt of one's own choice to the sink, for whatever id."""
        receipt = Receipt(submission_id, _provider_id(submission_id), report.status, self._sinks.now(), report.reason, report.code)
        with self._sink_lock:
            self._sinks.receipts([receipt])
            with self._lock:
                self._settle((), (receipt,))

    def query(self, provider_id: str | None, submission_id: str = "") -> Receipt | None:
        """The last receipt; where a message was kept and has none, the one that it was to get, if another process should have sent it, else
        `accepted`. None where it never was."""
        wanted = submission_id or (provider_id or "").removeprefix("capture-")
        with self._lock, self._turn():
            kept = self._kept.get(wanted)
        if kept is None:
            return None
        reports = fate_of(kept.submission.to).reports if kept.elsewhere else ()
        return kept.last or self._receipt(kept.submission, reports[0] if reports else Report(ReceiptStatus.ACCEPTED))

    def parse_receipt(self, request: Request) -> list[Receipt]:
        """`[{"id": ours, "status": "undelivered", "reason": "dead_number", "code": "MK:0001"}]`."""
        return [self._told(item) for item in self._items(request)]

    def parse_inbound(self, request: Request) -> list[Inbound]:
        """`[{"from": "+86138...", "to": "1069...", "text": "TD"}]`."""
        return [
            Inbound(_text(item, "from"), _text(item, "to", ""), _text(item, "text"), self._sinks.now()) for item in self._items(request)
        ]

    def _receipt(self, submission: Submission, report: Report) -> Receipt:
        provider_id = _provider_id(submission.id)
        return Receipt(submission.id, provider_id, report.status, self._sinks.now(), report.reason, report.code, phone=submission.to)

    def _reply(self, submission: Submission) -> Inbound:
        return Inbound(submission.to, submission.sender, fate_of(submission.to).reply, self._sinks.now())

    def _told(self, item: Mapping[str, Any]) -> Receipt:
        submission_id = _text(item, "id")
        try:
            status = ReceiptStatus(_text(item, "status"))
            reason = Reason(item["reason"]) if item.get("reason") is not None else None  # type: ignore[call-arg]
        except ValueError as error:
            raise RequestRefused(f"capture: {error}") from None
        return Receipt(submission_id, _provider_id(submission_id), status, self._sinks.now(), reason, _text(item, "code", ""))

    def _items(self, request: Request) -> list[Mapping[str, Any]]:
        shown = parse_qs(request.query).get("token", [""])[0] or request.headers.get("authorization", "").removeprefix("Bearer ")
        if not self._settings.token or not hmac.compare_digest(shown.encode(), self._settings.token.encode()):
            raise RequestRefused("capture: the token is wrong, or none is set")
        try:
            items = json.loads(request.body)
        except ValueError:
            raise RequestRefused("capture: the body is not JSON") from None
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise RequestRefused("capture: the body must be a list of objects")
        return items


def _provider_id(submission_id: str) -> str:
    return f"capture-{submission_id}"


def _remember(kept: OrderedDict[str, Any], key: str, value: Any, most: int) -> list[str]:
    """Add as the latest; the keys that had to go."""
    kept[key] = value
    kept.move_to_end(key)
    return [kept.popitem(last=False)[0] for _ in range(len(kept) - most)]


def _text(item: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = item.get(name, default)
    if not isinstance(value, str):
        raise RequestRefused(f"capture: {name} must be a text")
    return value
