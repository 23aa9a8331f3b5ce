"""Standard Webhooks, signed as its own library checks it, and nowhere posted but where it is safe."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from providers import outside
from providers.contract import Accepted, Outcome, Provider, Reason, ReceiptStatus, Rejected, Submission, Unknown
from providers.settings import ProviderSettingsError
from providers.webhook import BadSecret, Sender, decode_secret
from tests.providers.conftest import NOW, Kept, missing
from tests.providers.hooks import Endpoint, endpoint

Make = Callable[..., Provider]
NEW = "whsec_" + base64.b64encode(b"n" * 32).decode()
OLD = "whsec_" + base64.b64encode(b"o" * 24).decode().rstrip("=")
OTHER = "whsec_" + base64.b64encode(b"x" * 24).decode()
TRIAL = Sender(allow_private=True, allow_http=True, timeout_seconds=20)


@pytest.fixture
def hook() -> Iterator[Endpoint]:
    with endpoint() as server:
        yield server


def post(url: str, sender: Sender = TRIAL, now: datetime = NOW) -> Outcome:
    return sender.send(url, "msg_1", b'{"order":"A1"}', [decode_secret(NEW)], now)


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_the_standards_own_library_takes_the_signature(hook: Endpoint, secret: str) -> None:
    """With the new secret and, while secrets change, with the old one."""
    keys = [decode_secret(NEW), decode_secret(OLD)]
    TRIAL.send(f"http://127.0.0.1:{hook.port}/200", "msg_1", '{"text":"退订"}'.encode(), keys, datetime.now(UTC))

    [(_, headers, body)] = hook.posts
    assert Webhook(secret).verify(body, headers) == {"text": "退订"}
    assert headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + b" ", headers)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!!", "whsec_c2hvcnQ=", NEW.removeprefix("whsec_"), "whsec_" + "A" * 100])
def test_refuses_secrets_that_are_none(secret: str) -> None:
    """24 to 64 bytes, and the prefix; the error does not show it."""
    with pytest.raises(BadSecret) as error:
        decode_secret(secret)

    assert not secret.removeprefix("whsec_") or secret.removeprefix("whsec_") not in str(error.value)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("200", Accepted("msg_1")),
        ("204", Accepted("msg_1")),
        ("early", Accepted("msg_1")),
        ("302", Rejected(Reason.MISCONFIGURED, "302", False)),
        ("401", Rejected(Reason.MISCONFIGURED, "401", True)),
        ("404", Rejected(Reason.MISCONFIGURED, "404", True)),
        ("410", Rejected(Reason.DEAD_NUMBER, "410", False)),
        ("413", Rejected(Reason.BLOCKED_CONTENT, "413", False)),
        ("429", Rejected(Reason.THROTTLED, "429", True)),
        ("500", Rejected(Reason.RETRY_LATER, "500", True)),
        ("503", Rejected(Reason.RETRY_LATER, "503", True)),
        ("close", Unknown("connection_lost")),
        ("nonsense", Unknown("not_http")),
    ],
)
def test_an_answer_has_its_outcome(hook: Endpoint, answer: str, outcome: Outcome) -> None:
    """Redirects are not followed."""
    assert post(f"http://127.0.0.1:{hook.port}/{answer}") == outcome
    assert len(hook.posts) == 1


@pytest.mark.parametrize("answer", ["hang", "drip"])
def test_the_time_is_for_all_of_it(hook: Endpoint, answer: str) -> None:
    """Also when the endpoint sends a byte now and then."""
    sender = Sender(allow_private=True, allow_http=True, timeout_seconds=0.3)

    assert post(f"http://127.0.0.1:{hook.port}/{answer}", sender) == Unknown("timeout")


def test_nobody_there_is_certain() -> None:
    with socket.socket() as reserved:  # bound, and not listening
        reserved.bind(("127.0.0.1", 0))

        assert post(f"http://127.0.0.1:{reserved.getsockname()[1]}/") == Rejected(Reason.RETRY_LATER, "unreachable", True)


def test_an_unknown_name_is_certain() -> None:
    def fails(host: str, port: int) -> list[str]:
        raise socket.gaierror

    assert post("https://hooks.example/", Sender(resolver=fails)) == Rejected(Reason.RETRY_LATER, "unresolved", True)
    assert post("https://hooks.example/", Sender(resolver=lambda host, port: [])) == Rejected(Reason.RETRY_LATER, "unresolved", True)


PRIVATE = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.8",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[fe80::1]",
    "[fec0::1]",
    "[fd00::1]",
    "[ff02::1]",
    "localhost",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_refuses_private_addresses_in_every_form(host: str) -> None:
    """Nothing is connected: where this machine's resolver knows such a form, what it makes of it is refused."""
    outcome = post(f"https://{host}/", Sender(timeout_seconds=0.2))

    assert outcome in (Rejected(Reason.MISCONFIGURED, "private_address", False), Rejected(Reason.RETRY_LATER, "unresolved", True))


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "223.5.5.5", "2606:4700::1111", "2400:3200::1"])
def test_public_addresses_are_public(address: str) -> None:
    assert outside.is_public(address)


