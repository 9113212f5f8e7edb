"""A provider's addresses: TLS, what is believed of them, and for how long."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import trustme

from configuration.oidc_settings import OidcSettings
from tests.peers.http_peer import HttpPeer
from web.oidc.provider import Provider
from web.oidc.refusal import OidcReason, OidcRefused


class Discovery(HttpPeer):
    """Serves `document` as its discovery document; None: 503. `asked`: how often."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                peer.asked += 1
                body = b"" if peer.document is None else json.dumps(peer.document).encode()
                self.send_response(503 if peer.document is None else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(Handler, name="discovery", tls=tls)
        self.asked = 0
        self.document: Any = self.usual()

    @property
    def issuer(self) -> str:
        return self.url("/realm")

    def usual(self, **changes: object) -> dict[str, object]:
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        return {"issuer": self.issuer, **{name: self.url(f"/{name}") for name in names}, **changes}


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    return tmp_path / "ca.pem"


@pytest.fixture
def peer(authority: Path) -> Iterator[Discovery]:
    made = trustme.CA()
    made.cert_pem.write_to_path(str(authority))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.issue_cert("localhost").configure_cert(context)
    with Discovery(context) as running:
        yield running


def _provider(peer: Discovery, ca_file: Path | None) -> Provider:
    return Provider(OidcSettings(issuer=peer.issuer, client_id="spillwatch", ca_file=ca_file, timeout_s=5))


def _reason(provider: Provider) -> OidcReason | None:
    try:
        provider.metadata()
    except OidcRefused as error:
        return error.why
    return None


def test_a_private_authority_has_to_be_named(peer: Discovery, authority: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.pem").write_text("no certificate")

    assert _reason(_provider(peer, authority)) is None
    assert peer.asked == 1
    for wrong in (None, tmp_path / "broken.pem", tmp_path / "missing.pem"):
        assert _reason(_provider(peer, wrong)) is OidcReason.UNREACHABLE
    assert peer.asked == 1


def test_addresses_are_https_and_the_issuer_is_exact(peer: Discovery, authority: Path) -> None:
    """A document that is something else is refused before anything is sent to an address in it."""
    cases: list[tuple[object, OidcReason]] = [
        (peer.usual(issuer=peer.issuer + "/"), OidcReason.ISSUER_WRONG),
        (peer.usual(issuer=None), OidcReason.ISSUER_WRONG),
        (peer.usual(token_endpoint="http://login.lender.example/token"), OidcReason.ANSWER_UNUSABLE),
        (peer.usual(jwks_uri="file:///etc/passwd"), OidcReason.ANSWER_UNUSABLE),
        (peer.usual(jwks_uri=None), OidcReason.ANSWER_UNUSABLE),
        (peer.usual(authorization_endpoint="javascript:alert(1)"), OidcReason.ANSWER_UNUSABLE),
        (peer.usual(authorization_endpoint="https://x.example/\r\nX: y"), OidcReason.ANSWER_UNUSABLE),
        (peer.usual(userinfo_endpoint=["https://x.example"]), OidcReason.ANSWER_UNUSABLE),
        ([], OidcReason.ANSWER_UNUSABLE),
        ("text", OidcReason.ANSWER_UNUSABLE),
        ({"x": "y" * 600_000}, OidcReason.ANSWER_UNUSABLE),
        (None, OidcReason.UNREACHABLE),
    ]
    for document, reason in cases:
        peer.document = document
        assert _reason(_provider(peer, authority)) is reason, document


def test_addresses_are_kept_for_an_hour_and_used_for_a_day_without_it(
    peer: Discovery, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("web.oidc.provider.clock", lambda: now)
    provider = _provider(peer, authority)
    assert [_reason(provider) for _ in range(3)] == [None] * 3
    assert peer.asked == 1

    peer.document = None
    now += 3601
    assert _reason(provider) is None
    assert peer.asked == 2
    now += 24 * 3600
    assert _reason(provider) is OidcReason.UNREACHABLE
    peer.document = peer.usual()
    assert _reason(provider) is None
