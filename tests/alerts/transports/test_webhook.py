"""Webhooks to a real receiver, which verifies signatures with the library of another project."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from alerts.errors import (
    ConnectionDropped,
    ConnectionFailed,
    DeliveryError,
    DeliveryTimedOut,
    MessageRefused,
    NameNotResolved,
    PrivateAddressRefused,
    ReceiverGone,
    RedirectRefused,
    TemporarilyRefused,
    TlsNotVerified,
)
from alerts.transports import send
from alerts.transports.webhook import body_of, retry_after, signed_headers
from tests.alerts.conftest import Authority
from tests.alerts.samples import KEY, NEXT_SECRET, NOON, SECRET, outgoing, webhook_channel
from tests.peers.webhook import WebhookPeer


def test_a_receiver_verifies_the_signature(receiver: WebhookPeer) -> None:
    """svix accepts the signature, and the body is the event."""
    sent = send(webhook_channel(receiver.url("/ok")), outgoing())

    (request,) = receiver.received
    assert sent.status_code == 200
    assert request.verified
    assert request.headers["webhook-id"] == KEY
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body)["type"] == "alert.opened"


def test_openssl_computes_the_same_signature() -> None:
    """The signature is HMAC-SHA256 over "id.timestamp.body", as openssl computes it."""
    attempt = outgoing(at=NOON)
    body = body_of(attempt)
    headers = signed_headers(webhook_channel("https://hooks.lender.example/in"), attempt, body)
    key = base64.b64decode(SECRET.removeprefix("whsec_")).hex()
    command = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key}", "-binary"]

    signed = subprocess.run(
        command, input=f"{KEY}.{int(NOON.timestamp())}.".encode() + body, capture_output=True, check=True
    )

    assert "v1," + base64.b64encode(signed.stdout).decode() == headers["webhook-signature"]


@pytest.mark.parametrize("known", [SECRET, NEXT_SECRET])
def test_while_secrets_are_rotated_each_verifies(known: str) -> None:
    """With two secrets, a receiver that knows either of them accepts the message."""
    with WebhookPeer(known) as peer:
        send(webhook_channel(peer.url("/ok"), secrets=[NEXT_SECRET, SECRET]), outgoing())

    assert [request.verified for request in peer.received] == [True]


def test_a_receiver_with_another_secret_refuses() -> None:
    """A receiver with another secret does not accept the signature."""
    with WebhookPeer(NEXT_SECRET) as peer:
        send(webhook_channel(peer.url("/ok")), outgoing())

    assert [request.verified for request in peer.received] == [False]


def test_it_goes_out_over_tls_to_the_name(authority: Authority) -> None:
    """The certificate is verified for the host's name, although the connection goes to its address."""
    with WebhookPeer(SECRET, tls=authority.localhost) as peer:
        send(webhook_channel(peer.url("/ok"), ca_file=authority.ca_file), outgoing())

    (request,) = peer.received
    assert f"localhost:{peer.port}" == request.headers["host"]


def test_a_certificate_for_another_name_stops_it(authority: Authority) -> None:
    """A certificate for another host is permanent, and nothing is sent."""
    with (
        WebhookPeer(SECRET, tls=authority.elsewhere) as peer,
        pytest.raises(TlsNotVerified, match="Hostname mismatch"),
    ):
        send(webhook_channel(peer.url("/ok"), ca_file=authority.ca_file), outgoing())

    assert peer.received == []


def test_headers_of_the_operator_are_sent(receiver: WebhookPeer) -> None:
    """A header of the operator reaches the receiver."""
    send(webhook_channel(receiver.url("/ok"), headers={"Authorization": "Bearer synthetic"}), outgoing())

    (request,) = receiver.received
    assert request.headers["authorization"] == "Bearer synthetic"


@pytest.mark.parametrize(
    ("path", "kind", "code", "permanent"),
    [
        ("/always-500", TemporarilyRefused, 500, False),
        ("/busy", TemporarilyRefused, 429, False),
        ("/bad-request", MessageRefused, 400, True),
        ("/gone", ReceiverGone, 410, True),
        ("/redirect", RedirectRefused, 302, True),
    ],
)
def test_what_an_answer_means(
    receiver: WebhookPeer, path: str, kind: type[DeliveryError], code: int, permanent: bool
) -> None:
    """5xx and 429 are tried again; any other refusal is permanent, and a redirect is not followed."""
    with pytest.raises(kind) as caught:
        send(webhook_channel(receiver.url(path)), outgoing())

    assert len(receiver.received) == 1
    assert (code, permanent) == (caught.value.status_code, caught.value.permanent)


