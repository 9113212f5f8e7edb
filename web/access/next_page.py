"""Where a person goes after signing in: to a page of ours, whatever the address asks for."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

HOME = "/"
MOST_CHARS = 2000
#: One slash, then anything that no browser takes for a host or drops from an address.
OWN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")
#: Pages that would send the person away again.
NOT_AFTER = ("/sign-in", "/sign-out", "/welcome", "/api/", "/static/", "/oidc")


def own_page(wanted: str | None) -> str:
    """Return the path with its query if it is one of ours, and the first page otherwise."""
    if not wanted or len(wanted) > MOST_CHARS or not OWN_PATH.fullmatch(wanted):
        return HOME
    parts = urlsplit(wanted)
    if parts.scheme or parts.netloc or parts.path.startswith(NOT_AFTER):
        return HOME
    return wanted
