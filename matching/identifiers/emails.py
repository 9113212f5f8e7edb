"""E-mail addresses. The canonical form is the mailbox that an address reaches."""

import re
from collections.abc import Iterator

from matching.identifiers.fields import Field, FoundIdentifier
from matching.identifiers.mail_providers import mailbox

EMAIL_LENGTH = 254  # RFC 5321
_LOCAL_LENGTH = 64

# A subset of RFC 5321 that covers practically every address in use: no quoted or internationalised local
# part. Two hyphens end an address, because lists are written as `name----address----password`. Only `xn--`
# may have them.
_EMAIL = re.compile(
    r"[A-Za-z0-9_](?:[A-Za-z0-9_%+]|-(?!-)|\.(?=[A-Za-z0-9_%+-])){0,63}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])"
)
_LOCAL_BACKWARDS = re.compile(r"[A-Za-z0-9_%+.]*(?:-(?!-)[A-Za-z0-9_%+.]*)*+")
_MASKS = "*•●■█"
_MASK_LENGTH = 64
_DOMAIN = re.compile(r"[A-Za-z0-9.]+(?:(?:(?<=[Xx][Nn])--|-(?!-))[A-Za-z0-9.]*)*+")


def email(value: str, _region: str = "") -> str | None:
    """Return the mailbox in lower case: no provider in use distinguishes case."""
    if len(value) > EMAIL_LENGTH or not _EMAIL.fullmatch(value):
        return None
    return mailbox(value.lower()) if value.index("@") <= _LOCAL_LENGTH else None


def emails(text: str) -> Iterator[FoundIdentifier]:
    """Search outward from each `@`: a text without one costs nothing, and no run of letters is read twice."""
    at = text.find("@")
    while at >= 0:
        # One character more than allowed: a longer local part must fail instead of losing its beginning.
        before = _LOCAL_BACKWARDS.match(text[max(0, at - _LOCAL_LENGTH - 1) : at][::-1])
        domain = _DOMAIN.match(text, at + 1, at + 1 + EMAIL_LENGTH)
        if before and domain:
            start = at - len(before[0].rstrip("%+.-"))
            end = at + 1 + len(domain[0].rstrip(".-"))
            value = email(text[start:end])
            if value is not None and not is_masked(text, start, end):
                yield Field.EMAIL, value, start, end
        at = text.find("@", at + 1)


def is_masked(text: str, start: int, end: int) -> bool:
    """Return whether text[start:end] is what a mask left of an address: `***799@mail.example`, `ann**b@...`.

    Other people have the rest as their address. Stars that stand before and behind it are emphasis
    (`**anna@mail.example**`), and another sign alone is the bullet of a list.
    """
    at = start
    while at > max(0, start - _MASK_LENGTH) and text[at - 1] in _MASKS:
        at -= 1
    if at == start:
        return False
    before, mask = text[at - 1 : at], text[at:start]
    if before.isascii() and before.isalnum():
        return True
    if mask.strip("*"):
        return len(mask) > 1
    behind = text[end + len(mask) : end + len(mask) + 1]
    is_emphasis = text.startswith(mask, end) and not (
        behind == "*" or (behind.isascii() and behind.isalnum())
    )
    return not is_emphasis
