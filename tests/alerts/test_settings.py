"""Settings of alerting: which mistakes are refused, and that no secret is ever shown."""

from __future__ import annotations

from email.headerregistry import Address

import pytest
from pydantic import ValidationError

from alerts.settings import AlertsSettings, EmailChannel
from storage.alerts import AlertKind, Severity
from tests.alerts.samples import SECRET, email_channel, webhook_channel

HOOK = {"transport": "webhook", "url": "https://hooks.lender.example/token-of-the-hook", "secrets": [SECRET]}
MAIL = {
    "transport": "email",
    "host": "smtp.lender.example",
    "from": "s@lender.example",
    "to": ["t@lender.example"],
}


def test_nothing_has_to_be_set() -> None:
    """An empty section is valid: alerts are stored and sent nowhere."""
    assert AlertsSettings().channels == {}


@pytest.mark.parametrize(
    ("channel", "key_text"),
    [
        (MAIL | {"from": "Spillwatch <s@lender.example>"}, "write s@lender"),
        (MAIL | {"to": ["t@lender.example\nBcc: x@lender.example"]}, "soc@lender"),
        (MAIL | {"to": []}, "at least 1 item"),
        (MAIL | {"to": ["t@lender.example", "j\u00f6rg@lender.example"]}, "ASCII before the @; '\u00f6'"),
        (MAIL | {"to": ["t\u200b@lender.example"]}, r"ASCII before the @; '\\u200b'"),
        (MAIL | {"to": ["\u0441oc@lender.example"]}, "ASCII before the @"),
        (MAIL | {"from": "\u8b66\u62a5@lender.example"}, "ASCII before the @"),
        (MAIL | {"to": ["first..last@lender.example"]}, "first.last@"),
        (MAIL | {"to": [".first@lender.example"]}, "first.last@"),
        (MAIL | {"to": ["t@lender..example"]}, "name of a host"),
        (MAIL | {"to": ["t@lender.example."]}, "dot at its end"),
        (MAIL | {"to": ["t@-\u00e4-.example"]}, "IDNA"),
        (MAIL | {"to": ["t@\u2603.example"]}, "IDNA"),
        (MAIL | {"host": "smtp://smtp.lender.example"}, "a name, not a URL"),
        (MAIL | {"host": "smtps://u:pass@smtp.lender.example:465"}, "a name, not a URL"),
        (MAIL | {"host": "https://smtp.lender.example/"}, "a name, not a URL"),
        (MAIL | {"host": "smtp.lender.example:587"}, "write port = 587"),
        (MAIL | {"host": "[::1]:25"}, "write port = 25"),
        (MAIL | {"host": "[::1]"}, "only the name"),
        (MAIL | {"host": "smtp.lender.example/"}, "only the name"),
        (MAIL | {"host": "soc@smtp.lender.example"}, "only the name"),
        (MAIL | {"host": " smtp.lender.example"}, "without a blank"),
        (MAIL | {"port": 465}, "465 from"),
        (MAIL | {"port": 465, "security": "starttls"}, "465 from"),
        (MAIL | {"port": 465, "security": "none"}, "465 from"),
        (MAIL | {"username": "u"}, "username and password"),
        (MAIL | {"username": "u", "password": "p", "security": "none"}, "starttls"),
        (MAIL | {"sender_name": "a\r\nBcc: b"}, "pattern"),
        (MAIL | {"hots": "x"}, "Extra inputs"),
        (HOOK | {"url": "ftp://hooks.lender.example/"}, "https://HOST"),
        (HOOK | {"url": "http://hooks.lender.example/"}, "allow_private_addresses"),
        (HOOK | {"url": "https://user:pass@hooks.lender.example/"}, "Authorization"),
        (HOOK | {"secrets": ["whsec_c2hvcnQ="]}, "openssl rand"),
        (HOOK | {"secrets": ["not-even-that"]}, "openssl rand"),
        (HOOK | {"secrets": []}, "at least 1 item"),
        (HOOK | {"headers": {"Host": "other"}}, "header '"),
        (HOOK | {"headers": {"webhook-id": "1"}}, "header '"),
        (HOOK | {"headers": {"X-Token": "a\r\nX-Other: b"}}, "header 'X-Token'"),
        (HOOK | {"min_severity": "severe"}, "'low', 'medium', 'high' or 'critical'"),
    ],
)
def test_a_mistake_is_refused(channel: dict[str, object], key_text: str) -> None:
    """Each mistake is refused, and the message contains the setting, the value or the remedy."""
    with pytest.raises(ValidationError, match=key_text):
        AlertsSettings.model_validate({"channels": {"one": channel}})