def test_one_private_address_among_public_ones_is_enough() -> None:
    sender = Sender(resolver=lambda host, port: ["8.8.8.8", "127.0.0.1"], timeout_seconds=0.2)

    assert post("https://hooks.example/", sender) == Rejected(Reason.MISCONFIGURED, "private_address", False)


def test_a_name_is_resolved_once_and_the_answer_used(hook: Endpoint) -> None:
    """A name that changes its mind after the check has nobody to tell; the Host header still has the name."""
    asked = []

    def resolver(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    outcome = post(f"http://hooks.example:{hook.port}/200", Sender(allow_private=True, allow_http=True, resolver=resolver))

    assert outcome == Accepted("msg_1")
    assert asked == ["hooks.example"]
    assert hook.posts[0][1]["host"] == f"hooks.example:{hook.port}"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://hooks.example/", "not_https"),
        ("ftp://hooks.example/", "url"),
        ("file:///etc/passwd", "url"),
        ("https:///x", "url"),
        ("https://user:pw@hooks.example/", "url"),
        ("https://hooks.example:99999/", "url"),
        ("https://hooks.example/\r\nhost: x", "url"),
        ("https://hooks.example /", "url"),
        ("https://evil.example\\@good.example/", "url"),
        ("https://[::1/", "url"),
        ("hooks.example", "url"),
    ],
)
def test_refuses_addresses_that_are_none(url: str, code: str) -> None:
    with pytest.raises(outside.UrlRefused) as error:
        outside.parse(url)

    assert error.value.code == code


def test_paths_and_names_outside_of_ascii_are_written_as_they_must_be() -> None:
    target = outside.parse("https://例子.example/订单?q=退订&x=%20#top")

    assert (target.host, target.port) == ("xn--fsqu00a.example", 443)
    assert target.path == "/%E8%AE%A2%E5%8D%95?q=%E9%80%80%E8%AE%A2&x=%20"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for hooks.example, with its key, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        missing("the TLS tests need openssl: apt-get install openssl")
    assert openssl is not None
    folder = tmp_path_factory.mktemp("tls")
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=hooks.example"]
    command += ["-addext", "subjectAltName=DNS:hooks.example", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_bytes((folder / "cert.pem").read_bytes() + (folder / "key.pem").read_bytes())
    return both


@pytest.mark.parametrize(
    ("host", "is_trusted", "outcome"),
    [
        ("hooks.example", True, Accepted("msg_1")),
        ("other.example", True, Rejected(Reason.RETRY_LATER, "certificate", True)),
        ("hooks.example", False, Rejected(Reason.RETRY_LATER, "certificate", True)),
    ],
)
def test_the_certificate_must_be_the_names(certificate: Path, host: str, is_trusted: bool, outcome: Outcome) -> None:
    """Although the connection goes to an address, the name is what is checked; without it nothing is sent."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate)) if is_trusted else None
    with endpoint(serving) as server:
        sender = Sender(allow_private=True, resolver=lambda host, port: ["127.0.0.1"], context=trusting, timeout_seconds=20)

        assert post(f"https://{host}:{server.port}/200", sender) == outcome
        assert len(server.posts) == isinstance(outcome, Accepted)


def settings(port: int, **others: object) -> dict[str, object]:
    trial = {"channels": ["webhook"], "allow_private": True, "allow_http": True, "secrets": [NEW]}
    return {"url": f"http://127.0.0.1:{port}/200", **trial, **others}


def test_the_provider_posts_the_content(hook: Endpoint, build: Make, kept: Kept) -> None:
    """As it is, under our id, which an attempt repeated has again; the 2xx is the receipt."""
    provider = build("webhook", **settings(hook.port))
    submission = Submission(id="m1", to="u1", channel="webhook", content={"order": "A1", "amount": 5})

    assert provider.submit([submission]) == provider.submit([submission]) == [Accepted("m1")]
    assert [json.loads(body) for _, _, body in hook.posts] == [{"order": "A1", "amount": 5}] * 2
    assert [headers["webhook-id"] for _, headers, _ in hook.posts] == ["m1", "m1"]
    assert [(receipt.id, receipt.status) for receipt in kept.receipts.items] == [("m1", ReceiptStatus.DELIVERED)] * 2


def test_the_provider_refuses_what_can_never_work(build: Make) -> None:
    """When it is made, and without showing the secret."""
    with pytest.raises(ProviderSettingsError, match="https"):
        build("webhook", **settings(1, allow_http=False))
    with pytest.raises(ProviderSettingsError, match="24 to 64") as error:
        build("webhook", **settings(1, secrets=["whsec_c2hvcnQ="]))

    assert "c2hvcnQ" not in str(error.value)
