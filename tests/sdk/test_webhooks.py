"""Webhooks: genuine and recent ones pass, all others are refused; `standardwebhooks` is the judge of what is genuine."""

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
import standardwebhooks
from hongyan_client import WebhookRefused, webhooks
from hypothesis import given
from hypothesis import strategies as st

from tests.sdk.scripted import NOW

RAW = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(RAW).decode()
OTHER = "whsec_" + base64.b64encode(b"another secret of 32 bytes......").decode()
BODY = json.dumps(
    {"type": "message.delivered", "timestamp": "2026-06-01T02:00:00Z", "data": {"id": "m1", "门店": "徐汇店"}}, ensure_ascii=False
)


def signed(body: str = BODY, secret: str = SECRET, at: datetime = NOW, id: str = "msg_1") -> dict[str, str]:
    """The headers that the reference implementation gives a webhook."""
    signature = standardwebhooks.Webhook(secret).sign(id, at, body)
    return {"webhook-id": id, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


def verify(headers: dict[str, str], body: Any = BODY, secret: str = SECRET) -> webhooks.WebhookEvent:
    """At NOW."""
    return webhooks.verify(body, headers, secret, now=NOW)


@pytest.mark.parametrize("body", [BODY, BODY.encode(), bytearray(BODY.encode())], ids=["text", "bytes", "bytearray"])
def test_a_genuine_webhook_is_read(body: Any) -> None:
    """Typed."""
    event = verify(signed(), body)

    assert (event.id, event.type, event.sent_at) == ("msg_1", "message.delivered", NOW)
    assert event.data == {"id": "m1", "门店": "徐汇店"}


def test_the_example_of_the_specification_style() -> None:
    """Worked out by hand: HMAC-SHA256 over id.timestamp.body."""
    body = b'{"test": 2432232314}'
    digest = hmac.new(RAW, b"msg_p5jXN8AQM9LWM0D4loKWxJek.1780279200." + body, hashlib.sha256).digest()
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1780279200",
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }

    assert verify(headers, body).payload == {"test": 2432232314}


def test_headers_in_any_case() -> None:
    """As frameworks hand them over."""
    assert verify({name.title(): value for name, value in signed().items()}).id == "msg_1"


@pytest.mark.parametrize("secret", [SECRET, SECRET[len("whsec_") :], SECRET.rstrip("=")], ids=["whole", "bare", "unpadded"])
def test_a_secret_as_it_was_shown_or_cut(secret: str) -> None:
    """All are the same secret."""
    assert verify(signed(), secret=secret).id == "msg_1"


def test_while_a_secret_is_changed_one_of_several_signatures_is_enough() -> None:
    """In any place, among unknown versions and junk."""
    good, other = signed()["webhook-signature"], signed(secret=OTHER)["webhook-signature"]
    for several in (f"{other} {good}", f"{good} {other}", f"v1a,xyz {other} junk v1 , {good}"):
        assert verify({**signed(), "webhook-signature": several}).id == "msg_1"

    with pytest.raises(WebhookRefused):
        verify({**signed(), "webhook-signature": f"{other} {other}"})


@pytest.mark.parametrize(
    "forged",
    [
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": str(int(NOW.timestamp()) + 1)},
        {"webhook-signature": signed(secret=OTHER)["webhook-signature"]},
        {"webhook-signature": signed()["webhook-signature"].replace("v1,", "v1a,")},
        {"webhook-signature": signed()["webhook-signature"].replace("v1,", "v2,")},
        {"webhook-signature": signed()["webhook-signature"].replace("v1,", "")},
        {"webhook-signature": signed()["webhook-signature"][:-4]},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "鸿雁 \ud800"},
        {"webhook-id": ""},
        {"webhook-timestamp": ""},
        {"webhook-signature": ""},
        {"webhook-timestamp": "1e9"},
        {"webhook-timestamp": f" {int(NOW.timestamp())}"},
        {"webhook-timestamp": f"{int(NOW.timestamp())}.0"},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "nan"},
        {"webhook-timestamp": "9" * 40},
        {"webhook-timestamp": "１７８０２７９２００"},
    ],
    ids=repr,
)
def test_forgeries_are_refused(forged: dict[str, str]) -> None:
    """One header changed is enough."""
    with pytest.raises(WebhookRefused):
        verify({**signed(), **forged})


