"""What a gateway's command_status means for a message, as data. Statuses that stand nowhere here are `unknown_code`."""

from __future__ import annotations

from collections.abc import Mapping

from providers.contract import Reason, Rejected
from providers.smpp.wire import status_name

STATUSES: Mapping[str, Reason] = {
    "ESME_RINVMSGLEN": Reason.MISCONFIGURED,
    "ESME_RINVCMDLEN": Reason.MISCONFIGURED,
    "ESME_RINVCMDID": Reason.MISCONFIGURED,
    "ESME_RINVBNDSTS": Reason.RETRY_LATER,  # the connection is about to be lost
    "ESME_RALYBND": Reason.RETRY_LATER,
    "ESME_RINVPRTFLG": Reason.MISCONFIGURED,
    "ESME_RINVREGDLVFLG": Reason.MISCONFIGURED,
    "ESME_RSYSERR": Reason.RETRY_LATER,
    "ESME_RINVSRCADR": Reason.MISCONFIGURED,
    "ESME_RINVDSTADR": Reason.DEAD_NUMBER,
    "ESME_RBINDFAIL": Reason.MISCONFIGURED,
    "ESME_RINVPASWD": Reason.MISCONFIGURED,
    "ESME_RINVSYSID": Reason.MISCONFIGURED,
    "ESME_RMSGQFUL": Reason.THROTTLED,
    "ESME_RINVSERTYP": Reason.MISCONFIGURED,
    "ESME_RINVESMCLASS": Reason.MISCONFIGURED,
    "ESME_RSUBMITFAIL": Reason.OTHER_CHANNEL,
    "ESME_RINVSRCTON": Reason.MISCONFIGURED,
    "ESME_RINVSRCNPI": Reason.MISCONFIGURED,
    "ESME_RINVDSTTON": Reason.MISCONFIGURED,
    "ESME_RINVDSTNPI": Reason.MISCONFIGURED,
    "ESME_RINVSYSTYP": Reason.MISCONFIGURED,
    "ESME_RTHROTTLED": Reason.THROTTLED,
    "ESME_RINVEXPIRY": Reason.MISCONFIGURED,
    "ESME_RX_T_APPN": Reason.RETRY_LATER,
    "ESME_RX_P_APPN": Reason.OTHER_CHANNEL,
    "ESME_RX_R_APPN": Reason.OTHER_CHANNEL,
    "ESME_ROPTPARNOTALLWD": Reason.MISCONFIGURED,
    "ESME_RDELIVERYFAILURE": Reason.OTHER_CHANNEL,
}


def rejected(status: int) -> Rejected:
    """A message or a bind that was answered with a status other than 0."""
    name = status_name(status)
    return Rejected.of(STATUSES.get(name, Reason.UNKNOWN_CODE), name)


def bind_refused(status: int) -> Rejected:
    """As for a message, but what we do not know is ours to repair: nobody else's message caused it."""
    name = status_name(status)
    return Rejected.of(STATUSES.get(name, Reason.MISCONFIGURED), name)
