"""The demo's secrets, made at its start and deleted with its folder."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_LIFETIME = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Credentials:
    """The secrets in a folder: files of mode 0600, which the demo's configuration names."""

    folder: Path

    @property
    def smtp_password_file(self) -> Path:
        return self.folder / "smtp-password"

    @property
    def webhook_file(self) -> Path:
        return self.folder / "webhook-secret"

    @property
    def certificate_file(self) -> Path:
        return self.folder / "smtp-certificate.pem"

    @property
    def certificate_key_file(self) -> Path:
        return self.folder / "smtp-key.pem"

    @property
    def smtp_password(self) -> str:
        return self.smtp_password_file.read_text().strip()

    @property
    def webhook(self) -> str:
        return self.webhook_file.read_text().strip()


def make_credentials(folder: Path) -> Credentials:
    """Write new secrets into a new folder."""
    folder.mkdir(mode=0o700)
    made = Credentials(folder)
    key = ec.generate_private_key(ec.SECP256R1())
    pkcs8 = serialization.PrivateFormat.PKCS8
    _write_secret(made.smtp_password_file, secrets.token_urlsafe(24).encode())
    _write_secret(made.webhook_file, b"whsec_" + base64.b64encode(secrets.token_bytes(24)))
    _write_secret(
        made.certificate_key_file,
        key.private_bytes(serialization.Encoding.PEM, pkcs8, serialization.NoEncryption()),
    )
    _write_secret(made.certificate_file, _certificate(key).public_bytes(serialization.Encoding.PEM))
    return made


def _write_secret(path: Path, content: bytes) -> None:
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(content)


def _certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.practice.test")])
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _LIFETIME)
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
