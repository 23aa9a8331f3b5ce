"""Logs: JSON lines on standard error, one trace from an event to its receipts, nothing personal in any of them.

Everything that logs, ours and libraries', does so through `logging`; here it becomes structlog's lines.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO

import orjson
import structlog

from engine.core.phones import mask

_HIDDEN = "******"
# Names of values that stand in no log, whatever they hold.
SECRET_NAMES = frozenset({"code", "codes", "text", "params", "content", "password", "secret", "token", "authorization", "dsn"})
_ABOUT_PHONES = frozenset({"phone", "to", "number", "recipient"})
# E.164, or a mainland number without its country code; not inside a longer word or number.
_NUMBER = re.compile(r"(?<![0-9A-Za-z+])(?:\+\d{7,15}|(?:0086|86)?1[3-9]\d{9})(?![0-9A-Za-z])", re.ASCII)
_CODE = re.compile(r"((?:验证码|校验码|动态码|\b(?:code|otp|pin)\b)\D{0,12}?)(?<!\d)\d{4,10}(?!\d)", re.IGNORECASE)
_BEARER = re.compile(r"hy_(live|test)_[\w-]+")
_PASSWORD = re.compile(r"(://[^/@\s:]*:)[^/@\s]+@")
_handler: logging.StreamHandler[TextIO] | None = None  # of `set_up`


def set_up(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Write every log line of this process to `stream` (standard error), as one JSON object each."""
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                masked,
                structlog.processors.JSONRenderer(serializer=_json),
            ],
        )
    )
    global _handler
    _handler = handler
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(level, least))


_SHARED: list[structlog.types.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
# Libraries that tell of every look at the clock, and of queues that are as long as they should be.
_QUIET = {"apscheduler": logging.WARNING, "alembic": logging.WARNING, "cheroot": logging.WARNING}


def _json(line: Any, **_: Any) -> str:
    return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


# ---- one trace --------------------------------------------------------------------------------------------------------------------------

# A line of the trace: what happened (`event`), its `trace` and `env`, and names of ours: a rule, a provider, a reason.
Told = dict[str, Any]
_TOLD = "hongyan.trace"


def heard() -> bool:
    """Whether somebody reads the lines of the trace: without, nobody should make them."""
    return _handler is not None and logging.getLogger(_TOLD).isEnabledFor(logging.INFO)


def tell(told: Sequence[Told]) -> None:
    """Write lines of the trace, in order. A busy service has thousands a second: so they are made at once, in the form that structlog's
    processors give to all others, of which the chain for one line takes as long as accepting an event."""
    handler = _handler
    if handler is None or not told:
        return
    at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    end = f',"logger":"{_TOLD}","level":"info","timestamp":"{at}"}}\n'.encode()
    text = b"".join([orjson.dumps(_told(line))[:-1] + end for line in told]).decode()
    handler.acquire()
    try:
        handler.stream.write(text)
        handler.flush()
    except Exception:
        handler.handleError(logging.makeLogRecord({"name": _TOLD}))
    finally:
        handler.release()


def _told(line: Told) -> Told:
    return {name: value if name == "trace" else _name(value) for name, value in line.items()}


def _name(value: Any) -> Any:
    if type(value) is str:
        return _safe(value)
    return [_safe(one) for one in value] if type(value) is list else value


@lru_cache(maxsize=4096)
def _safe(name: str) -> str:
    return mask_text(name)


# ---- nothing personal -------------------------------------------------------------------------------------------------------------------


def masked(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: numbers as 138****8000, codes, keys and passwords as ******, wherever they stand, tracebacks included."""
    return {name: _value(name, value) for name, value in line.items()}


def _value(name: str, value: Any) -> Any:
    if name in SECRET_NAMES:
        return _HIDDEN
    if isinstance(value, str):
        return mask(value) if name in _ABOUT_PHONES and value else mask_text(value)
    if isinstance(value, Mapping):
        return {str(key): _value(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(name, item) for item in value]
    if isinstance(value, BaseException):
        return mask_text(f"{type(value).__name__}: {value}")
    return value if value is None or isinstance(value, bool | int | float) else mask_text(str(value))


def mask_numbers(text: str) -> str:
    """A text with the phone numbers in it masked."""
    return _NUMBER.sub(lambda found: mask(found[0]), text)


def mask_text(text: str) -> str:
    """A text without the numbers, codes, keys and passwords in it."""
    text = mask_numbers(text)
    text = _CODE.sub(rf"\1{_HIDDEN}", text)
    return _PASSWORD.sub(rf"\1{_HIDDEN}@", _BEARER.sub(rf"hy_\1_{_HIDDEN}", text))
