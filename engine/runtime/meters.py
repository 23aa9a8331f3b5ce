"""What the way out counts. Labels are names of ours: no person, no number, no code."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter


class Meters:
    """Counters of one installation; without a registry they count for themselves."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        self.attempts = Counter(
            "hongyan_attempts", "Attempts at providers, by outcome and reason class.", ("provider", "outcome", "code"), registry=registry
        )
        self.stayed = Counter(
            "hongyan_messages_stayed", "Messages that did not leave, by type and reason.", ("type", "reason"), registry=registry
        )
        self.resent = Counter(
            "hongyan_messages_resent", "Messages tried again although an earlier attempt may have arrived.", ("type",), registry=registry
        )
        self.receipts = Counter("hongyan_receipts", "Receipts, by what they changed.", ("provider", "effect"), registry=registry)
        self.opt_outs = Counter("hongyan_opt_outs", "Replies that opted out.", ("provider",), registry=registry)
        self.checks = Counter("hongyan_verification_checks", "Codes checked, by result.", ("status",), registry=registry)
        self.webhooks = Counter("hongyan_webhook_attempts", "Posts to webhooks, by outcome.", ("outcome",), registry=registry)
        self.unverified = Counter(
            "hongyan_verification_alarms",
            "Blocks of numbers, or networks, that ask for codes and hardly ever use them.",
            ("block",),
            registry=registry,
        )
