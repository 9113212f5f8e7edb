"""Webhooks and token requests through a real forward proxy, whose failures are not the receiver's."""

from __future__ import annotations

import json
import socket
import ssl

import pytest
import trustme

from alerts.errors import DeliveryError
from alerts.settings import WebhookChannel
from alerts.transports import send
from tests.alerts.conftest import Authority
from tests.alerts.samples import SECRET, email_channel, outgoing, webhook_channel
from tests.peers.proxy import ProxyPeer
from tests.peers.smtp import SmtpPeer
from tests.peers.token_server import CREDENTIALS, TOKEN, TokenServer
from tests.peers.webhook import WebhookPeer

LOGIN = ("reader", "synthetic:p@ss")
AS_URL = "reader:synthetic%3Ap%40ss"
FAR = "hooks.lender.example"  # only the proxy knows it


def outcome(channel: WebhookChannel) -> tuple[str, bool]:
    """Return the reason of a refused attempt, and whether it is permanent."""
    with pytest.raises(DeliveryError) as caught:
        send(channel, outgoing())
    assert "synthetic" not in str(caught.value)
    return caught.value.reason, caught.value.permanent


def served_as(name: str, authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def test_a_message_goes_through_the_proxy_which_resolves_the_name(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The signed event arrives, TLS is with the receiver, and the login goes to the proxy alone."""
    ca = trustme.CA()
    ca_file = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(ca_file))
    with (
        WebhookPeer(SECRET, tls=served_as(FAR, ca)) as peer,
        ProxyPeer({FAR: peer.port}, login=LOGIN) as plain,
        ProxyPeer({FAR: peer.port}, login=LOGIN, tls=served_as("127.0.0.1", ca)) as encrypted,
    ):
        for proxy in (plain, encrypted):
            url = proxy.url.replace("//", f"//{AS_URL}@")
            send(webhook_channel(f"https://{FAR}/ok", proxy=url, ca_file=ca_file), outgoing())
        wrong = outcome(webhook_channel(f"https://{FAR}/ok", proxy=plain.url, ca_file=ca_file))
        untrusted = outcome(webhook_channel(f"https://{FAR}/ok", proxy=encrypted.url))

    assert [request.verified for request in peer.received] == [True, True]
    assert json.loads(peer.received[0].body)["type"] == "alert.opened"
    assert {(each.method, each.target) for each in plain.requests} == {("CONNECT", f"{FAR}:443")}
    assert [name for each in peer.received for name in each.headers if name.startswith("proxy")] == []
    assert (wrong, untrusted) == (("proxy_login_refused", True), ("proxy_unreachable", False))


def test_a_receiver_on_plain_http_is_reached_through_the_proxy_too(receiver: WebhookPeer) -> None:
    """Where allow_private_addresses names it; the receiver's own answers stay the receiver's."""
    with ProxyPeer({"localhost": receiver.port}) as proxy:
        send(webhook_channel(receiver.url("/ok"), proxy=proxy.url), outgoing())
        refused = outcome(webhook_channel(receiver.url("/bad-request"), proxy=proxy.url))

    assert [request.verified for request in receiver.received] == [True, True]
    assert refused == ("message_refused", True)


@pytest.mark.parametrize(
    ("mood", "reason", "permanent"),
    [
        ("refuses", "proxy_refused", False),
        ("broken", "proxy_failed", False),
        ("garbage", "proxy_failed", False),
        ("closes", "proxy_failed", False),
        ("dies", "proxy_failed", False),
        ("hangs", "delivery_timed_out", False),
        ("dies-later", "connection_dropped", False),
    ],
)
def test_what_a_proxy_does_wrong_is_its_own(mood: str, reason: str, permanent: bool) -> None:
    """Nothing is sent, another attempt follows, and the reason names the proxy where that is known."""
    timeout_s = 1 if mood == "hangs" else 20
    with ProxyPeer({FAR: 1}, mood=mood) as proxy:
        found = outcome(webhook_channel(f"https://{FAR}/ok", proxy=proxy.url, timeout_s=timeout_s))

    assert found == (reason, permanent)


def test_a_proxy_that_is_not_there_is_not_the_receivers_fault() -> None:
    """Nobody listens, or the name of the proxy does not exist."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    for proxy in (f"http://127.0.0.1:{port}", "http://nowhere.invalid:3128"):
        assert outcome(webhook_channel(f"https://{FAR}/ok", proxy=proxy)) == ("proxy_unreachable", False)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "10.1.2.3", "2130706433", "0x7f.1", "siem", "siem.internal"]
)
def test_what_can_only_be_private_is_not_asked_of_a_proxy(host: str) -> None:
    """An address in each way of writing it, and names that are never public, unless they are allowed."""
    with ProxyPeer({}) as proxy:
        found = outcome(webhook_channel(f"https://{host}/ok", proxy=proxy.url, allow_private_addresses=[]))

        assert (found, proxy.requests) == (("private_address_refused", True), [])
        allowed = webhook_channel(
            f"https://{host}/ok", proxy=proxy.url, allow_private_addresses=[host.strip("[]")]
        )
        assert outcome(allowed) == ("proxy_failed", False)


def test_a_token_is_requested_through_the_proxy(authority: Authority) -> None:
    """The mail goes directly, only the token's request through the proxy; its failures are the proxy's."""
    reasons = []
    with (
        TokenServer(authority.localhost) as tokens,
        SmtpPeer(tls=authority.localhost, token=("alerts@lender.test", TOKEN)) as mailbox,
        ProxyPeer({"localhost": tokens.port}) as proxy,
    ):
        channel = email_channel(
            mailbox.port,
            security="starttls",
            ca_file=authority.ca_file,
            username="alerts@lender.test",
            oauth2={
                "token_url": tokens.endpoint,
                "client_id": "registered",
                "client_secret": CREDENTIALS["client_credentials"],
                "proxy": proxy.url,
            },
        )
        send(channel, outgoing())
        for proxy.mood in ("refuses", "garbage", "dies"):
            with pytest.raises(DeliveryError) as caught:
                send(channel, outgoing())
            reasons.append(caught.value.reason)

    assert len(mailbox.received) == 1
    assert proxy.requests[0].target == f"localhost:{tokens.port}"
    assert reasons == ["proxy_refused", "proxy_failed", "proxy_failed"]
