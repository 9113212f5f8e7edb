"""The TLS contexts of deliveries, and how to tell that a certificate was the trouble."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

from alerts.errors import DeliveryError, TlsNotVerified


class AuthorityUnreadable(DeliveryError):
    """The file in ca_file cannot be read as PEM certificates."""

    reason = "authority_unreadable"


def context_for(ca_file: Path | None) -> ssl.SSLContext:
    """A context that verifies certificate and name, TLS 1.2 at least; the system's authorities where None."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise AuthorityUnreadable(
            f"ca_file: {ca_file} cannot be read as PEM certificates; wanted the certificate of the authority "
            "that "
            "signed the server's. Mend the path or the file."
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from; libraries wrap the TLS error in their own."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def not_verified(error: BaseException, *, host: str) -> TlsNotVerified | None:
    """The error to raise if a certificate that does not verify is behind `error`."""
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return TlsNotVerified(
                f"The certificate of {host} does not verify: {cause.verify_message}. Nothing was sent. If "
                "the server "
                "has a private authority, name its certificate in ca_file."
            )
    return None
