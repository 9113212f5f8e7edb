"""Settings of alerting: what is refused, with which words, and that no secret is ever shown."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from alerts.settings import AlertsSettings
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
    """An empty section is valid: alerts are stored, and nobody is told."""
    assert AlertsSettings().channels == {}


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        (MAIL | {"from": "Spillwatch <s@lender.example>"}, "bare e-mail address"),
        (MAIL | {"to": ["t@lender.example\nBcc: x@lender.example"]}, "bare e-mail address"),
        (MAIL | {"to": []}, "at least 1 item"),
        (MAIL | {"username": "u"}, "come together"),
        (MAIL | {"username": "u", "password": "p", "security": "none"}, "never sent in the clear"),
        (MAIL | {"sender_name": "a\r\nBcc: b"}, "pattern"),
        (MAIL | {"hots": "x"}, "Extra inputs"),
        (HOOK | {"url": "ftp://hooks.lender.example/"}, "wanted https"),
        (HOOK | {"url": "http://hooks.lender.example/"}, "use https"),
        (HOOK | {"url": "https://user:pass@hooks.lender.example/"}, "Authorization"),
        (HOOK | {"secrets": ["whsec_c2hvcnQ="]}, "openssl rand"),
        (HOOK | {"secrets": ["not-even-that"]}, "openssl rand"),
        (HOOK | {"secrets": []}, "at least 1 item"),
        (HOOK | {"headers": {"Host": "other"}}, "not ours to set"),
        (HOOK | {"headers": {"webhook-id": "1"}}, "not ours to set"),
        (HOOK | {"headers": {"X-Token": "a\r\nX-Other: b"}}, "printable ASCII"),
        (HOOK | {"min_severity": "severe"}, "'low', 'medium', 'high' or 'critical'"),
    ],
)
def test_a_mistake_is_refused(channel: dict[str, object], said: str) -> None:
    """Each mistake has a sentence that says what was wanted."""
    with pytest.raises(ValidationError, match=said):
        AlertsSettings.model_validate({"channels": {"one": channel}})


def test_no_secret_is_shown() -> None:
    """Neither the text of a setting nor that of a mistake holds a secret, a token or a password."""
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


def test_secrets_may_come_from_a_file_one_a_line() -> None:
    """The text of a secrets_file, one secret a line, is taken as several secrets."""
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
    """A high finding of one company passes each filter, or not."""
    channel = email_channel(25, **filters)

    assert carried is channel.carries(AlertKind.FINDING, company="qudian", severity=Severity.HIGH)


def test_trouble_of_a_source_reaches_a_channel_of_one_company() -> None:
    """An alert without a company is for every channel that carries its kind."""
    channel = email_channel(25, companies=["qudian"])

    assert channel.carries(AlertKind.SOURCE, company=None, severity=Severity.MEDIUM)


@pytest.mark.parametrize(
    ("severity", "said"),
    [
        ({"medium": 70}, "greater than"),
        ({"medium": 0}, "greater than 0"),
        ({"weights": {"mention_titel": 3}}, "no such signal"),
        ({"weights": {"price": -1}}, "from 0 to 1000"),
    ],
)
def test_a_mistake_in_the_weights_is_refused(severity: dict[str, object], said: str) -> None:
    """Thresholds rise, weights are known and not negative."""
    with pytest.raises(ValidationError, match=said):
        AlertsSettings.model_validate({"severity": severity})


def test_waits_that_cannot_be_are_refused() -> None:
    """A first wait that is longer than the longest one is a mistake."""
    with pytest.raises(ValidationError, match="lower base_s"):
        AlertsSettings.model_validate({"retry": {"base_s": 100, "max_s": 10}})