def test_retry_after_comes_with_the_error(receiver: WebhookPeer) -> None:
    """The error has the seconds that the receiver's Retry-After asks for."""
    with pytest.raises(TemporarilyRefused) as caught:
        send(webhook_channel(receiver.url("/busy")), outgoing())

    assert caught.value.retry_after_s == 120


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        (" 90 ", 90),
        (format_datetime(NOON + timedelta(minutes=5), usegmt=True), 300),
        (format_datetime(NOON - timedelta(minutes=5), usegmt=True), 0),
        ("Wed, 04 Mar 2026 03:08:07", 67),
        ("soon", None),
        ("-5", None),
        ("9" * 400, 999_999_999),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    """Both forms of RFC 9110 are read; a past date gives 0, an invalid value None."""
    assert seconds == retry_after(value, NOON)


def test_a_receiver_that_hangs_costs_a_bounded_time(receiver: WebhookPeer) -> None:
    """A receiver that never answers ends the attempt at timeout_s."""
    with pytest.raises(DeliveryTimedOut, match=r"0\.5 s"):
        send(webhook_channel(receiver.url("/hangs"), timeout_s=0.5), outgoing())


def test_a_body_without_end_is_not_read(receiver: WebhookPeer) -> None:
    """The status line decides: 200 with an endless body counts as accepted."""
    sent = send(webhook_channel(receiver.url("/huge")), outgoing())

    assert sent.status_code == 200


def test_a_hang_up_is_a_retry_with_the_same_key(receiver: WebhookPeer) -> None:
    """A receiver that accepts the message and hangs up gets it twice, with the same webhook-id."""
    channel = webhook_channel(receiver.url("/drops-once"))
    with pytest.raises(ConnectionDropped):
        send(channel, outgoing())

    send(channel, outgoing())

    assert [request.headers["webhook-id"] for request in receiver.received] == [KEY, KEY]
    assert receiver.received[0].body == receiver.received[1].body


def test_an_unreachable_receiver_is_a_retry() -> None:
    """A refused connection is not permanent, and the error names the host."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(ConnectionFailed, match="localhost") as caught:
        send(webhook_channel(f"http://localhost:{port}/"), outgoing())

    assert not caught.value.permanent


def test_a_name_without_an_address_is_a_retry() -> None:
    """A host that does not resolve is not permanent, and the error names it."""
    with pytest.raises(NameNotResolved, match=r"no-such-host\.test") as caught:
        send(webhook_channel("https://no-such-host.test/"), outgoing())

    assert not caught.value.permanent


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "[::1]", "169.254.169.254", "10.1.2.3", "0.0.0.0", "2130706433", "0x7f.1"],
)
def test_a_private_address_is_refused(receiver: WebhookPeer, host: str) -> None:
    """A name or a number that leads to a private address gets nothing, in whatever way it is written."""
    channel = webhook_channel(f"https://{host}:{receiver.port}/ok", allow_private_addresses=[])

    with pytest.raises(PrivateAddressRefused, match="allow_private_addresses"):
        send(channel, outgoing())

    assert receiver.received == []


def test_a_private_address_is_allowed_by_its_name_alone(receiver: WebhookPeer) -> None:
    """Allowing a host by one name does not allow it by another."""
    channel = webhook_channel(f"https://127.0.0.1:{receiver.port}/ok", allow_private_addresses=["localhost"])

    with pytest.raises(PrivateAddressRefused):
        send(channel, outgoing())


def test_the_clock_of_the_attempt_is_signed() -> None:
    """Each attempt is signed with its own time: a receiver refuses an old time as a replay."""
    channel = webhook_channel("https://hooks.lender.example/in")
    early, late = (outgoing(at=datetime(2026, 3, 4, hour, tzinfo=UTC)) for hour in (1, 2))

    first, second = (signed_headers(channel, attempt, body_of(attempt)) for attempt in (early, late))

    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 3600
    assert first["webhook-signature"] != second["webhook-signature"]
