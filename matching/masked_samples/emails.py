"""E-mail addresses of which a part is hidden: j***n@example.com, j***@e***.com, ***@example.com."""

import re

from matching.identifiers.mail_providers import mailbox
from matching.masked_samples.sample_rows import Attribute, VisibleValue

_LOCAL_LENGTH = 64
_LOCAL_BACKWARDS = re.compile(r"[\w.%+*?#-]{1,64}")
_DOMAIN = re.compile(r"[A-Za-z0-9*-]{1,63}(?:\.[A-Za-z0-9*-]{1,63}){0,6}")
_CROSSES = re.compile(r"[xX]{3,}|\?{2,}|#{2,}|_{3,}|\.{3,}|-{3,}")
_PARTS = re.compile(r"(?P<head>[^*]*)(?P<mask>[*].*[*]|[*])(?P<tail>[^*]*)")
_WHOLE_DOMAIN = re.compile(r"(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}")


def masked_emails(line: str, limit: int) -> list[tuple[int, int, VisibleValue]]:
    """Return the places of the masked addresses of a line, with what is visible of each."""
    found: list[tuple[int, int, VisibleValue]] = []
    at = line.find("@")
    while at >= 0 and len(found) < limit:
        before = _LOCAL_BACKWARDS.match(line[max(0, at - _LOCAL_LENGTH) : at][::-1])
        domain = _DOMAIN.match(line, at + 1)
        if before and domain:
            start, end = at - before.end(), domain.end()
            if (value := read_email(line[start:end].rstrip(".-"))) is not None:
                found.append((start, start + len(line[start:end].rstrip(".-")), value))
        at = line.find("@", at + 1)
    return found


def read_email(text: str) -> VisibleValue | None:
    """Return what a masked address shows; None: nothing of it is hidden, or it is none."""
    local, sign, domain = text.strip().strip("<>()[]\"'").partition("@")
    if not sign or len(local) > _LOCAL_LENGTH or "@" in domain:
        return None
    masked = _CROSSES.sub(lambda run: "*" * len(run[0]), local)
    if "*" not in masked and "*" not in domain:
        return None
    whole = "" if "*" in domain else domain.lower()
    if whole and not _WHOLE_DOMAIN.fullmatch(whole):
        return None
    if not whole and not re.search(r"[A-Za-z0-9]", masked):
        return None
    if "*" in masked:
        match = _PARTS.fullmatch(masked)
        if match is None:
            return None
        head, tail = match["head"].lower(), match["tail"].lower()
        if not (head or tail or whole) or (len(match["mask"]) == 1 and not (head and tail)):
            return None  # user*@mail.example is a pattern
        return VisibleValue(Attribute.EMAIL, head, tail, _hidden(match["mask"]), whole)
    if not re.search(r"[A-Za-z0-9]\*|\*[A-Za-z0-9.]", domain):
        return None
    return VisibleValue(Attribute.EMAIL, masked.lower(), hidden=None)


def _hidden(mask: str) -> int | None:
    """Return the number of hidden characters: three stars are written whatever they stand for."""
    return None if len(mask) in (3, 4, 5) or len(mask) == 1 else len(mask)


def whole_email(canonical: str) -> VisibleValue:
    local, _, domain = mailbox(canonical).rpartition("@")
    return VisibleValue(Attribute.EMAIL, local, domain=domain)
