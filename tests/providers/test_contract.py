"""What every provider promises, over every provider."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from providers.contract import Accepted, Provider, Reason, Rejected, Request, RequestRefused, Submission, Unknown
from providers.registry import KINDS
from tests.providers.conftest import Kept
from tests.providers.hooks import endpoint

SECRET = "whsec_bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4="
CHANNEL = {"capture": "sms", "console": "sms", "smpp": "sms", "webhook": "webhook"}


@pytest.fixture(params=list(KINDS))
def provider(request: pytest.FixtureRequest, build: Callable[..., Provider]) -> Iterator[Provider]:
    """One of each kind, with its gateway where it has one."""
    kind: str = request.param
    with ExitStack() as stack:
        if kind == "smpp":
            made: Any = request.getfixturevalue("smpp")()
        elif kind == "webhook":
            hook = stack.enter_context(endpoint())
            url = f"http://127.0.0.1:{hook.port}/200"
            made = build(kind, channels=["webhook"], url=url, secrets=[SECRET], allow_private=True, allow_http=True)
        else:
            made = build(kind, channels=["sms"])
        yield made
        made.close()


def submission(provider: Provider, number: int = 0) -> Submission:
    return Submission(
        id=f"m{number}", to="+8613800138000", channel=CHANNEL[provider.kind], text="您好839201", content={"a": 1}, wants_receipt=True
    )


def test_says_what_it_is(provider: Provider) -> None:
    assert provider.name == "p"
    assert provider.channels == {CHANNEL[provider.kind]}
    assert isinstance(provider.deduplicates, bool)
    assert isinstance(provider.can_query, bool)


def test_gives_one_outcome_for_each_in_order(provider: Provider) -> None:
    """An empty batch has none; a channel that it was not given is rejected among the others."""
    batch = [submission(provider, number) for number in range(5)]
    batch[2] = Submission(id="m2", to="x", channel="push", content={})

    outcomes = provider.submit(batch)

    assert provider.submit([]) == []
    assert outcomes[2] == Rejected(Reason.MISCONFIGURED, "channel", False)
    assert [isinstance(outcome, Accepted) for outcome in outcomes] == [True, True, False, True, True]
    ids = [outcome.provider_id for outcome in outcomes if isinstance(outcome, Accepted)]
    assert len(set(ids)) == 4


def test_may_be_used_by_many_threads(provider: Provider) -> None:
    outcomes: list[object] = []

    def work(worker: int) -> None:
        outcomes.extend(provider.submit([submission(provider, worker * 10 + number) for number in range(5)]))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [type(outcome) for outcome in outcomes] == [Accepted] * 20


def test_opens_and_closes_more_than_once(provider: Provider) -> None:
    """After close nothing is taken, certainly, and it may be tried elsewhere."""
    provider.open()
    provider.open()
    provider.close()
    provider.close()
    provider.open()

    assert provider.submit([submission(provider)]) == [Rejected(Reason.RETRY_LATER, "closed", True)]
    assert not provider.health().ok


def test_leaves_no_thread_behind(provider: Provider) -> None:
    provider.submit([submission(provider)])
    provider.close()

    assert [thread.name for thread in threading.enumerate() if thread.name.startswith(provider.kind)] == []


def test_a_sink_that_fails_does_not_change_an_outcome(provider: Provider, kept: Kept) -> None:
    kept.refuses = True

    assert isinstance(provider.submit([submission(provider)])[0], Accepted)


def test_an_unknown_message_is_none(provider: Provider) -> None:
    assert provider.query("never", "never") is None
    assert provider.query(None) is None


def test_refuses_requests_that_are_not_its_own(provider: Provider) -> None:
    with pytest.raises(RequestRefused):
        provider.parse_receipt(Request(b'[{"id":"m1","status":"delivered"}]'))
    with pytest.raises(RequestRefused):
        provider.parse_inbound(Request(b"[]"))


def test_is_healthy_after_a_success(provider: Provider) -> None:
    provider.submit([submission(provider)])

    assert provider.health().ok


@pytest.mark.parametrize("outcome", [Accepted("1"), Rejected.of(Reason.THROTTLED, "8"), Unknown("timeout")])
def test_outcomes_show_nothing_personal(outcome: object) -> None:
    assert "13800138000" not in repr(outcome)


def test_a_submission_shows_nothing_personal(provider: Provider) -> None:
    shown = repr(submission(provider))

    assert "839201" not in shown
    assert "13800138000" not in shown
    assert "138****8000" in shown