@pytest.mark.parametrize("body", [BODY + " ", BODY.replace("delivered", "rejected"), BODY.replace(" ", ""), "", b"\xff"])
def test_a_changed_body_is_refused(body: Any) -> None:
    """Also one that means the same."""
    with pytest.raises(WebhookRefused):
        verify(signed(), body)


@pytest.mark.parametrize(("seconds", "passes"), [(0, True), (-300, True), (300, True), (-301, False), (301, False), (-86_400, False)])
def test_replays_are_refused_after_five_minutes(seconds: int, passes: bool) -> None:
    """And what comes from the future."""
    headers = signed(at=NOW + timedelta(seconds=seconds))
    if passes:
        assert verify(headers).id == "msg_1"
    else:
        with pytest.raises(WebhookRefused, match="too far from now"):
            verify(headers)


def test_the_tolerance_is_a_choice() -> None:
    """For queues between the receiver and the check."""
    headers = signed(at=NOW - timedelta(hours=1))

    assert webhooks.verify(BODY, headers, SECRET, tolerance=timedelta(hours=2), now=NOW).id == "msg_1"


def test_without_a_time_given_it_is_now() -> None:
    """The one path that reads the clock."""
    old = signed(at=NOW - timedelta(days=1))
    with pytest.raises(WebhookRefused):
        webhooks.verify(BODY, old, SECRET)

    now = datetime.now(NOW.tzinfo)
    assert webhooks.verify(BODY, signed(at=now), SECRET).id == "msg_1"


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!!", "whsec_鸿雁"])
def test_what_is_no_secret_is_an_error_of_its_own(secret: str) -> None:
    """An empty secret would let everybody in. It is not repeated."""
    with pytest.raises(ValueError, match=r"^the secret of a webhook is whsec_ and base64$"):
        verify(signed(), secret=secret)


def test_a_parsed_body_is_the_common_mistake() -> None:
    """Said in words."""
    with pytest.raises(TypeError, match="raw body"):
        verify(signed(), json.loads(BODY))


@pytest.mark.parametrize("body", ["[1]", "5", "not json", ""])
def test_a_signed_body_that_is_no_object_is_refused(body: str) -> None:
    """Nothing we ever send."""
    with pytest.raises(WebhookRefused, match="JSON object"):
        verify(signed(body), body)


@given(
    payload=st.dictionaries(st.text(), st.integers() | st.text(), max_size=4),
    secret=st.binary(min_size=1, max_size=64),
    id=st.text("abcXYZ019_-", min_size=1, max_size=20),
    offset=st.integers(-400, 400),
    spoil=st.sampled_from(["nothing", "body", "secret", "id", "time", "signature"]),
)
def test_we_agree_with_the_reference(payload: dict, secret: bytes, id: str, offset: int, spoil: str) -> None:
    """On what passes and what does not, whatever was changed on the way."""
    text, shown = json.dumps(payload), "whsec_" + base64.b64encode(secret).decode()
    now = datetime.now(NOW.tzinfo)
    headers = signed(text, shown, now + timedelta(seconds=offset), id)
    if spoil == "body":
        text += " "
    elif spoil == "secret":
        shown = "whsec_" + base64.b64encode(secret + b"x").decode()
    elif spoil == "id":
        headers["webhook-id"] += "x"
    elif spoil == "time":
        headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) + 1)
    elif spoil == "signature":
        headers["webhook-signature"] = "v1," + base64.b64encode(bytes(32)).decode()
    if abs(abs(offset) - 300) < 5:
        return  # the two clocks are read one after the other

    try:
        standardwebhooks.Webhook(shown).verify(text, headers)
        expected = True
    except standardwebhooks.WebhookVerificationError:
        expected = False
    try:
        got = webhooks.verify(text, headers, shown).payload == payload
    except WebhookRefused:
        got = False
    assert got is expected
