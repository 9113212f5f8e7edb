"""Logging in to a real SMTP server with an access token from a real token endpoint."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from alerts.errors import AuthenticationRefused, DeliveryError, TemporarilyRefused, TlsNotVerified
from alerts.settings import EmailChannel
from alerts.transports import send
from tests.alerts.conftest import Authority
from tests.alerts.samples import email_channel, outgoing
from tests.peers.smtp import SmtpPeer
from tests.peers.token_server import CREDENTIALS, TOKEN, TokenServer

MAILBOX = "alerts@lender.test"


@pytest.fixture
def tokens(authority: Authority) -> Iterator[TokenServer]:
    """A token endpoint with a certificate of the tests' authority."""
    with TokenServer(authority.localhost) as server:
        yield server


@pytest.fixture
def mailbox(authority: Authority) -> Iterator[SmtpPeer]:
    """A mail server that takes nothing but the token."""
    with SmtpPeer(tls=authority.localhost, token=(MAILBOX, TOKEN)) as peer:
        yield peer


def channel_of(
    mailbox: SmtpPeer, tokens: TokenServer, authority: Authority, *, username: str = MAILBOX, **oauth2: str
) -> EmailChannel:
    given = {"token_url": tokens.endpoint, "client_id": "registered", "scope": "mail.send"}
    return email_channel(
        mailbox.port,
        security="starttls",
        ca_file=authority.ca_file,
        username=username,
        oauth2={**given, "client_secret": CREDENTIALS["client_credentials"], **oauth2},
    )


def test_the_application_logs_in_by_its_own_credentials(
    mailbox: SmtpPeer, tokens: TokenServer, authority: Authority
) -> None:
    """Without a refresh token, the grant is client_credentials, with the scope of the settings."""
    send(channel_of(mailbox, tokens, authority), outgoing())

    (form,) = tokens.forms
    assert (form["grant_type"], form["scope"]) == ("client_credentials", "mail.send")
    assert len(mailbox.received) == 1


def test_a_refresh_token_is_renewed(mailbox: SmtpPeer, tokens: TokenServer, authority: Authority) -> None:
    """With a refresh token, the grant is refresh_token."""
    send(channel_of(mailbox, tokens, authority, refresh_token=CREDENTIALS["refresh_token"]), outgoing())

    assert [form["grant_type"] for form in tokens.forms] == ["refresh_token"]
    assert len(mailbox.received) == 1


@pytest.mark.parametrize(
    ("oauth2", "error", "status"),
    [
        ({"client_secret": "wrong one"}, AuthenticationRefused, 401),
        ({"client_id": "talks"}, AuthenticationRefused, 400),
        ({"client_id": "empty"}, AuthenticationRefused, 200),
        ({"client_id": "floods"}, AuthenticationRefused, 200),
        ({"client_id": "busy"}, TemporarilyRefused, 503),
    ],
)
def test_without_a_token_nothing_is_sent(
    mailbox: SmtpPeer,
    tokens: TokenServer,
    authority: Authority,
    oauth2: dict[str, str],
    error: type[DeliveryError],
    status: int,
) -> None:
    """Each refusal has its reason. The error says nothing that the server says about the account."""
    with pytest.raises(error) as caught:
        send(channel_of(mailbox, tokens, authority, **oauth2), outgoing())

    assert caught.value.status_code == status
    assert MAILBOX not in str(caught.value)
    assert "wrong one" not in str(caught.value)
    assert mailbox.received == []


def test_a_mailbox_that_may_not_send_is_named_as_the_cause(
    mailbox: SmtpPeer, tokens: TokenServer, authority: Authority
) -> None:
    """A token of another mailbox: 535 after the challenge, and advice about mailbox and scope."""
    with pytest.raises(AuthenticationRefused, match="username") as caught:
        send(channel_of(mailbox, tokens, authority, username="other@lender.test"), outgoing())

    assert caught.value.status_code == 535


def test_a_token_server_of_an_unknown_authority_gets_no_secret(
    mailbox: SmtpPeer, tokens: TokenServer, authority: Authority
) -> None:
    """The token endpoint's certificate is verified before the secret is sent."""
    channel = channel_of(mailbox, tokens, authority).model_copy(update={"ca_file": None})
    with pytest.raises(TlsNotVerified):
        send(channel, outgoing())

    assert tokens.forms == []


COMPLETE = {"token_url": "https://id.example/token", "client_id": "a", "client_secret": "s"}


@pytest.mark.parametrize(
    "settings",
    [
        {"oauth2": COMPLETE | {"token_url": "http://id.example/token"}},
        {"oauth2": COMPLETE | {"token_url": "https://u:p@id.example/token"}},
        {"oauth2": {"token_url": "https://id.example/token", "client_id": "a"}},
        {
            "password": "both",
            "oauth2": COMPLETE,
        },
        {
            "username": None,
            "oauth2": COMPLETE,
        },
        {
            "security": "none",
            "oauth2": COMPLETE,
        },
    ],
)
def test_settings_that_cannot_work_are_mistakes(settings: dict[str, object]) -> None:
    """Plain http, a password in the address, no credentials, two ways to log in, no mailbox, no TLS."""
    with pytest.raises(ValidationError):
        email_channel(25, **({"security": "starttls", "username": MAILBOX} | settings))


@pytest.mark.parametrize(
    ("demand", "named"),
    [
        ("530 5.7.0 Authentication required", "password_file"),
        ("530 5.7.57 Client not authenticated to send mail", "password_file"),
        ("534 5.7.9 Application-specific password required", "oauth2"),
        ("535 5.7.139 Authentication unsuccessful, basic authentication is disabled", "oauth2"),
    ],
)
def test_a_server_that_wants_a_login_is_not_blamed_on_the_sender(demand: str, named: str) -> None:
    """The answer comes to MAIL FROM, but the advice is about the login."""
    with SmtpPeer(demand=demand) as peer, pytest.raises(AuthenticationRefused, match=named) as caught:
        send(email_channel(peer.port), outgoing())

    assert caught.value.status_code == int(demand[:3])


def test_a_server_that_wants_tls_is_named(authority: Authority) -> None:
    """530 "Must issue a STARTTLS command first" leads to `security`."""
    with (
        SmtpPeer(demand="530 5.7.0 Must issue a STARTTLS command first") as peer,
        pytest.raises(DeliveryError, match='security = "starttls"') as caught,
    ):
        send(email_channel(peer.port), outgoing())

    assert caught.value.reason == "tls_not_offered"
