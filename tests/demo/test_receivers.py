from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from standardwebhooks import Webhook

from demo import credentials
from demo.child_process import ChildProcess, Event
from demo.credentials import Credentials

TIMEOUT_S = 60.0
MAIL = "Subject: One\r\nX-Spillwatch-Alert: 1/1\r\n\r\nread me\r\n"


@pytest.fixture
def made(tmp_path: Path) -> Credentials:
    return credentials.make_credentials(tmp_path / "secrets")


@pytest.fixture
def receivers(tmp_path: Path, made: Credentials) -> Iterator[ChildProcess]:
    with ChildProcess("demo.receivers", str(tmp_path), log=tmp_path / "receivers.log") as child:
        yield child


@pytest.fixture
def addresses(receivers: ChildProcess) -> Event:
    return receivers.wait_until_ready()


def connection(addresses: Event, made: Credentials) -> smtplib.SMTP:
    client = smtplib.SMTP("127.0.0.1", addresses["smtp"], timeout=TIMEOUT_S)
    client.starttls(context=ssl.create_default_context(cafile=made.certificate_file))
    return client


def test_mail_is_kept_and_told(
    receivers: ChildProcess, addresses: Event, made: Credentials, tmp_path: Path
) -> None:
    """A message sent over TLS with the password becomes a file and an event with its plain text."""
    with connection(addresses, made) as client:
        client.login("spillwatch", made.smtp_password)
        client.sendmail("a@alerts.example", "b@lenders.example", MAIL)

    told = receivers.events.get(timeout=TIMEOUT_S)
    assert told["text"].strip() == "read me"
    assert b"Subject: One" in (tmp_path / "mail" / "001.eml").read_bytes()


def test_mail_without_tls_or_password_is_refused(addresses: Event, made: Credentials) -> None:
    """Mail without TLS, without a password or with a wrong one is refused."""
    with smtplib.SMTP("127.0.0.1", addresses["smtp"], timeout=TIMEOUT_S) as plain:
        assert plain.mail("a@alerts.example")[0] == 530
    with connection(addresses, made) as client:
        client.ehlo()
        assert client.mail("a@alerts.example")[0] == 530
    with connection(addresses, made) as client, pytest.raises(smtplib.SMTPException):
        client.login("spillwatch", "wrong")


def test_a_webhook_is_verified_by_its_signature(
    receivers: ChildProcess, addresses: Event, made: Credentials
) -> None:
    """A correctly signed delivery gets 204 and is verified; one with a changed body gets 400 and is not."""
    now, body = datetime.now(UTC), '{"data": {}}'
    headers = {
        "webhook-id": "key-1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(made.webhook).sign("key-1", now, body),
    }

    codes = [
        httpx.post(addresses["webhook"], content=sent, headers=headers, timeout=TIMEOUT_S).status_code
        for sent in (body, body + " ")
    ]

    told = [receivers.events.get(timeout=TIMEOUT_S) for _ in codes]
    assert codes == [204, 400]
    assert [(event["key"], event["verified"]) for event in told] == [("key-1", True), ("key-1", False)]


def test_secrets_are_readable_by_their_owner_alone(made: Credentials) -> None:
    """Passwords and keys are files of mode 0600 in a folder of mode 0700."""
    modes = {path.name: path.stat().st_mode & 0o777 for path in made.folder.iterdir()}

    assert made.folder.stat().st_mode & 0o777 == 0o700
    assert {0o600} == set(modes.values())
