"""TLS of deliveries: the contexts, and whether a certificate was the cause of an error."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

from alerts.errors import AuthorityUnreadable, TlsNotVerified


def context_for(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that verifies certificate and name, with TLS 1.2 or newer.

    It trusts the authority in `ca_file`; None: the authorities of the system.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise AuthorityUnreadable(
            f"ca_file: {ca_file} cannot be read as PEM certificates; expected the certificate of the "
            "authority that signed the server's certificate. Correct the path or the file."
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and the errors behind it; libraries wrap the TLS error in their own."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def certificate_error(error: BaseException, *, host: str) -> TlsNotVerified | None:
    """Return the error to raise if `error` was caused by a certificate that is not trusted; else None."""
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return TlsNotVerified(
                f"The certificate of {host} cannot be verified: {cause.verify_message}. Nothing was sent. "
                "If the server's certificate comes from a private authority, put that authority's "
                "certificate in ca_file."
            )
    return None