@pytest.mark.parametrize(
    ("given", "sent_to"),
    [
        ("first.last+alerts@lender.example", "first.last+alerts@lender.example"),
        ("soc@m\u00fcller.example", "soc@xn--mller-kva.example"),
        ("soc@xn--mller-kva.example", "soc@xn--mller-kva.example"),
        ("soc@\u4e2d\u56fd.example", "soc@xn--fiqs8s.example"),
        ("soc@\u0431\u0430\u043d\u043a.example", "soc@xn--80ab2al.example"),
        ("soc@\uff4cender.example", "soc@lender.example"),
        ("soc@mail_1.Lender.example", "soc@mail_1.Lender.example"),
        ("o'neil!#$%&*/=?^{|}~`@localhost", "o'neil!#$%&*/=?^{|}~`@localhost"),
    ],
)
def test_an_address_is_written_as_every_server_takes_it(given: str, sent_to: str) -> None:
    """An international domain is encoded as IDNA, and an address in ASCII stays as it is."""
    channel = EmailChannel.model_validate(MAIL | {"from": given, "to": ["t@lender.example", given]})

    assert (channel.sender, channel.to) == (sent_to, ("t@lender.example", sent_to))
    assert Address(addr_spec=sent_to).addr_spec == sent_to


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("localhost", "localhost"),
        ("smtp-relay.Lender.example.", "smtp-relay.Lender.example."),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::25", "2001:db8::25"),
        ("mail.m\u00fcller.example", "mail.xn--mller-kva.example"),
    ],
)
def test_a_host_is_a_name_or_an_address(given: str, asked: str) -> None:
    """Names and IP addresses of mail servers are taken, and an international name is encoded."""
    assert EmailChannel.model_validate(MAIL | {"host": given}).host == asked


@pytest.mark.parametrize(
    ("port", "security", "remarked"),
    [
        (587, "tls", True),
        (25, "tls", True),
        (465, "tls", False),
        (2465, "tls", False),
        (587, "starttls", False),
        (25, "none", False),
        (None, "tls", False),
        (2525, "starttls", False),
    ],
)
def test_an_unusual_port_gets_a_remark(port: int | None, security: str, remarked: bool) -> None:
    """TLS from the first byte on a port of STARTTLS gets a remark, and the usual pairs get none."""
    channel = EmailChannel.model_validate(MAIL | {"port": port, "security": security})

    assert (channel.port_remark is not None) is remarked


def test_no_secret_is_shown() -> None:
    """Neither the settings' text nor a mistake's message contains a secret, a token or a password."""
    channels = {
        "hook": HOOK | {"headers": {"X-Token": "hush"}},
        "mail": MAIL | {"username": "u", "password": "hush"},
    }
    settings = AlertsSettings.model_validate({"channels": channels})
    with pytest.raises(ValidationError) as caught:
        AlertsSettings.model_validate({"channels": {"hook": HOOK | {"secrets": ["hush", "hush"]}}})

    for text in (repr(settings), str(settings), str(caught.value)):
        assert "hush" not in text
        assert SECRET not in text
        assert "token-of-the-hook" not in text


def test_secrets_may_come_from_a_file_one_per_line() -> None:
    """The text of a secrets_file is read as one secret per line."""
    channel = webhook_channel("https://hooks.lender.example/", secrets=f"{SECRET}\n{SECRET}\n")

    assert [secret.get_secret_value() for secret in channel.secrets] == [SECRET, SECRET]


@pytest.mark.parametrize(
    ("filters", "carried"),
    [
        ({}, True),
        ({"enabled": False}, False),
        ({"kinds": ["source"]}, False),
        ({"companies": ["qudian"]}, True),
        ({"companies": ["other"]}, False),
        ({"min_severity": "high"}, True),
        ({"min_severity": "critical"}, False),
    ],
)
def test_what_a_channel_carries(filters: dict[str, object], carried: bool) -> None:
    """A channel carries a finding if all of its filters allow it."""
    channel = email_channel(25, **filters)

    assert carried is channel.carries(AlertKind.FINDING, company="qudian", severity=Severity.HIGH)


def test_trouble_of_a_source_reaches_a_channel_of_one_company() -> None:
    """An alert without a company goes to every channel that carries its kind."""
    channel = email_channel(25, companies=["qudian"])

    assert channel.carries(AlertKind.SOURCE, company=None, severity=Severity.MEDIUM)


@pytest.mark.parametrize(
    ("severity", "key_text"),
    [
        ({"medium": 70}, "medium = 70"),
        ({"medium": 0}, "medium = 0"),
        ({"weights": {"mention_titel": 3}}, "mention_titel"),
        ({"weights": {"price": -1}}, "0 to 1000"),
    ],
)
def test_a_mistake_in_the_weights_is_refused(severity: dict[str, object], key_text: str) -> None:
    """Thresholds must rise; weights must name a known signal and be 0 or more."""
    with pytest.raises(ValidationError, match=key_text):
        AlertsSettings.model_validate({"severity": severity})


def test_waits_that_cannot_be_are_refused() -> None:
    """A first wait that is longer than the longest one is refused."""
    with pytest.raises(ValidationError, match="base_s = 100"):
        AlertsSettings.model_validate({"retry": {"base_s": 100, "max_s": 10}})
