"""Certificates and servers that the tests of alerting share."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.alerts.samples import SECRET
from tests.peers.smtp import SmtpPeer
from tests.peers.webhook import WebhookPeer


@dataclass(frozen=True)
class Authority:
    """A private authority: the file of its certificate, and contexts of two servers that it signed for."""

    ca_file: Path
    localhost: ssl.SSLContext
    elsewhere: ssl.SSLContext


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that only the tests trust."""
    ca = trustme.CA()
    ca_file = tmp_path_factory.mktemp("authority") / "ca.pem"
    ca.cert_pem.write_to_path(str(ca_file))
    return Authority(ca_file, _context(ca, "localhost"), _context(ca, "elsewhere.test"))


def _context(ca: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture
def mail_server() -> Iterator[SmtpPeer]:
    """An SMTP server without TLS."""
    with SmtpPeer() as peer:
        yield peer


@pytest.fixture
def receiver() -> Iterator[WebhookPeer]:
    """A webhook receiver on plain http."""
    with WebhookPeer(SECRET) as peer:
        yield peer
