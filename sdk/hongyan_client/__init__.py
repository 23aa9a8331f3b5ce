"""Client of Hongyan's HTTP API for integrators. It talks to `/v1` only, judges nothing itself, and logs no key, phone, code or body."""

from hongyan_client import webhooks
from hongyan_client.client import Client
from hongyan_client.errors import (
    ApiError,
    BatchInterrupted,
    Conflict,
    FieldError,
    Forbidden,
    HongyanError,
    InvalidRequest,
    NoAnswer,
    NotFound,
    Problem,
    RateLimited,
    ServerError,
    Unauthorized,
    UnexpectedAnswer,
    WebhookRefused,
)
from hongyan_client.events import Event
from hongyan_client.results import Attempt, BatchItem, Checked, Message, RefusedLine, Simulation, Tracked, User, Verdict, Verification
from hongyan_client.version import VERSION as __version__
from hongyan_client.webhooks import WebhookEvent

__all__ = [
    "ApiError",
    "Attempt",
    "BatchInterrupted",
    "BatchItem",
    "Checked",
    "Client",
    "Conflict",
    "Event",
    "FieldError",
    "Forbidden",
    "HongyanError",
    "InvalidRequest",
    "Message",
    "NoAnswer",
    "NotFound",
    "Problem",
    "RateLimited",
    "RefusedLine",
    "ServerError",
    "Simulation",
    "Tracked",
    "Unauthorized",
    "UnexpectedAnswer",
    "User",
    "Verdict",
    "Verification",
    "WebhookEvent",
    "WebhookRefused",
    "__version__",
    "webhooks",
]
