"""Codes of an app (TOTP, RFC 6238): six digits that change every 30 seconds, and the QR code to set it up."""

from __future__ import annotations

import hmac
import io
import re
import unicodedata
from datetime import datetime

import pyotp
import segno
from markupsafe import Markup

from web.access.keys import ConsoleKeys

ISSUER = "Spillwatch"
STEP_S = 30
#: A code of the step before or after is accepted, because clocks differ.
AROUND = (0, -1, 1)
CODE = re.compile(r"[0-9]{6}")
PURPOSE = "totp"
MOST_CHARS = 100
#: White and four modules wide around it, so that cameras read it on a dark page, too.
QUIET_ZONE = 4


def new_secret() -> str:
    return pyotp.random_base32()


def step_of_code(secret: str, typed: str, *, now: datetime) -> int | None:
    """Return the time step whose code was typed; None: the code is wrong, or from another time."""
    code = re.sub(r"\s", "", unicodedata.normalize("NFKC", typed[:MOST_CHARS]))  # wide digits, too
    if not CODE.fullmatch(code):
        return None
    totp, current = pyotp.TOTP(secret), int(now.timestamp()) // STEP_S
    return next(
        (
            current + shift
            for shift in AROUND
            if hmac.compare_digest(totp.generate_otp(current + shift), code)
        ),
        None,
    )


def sealed_secret(keys: ConsoleKeys, user_id: int, secret: str) -> str:
    """Return the secret as a row holds it: for this person only."""
    return keys.seal(PURPOSE, str(user_id), secret)


def opened_secret(keys: ConsoleKeys, user_id: int, sealed: str) -> str | None:
    return keys.unseal(PURPOSE, str(user_id), sealed)


def set_up_code(secret: str, name: str, title: str) -> Markup:
    """Return the QR code that an app reads, as SVG without a style of its own."""
    address = pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)
    out = io.BytesIO()
    segno.make(address, error="m").save(
        out,
        kind="svg",
        xmldecl=False,
        svgns=False,
        nl=False,
        omitsize=True,
        border=QUIET_ZONE,
        light="#fff",
        dark="#000",
        title=title,
        svgclass="qr",
        lineclass=None,
    )
    return Markup(out.getvalue().decode())  # noqa: S704  (made by segno, which escapes the title)
