"""Logs: JSON lines on standard error, one trace from an event to its receipts, nothing personal in any of them.

Everything that logs, ours and libraries', does so through `logging`; here it becomes structlog's lines.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import AbstractContextManager
from hashlib import sha256
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
_TRACE_CHARACTERS = 16


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


def trace_of(env: str, occurrence: str) -> str:
    """The id that all lines about one occurrence share, from the event to the receipts of its messages. Says nothing about anybody."""
    written = f"{env}|{occurrence.partition('@')[0]}"  # what its timers come to belongs to the event
    return sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:_TRACE_CHARACTERS]


def tracing(env: str, occurrence: str) -> AbstractContextManager[Any]:
    """Within it every line of this thread has the occurrence's trace."""
    return structlog.contextvars.bound_contextvars(trace=trace_of(env, occurrence))


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


def mask_text(text: str) -> str:
    """A text without the numbers, codes, keys and passwords in it."""
    text = _NUMBER.sub(lambda found: mask(found[0]), text)
    text = _CODE.sub(rf"\1{_HIDDEN}", text)
    return _PASSWORD.sub(rf"\1{_HIDDEN}@", _BEARER.sub(rf"hy_\1_{_HIDDEN}", text))
