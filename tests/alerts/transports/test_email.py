"""E-mail to a real SMTP server, which also misbehaves."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from alerts.errors import (
    AuthenticationRefused,
    AuthorityUnreadable,
    ConnectionDropped,
    ConnectionFailed,
    DeliveryTimedOut,
    MessageRefused,
    NameNotResolved,
    RecipientRefused,
    TemporarilyRefused,
    TlsNotOffered,
    TlsNotVerified,
)
from alerts.transports import send
from tests.alerts.conftest import Authority
from tests.alerts.samples import KEY, email_channel, outgoing
from tests.peers.smtp import SmtpPeer


def test_the_message_arrives_with_both_forms(mail_server: SmtpPeer) -> None:
    """The server gets a multipart message whose plain and HTML forms both contain the title."""
    sent = send(email_channel(mail_server.port), outgoing())

    (mail,) = mail_server.received
    assert sent.status_code == 250
    plain, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    for part in (plain, html):
        assert "出售趣店学生数据" in part.get_content()


def test_it_goes_out_over_starttls_with_a_password(authority: Authority) -> None:
    """With security = "starttls" the certificate is verified before the password is sent."""
    with SmtpPeer(tls=authority.localhost, login=("spill", "synthetic password")) as peer:
        channel = email_channel(
            peer.port,
            security="starttls",
            ca_file=authority.ca_file,
            username="spill",
            password="synthetic password",
        )
        send(channel, outgoing())

    assert peer.encrypted == [True]


def test_it_goes_out_over_tls_from_the_first_byte(authority: Authority) -> None:
    """With security = "tls" the connection is encrypted before SMTP begins."""
    with SmtpPeer(tls=authority.localhost, implicit=True) as peer:
        send(email_channel(peer.port, security="tls", ca_file=authority.ca_file), outgoing())

    assert peer.encrypted == [True]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_for_another_name_stops_it(authority: Authority, security: str) -> None:
    """A certificate for another host is permanent, and no byte of the message is sent."""
    with (
        SmtpPeer(tls=authority.elsewhere, implicit=security == "tls") as peer,
        pytest.raises(TlsNotVerified, match="Hostname mismatch") as caught,
    ):
        send(email_channel(peer.port, security=security, ca_file=authority.ca_file), outgoing())

    assert caught.value.permanent
    assert peer.received == []


def test_a_certificate_of_an_unknown_authority_stops_it(authority: Authority) -> None:
    """Without ca_file, a private authority's certificate ends the delivery; the error names the setting."""
    with SmtpPeer(tls=authority.localhost) as peer, pytest.raises(TlsNotVerified, match="ca_file"):
        send(email_channel(peer.port, security="starttls"), outgoing())


def test_no_starttls_means_no_message(authority: Authority) -> None:
    """A server that does not offer STARTTLS gets no message; the error names the setting."""
    with SmtpPeer() as peer, pytest.raises(TlsNotOffered, match='security = "tls"'):
        send(email_channel(peer.port, security="starttls"), outgoing())

    assert peer.received == []


def test_a_wrong_password_stops_it(authority: Authority) -> None:
    """A refused login is permanent, and the error contains neither the password nor the user name."""
    with SmtpPeer(tls=authority.localhost, login=("spill", "synthetic password")) as peer:
        channel = email_channel(
            peer.port,
            security="starttls",
            ca_file=authority.ca_file,
            username="spill@lender.test",
            password="wrong one",
        )
        with pytest.raises(AuthenticationRefused) as caught:
            send(channel, outgoing())

    assert caught.value.status_code == 535
    assert "wrong one" not in str(caught.value)
    assert "spill@lender.test" not in str(caught.value)


def test_a_refused_recipient_stops_it(mail_server: SmtpPeer) -> None:
    """550 for the only recipient is permanent; an address that the server repeats is removed from the
    error.
    """
    with pytest.raises(RecipientRefused, match=r"5\.1\.1") as caught:
        send(email_channel(mail_server.port, to=["refused@lender.test"]), outgoing())

    assert "refused@lender.test" not in str(caught.value)
    assert "13800138000" not in str(caught.value)


