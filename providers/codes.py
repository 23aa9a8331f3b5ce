"""Mainland networks' codes in receipts, as data. The same code can mean different things in two provinces: these are the usual ones."""

from __future__ import annotations

import re
from collections.abc import Mapping

from providers.contract import Reason, ReceiptStatus

# The seven characters of `stat` that SMPP, CMPP and their gateways share.
STATES: Mapping[str, tuple[ReceiptStatus, Reason | None]] = {
    "ENROUTE": (ReceiptStatus.ACCEPTED, None),
    "ACCEPTD": (ReceiptStatus.ACCEPTED, None),
    "DELIVRD": (ReceiptStatus.DELIVERED, None),
    "EXPIRED": (ReceiptStatus.UNDELIVERED, Reason.RETRY_LATER),  # off for too long
    "DELETED": (ReceiptStatus.UNDELIVERED, Reason.RETRY_LATER),
    "UNDELIV": (ReceiptStatus.UNDELIVERED, Reason.OTHER_CHANNEL),
    "UNKNOWN": (ReceiptStatus.UNDELIVERED, Reason.UNKNOWN_CODE),
    "REJECTD": (ReceiptStatus.REJECTED, Reason.OTHER_CHANNEL),
}

NETWORK_CODES: Mapping[str, Reason] = {
    "MBBLACK": Reason.UNSUBSCRIBED,
    "DBBLACK": Reason.UNSUBSCRIBED,
    "MK0001": Reason.DEAD_NUMBER,
    "CB0001": Reason.DEAD_NUMBER,
    "DB0101": Reason.DEAD_NUMBER,
    "MK0005": Reason.DEAD_NUMBER,  # out of service
    "MK0013": Reason.DEAD_NUMBER,
    "MK0010": Reason.RETRY_LATER,  # off for too long
    "MK0023": Reason.RETRY_LATER,  # off
    "MK0014": Reason.BLOCKED_CONTENT,
    "MK0115": Reason.BLOCKED_CONTENT,
    "IB0008": Reason.THROTTLED,
    "DB0142": Reason.THROTTLED,  # the number had its share today
    "NP1243": Reason.OTHER_CHANNEL,  # ported to another network
    "SGIP22": Reason.OTHER_CHANNEL,  # no route
    "SGIP23": Reason.OTHER_CHANNEL,
    "XA0003": Reason.MISCONFIGURED,  # signature not filed
}
_SEPARATORS = re.compile(r"[:\s_-]")
_NOTHING = re.compile(r"[0:]*")  # `err:000` is no code


def network_reason(code: str) -> Reason | None:
    """The reason behind `MK:0001`, however its colon and case are written; None when the table does not have it."""
    return NETWORK_CODES.get(_SEPARATORS.sub("", code).upper())


def read_state(state: str, error: str = "") -> tuple[ReceiptStatus, Reason | None, str]:
    """Status, reason and raw code of a receipt's `stat` and `err`. The network's code says more than the state, wherever it stands."""
    state = state.upper()
    error = "" if _NOTHING.fullmatch(error) else error
    if state not in STATES:  # gateways of the mainland put the network's code into `stat`
        return ReceiptStatus.UNDELIVERED, network_reason(state) or Reason.UNKNOWN_CODE, " ".join(filter(None, (state, error)))
    status, reason = STATES[state]
    if reason is None:
        return status, None, state
    return status, network_reason(error) or reason, " ".join(filter(None, (state, error)))