def test_one_refused_recipient_among_others_is_counted(mail_server: SmtpPeer) -> None:
    """The others get the message, and the receipt says how many were refused."""
    channel = email_channel(mail_server.port, to=["soc@lender.test", "refused@lender.test"])

    sent = send(channel, outgoing())

    assert len(mail_server.received) == 1
    assert sent.detail is not None
    assert "1 of 2" in sent.detail
    assert "550" in sent.detail
    assert sent.reason == "recipient_refused"


def test_greylisting_asks_for_another_attempt(mail_server: SmtpPeer) -> None:
    """451 for a recipient is not permanent; the error has the code."""
    with pytest.raises(TemporarilyRefused) as caught:
        send(email_channel(mail_server.port, to=["later@lender.test"]), outgoing())

    assert (caught.value.status_code, caught.value.permanent) == (451, False)


def test_greylisting_of_one_among_others_asks_for_another_attempt(mail_server: SmtpPeer) -> None:
    """If one recipient is deferred, the next attempt leaves out those who have the message."""
    channel = email_channel(mail_server.port, to=["soc@lender.test", "later@lender.test"])
    with pytest.raises(TemporarilyRefused, match="1 of 2") as caught:
        send(channel, outgoing())

    with pytest.raises(TemporarilyRefused):
        send(channel, replace(outgoing(), accepted=caught.value.accepted))

    assert [len(recipients) for recipients in mail_server.recipients] == [1]
    assert len(caught.value.accepted) == 1
    assert "soc" not in f"{caught.value.accepted}"


def test_a_recipient_that_is_refused_after_it_was_deferred_is_told(mail_server: SmtpPeer) -> None:
    """The others have the message, so that it counts as sent, and the receipt names the refusal."""
    channel = email_channel(mail_server.port, to=["soc@lender.test", "refused@lender.test"])
    attempt = outgoing()
    known = frozenset({attempt.digest_of("soc@lender.test")})

    receipt = send(channel, replace(attempt, accepted=known))

    assert (receipt.reason, mail_server.received) == ("recipient_refused", [])


def test_one_deferred_recipient_outweighs_refused_ones(mail_server: SmtpPeer) -> None:
    """Nobody accepted, one may later: the attempt is repeated."""
    with pytest.raises(TemporarilyRefused):
        send(email_channel(mail_server.port, to=["refused@lender.test", "later@lender.test"]), outgoing())


def test_a_refused_message_stops_it(mail_server: SmtpPeer) -> None:
    """554 as the answer to the message is permanent."""
    with pytest.raises(MessageRefused, match="554"):
        send(email_channel(mail_server.port, to=["unwanted@lender.test"]), outgoing())


def test_a_hang_up_after_the_message_is_a_retry_with_the_same_id(mail_server: SmtpPeer) -> None:
    """A server that accepts the message and hangs up gets it twice, with the same Message-ID and key."""
    channel = email_channel(mail_server.port, to=["drops-once@lender.test"])
    with pytest.raises(ConnectionDropped):
        send(channel, outgoing())

    send(channel, outgoing())

    first, second = mail_server.wait(2)
    assert first["Message-ID"] == second["Message-ID"]
    assert KEY == first["Idempotency-Key"] == second["Idempotency-Key"]


def test_a_server_that_hangs_costs_a_bounded_time(mail_server: SmtpPeer) -> None:
    """A server that never answers ends the attempt at timeout_s."""
    with pytest.raises(DeliveryTimedOut, match=r"0\.5 s"):
        send(email_channel(mail_server.port, to=["hangs@lender.test"], timeout_s=0.5), outgoing())


def test_an_unreachable_server_is_a_retry() -> None:
    """A refused connection is not permanent, and the error names host and port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(ConnectionFailed, match=f"localhost:{port}") as caught:
        send(email_channel(port), outgoing())

    assert not caught.value.permanent


def test_a_name_without_an_address_is_a_retry() -> None:
    """A host that does not resolve is not permanent, and the error names it."""
    with pytest.raises(NameNotResolved, match=r"no-such-host\.test") as caught:
        send(email_channel(25, host="no-such-host.test"), outgoing())

    assert not caught.value.permanent


def test_an_unreadable_authority_is_named(authority: Authority) -> None:
    """If ca_file cannot be read, the error names the file."""
    channel = email_channel(25, security="tls", ca_file=authority.ca_file.with_name("none.pem"))

    with pytest.raises(AuthorityUnreadable, match=r"none\.pem"):
        send(channel, outgoing())
